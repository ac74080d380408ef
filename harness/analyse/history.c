/* SPDX-License-Identifier: MIT */
/* See history.h. */
#include "harness/analyse/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The series of a case, made if there is none yet; with room for a point of every run. */
static struct series *series_of(struct history *h, const struct cell *c)
{
    for (size_t i = 0; i < h->count; i++)
        if (cells_same_case(&h->series[i].cell, c))
            return &h->series[i];
    struct series *grown = realloc(h->series, (h->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    h->series = grown;
    struct series *one = &h->series[h->count++];
    *one = (struct series){.cell = *c};
    one->cell.x = NULL;
    one->cell.begin = NULL;
    one->run = malloc(h->runs * sizeof *one->run);
    one->ratio = malloc(h->runs * sizeof *one->ratio);
    one->against = malloc(h->runs * sizeof *one->against);
    one->step = malloc(h->runs * sizeof *one->step);
    return one->run && one->ratio && one->against && one->step ? one : NULL;
}

static int add_run(struct history *h, size_t index, const struct cells *all,
                   const char *const *names, int nnames)
{
    struct history_run *r = &h->run[index];
    snprintf(r->name, sizeof r->name, "%s", all->run);
    snprintf(r->commit, sizeof r->commit, "%s", all->commit);
    snprintf(r->started, sizeof r->started, "%s", all->started);
    for (size_t i = 0; i < all->count; i++) {
        const struct cell *c = &all->cell[i], *exact = cells_fastest_exact(all, c);
        if (!(c->median > 0) || !exact || !cells_named(c, names, nnames))
            continue;
        struct series *one = series_of(h, c);
        if (!one)
            return -1;
        one->run[one->count] = index;
        one->ratio[one->count] = log(c->median / exact->median);
        snprintf(one->against[one->count++], sizeof *one->against, "%s", exact->variant);
    }
    return 0;
}

int history_load(struct store *s, int64_t run, const char *const *names, int nnames, double least,
                 struct history *out, char msg[CASE_MESSAGE])
{
    int64_t *ids;
    *out = (struct history){0};
    if (store_runs_beside(s, run, &ids, &out->runs, msg))
        return -1;
    int rc = (out->run = calloc(out->runs + 1, sizeof *out->run)) ? 0 : -1;
    snprintf(msg, CASE_MESSAGE, "out of memory");
    for (size_t i = 0; i < out->runs && rc == 0; i++) {
        struct cells all;
        out->run[i].id = ids[i];
        if ((rc = cells_load_summary(s, ids[i], &all, msg)))
            break;
        rc = add_run(out, i, &all, names, nnames);
        cells_free(&all);
    }
    for (size_t i = 0; i < out->count && rc == 0; i++) {
        struct series *one = &out->series[i];
        one->steps = stats_steps(one->ratio, one->count, log1p(least), one->step);
        rc = one->steps < 0 ? -1 : 0;
    }
    free(ids);
    return rc;
}

void history_free(struct history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->series[i].run);
        free(h->series[i].ratio);
        free(h->series[i].against);
        free(h->series[i].step);
    }
    free(h->series);
    free(h->run);
    *h = (struct history){0};
}
