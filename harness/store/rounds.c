/* SPDX-License-Identifier: MIT */
/* Rounds with their samples and metrics: one transaction each. See store.h. */
#include "harness/store/schema.h"

int store_rounds_done(struct store *s, int64_t case_id, uint64_t *done, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s, "SELECT number FROM round WHERE case_id = ?", msg);
    if (!q)
        return -1;
    *done = 0;
    sqlite3_bind_int64(q, 1, case_id);
    while (sqlite3_step(q) == SQLITE_ROW)
        *done |= UINT64_C(1) << sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return 0;
}

static int put_round(struct store *s, int64_t case_id, int round, const struct outcome *o,
                     char msg[CASE_MESSAGE])
{
    /* Worst last: the status of a case is that of its worst round. */
    static const int severity[CASE_STATUSES] = {
        [CASE_OK] = 0,      [CASE_UNSUPPORTED] = 1, [CASE_SKIPPED] = 2, [CASE_OOM] = 3,
        [CASE_TIMEOUT] = 4, [CASE_CRASHED] = 5,     [CASE_FAILED] = 6,  [CASE_WRONG] = 7};
    const bool ok = o->status == CASE_OK;
    sqlite3_stmt *q = store_prepare(
        s,
        "INSERT INTO round(case_id, number, status, severity, reason, flags, inner, prepare_s,"
        " cold_s, workspace_bytes, tracked_bytes, peak_rss_bytes, lib_bytes, busy_s, isa,"
        " blas_core, huge_pages, worker, mxcsr, numa_nodes, reruns, finished)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,strftime('%Y-%m-%dT%H:%M:%fZ'))",
        msg);
    sqlite3_bind_int64(q, 1, case_id);
    sqlite3_bind_int(q, 2, round);
    bind_text(q, 3, case_status_name(o->status));
    sqlite3_bind_int(q, 4, severity[o->status]);
    bind_text(q, 5, o->reason);
    sqlite3_bind_int(q, 6, (int)o->flags);
    const double figures[] = {o->prepare_s,      o->cold_s,    o->workspace_bytes, o->tracked_bytes,
                              o->peak_rss_bytes, o->lib_bytes, o->busy_s};
    if (ok)
        sqlite3_bind_int(q, 7, o->inner);
    for (int i = 0; i < 7 && ok; i++)
        bind_figure(q, 8 + i, figures[i]);
    bind_text(q, 15, o->isa);
    bind_text(q, 16, o->blas_core);
    bind_text(q, 17, o->huge_pages);
    bind_text(q, 18, o->worker);
    sqlite3_bind_int64(q, 19, o->mxcsr);
    sqlite3_bind_int(q, 20, o->numa_nodes);
    return store_run(s, q, msg);
}

static int put_samples(struct store *s, int64_t round, const struct outcome *o,
                       char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s, "INSERT INTO sample VALUES(?,?,?)", msg);
    for (int i = 0; q && i < o->nsamples; i++) {
        sqlite3_bind_int64(q, 1, round);
        sqlite3_bind_int(q, 2, i);
        sqlite3_bind_double(q, 3, o->samples[i]);
        if (sqlite3_step(q) != SQLITE_DONE) {
            store_fail(s, msg);
            sqlite3_finalize(q);
            return -1;
        }
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
    return q ? 0 : -1;
}

static int put_metrics(struct store *s, int64_t round, const struct metrics *m,
                       char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q =
        store_prepare(s, "INSERT INTO metric VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", msg);
    const double figures[] = {m->rel_l2,         m->rel_l2_p95,    m->rel_l2_worst_head,
                              m->max_abs,        m->cosine,        m->skill,
                              m->floor_rel_l2,   m->floor_max_abs, m->mean_v_rel_l2,
                              m->capture_rel_l2, m->ci_lo,         m->ci_hi};
    sqlite3_bind_int64(q, 1, round);
    for (int i = 0; i < 12; i++)
        bind_figure(q, 2 + i, figures[i]);
    sqlite3_bind_int64(q, 14, m->rows);
    return store_run(s, q, msg);
}

int store_round_put(struct store *s, int64_t case_id, int round, const struct outcome *o,
                    const struct metrics *m, char msg[CASE_MESSAGE])
{
    if (store_exec(s, "BEGIN IMMEDIATE", msg))
        return -1;
    bool ok = put_round(s, case_id, round, o, msg) == 0;
    int64_t id = sqlite3_last_insert_rowid(s->db);
    if (ok && o->status == CASE_OK)
        ok = put_samples(s, id, o, msg) == 0 && (!m || put_metrics(s, id, m, msg) == 0);
    if (ok && store_exec(s, "COMMIT", msg) == 0)
        return 0;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int store_round_drift(struct store *s, int64_t case_id, int round, double drift, int reruns,
                      bool unstable, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s,
                                    "UPDATE round SET drift = ?, reruns = ?, flags = flags | ?"
                                    " WHERE case_id = ? AND number = ?",
                                    msg);
    if (!q)
        return -1;
    bind_figure(q, 1, drift);
    sqlite3_bind_int(q, 2, reruns);
    sqlite3_bind_int(q, 3, unstable ? CASE_DRIFTED : 0);
    sqlite3_bind_int64(q, 4, case_id);
    sqlite3_bind_int(q, 5, round);
    return store_run(s, q, msg);
}

int store_round_drop(struct store *s, int64_t case_id, int round, char msg[CASE_MESSAGE])
{
    /* What hangs on the round first. */
    static const char *const drops[] = {
        "DELETE FROM sample WHERE round IN (SELECT id FROM round WHERE case_id = ? AND number = ?)",
        "DELETE FROM metric WHERE round IN (SELECT id FROM round WHERE case_id = ? AND number = ?)",
        "DELETE FROM round WHERE case_id = ? AND number = ?"};
    int rc = store_exec(s, "BEGIN IMMEDIATE", msg);
    for (size_t i = 0; rc == 0 && i < sizeof drops / sizeof *drops; i++) {
        sqlite3_stmt *q = store_prepare(s, drops[i], msg);
        if (q) {
            sqlite3_bind_int64(q, 1, case_id);
            sqlite3_bind_int(q, 2, round);
        }
        rc = store_run(s, q, msg);
    }
    if (rc == 0 && store_exec(s, "COMMIT", msg) == 0)
        return 0;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}
