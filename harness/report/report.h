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

#endif
