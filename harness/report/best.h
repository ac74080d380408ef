/* SPDX-License-Identifier: MIT */
/* Prints who wins within limits. */
#ifndef HARNESS_REPORT_BEST_H
#define HARNESS_REPORT_BEST_H

#include "harness/analyse/best.h"
#include "harness/report/writer.h"

/* For people: the winner, those that may be as fast, the slower ones, and why the others are out.
 */
void report_contest(const struct contest *c, const struct best_limits *l, FILE *f);

/* For programs: one row a candidate. */
void report_candidates(const struct contest *c, struct writer *w);

#endif
