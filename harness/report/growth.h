/* SPDX-License-Identifier: MIT */
/* Prints how methods grow with n, and from which length on they are faster than exact attention. */
#ifndef HARNESS_REPORT_GROWTH_H
#define HARNESS_REPORT_GROWTH_H

#include "harness/analyse/crossover.h"
#include "harness/analyse/scaling.h"
#include "harness/report/writer.h"

/* Errors at which a crossover is of use. */
#define GROWTH_GATES 3
extern const double growth_gates[GROWTH_GATES];

/* What `fit` and `show` print: a run's curves, and the caches of its machine (NaN: unknown). */
struct growth {
    struct cells cells;
    struct curves curves;
    double l2, llc;              /* bytes that one core finds */
    const char *const *variants; /* only names, families or globs of this list */
    int nvariants;               /* 0: all */
    size_t least;                /* curves of fewer lengths are left out; at least 2 */
};

/* Loads a run; free it in either case. 0, or -1 with one line. */
int growth_load(struct store *s, int64_t run, struct growth *g, char msg[CASE_MESSAGE]);
void growth_free(struct growth *g);

/*
 * For people, one block a problem, one line a method; with detail, two more. Returns the number of
 * methods.
 */
size_t report_growth(const struct growth *g, bool detail, FILE *f);

/* One row a method and quantity; one row a method and gate. For programs. Return their number. */
size_t report_exponents(const struct growth *g, struct writer *w);
size_t report_crossovers(const struct growth *g, struct writer *w);

/* Methods and quantities whose verdict is SCALING_ABOVE; each is named on f. */
size_t report_excess(const struct growth *g, FILE *f);

#endif
