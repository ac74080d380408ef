/* SPDX-License-Identifier: MIT */
/*
 * Two builds measured in turn: pairs of neighbouring times of one case, in several launches (one
 * process of each build a launch). What is estimated is the median of ln(new / base) over all
 * pairs. It is judged against the noise of this very session, and takes two sessions:
 *
 * A case has changed when
 *   1. the signed-rank test of its pairs, adjusted for the number of cases, says q < .05,
 *   2. the interval of the estimate, resampling launches and then pairs, excludes no change, and
 *   3. the estimate is beyond a floor, the largest of `least` (3 %) and three standard errors as
 *      they show between launches, of this case and of all in the session; and
 *   4. all of that again, in the same direction, with launches of its own and no lower floor. The
 *      cases of the second session are few, and some of them there because they are noisy: what is
 *      usual among them says nothing of the others.
 *
 * Why not "the interval excludes 1 +- floor": it would see a change of 5 % beside a floor of 3 to
 * 5 % only when the interval is narrower than on any shared machine. Why the scatter between
 * launches: where a process happens to lie in memory moves its times by up to some percent for as
 * long as it lives; pairs within a launch share that, and a test that takes them for independent
 * alarms too often. The distance of launches to each other does not depend on whether the builds
 * differ, so it is the A/A noise of the session without an A/A. Error rates by simulation: see
 * tests/unit/test_paired.c.
 */
#ifndef HARNESS_ANALYSE_PAIRED_H
#define HARNESS_ANALYSE_PAIRED_H

#include "harness/analyse/findings.h"
#include "harness/stats/resample.h"

/* One case. Relative quantities, 0.05 is 5 % slower; pairs are logarithms. */
struct paired {
    struct stats_groups pairs; /* ln(new / base), grouped by launch; the caller's */
    double floor;              /* in: at least this; out: the floor */
    double at, lo, hi;         /* out: median change with its 95 % interval */
    double q;                  /* out: adjusted p of the signed-rank test */
    enum verdict verdict;      /* out */
};

/* Judges the cases of one session, a second one or not; seed is that of the resampling. 0, or -1
 * when out of memory. */
int paired_judge(struct paired *cases, size_t n, bool again, uint64_t seed);

/* What stands after a second session: the first verdict if repeated, else hidden by noise. */
enum verdict paired_confirm(const struct paired *first, const struct paired *again);

#endif
