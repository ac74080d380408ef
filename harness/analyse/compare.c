/* SPDX-License-Identifier: MIT */
/* See compare.h. */
#include "harness/analyse/compare.h"
#include "harness/stats/order.h"
#include "harness/stats/tests.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Q_MAX  0.05
#define SPREAD 3 /* floors are this many usual distances between launches */

/* A case on both sides; finding is its place in the list. */
struct match {
    const struct cell *base, *now;
    double noise;
    size_t finding;
};

struct comparing {
    const struct cells *base, *now;
    struct findings *out;
    struct match *match;
    double *apart; /* |ln| of the ratios of launches, of all cases */
    size_t matches, napart, room;
};

static const struct cell *find(const struct cells *all, const struct cell *c)
{
    for (size_t i = 0; i < all->count; i++)
        if (cells_same_case(&all->cell[i], c))
            return &all->cell[i];
    return NULL;
}

/* Appends how far the medians of the launches of one case are apart: |ln| of each pair's ratio. */
static int launches_apart(struct comparing *c, const struct cell *cell)
{
    const size_t n = cell->launches, pairs = n * (n - (n > 0)) / 2;
    if (c->napart + pairs > c->room) {
        c->room = 2 * (c->napart + pairs) + 256;
        double *grown = realloc(c->apart, c->room * sizeof *grown);
        if (!grown)
            return -1;
        c->apart = grown;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double a = stats_median(cell->x + cell->begin[i], cell->begin[i + 1] - cell->begin[i]);
            double b = stats_median(cell->x + cell->begin[j], cell->begin[j + 1] - cell->begin[j]);
            c->apart[c->napart++] = fabs(log(a / b));
        }
    return 0;
}

static double *logarithms(const struct cell *c)
{
    double *x = malloc((c->count + 1) * sizeof *x);
    for (size_t i = 0; x && i < c->count; i++)
        x[i] = log(c->x[i]);
    return x;
}

/* Shift and p of one case; the verdict has to wait until all are known. */
static int measure_shift(struct match *m, struct finding *f, double *p)
{
    double *base = logarithms(m->base), *now = logarithms(m->now);
    struct stats_interval shift = {NAN, NAN, NAN};
    *p = NAN;
    if (base && now) {
        stats_shift(now, m->now->count, base, m->base->count, 0.95, &shift);
        *p = stats_rank_sum(now, m->now->count, base, m->base->count);
        f->cliff = stats_cliff(now, m->now->count, base, m->base->count);
    }
    f->base = m->base->median;
    f->now = m->now->median;
    f->change = shift.at;
    f->lo = shift.lo;
    f->hi = shift.hi;
    bool ok = base && now;
    free(base);
    free(now);
    return ok ? 0 : -1;
}

/* Judges the logarithms, then turns them into relative changes. */
static void judge_time(struct finding *f, double least)
{
    const double bound = log1p(f->floor);
    const bool beyond = fabs(f->change) > bound, clear = f->lo > 0 || f->hi < 0;
    f->verdict = beyond && clear && f->q < Q_MAX  ? f->change > 0 ? VERDICT_WORSE : VERDICT_BETTER
                 : fabs(f->change) > log1p(least) ? VERDICT_HIDDEN
                                                  : VERDICT_SAME;
    f->change = expm1(f->change);
    f->lo = expm1(f->lo);
    f->hi = expm1(f->hi);
}

static int compare_times(struct comparing *c, const struct compare_options *options)
{
    double *p = malloc((c->matches + 1) * sizeof *p);
    if (!p)
        return -1;
    for (size_t i = 0; i < c->matches; i++) {
        struct match *m = &c->match[i];
        struct finding *f = findings_add(c->out, m->now, "time", VERDICT_SAME);
        size_t before = c->napart;
        if (!f || measure_shift(m, f, &p[i]) || launches_apart(c, m->base) ||
            launches_apart(c, m->now)) {
            free(p);
            return -1;
        }
        m->noise = stats_median(c->apart + before, c->napart - before);
        m->finding = c->out->count - 1;
    }
    const double usual = stats_median(c->apart, c->napart);
    int rc = stats_adjust(p, c->matches, p);
    for (size_t i = 0; i < c->matches && rc == 0; i++) {
        struct finding *f = &c->out->at[c->match[i].finding];
        f->q = p[i];
        /* fmax passes over the NaN of cases measured in one launch, or without roofs. */
        const double noise = SPREAD * fmax(usual, c->match[i].noise);
        const double drift = fabs(log(c->match[i].now->fma / c->match[i].base->fma));
        f->floor = fmax(options->floor, expm1(fmax(noise, drift)));
        judge_time(f, options->floor);
    }
    free(p);
    return rc;
}

/* Another machine: the ratio to exact attention may be looked at, but says nothing of the build. */
static int note_ratios(struct comparing *c)
{
    for (size_t i = 0; i < c->matches; i++) {
        const struct match *m = &c->match[i];
        const struct cell *then = cells_fastest_exact(c->base, m->base),
                          *now = cells_fastest_exact(c->now, m->now);
        if (!then || !now)
            continue;
        struct finding *f = findings_add(c->out, m->now, "time / exact", VERDICT_NOTED);
        if (!f)
            return -1;
        f->base = m->base->median / then->median;
        f->now = m->now->median / now->median;
        f->change = f->now / f->base - 1;
        snprintf(f->note, sizeof f->note, "another machine: not judged");
    }
    return 0;
}

static int match_cases(struct comparing *c, const struct compare_options *options)
{
    bool both;
    for (size_t i = 0; i < c->base->count; i++) {
        const struct cell *base = &c->base->cell[i], *now = find(c->now, base);
        if (findings_status(c->out, base, now, options->lenient, &both))
            return -1;
        if (!now || !both)
            continue;
        if (findings_gate(c->out, base, now))
            return -1;
        c->match[c->matches++] = (struct match){.base = base, .now = now};
    }
    for (size_t i = 0; i < c->now->count; i++)
        if (!find(c->base, &c->now->cell[i]) &&
            findings_status(c->out, NULL, &c->now->cell[i], options->lenient, &both))
            return -1;
    return 0;
}

int compare_runs(const struct cells *base, const struct cells *now,
                 const struct compare_options *options, struct findings *out,
                 char msg[CASE_MESSAGE])
{
    struct comparing c = {.base = base, .now = now, .out = out};
    *out = (struct findings){0};
    c.match = malloc((base->count + 1) * sizeof *c.match);
    int rc = c.match ? match_cases(&c, options) : -1;
    if (rc == 0)
        rc =
            strcmp(base->machine, now->machine) == 0 ? compare_times(&c, options) : note_ratios(&c);
    if (rc)
        snprintf(msg, CASE_MESSAGE, "out of memory");
    free(c.match);
    free(c.apart);
    return rc;
}
