# SPDX-License-Identifier: MIT
"""Writes stat_values.h, the expected results of tests/unit/test_comparisons.c, by SciPy and by
plain enumeration:

  signed rank   scipy.stats.wilcoxon; with ties, all 2^n signs
  rank sum      scipy.stats.mannwhitneyu; with ties, all choices of nx ranks
  student       scipy.stats.ttest_ind
  adjust        scipy.stats.false_discovery_control
  centre, shift medians of all pairs; interval: pairs kept by the enumerated null distribution
  cliff         all pairs

  python tests/values/make_stat_tests.py     (needs numpy, scipy; written with SciPy 1.17.1)
"""
from itertools import combinations, product
from pathlib import Path

import numpy as np
from scipy import stats

rng = np.random.default_rng(5)
lines = ["/* Written by make_stat_tests.py. */", "// clang-format off"]


def array(name, x):
    lines.append(f"static const double {name}[] = {{{', '.join(repr(float(v)) for v in x)}}};")


def value(name, x):
    lines.append(f"static const double {name} = {float(x)!r};")


def two_sided(null, observed):
    null = np.asarray(null)
    return min(1, 2 * min(np.mean(null <= observed + 1e-9), np.mean(null >= observed - 1e-9)))


def signed_rank_by_signs(x):
    x = x[x != 0]
    rank = stats.rankdata(abs(x))
    null = [sum(r for r, s in zip(rank, signs) if s) for signs in product((0, 1), repeat=len(x))]
    return two_sided(null, rank[x > 0].sum())


def rank_sum_by_choices(x, y):
    rank = stats.rankdata(np.concatenate((x, y)))
    null = [rank[list(c)].sum() for c in combinations(range(len(rank)), len(x))]
    return two_sided(null, rank[:len(x)].sum())


def kept(pairs, null, level=0.95):
    """Median of the pairs, and those that the test of this level does not reject."""
    pairs, null = np.sort(pairs), np.asarray(null)
    c = 0
    while np.mean(null <= c) <= (1 - level) / 2:
        c += 1
    return np.median(pairs), pairs[c - 1], pairs[len(pairs) - c]


def main():
    tenths = lambda n, loc: np.round(rng.normal(loc, 1, n), 1)  # rounding makes ties and zeros
    x10, x25 = rng.normal(0.4, 1, 10), rng.normal(0.3, 1, 25)
    tied12, tied80 = tenths(12, 0.3), tenths(80, 0.35)
    for name, x in (("x10", x10), ("x25", x25), ("tied12", tied12), ("tied80", tied80)):
        array(name, x)
    value("x10_p", stats.wilcoxon(x10, method="exact").pvalue)
    value("x25_p", stats.wilcoxon(x25, method="exact").pvalue)
    value("tied12_p", signed_rank_by_signs(tied12))
    value("tied80_p", stats.wilcoxon(tied80, zero_method="wilcox", correction=True,
                                     method="approx").pvalue)
    y9, y6, y45 = rng.normal(1, 1, 9), tenths(6, 1), tenths(45, 0.6)
    for name, y in (("y9", y9), ("y6", y6), ("y45", y45)):
        array(name, y)
    value("x10_y9_p", stats.mannwhitneyu(x10, y9, method="exact").pvalue)
    value("x25_y9_p", stats.mannwhitneyu(x25, y9, method="exact").pvalue)
    value("tied12_y6_p", rank_sum_by_choices(tied12, y6))
    value("tied80_y45_p", stats.mannwhitneyu(tied80, y45, method="asymptotic").pvalue)
    value("x10_y9_t", stats.ttest_ind(x10, y9).pvalue)
    value("x25_y6_t", stats.ttest_ind(x25, y6).pvalue)
    value("tied80_y45_t", stats.ttest_ind(tied80, y45).pvalue)
    value("x10_y9_cliff", np.sign(x10[:, None] - y9).mean())
    value("tied80_y45_cliff", np.sign(tied80[:, None] - y45).mean())

    p = rng.uniform(0, 1, 40) ** 3
    p[7] = p[12]
    array("many_p", p)
    array("many_q", stats.false_discovery_control(p, method="bh"))

    walsh = [(a + b) / 2 for i, a in enumerate(x10) for b in x10[i:]]
    signs = [sum(r + 1 for r in range(10) if s[r]) for s in product((0, 1), repeat=10)]
    array("x10_centre", kept(walsh, signs))
    differences = (x10[:, None] - y9).ravel()
    u = [sum(c) - sum(range(10)) for c in combinations(range(19), 10)]
    array("x10_y9_shift", kept(differences, u))
    value("x10_mad", stats.median_abs_deviation(x10))
    Path(__file__).with_name("stat_values.h").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
