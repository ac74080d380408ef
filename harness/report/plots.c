/* SPDX-License-Identifier: MIT */
/* Writes data and scripts of the plots, and runs gnuplot on them. */
#include "harness/report/report.h"
#include "harness/report/rows.h"
#include "harness/report/templates.h"
#include "variants/registry.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum quantity { TIME, MEMORY, ERROR, TRADEOFF, QUANTITIES };
static const char *const names[] = {"time", "memory", "error", "tradeoff"};

struct plot {
    const struct rows *rs;
    int group;
    enum quantity quantity;
    const char *dir;
    char name[256];
    long n; /* of the trade-off */
    FILE *list;
    char *msg;
};

/* A hue for each family, a shade for each method of it. */
static const char *colour(const struct rows *rs, const struct row *row)
{
    static const char *const shades[][4] = {
        {"#888888", "#bbbbbb", "#666666", "#aaaaaa"}, {"#000000", "#c0001a", "#ff5a4d", "#7a0010"},
        {"#e07b00", "#f2b134", "#a65a00", "#c99700"}, {"#1a8a2e", "#6cc04a", "#0b5d1e", "#9acd32"},
        {"#1f5fbf", "#4fb3e8", "#0b2f6b", "#2aa6a6"}, {"#8a2be2", "#d070d8", "#54128a", "#b03a8a"},
        {"#8b5a2b", "#c8a165", "#5c3317", "#a0785a"}};
    _Static_assert(sizeof shades / sizeof *shades == ATTN_FAMILIES, "a hue for each family");
    int family = 0, rank = 0;
    for (int i = 0; i < ATTN_FAMILIES; i++)
        if (strcmp(attn_family_name((enum attn_family)i), row->family) == 0)
            family = i;
    int last = -1;
    for (int i = 0; i < rs->count && rs->row[i].method < row->method; i++)
        if (strcmp(rs->row[i].family, row->family) == 0 && rs->row[i].method > last) {
            last = rs->row[i].method;
            rank++;
        }
    return shades[family][rank % 4];
}

static double value(enum quantity q, const struct row *r)
{
    bool replaces = strcmp(r->kind, "replaces") == 0;
    switch (q) {
    case TIME:
        return r->median;
    case MEMORY:
        return isnan(r->peak) ? NAN : fmax(r->peak, 4096); /* less than a page is a page */
    default:
        return replaces ? NAN : r->rel_l2;
    }
}

/* The first row of each method of the group, in order; returns their number. */
static int methods(const struct plot *p, const struct row **out, int max)
{
    int n = 0;
    for (int i = 0; i < p->rs->count; i++) {
        const struct row *r = &p->rs->row[i];
        bool known = r->group != p->group;
        for (int j = 0; j < n; j++)
            known |= out[j]->method == r->method;
        if (known || n == max || (p->quantity >= ERROR && strcmp(r->kind, "replaces") == 0))
            continue;
        out[n++] = r;
    }
    return n;
}

static int by_n(const void *a, const void *b)
{
    long x = (*(const struct row *const *)a)->n_k, y = (*(const struct row *const *)b)->n_k;
    return (x > y) - (x < y);
}

static int by_time(const void *a, const void *b)
{
    double x = (*(const struct row *const *)a)->median, y = (*(const struct row *const *)b)->median;
    return (x > y) - (x < y);
}

/* Rows of one method in this plot, ascending. */
static int rows_of(const struct plot *p, const struct row *m, const struct row **out, int max)
{
    int n = 0;
    for (int i = 0; i < p->rs->count && n < max; i++) {
        const struct row *r = &p->rs->row[i];
        if (r->group == p->group && r->method == m->method &&
            (p->quantity != TRADEOFF || r->n_k == p->n))
            out[n++] = r;
    }
    qsort(out, (size_t)n, sizeof *out, by_n);
    return n;
}

enum { METHODS = 256, POINTS = 256 };

