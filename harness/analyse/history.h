/* SPDX-License-Identifier: MIT */
/*
 * Times over the runs of one machine: for each case ln(its median / that of the fastest other exact
 * method on the same problem in the same run), because a machine's own speed changes from month to
 * month, and the steps in it. A step of every method at once is one of the exact methods.
 */
#ifndef HARNESS_ANALYSE_HISTORY_H
#define HARNESS_ANALYSE_HISTORY_H

#include "harness/analyse/cells.h"
#include "harness/stats/steps.h"

struct history_run {
    int64_t id;
    char name[64], commit[64], started[32];
};

/* One case; points and steps in the order of the runs. */
struct series {
    struct cell cell;        /* what it is; without samples */
    size_t count;            /* runs that have it and an exact method beside it */
    size_t *run;             /* (count) indices into the history's runs; owned */
    double *ratio;           /* (count) ln; owned */
    char (*against)[64];     /* (count) that exact method; owned */
    struct stats_step *step; /* (steps) at: index of a point; owned */
    int steps;
};

struct history {
    struct history_run *run; /* owned */
    struct series *series;   /* owned */
    size_t runs, count;
};

/*
 * Collects the runs of the machine that `run` was measured on. names: variants, families or globs,
 * none of them: all. least: smallest change of the ratio that is a step, relative. 0, or -1 with
 * one line; *out is to be freed in either case.
 */
int history_load(struct store *s, int64_t run, const char *const *names, int nnames, double least,
                 struct history *out, char msg[CASE_MESSAGE]);
void history_free(struct history *h);

#endif
