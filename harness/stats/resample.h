/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that are a function of a seed and a counter, and the bootstrap on top of them:
 * the same data and seed give the same interval on every machine.
 */
#ifndef HARNESS_STATS_RESAMPLE_H
#define HARNESS_STATS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define STATS_REPLICATES 4000

/* Draw i of a stream is a function of (seed, stream, i) alone: streams may be used in any order. */
struct stats_rng {
    uint64_t state;
};

struct stats_rng stats_rng(uint64_t seed, uint64_t stream);
uint64_t stats_rng_next(struct stats_rng *r);
/* Uniform in 0 .. n-1, n > 0. */
size_t stats_rng_below(struct stats_rng *r, size_t n);
/* Uniform in (0, 1); standard normal. */
double stats_rng_uniform(struct stats_rng *r);
double stats_rng_normal(struct stats_rng *r);

/* Samples of several launches: group g is x[begin[g]] .. x[begin[g + 1] - 1]; none is empty. */
struct stats_groups {
    const double *x;
    const size_t *begin; /* groups + 1 entries, ascending from 0 */
    size_t groups;
};

/* Median of x, which is reordered; NaN when n is 0 or a value is NaN. O(n). */
double stats_median_of(double *x, size_t n);

/*
 * Medians of STATS_REPLICATES hierarchical resamples into out. Replicate b takes as many groups as
 * there are, drawn with replacement by stats_rng(seed, 2 b), and from each as many values as it
 * has, drawn with replacement by stats_rng(own, 2 b + 1): cases measured in the same launches keep
 * what they share when they are given equal seeds. A bootstrap of G launches shows (G - 1) / G of
 * the variance between them; with the three of an ordinary run that is far too little, so distances
 * from the median are widened by the root of G / (G - 1). 0, or -1 when out of memory, when there
 * is no sample, or when one is NaN.
 */
int stats_bootstrap_medians(const struct stats_groups *g, uint64_t seed, uint64_t own, double *out);

/*
 * Percentile interval at level (0.95) of n replicates, which are sorted in place; infinite ones
 * take part. 0, or -1 with NaNs when n is 0 or any is NaN.
 */
int stats_percentile_interval(double *replicates, size_t n, double level, double *lo, double *hi);

#endif
