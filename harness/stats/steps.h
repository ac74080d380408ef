/* SPDX-License-Identifier: MIT */
/*
 * Steps in a history: where a series jumps from one level to another.
 *
 * E-divisive (Matteson and James 2014, arXiv 1306.4933) with alpha = 1, in the deterministic form
 * of Hunter (Fleming et al. 2023, arXiv 2301.03034): windows of 30 points that overlap by half are
 * split where the energy distance of the two parts is largest, as long as a t test of the parts
 * says p < .05; of these candidates the weakest is dropped until every one left says p < .001 and
 * moves the mean by at least a given change. No permutations, so the same history always gives the
 * same answer. A level counts after three points, so a single outlier is no step.
 */
#ifndef HARNESS_STATS_STEPS_H
#define HARNESS_STATS_STEPS_H

#include <stddef.h>

struct stats_step {
    size_t at;            /* first point of the new level */
    double before, after; /* means of the levels on both sides */
    double p;             /* of the t test between them */
};

/*
 * Finds the steps of x, ascending, that move the mean by min_change or more; out holds n of them.
 * Returns their number, or -1 when out of memory or a value is not finite.
 */
int stats_steps(const double *x, size_t n, double min_change, struct stats_step *out);

#endif
