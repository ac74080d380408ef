/* SPDX-License-Identifier: MIT */
/* Prints the history of a machine: for people its steps, for programs and plots every point. */
#ifndef HARNESS_REPORT_HISTORY_H
#define HARNESS_REPORT_HISTORY_H

#include "harness/analyse/history.h"
#include "harness/report/writer.h"

/* One block a case that has a step, with all also those without. */
void report_history(const struct history *h, bool all, FILE *f);

/* One row a case and run: ratio, the mean of its level, and whether a level begins there. */
void report_history_points(const struct history *h, struct writer *w);

#endif
