/* SPDX-License-Identifier: MIT */
/* The sweep: walks a plan through inputs, measure, judge and store, round by round. */
#ifndef HARNESS_SWEEP_H
#define HARNESS_SWEEP_H

#include "harness/measure/measure.h"
#include "harness/plan/plan.h"
#include "harness/store/store.h"

struct sweep_result {
    size_t ok, unsupported, skipped, unexpected; /* cases */
    bool interrupted;
    struct run_costs costs; /* of this process */
};

/*
 * Measures what of the plan the run does not hold yet, in random order within each round, one
 * transaction a round; what the machine drifted under is measured again. Progress goes to stderr.
 * Returns 0, or -1 with one line when the store or the scratch folder failed; what was stored
 * stays.
 */
int sweep_run(const struct plan *plan, const struct measure_options *options, double budget_s,
              struct store *store, int64_t run, struct sweep_result *result,
              char msg[CASE_MESSAGE]);

#endif
