/* SPDX-License-Identifier: MIT */
/* What a plot shows: its lines, and the data file that gnuplot reads. */
#ifndef HARNESS_REPORT_PLOTDATA_H
#define HARNESS_REPORT_PLOTDATA_H

#include "harness/report/figure.h"
#include "harness/report/growth.h"
#include "harness/report/rows.h"

enum plot_quantity { PLOT_TIME, PLOT_MEMORY, PLOT_ERROR, PLOT_EXPONENT, PLOT_TRADEOFF, PLOTS };

enum { PLOT_LINES = 256, PLOT_POINTS = 256 };

struct plot {
    const struct rows *rs;
    const struct growth *growth; /* of the same run */
    int group;
    enum plot_quantity quantity;
    long n; /* of the trade-off */
    struct figure figure;
};

/* Names of the two lines to read the others by. */
extern const char *const plot_guides[PLOTS][2];

/* What is drawn of a row; NaN: nothing. Not for exponents, which belong to pairs of rows. */
double plot_value(enum plot_quantity q, const struct row *r);

/*
 * The first row of each line, in order; returns their number. A line is a method over n; in the
 * trade-off at one n it is a variant over its parameters.
 */
int plot_lines(const struct plot *p, const struct row **out, int max);

/* Rows of one line, ascending in n, in the trade-off in time. */
int plot_rows(const struct plot *p, const struct row *line, const struct row **out, int max);

/*
 * Writes one index a line, then the two guides, then the extra one: where methods overtake exact
 * attention (of time), or the Pareto front (of the trade-off). Returns the number of points of the
 * extra index.
 */
int plot_data(const struct plot *p, const struct row **line, int count, FILE *f);

#endif
