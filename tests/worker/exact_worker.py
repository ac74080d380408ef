#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker in another language, standard library only: exact attention, for tiny cases."""
import array
import ast
import math
import sys
import time


def load(path):
    with open(path, "rb") as f:
        lead = f.read(10)
        header = ast.literal_eval(f.read(lead[8] + 256 * lead[9]).decode())
        data = array.array("f")
        data.frombytes(f.read())
    return header["shape"], data


def save(path, shape, data):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        data.tofile(f)


def attention(c, q, k, v):
    hq, hkv, nq, nk, d, dv = (int(c[x]) for x in ("heads_q", "heads_kv", "n_q", "n_k", "d", "d_v"))
    scale, causal = float(c["scale"]), c["causal"] == "1"
    out = array.array("f", [math.nan]) * (hq * nq * dv)
    for h in range(hq):
        g = h // (hq // hkv)
        for i in range(nq):
            seen = max(0, i + nk - nq + 1) if causal else nk
            qi = q[(h * nq + i) * d:(h * nq + i + 1) * d]
            s = [scale * sum(a * b for a, b in zip(qi, k[(g * nk + j) * d:(g * nk + j + 1) * d])) for j in range(seen)]
            top = max(s, default=0)
            w = [math.exp(x - top) for x in s]
            total = sum(w)
            for x in range(dv):
                out[(h * nq + i) * dv + x] = sum(w[j] * v[(g * nk + j) * dv + x] for j in range(seen)) / total if seen else 0
    return (hq, nq, dv), out


def serve(lines):
    case = {}
    for line in lines:
        key, _, value = line.rstrip("\n").partition(" ")
        case[key] = value
        if key != "run":
            continue
        print("attnbench-worker 1 exact_worker.py", flush=True)
        if case["variant"] not in ("naive", "flash", "torch_sdpa"):
            print("done unsupported this worker computes exact attention only", flush=True)
            continue
        q, k, v = (load(case[name])[1] for name in "qkv")
        times = []
        for _ in range(6):
            begun = time.perf_counter()
            shape, out = attention(case, q, k, v)
            times.append(time.perf_counter() - begun)
        save(case["output"], shape, out)
        for t in times:
            print(f"sample {t:.9f}")
        print("flags few\ndone ok", flush=True)


if __name__ == "__main__":
    serve(sys.stdin)
