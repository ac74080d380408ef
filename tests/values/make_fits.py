# SPDX-License-Identifier: MIT
"""Writes fit_values.h, the expected results of tests/unit/test_fit.c, by SciPy:

  slope   scipy.stats.theilslopes of the logarithms
  terms   scipy.optimize.nnls of [1, n, n ln n, n^2] / t against 1

  python tests/values/make_fits.py     (needs numpy, scipy)
"""
from pathlib import Path

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(7)
n = 2.0 ** np.arange(8, 16)
truths = {
    "linear": 2e-5 + 3e-8 * n,
    "loglinear": 4e-9 * n * np.log(n),
    "quadratic": 1e-5 + 5e-9 * n + 2e-11 * n**2,
    "power": 1e-9 * n**1.5,
    "flat": 3e-4 + 0 * n,
}


def array(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


rows = []
for name, t in truths.items():
    t = t * np.exp(rng.normal(0, 0.03, n.size))
    slope = stats.theilslopes(np.log(t), np.log(n)).slope
    a = np.stack([np.ones_like(n), n, n * np.log(n), n**2], axis=1) / t[:, None]
    scale = np.linalg.norm(a, axis=0)
    terms, residual = optimize.nnls(a / scale, np.ones_like(n))
    rows.append(f'    {{"{name}", {array(t)}, {float(slope)!r}, {array(terms / scale)}, '
                f"{float(residual / np.sqrt(n.size))!r}}},")

Path(__file__).with_name("fit_values.h").write_text("\n".join([
    "/* Written by make_fits.py. */",
    "// clang-format off",
    f"static const double fit_n[{n.size}] = {array(n)};",
    f"static const struct {{ const char *name; double t[{n.size}], slope, terms[4], misfit; }} fits[] = {{",
    *rows,
    "};",
    "",
]))
