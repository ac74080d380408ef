/* SPDX-License-Identifier: MIT */
/* One figure: its files in a folder, its name, its colours, and gnuplot. */
#ifndef HARNESS_REPORT_FIGURE_H
#define HARNESS_REPORT_FIGURE_H

#include "harness/report/rows.h"

#include <stdio.h>

struct figure {
    const char *dir;
    char name[256]; /* without extension */
    FILE *list;     /* where drawn files are named */
    char *msg;
};

/* Makes the folder and those above it. 0, or -1 with msg. */
int figure_folder(const char *dir, char *msg);

/* "time-vslash-causal-h8x8-d64-fp32-t2", from one row of the group that is drawn. */
void figure_name(struct figure *f, const char *what, const struct row *row);

/* Opens NAME.extension for writing, or NULL with msg; closes it, 0 or -1 with msg. */
FILE *figure_open(const struct figure *f, const char *extension);
int figure_close(const struct figure *f, FILE *file);

/* Runs gnuplot on NAME.gp and lists NAME.png and NAME.svg. 0, or -1 with msg. */
int figure_draw(const struct figure *f);

/* "#rrggbb": a hue for each family, a shade for each variant of it. */
const char *figure_colour(const struct rows *rs, const struct row *row);

#endif
