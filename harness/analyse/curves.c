/* SPDX-License-Identifier: MIT */
/* See curves.h. */
#include "harness/analyse/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 20261124 /* of all bootstraps, so that two readings of a run agree */

static uint64_t hash(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The stream of a case depends on what it is and not on where it is stored. */
static uint64_t stream_of(const struct cell *c)
{
    char problem[CASE_TEXT + 96];
    cells_problem(c, problem, sizeof problem);
    return hash(hash(hash(UINT64_C(0xcbf29ce484222325), c->variant), c->params), problem);
}

static bool same_group(const struct cell *a, const struct cell *b)
{
    const bool self = a->n_q == a->n_k;
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           a->heads_q == b->heads_q && a->heads_kv == b->heads_kv && a->d == b->d &&
           a->d_v == b->d_v && a->causal == b->causal && a->threads == b->threads &&
           self == (b->n_q == b->n_k) && (self || a->n_q == b->n_q);
}

static bool same_method(const struct cell *a, const struct cell *b)
{
    return strcmp(a->variant, b->variant) == 0 && strcmp(a->params, b->params) == 0;
}

/* Inserts a case by its length. */
static int insert(struct curve *c, const struct cell *cell)
{
    double *x = malloc(cell->count * sizeof *x),
           *replicate = malloc(STATS_REPLICATES * sizeof *replicate);
    for (size_t i = 0; x && i < cell->count; i++)
        x[i] = log(cell->x[i]);
    const struct stats_groups g = {x, cell->begin, cell->launches};
    if (!x || !replicate || stats_bootstrap_medians(&g, SEED, stream_of(cell), replicate)) {
        free(x);
        free(replicate);
        return -1;
    }
    size_t at = c->count++;
    for (; at > 0 && c->cell[at - 1]->n_k > cell->n_k; at--) {
        c->cell[at] = c->cell[at - 1];
        c->time[at] = c->time[at - 1];
        c->replicate[at] = c->replicate[at - 1];
    }
    c->cell[at] = cell;
    c->time[at] = stats_median_of(x, cell->count);
    c->replicate[at] = replicate;
    free(x);
    return 0;
}

int curves_make(const struct cells *cells, struct curves *out, char msg[CASE_MESSAGE])
{
    *out = (struct curves){.curve = calloc(cells->count + 1, sizeof *out->curve)};
    bool fine = out->curve;
    for (size_t i = 0; fine && i < cells->count; i++) {
        const struct cell *cell = &cells->cell[i];
        if (strcmp(cell->status, "ok") != 0 || cell->count == 0)
            continue;
        size_t at = 0, group = out->groups;
        for (; at < out->count; at++) {
            const struct curve *c = &out->curve[at];
            if (!same_group(c->cell[0], cell))
                continue;
            group = c->group;
            if (same_method(c->cell[0], cell))
                break;
        }
        struct curve *c = &out->curve[at];
        if (at == out->count) {
            out->count++;
            out->groups += group == out->groups;
            c->group = group;
        }
        if (c->count < STATS_POINTS && curve_at(c, cell->n_k) < 0)
            fine = insert(c, cell) == 0;
    }
    if (fine)
        return 0;
    curves_free(out);
    snprintf(msg, CASE_MESSAGE, "out of memory");
    return -1;
}

void curves_free(struct curves *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->curve[i].count; j++)
            free(c->curve[i].replicate[j]);
    free(c->curve);
    *c = (struct curves){0};
}

int curve_at(const struct curve *c, int64_t n_k)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->cell[i]->n_k == n_k)
            return (int)i;
    return -1;
}

bool curve_is_exact(const struct curve *c)
{
    return strcmp(c->cell[0]->kind, "exact") == 0;
}
