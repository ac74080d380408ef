/* SPDX-License-Identifier: MIT */
/* Order statistics and intervals. All inputs are doubles; none is modified. */
#ifndef HARNESS_STATS_ORDER_H
#define HARNESS_STATS_ORDER_H

#include <stddef.h>

/* Median (mean of the middle two); NaN when n is 0 or a value is NaN. */
double stats_median(const double *x, size_t n);

/* Quantile q in [0, 1], linear interpolation between order statistics (type 7). */
double stats_quantile(const double *x, size_t n, double q);

/*
 * Ranks (1-based) of the distribution-free confidence interval of the median at level
 * (0.95): the narrowest symmetric pair of order statistics whose binomial coverage is
 * >= level. Returns 0, or -1 when n is too small (n < 6 at .95): no interval exists.
 */
int stats_median_ranks(size_t n, double level, size_t *lo, size_t *hi);

/* The interval itself. Returns 0, or -1 when there is none (*lo, *hi then min and max). */
int stats_median_interval(const double *x, size_t n, double level, double *lo, double *hi);

/* Outliers by Tukey's fences: counts beyond 1.5 IQR (mild, severe excluded) and 3 IQR. */
void stats_tukey(const double *x, size_t n, size_t *mild, size_t *severe);

#endif
