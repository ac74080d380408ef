/* SPDX-License-Identifier: MIT */
/* The roofline: what a run's methods reach of what its machine was measured to do. */
#include "harness/report/figure.h"
#include "harness/report/report.h"
#include "harness/report/templates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Slopes steepest first. */
static const enum roof slopes[] = {ROOF_L2_READ, ROOF_LLC_READ, ROOF_DRAM_READ};
static const enum roof ceilings[] = {ROOF_FP32, ROOF_BF16, ROOF_INT8};
enum { SLOPES = sizeof slopes / sizeof *slopes, CEILINGS = sizeof ceilings / sizeof *ceilings };

struct roofline {
    const struct rows *rs;
    const struct roofs *roofs;
    int group;
    double x_least, x_most, y_least, y_most; /* of the points */
    long n_least, n_most;
};

static bool drawn(const struct row *r, int group)
{
    return r->group == group && r->flops > 0 && r->bytes > 0 && r->gflops > 0;
}

/* Whether the machine has this roof, and a method of the group computes under it. */
static bool fits(const struct roofline *l, enum roof ceiling)
{
    const double at = l->roofs->at[ceiling];
    if (ceiling == ROOF_FP32)
        return at > 0;
    bool used = false;
    for (int i = 0; i < l->rs->count; i++) {
        const struct row *r = &l->rs->row[i];
        used |= drawn(r, l->group) && (ceiling == ROOF_BF16 ? r->flops_bf16 : r->flops_int8) > 0;
    }
    /* Without instructions for it, the roof is that of fp32. */
    return used && at > 0 && !(at <= l->roofs->at[ROOF_FP32]);
}

/* Writes the points, an index a method, and the methods' looks. Returns the methods. */
static int write_methods(struct roofline *l, FILE *data, FILE *script, size_t *widest)
{
    int methods = 0;
    char label[96];
    for (int m = 0; m < l->rs->methods; m++) {
        const struct row *first = NULL;
        for (int i = 0; i < l->rs->count; i++) {
            const struct row *r = &l->rs->row[i];
            if (r->method != m || !drawn(r, l->group))
                continue;
            const double x = r->flops / r->bytes, y = r->gflops;
            if (!first) {
                first = r;
                rows_label(l->rs, first, label, sizeof label);
                fprintf(data, "# %s\n", label);
            }
            fprintf(data, "%.9g %.9g %ld\n", x, y, r->n_k);
            l->x_least = fmin(l->x_least, x);
            l->x_most = fmax(l->x_most, x);
            l->y_least = fmin(l->y_least, y);
            l->y_most = fmax(l->y_most, y);
            l->n_least = r->n_k < l->n_least ? r->n_k : l->n_least;
            l->n_most = r->n_k > l->n_most ? r->n_k : l->n_most;
        }
        if (!first)
            continue;
        fputs("\n\n", data);
        methods++;
        *widest = strlen(label) > *widest ? strlen(label) : *widest;
        fprintf(script, "label[%d] = \"%s\"\ncolour[%d] = \"%s\"\npoint[%d] = %d\n", methods, label,
                methods, figure_colour(l->rs, first), methods, 4 + m % 10);
    }
    return methods;
}

static void write_roof(FILE *script, const char *array, int i, enum roof roof, double at)
{
    const struct roof_info *info = &roof_list[roof];
    fprintf(script, "%s[%d] = %.9g\n%s_name[%d] = \"%s, %.0f %s\"\n", array, i, at / info->scale,
            array, i, info->label, at / info->scale, info->unit);
}

/* Writes roofs and the ranges that show them: the knee of the slowest memory, too. */
static void write_roofs(struct roofline *l, FILE *script)
{
    int bandwidths = 0, peaks = 0;
    double top = 0, slowest = INFINITY;
    for (int i = 0; i < CEILINGS; i++)
        if (fits(l, ceilings[i])) {
            const double at = l->roofs->at[ceilings[i]];
            write_roof(script, "ceiling", ++peaks, ceilings[i], at);
            top = fmax(top, at / roof_list[ceilings[i]].scale);
        }
    for (int i = 0; i < SLOPES; i++) {
        const double at = l->roofs->at[slopes[i]];
        if (at > 0) {
            write_roof(script, "slope", ++bandwidths, slopes[i], at);
            slowest = fmin(slowest, at / roof_list[slopes[i]].scale);
        }
    }
    fprintf(script,
            "slopes = %d\nceilings = %d\ntop = %.9g\nxmin = %.9g\nxmax = %.9g\nymin = %.9g\n"
            "ymax = %.9g\n",
            bandwidths, peaks, top, l->x_least / 2, fmax(l->x_most, top / slowest) * 2,
            l->y_least / 2, fmax(l->y_most, top) * 2);
}

static int draw(struct roofline *l, const struct row *any, struct figure *figure)
{
    char title[400];
    size_t widest = strlen("fp32 FMA, 10000 GFLOP/s");
    figure_name(figure, "roofline", any);
    FILE *data = figure_open(figure, "dat"), *script = data ? figure_open(figure, "gp") : NULL;
    if (!script) {
        if (data)
            fclose(data);
        return -1;
    }
    rows_title(any, title, sizeof title);
    fputs("# flops a byte, GFLOP/s, n\n", data);
    fprintf(script,
            "# Made by attnbench; run `gnuplot %s.gp` in this folder to draw it again.\n"
            "name = \"%s\"\ntitle = \"roofline of %s\"\n"
            "array label[%d]\narray colour[%d]\narray point[%d]\n"
            "array slope[%d]\narray slope_name[%d]\narray ceiling[%d]\narray ceiling_name[%d]\n",
            figure->name, figure->name, title, l->rs->methods, l->rs->methods, l->rs->methods,
            SLOPES, SLOPES, CEILINGS, CEILINGS);
    const int methods = write_methods(l, data, script, &widest);
    write_roofs(l, script);
    fprintf(script, "methods = %d\nmargin = %zu\nnmin = %ld.0\nnmax = %ld.0\n", methods, widest + 8,
            l->n_least, l->n_most);
    fputs(template_roofline, script);
    int bad = figure_close(figure, data);
    return figure_close(figure, script) || bad ? -1 : figure_draw(figure);
}

int report_rooflines(struct store *s, int64_t run, const char *dir, FILE *list,
                     char msg[CASE_MESSAGE])
{
    static struct rows rs;
    if (rows_load(s, run, &rs, msg))
        return -1;
    int count = 0, rc = figure_folder(dir, msg);
    for (int g = 0; g < rs.groups && rc == 0; g++) {
        const struct row *any = NULL;
        for (int i = 0; i < rs.count && !any; i++)
            any = drawn(&rs.row[i], g) ? &rs.row[i] : NULL;
        if (!any)
            continue;
        struct roofs roofs;
        struct roofline l = {.rs = &rs,
                             .roofs = &roofs,
                             .group = g,
                             .x_least = INFINITY,
                             .y_least = INFINITY,
                             .n_least = any->n_k};
        struct figure figure = {.dir = dir, .list = list, .msg = msg};
        rc = store_roofs(s, run, (int)any->threads, &roofs, msg);
        if (rc || !(roofs.at[ROOF_FP32] > 0))
            continue;
        rc = draw(&l, any, &figure);
        count++;
    }
    rows_free(&rs);
    return rc ? -1 : count;
}
