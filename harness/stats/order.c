/* SPDX-License-Identifier: MIT */
/* See order.h. */
#include "harness/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A sorted copy, or NULL when empty, out of memory, or a value is NaN. */
static double *sorted(const double *x, size_t n)
{
    double *s = n ? malloc(n * sizeof *s) : NULL;
    for (size_t i = 0; s && i < n; i++) {
        s[i] = x[i];
        if (isnan(x[i])) {
            free(s);
            return NULL;
        }
    }
    if (s)
        qsort(s, n, sizeof *s, compare);
    return s;
}

double stats_quantile(const double *x, size_t n, double q)
{
    double *s = sorted(x, n);
    if (!s)
        return NAN;
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    double f = at - (double)below;
    double value = below + 1 < n ? s[below] + f * (s[below + 1] - s[below]) : s[n - 1];
    free(s);
    return value;
}

double stats_median(const double *x, size_t n)
{
    return stats_quantile(x, n, 0.5);
}

int stats_median_ranks(size_t n, double level, size_t *lo, size_t *hi)
{
    /* P(x_(r) <= median <= x_(n+1-r)) = 1 - 2 P(Binomial(n, 1/2) < r). */
    double tail = 0;
    size_t r = 0;
    for (; r < n / 2; r++) {
        double more = exp(lgamma((double)n + 1) - lgamma((double)r + 1) -
                          lgamma((double)(n - r) + 1) - (double)n * 0.6931471805599453);
        if (!(1 - 2 * (tail + more) >= level))
            break;
        tail += more;
    }
    *lo = r ? r : 1;
    *hi = r ? n + 1 - r : n;
    return r ? 0 : -1;
}

int stats_median_interval(const double *x, size_t n, double level, double *lo, double *hi)
{
    size_t a, b;
    double *s = sorted(x, n);
    *lo = *hi = NAN;
    if (!s)
        return -1;
    int rc = stats_median_ranks(n, level, &a, &b);
    *lo = s[a - 1];
    *hi = s[b - 1];
    free(s);
    return rc;
}

void stats_tukey(const double *x, size_t n, size_t *mild, size_t *severe)
{
    double q1 = stats_quantile(x, n, 0.25), q3 = stats_quantile(x, n, 0.75), iqr = q3 - q1;
    *mild = *severe = 0;
    for (size_t i = 0; i < n; i++) {
        double out = fmax(q1 - x[i], x[i] - q3);
        *severe += out > 3 * iqr;
        *mild += out > 1.5 * iqr && !(out > 3 * iqr);
    }
}
