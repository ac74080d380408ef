/* SPDX-License-Identifier: MIT */
/* What the samples of several launches say together: interval of the median, outliers. */
#include "harness/stats/order.h"
#include "harness/stats/resample.h"
#include "harness/store/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAUNCHES_MAX = 64 };

/* Any fixed number: the same samples give the same interval. */
#define SEED 20261124

/* The samples of one case, launch after launch. */
struct gathered {
    struct store *store;
    int64_t case_id, round;
    double *x, *replicates;
    size_t begin[LAUNCHES_MAX + 1], launches, capacity;
    sqlite3_stmt *insert;
    char *msg;
};

static int put(struct gathered *g)
{
    double lo = NAN, hi = NAN;
    size_t mild = 0, severe = 0;
    const struct stats_groups groups = {g->x, g->begin, g->launches};
    for (size_t i = 0; i < g->launches; i++) {
        size_t m, s;
        /* Each launch has a level of its own: its outliers are those from itself. */
        stats_tukey(g->x + g->begin[i], g->begin[i + 1] - g->begin[i], &m, &s);
        mild += m;
        severe += s;
    }
    /* One launch says nothing about launches: the view then has the interval of its samples. */
    if (g->launches > 1 &&
        (stats_bootstrap_medians(&groups, SEED, (uint64_t)g->case_id, g->replicates) ||
         stats_percentile_interval(g->replicates, STATS_REPLICATES, 0.95, &lo, &hi))) {
        snprintf(g->msg, CASE_MESSAGE, "out of memory for an interval");
        return -1;
    }
    sqlite3_bind_int64(g->insert, 1, g->case_id);
    bind_figure(g->insert, 2, lo);
    bind_figure(g->insert, 3, hi);
    sqlite3_bind_int64(g->insert, 4, (int64_t)mild);
    sqlite3_bind_int64(g->insert, 5, (int64_t)severe);
    bool done = sqlite3_step(g->insert) == SQLITE_DONE;
    sqlite3_reset(g->insert);
    return done ? 0 : store_fail(g->store, g->msg);
}

static int take(void *arg, int64_t case_id, int64_t round, double seconds)
{
    struct gathered *g = arg;
    if (g->launches && case_id != g->case_id) {
        if (put(g))
            return -1;
        g->launches = 0;
    }
    if (g->launches == 0 || round != g->round) {
        if (g->launches == LAUNCHES_MAX)
            return 0;
        if (g->launches == 0)
            g->begin[0] = 0;
        g->launches++;
        g->begin[g->launches] = g->begin[g->launches - 1];
        g->case_id = case_id;
        g->round = round;
    }
    size_t *end = &g->begin[g->launches];
    if (*end == g->capacity) {
        g->capacity = g->capacity ? 2 * g->capacity : 1024;
        double *grown = realloc(g->x, g->capacity * sizeof *grown);
        if (!grown) {
            snprintf(g->msg, CASE_MESSAGE, "out of memory for %zu samples", g->capacity);
            return -1;
        }
        g->x = grown;
    }
    g->x[(*end)++] = seconds;
    return 0;
}

int store_spread(struct store *s, int64_t run, char msg[CASE_MESSAGE])
{
    struct gathered g = {.store = s, .msg = msg};
    int rc = -1;
    g.replicates = malloc(STATS_REPLICATES * sizeof *g.replicates);
    g.insert = store_prepare(s, "INSERT OR REPLACE INTO spread VALUES(?,?,?,?,?)", msg);
    if (!g.replicates)
        snprintf(msg, CASE_MESSAGE, "out of memory for an interval");
    else if (g.insert && store_exec(s, "BEGIN IMMEDIATE", msg) == 0) {
        rc = store_samples(s, run, take, &g, msg);
        if (rc == 0 && g.launches)
            rc = put(&g);
        if (rc == 0)
            rc = store_exec(s, "COMMIT", msg);
        if (rc)
            sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_finalize(g.insert);
    free(g.replicates);
    free(g.x);
    return rc;
}
