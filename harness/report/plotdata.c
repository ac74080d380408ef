/* SPDX-License-Identifier: MIT */
/* See plotdata.h. */
#include "harness/report/plotdata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double plot_value(enum plot_quantity q, const struct row *r)
{
    const bool replaces = strcmp(r->kind, "replaces") == 0;
    switch (q) {
    case PLOT_TIME:
    case PLOT_EXPONENT:
        return r->median;
    case PLOT_MEMORY:
        return isnan(r->peak) ? NAN : fmax(r->peak, 4096); /* less than a page is a page */
    default:
        return replaces ? NAN : r->rel_l2;
    }
}

static bool same_line(const struct plot *p, const struct row *a, const struct row *b)
{
    return p->quantity == PLOT_TRADEOFF ? strcmp(a->variant, b->variant) == 0
                                        : a->method == b->method;
}

int plot_lines(const struct plot *p, const struct row **out, int max)
{
    const bool errors = p->quantity == PLOT_ERROR || p->quantity == PLOT_TRADEOFF;
    int n = 0;
    for (int i = 0; i < p->rs->count; i++) {
        const struct row *r = &p->rs->row[i];
        bool known = r->group != p->group;
        for (int j = 0; j < n; j++)
            known |= same_line(p, out[j], r);
        if (known || n == max || (errors && strcmp(r->kind, "replaces") == 0))
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

int plot_rows(const struct plot *p, const struct row *line, const struct row **out, int max)
{
    int n = 0;
    const bool tradeoff = p->quantity == PLOT_TRADEOFF;
    for (int i = 0; i < p->rs->count && n < max; i++) {
        const struct row *r = &p->rs->row[i];
        if (r->group == p->group && same_line(p, line, r) &&
            (!tradeoff || (r->n_k == p->n && strcmp(r->status, "ok") == 0)))
            out[n++] = r;
    }
    qsort(out, (size_t)n, sizeof *out, tradeoff ? by_time : by_n);
    return n;
}

const char *const plot_guides[PLOTS][2] = {{"slope 1", "slope 2"},
                                           {"slope 1", "slope 2"},
                                           {"mean of V", "plain fp32"},
                                           {"linear", "quadratic"},
                                           {"mean of V", "plain fp32"}};

static double guide(const struct row *r, int which)
{
    return which == 0 ? r->mean_v : r->floor;
}

/* The line with most points: its rows give the guides their abscissas. */
static int longest(const struct plot *p, const struct row **line, int count, const struct row **out)
{
    int best = 0, n = 0;
    for (int i = 0; i < count; i++) {
        int rows = plot_rows(p, line[i], out, PLOT_POINTS);
        best = rows > n ? i : best;
        n = rows > n ? rows : n;
    }
    return count ? plot_rows(p, line[best], out, PLOT_POINTS) : 0;
}

static void write_guides(const struct plot *p, const struct row **line, int count, FILE *f)
{
    const struct row *rows[PLOT_POINTS], *base[PLOT_POINTS];
    const int n = longest(p, line, count, base);
    double anchor = NAN, begin = NAN, end = NAN;
    for (int i = 0; i < count; i++) {
        const int points = plot_rows(p, line[i], rows, PLOT_POINTS);
        if (points)
            anchor = fmax(anchor, plot_value(p->quantity, rows[0]));
        for (int j = 0; j < points; j++) {
            begin = fmin(begin, rows[j]->median);
            end = fmax(end, rows[j]->median);
        }
    }
    for (int g = 0; g < 2; g++) {
        fprintf(f, "# %s\n", plot_guides[p->quantity][g]);
        for (int j = 0; j < n; j++)
            switch (p->quantity) {
            case PLOT_TIME:
            case PLOT_MEMORY:
                fprintf(f, "%ld %.9g\n", base[j]->n_k,
                        anchor * pow((double)base[j]->n_k / (double)base[0]->n_k, g + 1));
                break;
            case PLOT_EXPONENT:
                fprintf(f, "%ld %d\n", base[j]->n_k, g + 1);
                break;
            case PLOT_ERROR:
                fprintf(f, "%ld %.9g\n", base[j]->n_k, guide(base[j], g));
                break;
            default:
                if (j == 0)
                    fprintf(f, "%.9g %.9g\n%.9g %.9g\n", begin, guide(base[j], g), end,
                            guide(base[j], g));
            }
        fputs("\n\n", f);
    }
}

static void write_point(const struct plot *p, const struct row *r, FILE *f)
{
    const double v = plot_value(p->quantity, r), x = r->median;
    const double lo = isnan(r->lo) ? x : r->lo, hi = isnan(r->hi) ? x : r->hi;
    if (p->quantity == PLOT_TRADEOFF)
        fprintf(f, "%.9g %.9g %.9g %.9g %s \"%s\"\n", x, lo, hi, v > 0 ? v : NAN, r->status,
                r->params);
    else if (p->quantity == PLOT_TIME)
        fprintf(f, "%ld %.9g %.9g %.9g %s\n", r->n_k, v, lo, hi, r->status);
    else
        fprintf(f, "%ld %.9g %.9g %.9g %s\n", r->n_k, v > 0 ? v : NAN, v, v, r->status);
}

/* The exponent between two lengths stands at their geometric mean; its ends come from the intervals
 * of the times. */
static void write_exponent(const struct row *a, const struct row *b, FILE *f)
{
    const double n = log((double)b->n_k / (double)a->n_k);
    fprintf(f, "%.9g %.9g %.9g %.9g %s\n", sqrt((double)a->n_k * (double)b->n_k),
            log(b->median / a->median) / n, log(b->lo / a->hi) / n, log(b->hi / a->lo) / n,
            b->status);
}

static bool same_problem(const struct row *r, const struct cell *c)
{
    return strcmp(r->workload, c->workload) == 0 && strcmp(r->dtype, c->dtype) == 0 &&
           r->heads_q == c->heads_q && r->heads_kv == c->heads_kv && r->d == c->d &&
           r->causal == c->causal && r->threads == c->threads &&
           (r->n_q == r->n_k) == (c->n_q == c->n_k);
}

/* Where methods of the group overtake exact attention: n, its interval, seconds. */
static int write_crossovers(const struct plot *p, const struct row *any, FILE *f)
{
    int count = 0;
    for (size_t i = 0; i < p->growth->curves.count; i++) {
        const struct curve *c = &p->growth->curves.curve[i];
        const struct cell *o = c->cell[0];
        struct crossover x;
        if (!same_problem(any, o) || crossover_find(&p->growth->curves, c, INFINITY, &x) ||
            x.answer != CROSSING_FROM)
            continue;
        size_t k = 1;
        while (k + 1 < c->count && (double)c->cell[k]->n_k < x.n)
            k++;
        const double a = log((double)c->cell[k - 1]->n_k), b = log((double)c->cell[k]->n_k);
        const double at = c->time[k - 1] + (c->time[k] - c->time[k - 1]) * (log(x.n) - a) / (b - a);
        fprintf(f, "%.9g %.9g %.9g %.9g %s\n", x.n, fmax(x.lo, (double)x.n_min),
                fmin(x.hi, (double)x.n_max), exp(at), o->variant);
        count++;
    }
    return count;
}

static int write_front(const struct plot *p, const struct row **line, int count, FILE *f)
{
    const struct row *rows[PLOT_POINTS], **front = malloc((size_t)p->rs->count * sizeof *front);
    double least = INFINITY;
    int n = 0, written = 0;
    for (int i = 0; front && i < count; i++) {
        const int points = plot_rows(p, line[i], rows, PLOT_POINTS);
        for (int j = 0; j < points; j++)
            if (plot_value(PLOT_ERROR, rows[j]) > 0 && rows[j]->median > 0)
                front[n++] = rows[j];
    }
    if (n)
        qsort(front, (size_t)n, sizeof *front, by_time);
    for (int i = 0; i < n; i++)
        if (front[i]->rel_l2 < least) {
            least = front[i]->rel_l2;
            fprintf(f, "%.9g %.9g %s \"%s\"\n", front[i]->median, least, front[i]->variant,
                    front[i]->params);
            written++;
        }
    free(front);
    return written;
}

int plot_data(const struct plot *p, const struct row **line, int count, FILE *f)
{
    const struct row *rows[PLOT_POINTS];
    static const char *const headings[PLOTS] = {
        "n seconds low high status", "n bytes low high status", "n error low high status",
        "n exponent low high status", "seconds low high error status parameters"};
    fprintf(f, "# %s\n", headings[p->quantity]);
    for (int i = 0; i < count; i++) {
        char label[96];
        rows_label(p->rs, line[i], label, sizeof label);
        fprintf(f, "# %s\n", p->quantity == PLOT_TRADEOFF ? line[i]->variant : label);
        const int n = plot_rows(p, line[i], rows, PLOT_POINTS);
        int points = 0;
        for (int j = 0; j < n; j++) {
            if (p->quantity != PLOT_EXPONENT)
                write_point(p, rows[j], f);
            else if (j + 1 < n && rows[j]->median > 0 && rows[j + 1]->median > 0)
                write_exponent(rows[j], rows[j + 1], f);
            else
                continue;
            points++;
        }
        fputs(points ? "\n\n" : "nan nan nan nan none\n\n\n", f);
    }
    write_guides(p, line, count, f);
    if (p->quantity == PLOT_TIME)
        fputs("# overtakes exact attention: n low high seconds method\n", f);
    if (p->quantity == PLOT_TRADEOFF)
        fputs("# Pareto front: seconds error method parameters\n", f);
    const int extra = p->quantity == PLOT_TIME       ? write_crossovers(p, line[0], f)
                      : p->quantity == PLOT_TRADEOFF ? write_front(p, line, count, f)
                                                     : 0;
    if (!extra) /* gnuplot looks at an index even when it draws none of it */
        fputs("nan nan nan nan none\n", f);
    return extra;
}