/*
 * Two lines to read the others by: slopes 1 and 2 from the highest first point, or the errors of
 * the mean of V and of plain fp32 exact attention.
 */
static const char *const guides[QUANTITIES][2] = {{"slope 1", "slope 2"},
                                                  {"slope 1", "slope 2"},
                                                  {"mean of V", "plain fp32"},
                                                  {"mean of V", "plain fp32"}};

static double guide(const struct row *r, int which)
{
    return which == 0 ? r->mean_v : r->floor;
}

/* The method with most points: its rows give the guides their abscissas. */
static int longest(const struct plot *p, const struct row **m, int count, const struct row **out)
{
    int best = 0, n = 0;
    for (int i = 0; i < count; i++) {
        int rows = rows_of(p, m[i], out, POINTS);
        best = rows > n ? i : best;
        n = rows > n ? rows : n;
    }
    return count ? rows_of(p, m[best], out, POINTS) : 0;
}

static void write_guides(const struct plot *p, const struct row **m, int count, FILE *f)
{
    const struct row *rows[POINTS], *base[POINTS];
    const int n = longest(p, m, count, base);
    double anchor = NAN, begin = NAN, end = NAN;
    for (int i = 0; i < count; i++)
        if (rows_of(p, m[i], rows, POINTS)) {
            anchor = fmax(anchor, value(p->quantity, rows[0]));
            begin = fmin(begin, rows[0]->median);
            end = fmax(end, rows[0]->median);
        }
    for (int g = 0; g < 2; g++) {
        fprintf(f, "# %s\n", guides[p->quantity][g]);
        for (int j = 0; j < n; j++)
            if (p->quantity < ERROR)
                fprintf(f, "%ld %.9g\n", base[j]->n_k,
                        anchor * pow((double)base[j]->n_k / (double)base[0]->n_k, g + 1));
            else if (p->quantity == ERROR)
                fprintf(f, "%ld %.9g\n", base[j]->n_k, guide(base[j], g));
            else
                fprintf(f, "%.9g %.9g\n%.9g %.9g\n", begin, guide(base[j], g), end,
                        guide(base[j], g));
        fputs("\n\n", f);
    }
}

static void write_data(const struct plot *p, const struct row **m, int count, FILE *f)
{
    const struct row *rows[POINTS], *front[METHODS];
    fputs(p->quantity == TRADEOFF
              ? "# seconds low high error status\n"
              : "# n value low high status (seconds, bytes or relative error)\n",
          f);
    for (int i = 0; i < count; i++) {
        char label[96];
        rows_label(p->rs, m[i], label, sizeof label);
        fprintf(f, "# %s\n", label);
        int n = rows_of(p, m[i], rows, POINTS);
        for (int j = 0; j < n; j++) {
            const struct row *r = rows[j];
            double v = value(p->quantity, r), lo = p->quantity == TIME ? r->lo : v,
                   hi = p->quantity == TIME ? r->hi : v;
            if (p->quantity == TRADEOFF)
                fprintf(f, "%.9g %.9g %.9g %.9g %s\n", r->median, isnan(r->lo) ? r->median : r->lo,
                        isnan(r->hi) ? r->median : r->hi, v > 0 ? v : NAN, r->status);
            else
                fprintf(f, "%ld %.9g %.9g %.9g %s\n", r->n_k, v > 0 ? v : NAN, isnan(lo) ? v : lo,
                        isnan(hi) ? v : hi, r->status);
        }
        fputs(n ? "\n\n" : "nan nan nan nan none\n\n\n", f);
    }
    write_guides(p, m, count, f);
    if (p->quantity != TRADEOFF)
        return;
    int n = 0;
    double least = INFINITY;
    for (int i = 0; i < count; i++)
        if (rows_of(p, m[i], rows, POINTS) && value(ERROR, rows[0]) > 0 && rows[0]->median > 0)
            front[n++] = rows[0];
    qsort(front, (size_t)n, sizeof *front, by_time);
    fputs("# Pareto front: seconds error\n", f);
    for (int i = 0; i < n; i++)
        if (front[i]->rel_l2 < least) {
            least = front[i]->rel_l2;
            fprintf(f, "%.9g %.9g\n", front[i]->median, least);
        }
}

