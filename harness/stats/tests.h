/* SPDX-License-Identifier: MIT */
/*
 * Tests and effect sizes for comparing two sets of measurements. Inputs are doubles without NaN
 * (one of them makes every result NaN); none is modified. Sorting all pairs makes the shifts
 * O(n^2 log n).
 */
#ifndef HARNESS_STATS_TESTS_H
#define HARNESS_STATS_TESTS_H

#include <stddef.h>

/* An estimate with its confidence interval. */
struct stats_interval {
    double at, lo, hi;
};

/*
 * Wilcoxon's signed-rank test (1945) that x is symmetric about zero: two-sided p. Zeros are left
 * out, ties share ranks; exact (given the ties) up to 50 values, normal with correction for ties
 * and continuity above. 1 when nothing differs from zero.
 */
double stats_signed_rank(const double *x, size_t n);

/*
 * The test of Mann and Whitney (1947) that x and y come from one distribution: two-sided p. Exact
 * (given the ties) up to 50 values in all, normal with both corrections above. NaN when either is
 * empty.
 */
double stats_rank_sum(const double *x, size_t nx, const double *y, size_t ny);

/*
 * Student's t test with pooled variance that x and y have one mean: two-sided p, exact to 1e-15. 1
 * when all values are equal, NaN for fewer than three in all or when either is empty.
 */
double stats_student(const double *x, size_t nx, const double *y, size_t ny);

/*
 * Adjusts n p-values for being many, q[i] = the smallest false-discovery rate at which i is
 * rejected (Benjamini and Hochberg 1995). NaN is "not tested": it stays NaN and counts for nothing.
 * 0, or -1 when out of memory. q may be p.
 */
int stats_adjust(const double *p, size_t n, double *q);

/*
 * Hodges and Lehmann's (1963) centre of x, the median of all pairwise means, with the interval
 * that belongs to the signed-rank test. 0; -1 when n is too small for the level (the interval is
 * then that of the extremes), out of memory, or on NaN.
 */
int stats_centre(const double *x, size_t n, double level, struct stats_interval *out);

/* The same for two samples: the median of all differences x - y, by the rank-sum test. */
int stats_shift(const double *x, size_t nx, const double *y, size_t ny, double level,
                struct stats_interval *out);

/* Cliff's (1993) delta: P(x > y) - P(x < y), in [-1, 1]. */
double stats_cliff(const double *x, size_t nx, const double *y, size_t ny);

/* Median absolute deviation from the median, not scaled to any distribution. */
double stats_mad(const double *x, size_t n);

#endif
