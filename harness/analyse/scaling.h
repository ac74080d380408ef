/* SPDX-License-Identifier: MIT */
/* How time and memory of each method grow with n, beside what the method declares. */
#ifndef HARNESS_ANALYSE_SCALING_H
#define HARNESS_ANALYSE_SCALING_H

#include "harness/analyse/curves.h"

/*
 * A verdict needs at least SCALING_POINTS lengths. An exponent agrees with the declared growth when
 * it is within SCALING_MARGIN of the exponent that this growth shows on the same lengths: caches,
 * tiles and lower-order terms bend every curve a little.
 */
#define SCALING_POINTS 5
#define SCALING_MARGIN 0.15

enum scaling_quantity { SCALING_TIME, SCALING_MEMORY, SCALING_QUANTITIES };

enum scaling_verdict {
    SCALING_OK,         /* the interval lies inside the margin */
    SCALING_ABOVE,      /* all of it lies above, over all lengths and over the last two octaves */
    SCALING_BELOW,      /* all of it lies below, likewise */
    SCALING_UNDECIDED,  /* none of these */
    SCALING_FEW,        /* too few lengths */
    SCALING_UNDECLARED, /* declared growth is of n queries and n keys; or is not understood */
    SCALING_VERDICTS
};

/* Theil-Sen slope in log-log axes with its 95 % interval; NaN: fewer than three lengths. */
struct exponent {
    double at, lo, hi;
    double declared; /* that of the declared growth on the same lengths; NaN: not declared */
};

struct scaling {
    const struct curve *curve;
    enum scaling_quantity quantity;
    const char *declared;
    double value[STATS_POINTS]; /* of each length: seconds, bytes */
    size_t begin; /* lengths before this one are left out: a constant is over a fifth of them */
    size_t tail;  /* first length of the last two octaves */
    struct exponent all, last;  /* from begin on; from tail on */
    double local[STATS_POINTS]; /* exponent between length i and i + 1, all lengths */
    double terms[STATS_TERMS];  /* value = 1, n, n ln n, n^2 with these coefficients */
    double misfit;              /* root mean square of relative residuals */
    enum scaling_verdict verdict;
};

/*
 * Fits a curve of at least two points. Memory is the resident part of the workspace, at least a
 * page; it is counted, not sampled, so its interval has no width.
 */
void scaling_fit(const struct curve *c, enum scaling_quantity quantity, struct scaling *out);

const char *scaling_verdict_name(enum scaling_verdict v);

/* Declared growth at n: "1", "n", "n^1.5", "log n", "n log n", "n^2 log n". NaN: not understood. */
double scaling_growth(const char *declared, double n);

#endif