/* The status where a method has a row but no figure, stacked by method at the lower border. */
static void write_gaps(const struct plot *p, const struct row **m, int count, FILE *f)
{
    const struct row *rows[POINTS];
    for (int i = 0; i < count; i++) {
        int n = rows_of(p, m[i], rows, POINTS);
        for (int j = 0; j < n && p->quantity != TRADEOFF; j++)
            if (strcmp(rows[j]->status, "ok") != 0)
                fprintf(f,
                        "set label \"%s\" at first %ld, graph %.3f center font \",11\" tc rgb "
                        "\"%s\" noenhanced front\n",
                        rows[j]->status, rows[j]->n_k, 0.02 + 0.025 * i, colour(p->rs, m[i]));
    }
}

static void write_script(const struct plot *p, const struct row **m, int count, FILE *f)
{
    static const char *const ylabels[] = {"seconds a call (median, 95 % interval)",
                                          "peak memory above inputs and output, bytes",
                                          "relative error against exact attention", ""};
    static const char *const formats[] = {"%.0s %cs", "%.0b %BB", "10^{%L}", ""};
    const struct row *rows[POINTS];
    char title[400], label[128];
    long xmin = 0, xmax = 0;
    size_t widest = 14;
    rows_title(m[0], title, sizeof title);
    for (int i = 0; i < count; i++) {
        int n = rows_of(p, m[i], rows, POINTS);
        for (int j = 0; j < n; j++) {
            xmin = xmin == 0 || rows[j]->n_k < xmin ? rows[j]->n_k : xmin;
            xmax = rows[j]->n_k > xmax ? rows[j]->n_k : xmax;
        }
    }
    fprintf(f, "# Made by attnbench; run `gnuplot %s.gp` in this folder to draw it again.\n",
            p->name);
    fprintf(f, "name = \"%s\"\ntitle = \"%s of %s", p->name,
            p->quantity == TRADEOFF ? "error and time" : names[p->quantity], title);
    if (p->quantity == TRADEOFF)
        fprintf(f, ", n = %ld", p->n);
    fprintf(
        f,
        "\"\nylabel = \"%s\"\nyformat = \"%s\"\nybase = %d\nxmin = %ld\nxmax = %ld\nmethods = %d\n",
        ylabels[p->quantity], formats[p->quantity], p->quantity == MEMORY ? 2 : 10, xmin,
        xmax > xmin ? xmax : xmin + 1, count);
    fprintf(f, "array guide[2] = [\"%s\", \"%s\"]\n", guides[p->quantity][0],
            guides[p->quantity][1]);
    fprintf(f, "array label[%d]\narray colour[%d]\narray point[%d]\n", count, count, count);
    for (int i = 0; i < count; i++) {
        int n = rows_of(p, m[i], rows, POINTS), ok = 0;
        for (int j = 0; j < n; j++)
            ok += strcmp(rows[j]->status, "ok") == 0;
        rows_label(p->rs, m[i], label, 96);
        if (!ok && n)
            snprintf(label + strlen(label), 32, " (%s)", rows[0]->status);
        widest = strlen(label) > widest ? strlen(label) : widest;
        fprintf(f, "label[%d] = \"%s\"\ncolour[%d] = \"%s\"\npoint[%d] = %d\n", i + 1, label, i + 1,
                colour(p->rs, m[i]), i + 1, 4 + m[i]->method % 10);
    }
    fprintf(f, "margin = %zu\n", widest + 10);
    write_gaps(p, m, count, f);
    fputs(p->quantity == TRADEOFF ? template_tradeoff : template_scaling, f);
}

