#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker whose times are a script and not a clock, so that what judges times can be tested on a
machine that is busy: exact attention, with times drawn from a seeded generator.

  scripted_worker.py STATE [key=value]...
    STATE     file that counts the processes started with it, so that each draws other numbers
    seed=0    of the generator
    noise=.01 standard deviation of ln time, a sample; launch=0 the same, a process
    slow=1    factor on the times of the variant named by only= (of all without)
    error=0   relative error added to its output
    memory=0  bytes of workspace it declares
    say=ok    or unsupported, crash: what happens to it
"""
import math
import os
import random
import sys

import exact_worker


def main(state, options):
    o = {"seed": "0", "noise": ".01", "launch": "0", "only": "", "slow": "1", "error": "0",
         "memory": "0", "say": "ok"}
    o.update(text.split("=", 1) for text in options)
    started = int(open(state).read()) if os.path.exists(state) else 0
    with open(state, "w") as f:
        f.write(str(started + 1))
    rng = random.Random(f"{o['seed']} {started}")
    launch = rng.gauss(0, float(o["launch"]))
    made = {}  # outputs by problem: inputs stay the same
    case = {}
    for line in sys.stdin:
        key, _, value = line.rstrip("\n").partition(" ")
        case[key] = value
        if key != "run":
            continue
        meant = o["only"] in ("", case["variant"])
        print("attnbench-worker 1 scripted_worker.py", flush=True)
        if meant and o["say"] == "crash":
            os.abort()
        if meant and o["say"] == "unsupported":
            print("done unsupported the script says so", flush=True)
            continue
        if case["q"] not in made:
            q, k, v = (exact_worker.load(case[name])[1] for name in "qkv")
            made[case["q"]] = exact_worker.attention(case, q, k, v)
        shape, out = made[case["q"]]
        if meant and float(o["error"]):
            out = out[:]
            for i in range(len(out)):
                out[i] *= 1 + float(o["error"])
        exact_worker.save(case["output"], shape, out)
        seconds = 1e-9 * float(case["n_q"]) ** 2 * (float(o["slow"]) if meant else 1)
        for _ in range(int(case["min_samples"])):
            print(f"sample {seconds * math.exp(launch + rng.gauss(0, float(o['noise']))):.9g}")
        print(f"workspace_bytes {o['memory'] if meant else 0}\ndone ok", flush=True)


main(sys.argv[1], sys.argv[2:])
