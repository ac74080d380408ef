/* SPDX-License-Identifier: MIT */
/* See crossover.h. */
#include "harness/analyse/crossover.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The fastest exact curve of the group with a point at this length; *at is the point. */
static const struct curve *fastest(const struct curves *all, size_t group, int64_t n_k, int *at)
{
    const struct curve *best = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct curve *c = &all->curve[i];
        const int point = c->group == group && curve_is_exact(c) ? curve_at(c, n_k) : -1;
        if (point >= 0 && (!best || c->time[point] < best->time[*at])) {
            best = c;
            *at = point;
        }
    }
    return best;
}

/* The least of replicate b over the exact curves: which is the fastest is in doubt, too. */
static double fastest_replicate(const struct curves *all, size_t group, int64_t n_k, size_t b)
{
    double least = INFINITY;
    for (size_t i = 0; i < all->count; i++) {
        const struct curve *c = &all->curve[i];
        const int point = c->group == group && curve_is_exact(c) ? curve_at(c, n_k) : -1;
        if (point >= 0)
            least = fmin(least, c->replicate[point][b]);
    }
    return least;
}

static void name_opponent(struct crossover *x, const struct curve *exact)
{
    const char *name = exact->cell[0]->variant;
    const size_t used = strlen(x->against), length = strlen(name);
    if (used < length || strcmp(x->against + used - length, name) != 0)
        snprintf(x->against + used, sizeof x->against - used, "%s%s", used ? " " : "", name);
}

int crossover_find(const struct curves *all, const struct curve *c, double gate,
                   struct crossover *out)
{
    double x[STATS_POINTS], d[STATS_POINTS], from, until, replicates[STATS_REPLICATES];
    bool ok[STATS_POINTS];
    size_t point[STATS_POINTS], count = 0;
    *out = (struct crossover){.curve = c, .gate = gate, .n = NAN, .lo = NAN, .hi = NAN};
    if (curve_is_exact(c) || strcmp(c->cell[0]->family, "baseline") == 0)
        return 1;
    for (size_t i = 0; i < c->count; i++) {
        int at = 0;
        const struct cell *cell = c->cell[i];
        const struct curve *exact = fastest(all, c->group, cell->n_k, &at);
        if (!exact || (isfinite(gate) && isnan(cell->error)))
            continue;
        name_opponent(out, exact);
        point[count] = i;
        x[count] = log((double)cell->n_k);
        d[count] = c->time[i] - exact->time[at];
        ok[count++] = !isfinite(gate) || cell->error <= gate;
    }
    if (count < 2)
        return 1;
    out->n_min = c->cell[point[0]]->n_k;
    out->n_max = c->cell[point[count - 1]]->n_k;
    out->answer = stats_crossing(x, d, ok, count, &from, &until);
    const bool ends = out->answer == CROSSING_UNTIL;
    if (out->answer == CROSSING_SEVERAL)
        return 0;
    if (ends || out->answer == CROSSING_FROM)
        out->n = exp(ends ? until : from);
    for (size_t b = 0; b < STATS_REPLICATES; b++) {
        for (size_t i = 0; i < count; i++)
            d[i] = c->replicate[point[i]][b] -
                   fastest_replicate(all, c->group, c->cell[point[i]]->n_k, b);
        stats_crossing(x, d, ok, count, &from, &until);
        replicates[b] = ends ? until : from;
    }
    stats_percentile_interval(replicates, STATS_REPLICATES, 0.95, &out->lo, &out->hi);
    out->lo = exp(out->lo);
    out->hi = exp(out->hi);
    return 0;
}

void crossover_text(const struct crossover *x, char *out, size_t size)
{
    switch (x->answer) {
    case CROSSING_ALWAYS:
        snprintf(out, size, "< %lld", (long long)x->n_min);
        break;
    case CROSSING_NEVER:
        snprintf(out, size, "> %lld", (long long)x->n_max);
        break;
    case CROSSING_FROM:
        snprintf(out, size, "%.0f", x->n);
        break;
    case CROSSING_UNTIL:
        snprintf(out, size, "until %.0f", x->n);
        break;
    default:
        snprintf(out, size, "multiple");
    }
}
