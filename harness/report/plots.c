/* SPDX-License-Identifier: MIT */
/* Scripts of the plots over n, and of error against time. */
#include "harness/report/plotdata.h"
#include "harness/report/report.h"
#include "harness/report/templates.h"

#include <stdio.h>
#include <string.h>

static const char *const names[PLOTS] = {"time", "memory", "error", "exponent", "tradeoff"};

/* The status where a method has a row but no figure, stacked by method at the lower border. */
static void write_gaps(const struct plot *p, const struct row **m, int count, FILE *f)
{
    const struct row *rows[PLOT_POINTS];
    for (int i = 0; i < count; i++) {
        int n = plot_rows(p, m[i], rows, PLOT_POINTS);
        for (int j = 0; j < n && p->quantity != PLOT_TRADEOFF; j++)
            if (strcmp(rows[j]->status, "ok") != 0)
                fprintf(f,
                        "set label \"%s\" at first %ld, graph %.3f center font \",11\" tc rgb "
                        "\"%s\" noenhanced front\n",
                        rows[j]->status, rows[j]->n_k, 0.02 + 0.025 * i,
                        figure_colour(p->rs, m[i]));
    }
}

static void write_script(const struct plot *p, const struct row **m, int count, int extra, FILE *f)
{
    static const char *const ylabels[] = {
        "seconds a call (median, 95 % interval)", "peak memory above inputs and output, bytes",
        "relative error against exact attention", "exponent from one length to the next", ""};
    static const char *const formats[] = {"%.0s %cs", "%.0b %BB", "10^{%L}", "%.1f", ""};
    const struct row *rows[PLOT_POINTS];
    char title[400], label[128];
    long xmin = 0, xmax = 0;
    size_t widest = 14;
    rows_title(m[0], title, sizeof title);
    for (int i = 0; i < count; i++) {
        int n = plot_rows(p, m[i], rows, PLOT_POINTS);
        for (int j = 0; j < n; j++) {
            xmin = xmin == 0 || rows[j]->n_k < xmin ? rows[j]->n_k : xmin;
            xmax = rows[j]->n_k > xmax ? rows[j]->n_k : xmax;
        }
    }
    fprintf(f, "# Made by attnbench; run `gnuplot %s.gp` in this folder to draw it again.\n",
            p->figure.name);
    fprintf(f, "name = \"%s\"\ntitle = \"%s of %s", p->figure.name,
            p->quantity == PLOT_TRADEOFF   ? "error and time"
            : p->quantity == PLOT_EXPONENT ? "growth of time"
                                           : names[p->quantity],
            title);
    if (p->quantity == PLOT_TRADEOFF)
        fprintf(f, ", n = %ld", p->n);
    fprintf(f,
            "\"\nylabel = \"%s\"\nyformat = \"%s\"\nybase = %d # 0: linear\nxmin = %ld\nxmax = "
            "%ld\nmethods = %d\nextra = %d\n",
            ylabels[p->quantity], formats[p->quantity],
            p->quantity == PLOT_MEMORY     ? 2
            : p->quantity == PLOT_EXPONENT ? 0
                                           : 10,
            xmin, xmax > xmin ? xmax : xmin + 1, count, extra > 0);
    fprintf(f, "array guide[2] = [\"%s\", \"%s\"]\n", plot_guides[p->quantity][0],
            plot_guides[p->quantity][1]);
    fprintf(f, "array label[%d]\narray colour[%d]\narray point[%d]\n", count, count, count);
    for (int i = 0; i < count; i++) {
        int n = plot_rows(p, m[i], rows, PLOT_POINTS), ok = 0;
        for (int j = 0; j < n; j++)
            ok += strcmp(rows[j]->status, "ok") == 0;
        if (p->quantity == PLOT_TRADEOFF)
            snprintf(label, 96, "%s", m[i]->variant);
        else
            rows_label(p->rs, m[i], label, 96);
        if (!ok && n)
            snprintf(label + strlen(label), 32, " (%s)", rows[0]->status);
        widest = strlen(label) > widest ? strlen(label) : widest;
        fprintf(f, "label[%d] = \"%s\"\ncolour[%d] = \"%s\"\npoint[%d] = %d\n", i + 1, label, i + 1,
                figure_colour(p->rs, m[i]), i + 1, 4 + m[i]->method % 10);
    }
    fprintf(f, "margin = %zu\n", widest + 10);
    write_gaps(p, m, count, f);
    fputs(p->quantity == PLOT_TRADEOFF ? template_tradeoff : template_scaling, f);
}

static int draw(struct plot *p)
{
    const struct row *m[PLOT_LINES], *rows[PLOT_POINTS];
    int count = plot_lines(p, m, PLOT_LINES), shown = 0;
    for (int i = 0; i < count; i++) {
        int n = plot_rows(p, m[i], rows, PLOT_POINTS);
        for (int j = p->quantity == PLOT_EXPONENT; j < n; j++)
            shown += plot_value(p->quantity, rows[j]) > 0;
    }
    if (!shown)
        return 0;
    figure_name(&p->figure, names[p->quantity], m[0]);
    FILE *f = figure_open(&p->figure, "dat");
    if (!f)
        return -1;
    const int extra = plot_data(p, m, count, f);
    if (figure_close(&p->figure, f) || !(f = figure_open(&p->figure, "gp")))
        return -1;
    write_script(p, m, count, extra, f);
    return figure_close(&p->figure, f) ? -1 : figure_draw(&p->figure);
}

/* The longest length at which most methods have an error. */
static long tradeoff_length(const struct rows *rs, int group)
{
    long best = 0;
    int most = 0;
    for (int i = 0; i < rs->count; i++) {
        int count = 0;
        for (int j = 0; j < rs->count; j++)
            count += rs->row[j].group == group && rs->row[i].group == group &&
                     rs->row[j].n_k == rs->row[i].n_k && plot_value(PLOT_ERROR, &rs->row[j]) > 0;
        if (count > most || (count == most && count && rs->row[i].n_k > best)) {
            most = count;
            best = rs->row[i].n_k;
        }
    }
    return best;
}

int report_plots(struct store *s, int64_t run, const char *dir, FILE *list, char msg[CASE_MESSAGE])
{
    static struct rows rs;
    struct growth growth = {0};
    if (rows_load(s, run, &rs, msg))
        return -1;
    int rc = growth_load(s, run, &growth, msg) || figure_folder(dir, msg) ? -1 : 0;
    for (int g = 0; g < rs.groups && rc == 0; g++)
        for (int q = 0; q < PLOTS && rc == 0; q++) {
            struct plot p = {.rs = &rs,
                             .growth = &growth,
                             .group = g,
                             .quantity = (enum plot_quantity)q,
                             .figure = {.dir = dir, .list = list, .msg = msg}};
            p.n = q == PLOT_TRADEOFF ? tradeoff_length(&rs, g) : 0;
            rc = draw(&p);
        }
    growth_free(&growth);
    rows_free(&rs);
    return rc || report_rooflines(s, run, dir, list, msg) < 0 ? -1 : 0;
}
