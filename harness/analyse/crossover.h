/* SPDX-License-Identifier: MIT */
/* From which length on a method is faster than the best exact one, and good enough besides. */
#ifndef HARNESS_ANALYSE_CROSSOVER_H
#define HARNESS_ANALYSE_CROSSOVER_H

#include "harness/analyse/curves.h"

struct crossover {
    const struct curve *curve;
    double gate; /* only lengths with rel_l2 <= gate count; infinity: no gate */
    enum stats_crossing answer;
    double n;             /* crossing, interpolated in ln n; NaN unless answer is from or until */
    double lo, hi;        /* its 95 % interval; 0 and infinity: beyond the lengths compared;
                             NaN: several */
    int64_t n_min, n_max; /* lengths at which both were measured */
    char against[CASE_TEXT]; /* the exact methods that are fastest somewhere, in order of n */
};

/*
 * Compares a method with the fastest of the exact methods of its group at each length that both
 * were measured at. 0; 1 when there are fewer than two such lengths, or a gate and no error to
 * compare with it (methods that replace softmax), or the method is exact itself or a floor.
 */
int crossover_find(const struct curves *all, const struct curve *c, double gate,
                   struct crossover *out);

/* "1234", "< 256", "> 65536", "until 1234", "multiple". */
void crossover_text(const struct crossover *x, char *out, size_t size);

#endif