static int run_gnuplot(const struct plot *p)
{
    char script[300];
    snprintf(script, sizeof script, "%s.gp", p->name);
    char *argv[] = {"gnuplot", script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, p->dir);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc) {
        snprintf(p->msg, CASE_MESSAGE,
                 "gnuplot cannot be started: %s; install gnuplot (Debian: gnuplot-nox)",
                 strerror(rc));
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    snprintf(p->msg, CASE_MESSAGE, "gnuplot failed on %s/%s (its own words are above)", p->dir,
             script);
    return -1;
}

static FILE *open_file(const struct plot *p, const char *extension)
{
    char path[4600];
    snprintf(path, sizeof path, "%s/%s.%s", p->dir, p->name, extension);
    FILE *f = fopen(path, "w");
    if (!f)
        snprintf(p->msg, CASE_MESSAGE, "%.300s: %s", path, strerror(errno));
    return f;
}

static int close_file(const struct plot *p, FILE *f)
{
    bool bad = ferror(f);
    if (fclose(f) == 0 && !bad)
        return 0;
    snprintf(p->msg, CASE_MESSAGE, "%.300s: %s", p->dir, strerror(errno));
    return -1;
}

static int draw(struct plot *p)
{
    const struct row *m[METHODS], *rows[POINTS];
    int count = methods(p, m, METHODS), shown = 0;
    for (int i = 0; i < count; i++) {
        int n = rows_of(p, m[i], rows, POINTS);
        for (int j = 0; j < n; j++)
            shown += value(p->quantity, rows[j]) > 0;
    }
    if (!shown)
        return 0;
    const struct row *r = m[0];
    char workload[128];
    snprintf(workload, sizeof workload, "%.120s", r->workload);
    for (char *c = workload; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *c))
            *c = '-';
    snprintf(p->name, sizeof p->name, "%s-%s-%s-h%ldx%ld-d%ld-%s-t%ld%s", names[p->quantity],
             workload, r->causal ? "causal" : "full", r->heads_q, r->heads_kv, r->d, r->dtype,
             r->threads, r->n_q == r->n_k ? "" : "-cross");
    FILE *f = open_file(p, "dat");
    if (!f)
        return -1;
    write_data(p, m, count, f);
    if (close_file(p, f) || !(f = open_file(p, "gp")))
        return -1;
    write_script(p, m, count, f);
    if (close_file(p, f) || run_gnuplot(p))
        return -1;
    fprintf(p->list, "%s/%s.png\n%s/%s.svg\n", p->dir, p->name, p->dir, p->name);
    return 0;
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
                     rs->row[j].n_k == rs->row[i].n_k && value(ERROR, &rs->row[j]) > 0;
        if (count > most || (count == most && count && rs->row[i].n_k > best)) {
            most = count;
            best = rs->row[i].n_k;
        }
    }
    return best;
}

static int make_folder(const char *dir, char *msg)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", dir);
    for (char *c = path + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            mkdir(path, 0777);
            *c = '/';
        }
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    snprintf(msg, CASE_MESSAGE, "-o %.300s: %s", dir, strerror(errno));
    return -1;
}

int report_plots(struct store *s, int64_t run, const char *dir, FILE *list, char msg[CASE_MESSAGE])
{
    static struct rows rs;
    if (rows_load(s, run, &rs, msg))
        return -1;
    int rc = make_folder(dir, msg);
    for (int g = 0; g < rs.groups && rc == 0; g++)
        for (int q = 0; q < QUANTITIES && rc == 0; q++) {
            struct plot p = {.rs = &rs,
                             .group = g,
                             .quantity = (enum quantity)q,
                             .dir = dir,
                             .list = list,
                             .msg = msg};
            p.n = q == TRADEOFF ? tradeoff_length(&rs, g) : 0;
            rc = draw(&p);
        }
    rows_free(&rs);
    return rc;
}
