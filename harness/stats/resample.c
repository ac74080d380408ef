/* SPDX-License-Identifier: MIT */
/* See resample.h. */
#include "harness/stats/resample.h"

#include "harness/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea and Flood 2014): a counter through a mixing function. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct stats_rng stats_rng(uint64_t seed, uint64_t stream)
{
    return (struct stats_rng){mix(mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ stream)};
}

uint64_t stats_rng_next(struct stats_rng *r)
{
    return mix(r->state += UINT64_C(0x9e3779b97f4a7c15));
}

size_t stats_rng_below(struct stats_rng *r, size_t n)
{
    /* The high word of a product: its bias is below n / 2^64. */
    return (size_t)((unsigned __int128)stats_rng_next(r) * n >> 64);
}

double stats_rng_uniform(struct stats_rng *r)
{
    return ((double)(stats_rng_next(r) >> 11) + 0.5) * 0x1p-53;
}

double stats_rng_normal(struct stats_rng *r)
{
    const double radius = sqrt(-2 * log(stats_rng_uniform(r)));
    return radius * cos(6.283185307179586 * stats_rng_uniform(r));
}

/*
 * Hoare's selection: x[k] becomes the k-th smallest, nothing before it is larger. The pivot stops
 * both scans, and is never the last, so either part is smaller than the whole.
 */
static double select_kth(double *x, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        const double pivot = x[lo + (hi - lo) / 2];
        size_t i = lo, j = hi;
        for (;;) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i >= j)
                break;
            const double t = x[i];
            x[i++] = x[j];
            x[j--] = t;
        }
        if (k <= j)
            hi = j;
        else
            lo = j + 1;
    }
    return x[k];
}

double stats_median_of(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return NAN;
    if (n == 0)
        return NAN;
    const double upper = select_kth(x, n, n / 2);
    if (n % 2)
        return upper;
    double lower = x[0]; /* the largest of those before the upper middle */
    for (size_t i = 1; i < n / 2; i++)
        lower = x[i] > lower ? x[i] : lower;
    return (lower + upper) / 2;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* rank[i]: how many of the values stand before x[i] in sorted order. */
static void ranks(const double *x, size_t n, double *sorted, uint32_t *rank)
{
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    for (size_t i = 0; i < n; i++) {
        size_t lo = 0, hi = n; /* ties share a rank: their value is the same */
        while (lo < hi) {
            const size_t mid = lo + (hi - lo) / 2;
            if (sorted[mid] < x[i])
                lo = mid + 1;
            else
                hi = mid;
        }
        rank[i] = (uint32_t)lo;
    }
}

/* Median of one resample: its values are counted by rank, so nothing has to be sorted. */
static double resampled_median(const struct stats_groups *g, const double *sorted,
                               const uint32_t *rank, uint32_t *count, struct stats_rng *launches,
                               struct stats_rng *within)
{
    const size_t n = g->begin[g->groups];
    size_t drawn = 0;
    memset(count, 0, n * sizeof *count);
    for (size_t i = 0; i < g->groups; i++) {
        const size_t launch = stats_rng_below(launches, g->groups), begin = g->begin[launch],
                     size = g->begin[launch + 1] - begin;
        for (size_t j = 0; j < size; j++)
            count[rank[begin + stats_rng_below(within, size)]]++;
        drawn += size;
    }
    size_t below = 0, i = 0;
    while (below + count[i] <= (drawn - 1) / 2)
        below += count[i++];
    const double lower = sorted[i];
    while (below + count[i] <= drawn / 2)
        below += count[i++];
    return (lower + sorted[i]) / 2;
}

int stats_bootstrap_medians(const struct stats_groups *g, uint64_t seed, uint64_t own, double *out)
{
    const size_t n = g->groups ? g->begin[g->groups] : 0;
    double *sorted = n ? malloc(n * sizeof *sorted) : NULL;
    uint32_t *rank = n ? malloc(2 * n * sizeof *rank) : NULL;
    int rc = -1;
    if (sorted && rank && !isnan(stats_median(g->x, n))) {
        ranks(g->x, n, sorted, rank);
        const double median = stats_median(g->x, n),
                     widen = g->groups > 1 ? sqrt((double)g->groups / (double)(g->groups - 1)) : 1;
        for (size_t b = 0; b < STATS_REPLICATES; b++) {
            struct stats_rng launches = stats_rng(seed, 2 * b), within = stats_rng(own, 2 * b + 1);
            out[b] = resampled_median(g, sorted, rank, rank + n, &launches, &within);
            out[b] = median + (out[b] - median) * widen;
        }
        rc = 0;
    }
    free(sorted);
    free(rank);
    return rc;
}

int stats_percentile_interval(double *replicates, size_t n, double level, double *lo, double *hi)
{
    *lo = *hi = NAN;
    for (size_t i = 0; i < n; i++)
        if (isnan(replicates[i]))
            return -1;
    if (n == 0)
        return -1;
    qsort(replicates, n, sizeof *replicates, ascending);
    const size_t cut = (size_t)floor((1 - level) / 2 * (double)n);
    *lo = replicates[cut];
    *hi = replicates[n - 1 - cut];
    return 0;
}
