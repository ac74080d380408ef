/* SPDX-License-Identifier: MIT */
/* See best.h. */
#include "harness/analyse/best.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double best_memory(const struct cell *c)
{
    return fmax(c->tracked, c->peak);
}

const char *best_place_name(enum best_place p)
{
    static const char *const names[] = {"best", "tie", "slower", "out"};
    return names[p];
}

static bool matches(const struct cell *c, const struct best_limits *l)
{
    const size_t name = strcspn(c->workload, ":");
    return c->n_k == l->n && c->n_q == c->n_k && (!l->causal || c->causal) &&
           (l->threads == 0 || c->threads == l->threads) &&
           (!l->workload || strcmp(c->workload, l->workload) == 0 ||
            (strlen(l->workload) == name && strncmp(c->workload, l->workload, name) == 0));
}

/* Decides whether a case takes part, and says why not, or what to know. */
static bool within(const struct cell *c, const struct best_limits *l, char remark[CASE_MESSAGE])
{
    const bool replaces = strcmp(c->kind, "replaces") == 0;
    *remark = '\0';
    if (strcmp(c->status, "ok") != 0) {
        snprintf(remark, CASE_MESSAGE, "%s: %.400s", c->status, c->reason);
    } else if (strcmp(c->family, "baseline") == 0) {
        snprintf(remark, CASE_MESSAGE, "a floor, no attention");
    } else if (replaces && !l->replacements) {
        snprintf(remark, CASE_MESSAGE, "replaces softmax: another function (--replacements)");
    } else if (!replaces && !(c->error <= l->error)) {
        snprintf(remark, CASE_MESSAGE, "error %.3g%s", c->error,
                 c->skill <= 0 ? ": no better than a constant" : "");
    } else if (isfinite(l->memory) && !(best_memory(c) <= l->memory)) {
        snprintf(remark, CASE_MESSAGE, "memory %.2f MiB", best_memory(c) / 0x1p20);
    } else {
        if (replaces)
            snprintf(remark, CASE_MESSAGE, "replaces softmax: error does not apply");
        else if (c->skill <= 0)
            snprintf(remark, CASE_MESSAGE, "no better than a constant");
        else if (c->error_hi > l->error)
            snprintf(remark, CASE_MESSAGE, "the interval of its error reaches %.3g", c->error_hi);
        return true;
    }
    return false;
}

static int by_place(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if ((x->place == BEST_OUT) != (y->place == BEST_OUT))
        return x->place == BEST_OUT ? 1 : -1;
    const double s = isnan(x->cell->median) ? INFINITY : x->cell->median,
                 t = isnan(y->cell->median) ? INFINITY : y->cell->median;
    if (s != t)
        return s > t ? 1 : -1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

static void rank(struct contest *c)
{
    qsort(c->at, c->count, sizeof *c->at, by_place);
    for (size_t i = 0; i < c->within; i++) {
        const struct cell *first = c->at[0].cell, *o = c->at[i].cell;
        c->at[i].place = i == 0 ? BEST_FIRST
                         /* An absent interval excludes nothing. */
                         : !(o->lo > first->hi) ? BEST_TIE
                                                : BEST_SLOWER;
    }
}

int best_find(const struct cells *cells, const struct best_limits *limits, struct contest **out)
{
    int contests = 0;
    struct contest *all = calloc(cells->count + 1, sizeof *all);
    *out = all;
    for (size_t i = 0; all && i < cells->count; i++) {
        const struct cell *cell = &cells->cell[i];
        int k = 0;
        if (!matches(cell, limits))
            continue;
        while (k < contests && !cells_same_problem(all[k].at[0].cell, cell))
            k++;
        struct contest *c = &all[k];
        struct candidate *grown = realloc(c->at, (c->count + 1) * sizeof *grown);
        if (!grown)
            goto fail;
        contests += k == contests;
        c->at = grown;
        struct candidate *o = &c->at[c->count++];
        o->cell = cell;
        const bool in = within(cell, limits, o->remark);
        o->place = in ? BEST_SLOWER : BEST_OUT;
        c->within += in;
        c->measured += strcmp(cell->status, "ok") == 0;
    }
    for (int k = 0; k < contests; k++)
        rank(&all[k]);
    if (all)
        return contests;
fail:
    for (int k = 0; k < contests; k++)
        contest_free(&all[k]);
    free(all);
    *out = NULL;
    return -1;
}

void contest_free(struct contest *c)
{
    free(c->at);
    *c = (struct contest){0};
}
