/* SPDX-License-Identifier: MIT */
/*
 * Two stored runs, case by case. What is deterministic is compared exactly. Time is judged on the
 * same machine only, and an hour apart a shared machine may differ by more than a build does: a
 * time is worse when
 *   - the rank-sum test over its samples, adjusted for the number of cases, says q < .05,
 *   - the shift (Hodges and Lehmann, of the logarithms) has an interval that excludes none, and
 *   - it exceeds a floor: the largest of floor, three times the usual distance between the
 *     launches (rounds) of one run, of this case and of all, and what the roof of the machine
 *     moved between the runs.
 * Samples of one launch are not independent, so the test alone would alarm too often; the floor is
 * what guards it. Two builds that differ little are told apart by `ab`, not by stored runs.
 */
#ifndef HARNESS_ANALYSE_COMPARE_H
#define HARNESS_ANALYSE_COMPARE_H

#include "harness/analyse/findings.h"

struct compare_options {
    double floor; /* least change of time worth a word, relative: .05 */
    bool lenient; /* cases that are missing now are no failure */
};

/* 0, or -1 with one line. *out is to be freed in either case. */
int compare_runs(const struct cells *base, const struct cells *now,
                 const struct compare_options *options, struct findings *out,
                 char msg[CASE_MESSAGE]);

#endif
