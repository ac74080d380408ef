/* SPDX-License-Identifier: MIT */
/* The times of one method over n, with what the bootstrap says about them. */
#ifndef HARNESS_ANALYSE_CURVES_H
#define HARNESS_ANALYSE_CURVES_H

#include "harness/analyse/cells.h"
#include "harness/stats/fit.h"

/*
 * Cases that differ in length only and are ok, ascending in n_k: n_q equals n_k in all, or n_q is
 * one number in all. Times are natural logarithms of seconds.
 */
struct curve {
    const struct cell *cell[STATS_POINTS];
    size_t count;
    double time[STATS_POINTS];       /* median */
    double *replicate[STATS_POINTS]; /* (STATS_REPLICATES) bootstrapped medians; owned */
    size_t group;                    /* curves of one group are of the same problem but for n */
};

struct curves {
    struct curve *curve; /* owned, in the order of their first case */
    size_t count, groups;
};

/*
 * Replicate b of every case drew the same launches, so what the cases of a launch have in common
 * cancels between them. 0, or -1 with one line (out of memory). Refers to cells, which has to
 * live longer.
 */
int curves_make(const struct cells *cells, struct curves *out, char msg[CASE_MESSAGE]);
void curves_free(struct curves *c);

/* Index of the point with this many keys, or -1. */
int curve_at(const struct curve *c, int64_t n_k);

bool curve_is_exact(const struct curve *c);

#endif
