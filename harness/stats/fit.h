/* SPDX-License-Identifier: MIT */
/* How a quantity grows with n, and where two quantities cross. */
#ifndef HARNESS_STATS_FIT_H
#define HARNESS_STATS_FIT_H

#include <stdbool.h>
#include <stddef.h>

#define STATS_POINTS 64 /* a plan has no more lengths */
#define STATS_TERMS  4  /* 1, n, n ln n, n^2 */

/*
 * Theil-Sen: the median of the slopes of all pairs of points. NaN for fewer than 2 different x, for
 * more than STATS_POINTS points, or when a value is not finite.
 */
double stats_theil_sen(const double *x, const double *y, size_t count);

/*
 * The non-negative c that fit t = c[0] + c[1] n + c[2] n ln n + c[3] n^2 best, by the squares of
 * relative residuals; *misfit is the root of their mean. 0, or -1 (c NaN) when there is no point or
 * a value is not finite and positive.
 */
int stats_growth_terms(const double *n, const double *t, size_t count, double c[STATS_TERMS],
                       double *misfit);

/* How a condition that is watched at ascending x holds. */
enum stats_crossing {
    CROSSING_ALWAYS,
    CROSSING_NEVER,
    CROSSING_FROM,  /* not at first, then to the end */
    CROSSING_UNTIL, /* at first, then no longer */
    CROSSING_SEVERAL
};

/*
 * The condition is d[i] < 0 and ok[i] (ok NULL: true). Between two points it changes where the line
 * between their d crosses 0; where ok changes, at that of the two points at which it holds. *from:
 * it holds from here to the end (-infinity: always; infinity: not at the end). *until: it holds
 * from the beginning to here (infinity: always; -infinity: not at the beginning). count > 0.
 */
enum stats_crossing stats_crossing(const double *x, const double *d, const bool *ok, size_t count,
                                   double *from, double *until);

#endif
