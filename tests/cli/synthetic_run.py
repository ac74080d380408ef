# SPDX-License-Identifier: MIT
"""Adds a run with known growth to a database that `attnbench` made: synthetic_run.py DB NAME

Times in seconds at n = 256..65536, three rounds of twelve samples with 1 % of seeded noise; the
exact methods are `slow` and `flash`, 1e-9 n^2 and 2e-6 + 5e-10 n^2.
"""
import math
import random
import sqlite3
import sys

METHODS = {
    # name: family, kind, declared time, memory, seconds, bytes, error
    "slow": ("full", "exact", "n^2", "n^2", lambda n: 1e-9 * n**2, lambda n: 4 * n**2, 1e-7),
    "flash": ("full", "exact", "n^2", "1", lambda n: 2e-6 + 5e-10 * n**2, lambda n: 65536, 1e-7),
    # Faster from n = 2000 on; good enough for 0.05 from 4096 on, for 0.2 everywhere.
    "honest": ("sparse", "approximates", "n", "n", lambda n: 1e-6 * n, lambda n: 512 * n,
               lambda n: 0.1 if n < 4096 else 0.03),
    "liar": ("sparse", "approximates", "n", "1", lambda n: 3e-7 * n**1.3, lambda n: 512 * n, 0.3),
    "early": ("sparse", "approximates", "n", "1", lambda n: 1e-8 * n, lambda n: 4096, 0.7),
    "late": ("sparse", "approximates", "n^2", "1", lambda n: 1e-8 * n**2, lambda n: 4096, 0.004),
    "wave": ("hierarchical", "approximates", "n^2", "1",
             lambda n: 5e-10 * n**2 * (2 if int(math.log2(n)) % 2 else 0.5), lambda n: 4096, 0.02),
    "constant": ("longrange", "approximates", "n log n", "1",
                 lambda n: 1e-3 + 1e-8 * n * math.log(n), lambda n: 4096, 1.5),
    "other": ("linear", "replaces", "n", "1", lambda n: 2e-8 * n, lambda n: 4096, 0.9),
}


def insert(db, table, **values):
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    return db.execute(f'INSERT INTO "{table}"({names}) VALUES({marks})',
                      list(values.values())).lastrowid


def add_case(db, run, name, n):
    family, kind, time, memory, seconds, size, error = METHODS[name]
    error = error(n) if callable(error) else error
    noise = random.Random(f"{name} {n}")
    case = insert(db, "case", run=run, variant=name, params="", family=family, kind=kind,
                  workload="vslash", phase="prefill", heads_q=8, heads_kv=8, n_q=n, n_k=n, d=64,
                  d_v=64, causal=1, dtype="fp32", threads=2, seed=42, flops=1e6, exps=1e3,
                  dense_flops=1e6, bytes=1e6, status="skipped" if name == "slow" and n > 16384
                  else "ok", reason="needs more memory" if name == "slow" and n > 16384 else "",
                  time_class=time, memory_class=memory)
    if name == "slow" and n > 16384:
        return
    for number in range(3):
        launch = noise.gauss(0, 0.003)
        row = insert(db, "round", case_id=case, number=number, status="ok", severity=0, flags=0,
                     inner=1, prepare_s=0, cold_s=0, workspace_bytes=size(n),
                     tracked_bytes=size(n), peak_rss_bytes=size(n), isa="portable")
        for i in range(12):
            insert(db, "sample", round=row, i=i,
                   seconds=seconds(n) * math.exp(launch + noise.gauss(0, 0.01)))
        insert(db, "metric", round=row, rel_l2=error, rel_l2_p95=error, max_abs=error,
               skill=1 - error**2, floor_rel_l2=1e-7, mean_v_rel_l2=1, ci_lo=0.9 * error,
               ci_hi=1.1 * error, rows=n)


with sqlite3.connect(sys.argv[1]) as db:
    machine = db.execute("SELECT machine FROM run").fetchone()[0]
    run = insert(db, "run", name=sys.argv[2], started="2026-01-01T00:00:00Z",
                 finished="2026-01-01T00:00:00Z", machine=machine, rounds=3)
    for name, value in (("l2_size", 2**20), ("llc_size", 2**25)):
        insert(db, "roof", run=run, threads=2, name=name, value=value)
    for name in METHODS:
        for n in (256 << k for k in range(9)):
            add_case(db, run, name, n)
