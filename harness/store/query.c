/* SPDX-License-Identifier: MIT */
/* Reading: runs, the summary view, samples. */
#include "harness/store/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_run_resolve(struct store *s, const char *text, int64_t *run, char msg[CASE_MESSAGE])
{
    bool last = !text || strcmp(text, "last") == 0;
    sqlite3_stmt *q =
        store_prepare(s,
                      last ? "SELECT max(id) FROM run"
                           : "SELECT id FROM run WHERE name = ?1 OR CAST(id AS TEXT) = ?1"
                             " UNION ALL SELECT run FROM tag WHERE name = ?1",
                      msg);
    if (!q)
        return -1;
    if (!last)
        sqlite3_bind_text(q, 1, text, -1, SQLITE_TRANSIENT);
    bool found = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    if (found)
        *run = sqlite3_column_int64(q, 0);
    else if (last)
        snprintf(msg, CASE_MESSAGE, "%.300s: no runs yet", s->path);
    else
        snprintf(msg, CASE_MESSAGE, "%.300s: no run '%.80s'; see `attnbench list runs`", s->path,
                 text);
    sqlite3_finalize(q);
    return found ? 0 : -1;
}

/* Hands every row of a statement to fn, from column `skip` on. */
static int each_row(struct store *s, sqlite3_stmt *q, int skip, store_row_fn *fn, void *arg,
                    char msg[CASE_MESSAGE])
{
    enum { COLUMNS = 96 };
    const char *names[COLUMNS], *values[COLUMNS];
    int rc = 0, step;
    const int n = sqlite3_column_count(q) - skip;
    while (rc == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        for (int i = 0; i < n && i < COLUMNS; i++) {
            names[i] = sqlite3_column_name(q, skip + i);
            values[i] = (const char *)sqlite3_column_text(q, skip + i);
        }
        rc = fn(arg, n, names, values);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = store_fail(s, msg);
    sqlite3_finalize(q);
    return rc;
}

/* The same for a statement about one run. */
static int each_row_of(struct store *s, const char *sql, int64_t run, int skip, store_row_fn *fn,
                       void *arg, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s, sql, msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    return each_row(s, q, skip, fn, arg, msg);
}

int store_summary(struct store *s, int64_t run, store_row_fn *fn, void *arg, char msg[CASE_MESSAGE])
{
    /* run_id and case_id lead the view for its users' joins; they are no export columns. */
    return each_row_of(s, "SELECT * FROM summary WHERE run_id = ?", run, 2, fn, arg, msg);
}

int store_cases(struct store *s, int64_t run, store_row_fn *fn, void *arg, char msg[CASE_MESSAGE])
{
    return each_row_of(s, "SELECT * FROM summary WHERE run_id = ?", run, 0, fn, arg, msg);
}

int store_describe_run(struct store *s, int64_t run, store_row_fn *fn, void *arg,
                       char msg[CASE_MESSAGE])
{
    return each_row_of(s,
                       "SELECT r.*, m.summary AS machine_summary FROM run r"
                       " LEFT JOIN machine m ON m.id = r.machine WHERE r.id = ?",
                       run, 0, fn, arg, msg);
}

int store_samples(struct store *s, int64_t run, store_sample_fn *fn, void *arg,
                  char msg[CASE_MESSAGE])
{
    int rc = 0, step = SQLITE_DONE;
    sqlite3_stmt *q = store_prepare(
        s,
        "SELECT c.id, r.number, s.seconds FROM \"case\" c JOIN round r ON r.case_id = c.id"
        " JOIN sample s ON s.round = r.id WHERE c.run = ? AND r.status = 'ok'"
        " ORDER BY c.id, r.number, s.i",
        msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    while (rc == 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
        rc = fn(arg, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                sqlite3_column_double(q, 2));
    if (rc == 0 && step != SQLITE_DONE)
        rc = store_fail(s, msg);
    sqlite3_finalize(q);
    return rc;
}

int store_roofs(struct store *s, int64_t run, int threads, struct roofs *out,
                char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q =
        store_prepare(s, "SELECT name, value FROM roof WHERE run = ? AND threads = ?", msg);
    if (!q)
        return -1;
    out->threads = threads;
    for (int i = 0; i < ROOFS; i++)
        out->at[i] = NAN;
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int(q, 2, threads);
    while (sqlite3_step(q) == SQLITE_ROW)
        for (int i = 0; i < ROOFS; i++)
            if (strcmp(roof_list[i].name, (const char *)sqlite3_column_text(q, 0)) == 0)
                out->at[i] = sqlite3_column_double(q, 1);
    sqlite3_finalize(q);
    return 0;
}

int store_caches(struct store *s, int64_t run, double *l2, double *llc, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s,
                                    "SELECT max(value) FILTER (WHERE name = 'l2_size'),"
                                    " max(value) FILTER (WHERE name = 'llc_size')"
                                    " FROM roof WHERE run = ?",
                                    msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    const bool row = sqlite3_step(q) == SQLITE_ROW;
    double *const out[] = {l2, llc};
    for (int i = 0; i < 2; i++)
        *out[i] =
            row && sqlite3_column_type(q, i) != SQLITE_NULL ? sqlite3_column_double(q, i) : NAN;
    sqlite3_finalize(q);
    return 0;
}

int store_runs_beside(struct store *s, int64_t run, int64_t **ids, size_t *count,
                      char msg[CASE_MESSAGE])
{
    int step;
    sqlite3_stmt *q = store_prepare(s,
                                    "SELECT id FROM run WHERE machine ="
                                    " (SELECT machine FROM run WHERE id = ?) ORDER BY started, id",
                                    msg);
    *ids = NULL;
    *count = 0;
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t *grown = realloc(*ids, (*count + 1) * sizeof *grown);
        if (!grown)
            break;
        *ids = grown;
        grown[(*count)++] = sqlite3_column_int64(q, 0);
    }
    if (step != SQLITE_DONE) {
        store_fail(s, msg);
        free(*ids);
    }
    sqlite3_finalize(q);
    return step == SQLITE_DONE ? 0 : -1;
}

int store_list_runs(struct store *s, store_row_fn *fn, void *arg, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(
        s,
        "SELECT r.id, r.name, r.started, CASE WHEN r.finished IS NULL THEN 'unfinished' ELSE "
        "'complete'"
        " END AS state, (SELECT count(*) FROM \"case\" c WHERE c.run = r.id) AS cases,"
        " (SELECT group_concat(t.name, ' ') FROM tag t WHERE t.run = r.id) AS tags,"
        " m.summary AS machine FROM run r LEFT JOIN machine m ON m.id = r.machine ORDER BY r.id",
        msg);
    return q ? each_row(s, q, 0, fn, arg, msg) : -1;
}
