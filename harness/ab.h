/* SPDX-License-Identifier: MIT */
/*
 * Two builds in turn, as workers of the protocol: walks a plan through inputs, both workers, judge
 * and store, and hands the pairs to analyse/paired.h.
 *
 * A launch is one process of each build, kept alive; in it every case gets its pairs, one after the
 * other over all cases, in random order of cases and of the builds within a pair. The worker that
 * waits is stopped, so that threads waiting in a loop take no core from the other. Each launch has
 * an environment of another size: where a stack begins is not the build's merit.
 */
#ifndef HARNESS_AB_H
#define HARNESS_AB_H

#include "harness/analyse/findings.h"
#include "harness/measure/measure.h"
#include "harness/plan/plan.h"
#include "harness/store/store.h"

struct ab_options {
    const char *worker[2];          /* commands: base, new; NULL: ourselves */
    struct measure_options measure; /* plugins, memory limit and time-out of both */
    int launches;                   /* >= 1 */
    int pairs;                      /* a case and launch, >= 1 */
    double floor;                   /* least change worth a word, relative */
    uint64_t seed;                  /* of all orders */
    struct ab_info info;            /* for the store; names of the workers are filled in */
};

/*
 * Measures and judges; cases that seem to have changed are measured a second time in launches of
 * their own. Figures that need no clock are judged as in findings_gate. Pairs are stored a launch
 * at a time. 0 with *out filled (to be freed in any case); 1 when interrupted, -1 with one line.
 */
int ab_run(const struct plan *plan, struct ab_options *options, struct store *store,
           struct findings *out, char msg[CASE_MESSAGE]);

#endif
