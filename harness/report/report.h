/* SPDX-License-Identifier: MIT */
/* Reporting: the table that a person reads, and plots by gnuplot. */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include "harness/store/store.h"

#include <stdio.h>

/* Prints the table of a run: one block a (workload, shape but n, threads), rows = variants x n. */
int report_table(struct store *s, int64_t run, FILE *f, char msg[CASE_MESSAGE]);

/*
 * Draws the plots of a run into dir (created): NAME.svg, NAME.png, NAME.gp, NAME.dat. Lists the
 * files on `list`. Returns 0, or -1 with one line (no gnuplot, nothing measured, unwritable).
 */
int report_plots(struct store *s, int64_t run, const char *dir, FILE *list, char msg[CASE_MESSAGE]);

/*
 * Draws the measured roofs of a run with its methods below them: GFLOP/s over flops a byte, a
 * figure a group. Files as above. The number of figures (0: no roof was measured, or nothing below
 * it), or -1.
 */
int report_rooflines(struct store *s, int64_t run, const char *dir, FILE *list,
                     char msg[CASE_MESSAGE]);

#endif
