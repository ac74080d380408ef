/* SPDX-License-Identifier: MIT */
/* See scaling.h. */
#include "harness/analyse/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONSTANT_SHARE 0.2
#define PAGE           4096.0

const char *scaling_verdict_name(enum scaling_verdict v)
{
    static const char *const names[SCALING_VERDICTS] = {
        "ok", "above declared", "below declared", "undecided", "few points", "not declared"};
    return names[v];
}

double scaling_growth(const char *declared, double n)
{
    const char *s = declared;
    double value = 1;
    if (strcmp(s, "1") == 0)
        return 1;
    if (*s == 'n') {
        double power = 1;
        s++;
        if (*s == '^') {
            char *end;
            power = strtod(++s, &end);
            if (end == s)
                return NAN;
            s = end;
        }
        value = pow(n, power);
        if (*s == '\0')
            return value;
        if (*s++ != ' ')
            return NAN;
    }
    return strcmp(s, "log n") == 0 ? value * log(n) : NAN;
}

/* Exponent over the lengths from begin on, of what was measured and of what was declared. */
static struct exponent slope(const struct scaling *s, size_t begin)
{
    const struct curve *c = s->curve;
    const size_t count = c->count - begin;
    struct exponent e = {NAN, NAN, NAN, NAN};
    double x[STATS_POINTS], y[STATS_POINTS], declared[STATS_POINTS], replicates[STATS_REPLICATES];
    if (count < 3)
        return e;
    for (size_t i = 0; i < count; i++) {
        const double n = (double)c->cell[begin + i]->n_k;
        x[i] = log(n);
        y[i] = log(s->value[begin + i]);
        declared[i] = log(scaling_growth(s->declared, n));
    }
    e.at = e.lo = e.hi = stats_theil_sen(x, y, count);
    if (c->cell[0]->n_q == c->cell[0]->n_k)
        e.declared = stats_theil_sen(x, declared, count);
    if (s->quantity != SCALING_TIME)
        return e;
    for (size_t b = 0; b < STATS_REPLICATES; b++) {
        for (size_t i = 0; i < count; i++)
            y[i] = c->replicate[begin + i][b];
        replicates[b] = stats_theil_sen(x, y, count);
    }
    stats_percentile_interval(replicates, STATS_REPLICATES, 0.95, &e.lo, &e.hi);
    return e;
}

static enum scaling_verdict judge(const struct scaling *s)
{
    const struct exponent *all = &s->all, *last = isnan(s->last.at) ? &s->all : &s->last;
    if (s->curve->count - s->begin < SCALING_POINTS)
        return SCALING_FEW;
    if (isnan(all->declared))
        return SCALING_UNDECLARED;
    const double margin = SCALING_MARGIN;
    if (all->lo > all->declared + margin && last->lo > last->declared + margin)
        return SCALING_ABOVE;
    if (all->hi < all->declared - margin && last->hi < last->declared - margin)
        return SCALING_BELOW;
    if (last->lo >= last->declared - margin && last->hi <= last->declared + margin)
        return SCALING_OK;
    return SCALING_UNDECIDED;
}

void scaling_fit(const struct curve *c, enum scaling_quantity quantity, struct scaling *out)
{
    const bool time = quantity == SCALING_TIME;
    double n[STATS_POINTS];
    *out = (struct scaling){
        .curve = c,
        .quantity = quantity,
        .declared = time ? c->cell[0]->time_class : c->cell[0]->memory_class,
    };
    for (size_t i = 0; i < c->count; i++) {
        n[i] = (double)c->cell[i]->n_k;
        out->value[i] = time ? exp(c->time[i]) : fmax(c->cell[i]->tracked, PAGE);
        out->tail += n[i] * 4 < (double)c->cell[c->count - 1]->n_k;
    }
    for (size_t i = 0; i + 1 < c->count; i++)
        out->local[i] = log(out->value[i + 1] / out->value[i]) / log(n[i + 1] / n[i]);
    /* Four terms go through any four points. */
    if (c->count >= SCALING_POINTS)
        stats_growth_terms(n, out->value, c->count, out->terms, &out->misfit);
    else
        out->misfit = out->terms[0] = out->terms[1] = out->terms[2] = out->terms[3] = NAN;
    /* What is constant by declaration is no overhead. */
    while (strcmp(out->declared, "1") != 0 && out->begin < c->count &&
           out->terms[0] > CONSTANT_SHARE * out->value[out->begin])
        out->begin++;
    if (out->begin == c->count)
        out->begin = 0; /* a constant and nothing else */
    if (out->tail < out->begin)
        out->tail = out->begin;
    out->all = slope(out, out->begin);
    out->last = slope(out, out->tail);
    out->verdict = judge(out);
}
