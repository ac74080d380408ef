/* SPDX-License-Identifier: MIT */
/* See history.h. */
#include "harness/report/history.h"
#include "harness/report/units.h"

#include <math.h>
#include <stdio.h>

/* First and one past the last point of the level that point i is on. */
static void level_of(const struct series *s, size_t i, size_t *begin, size_t *end)
{
    *begin = 0;
    *end = s->count;
    for (int k = 0; k < s->steps; k++)
        if (s->step[k].at <= i)
            *begin = s->step[k].at;
        else if (s->step[k].at < *end)
            *end = s->step[k].at;
}

static double level(const struct series *s, size_t i)
{
    size_t begin, end;
    double sum = 0;
    level_of(s, i, &begin, &end);
    for (size_t k = begin; k < end; k++)
        sum += s->ratio[k];
    return sum / (double)(end - begin);
}

static void print_series(const struct history *h, const struct series *s, FILE *f)
{
    char method[CASE_TEXT], problem[CASE_TEXT + 96], change[24];
    const struct history_run *first = &h->run[s->run[0]], *last = &h->run[s->run[s->count - 1]];
    cells_method(&s->cell, method, sizeof method);
    cells_problem(&s->cell, problem, sizeof problem);
    fprintf(f, "\n%s | %s\n  %zu runs, %s to %s; %.3f times %s now\n", method, problem, s->count,
            first->started, last->started, exp(level(s, s->count - 1)), s->against[s->count - 1]);
    for (int k = 0; k < s->steps; k++) {
        const struct stats_step *step = &s->step[k];
        const struct history_run *run = &h->run[s->run[step->at]];
        units_change(change, sizeof change, expm1(step->after - step->before));
        fprintf(f, "  %9s  from run %lld on (%s, commit %s): %.3f to %.3f times exact, p %.1g\n",
                change, (long long)run->id, run->name, run->commit, exp(step->before),
                exp(step->after), step->p);
    }
}

void report_history(const struct history *h, bool all, FILE *f)
{
    size_t stepped = 0;
    for (size_t i = 0; i < h->count; i++) {
        stepped += h->series[i].steps > 0;
        if (all || h->series[i].steps)
            print_series(h, &h->series[i], f);
    }
    fprintf(f, "%s%zu cases over %zu runs of this machine: %zu with steps\n", h->count ? "\n" : "",
            h->count, h->runs, stepped);
}

void report_history_points(const struct history *h, struct writer *w)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct series *s = &h->series[i];
        char method[CASE_TEXT], problem[CASE_TEXT + 96];
        cells_method(&s->cell, method, sizeof method);
        cells_problem(&s->cell, problem, sizeof problem);
        for (size_t k = 0; k < s->count; k++) {
            struct fields row = {.count = 0};
            size_t begin, end;
            level_of(s, k, &begin, &end);
            fields_text(&row, "variant", "%s", s->cell.variant);
            fields_text(&row, "method", "%s", method);
            fields_text(&row, "problem", "%s", problem);
            fields_text(&row, "run", "%s", h->run[s->run[k]].name);
            fields_text(&row, "commit", "%s", h->run[s->run[k]].commit);
            fields_text(&row, "started", "%s", h->run[s->run[k]].started);
            fields_text(&row, "exact", "%s", s->against[k]);
            fields_number(&row, "ratio", exp(s->ratio[k]));
            fields_number(&row, "level", exp(level(s, k)));
            fields_number(&row, "step", begin == k && k > 0);
            writer_fields(w, &row);
        }
    }
}
