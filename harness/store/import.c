/* SPDX-License-Identifier: MIT */
/* Copies runs of another database in: all of them or none, under new ids. */
#include "harness/store/schema.h"

#include <stdio.h>
#include <string.h>

/* New ids are old ids plus the largest id here, so that references stay right. */
static const char copy[] =
    "CREATE TEMP TABLE base AS SELECT coalesce((SELECT max(id) FROM main.run), 0) AS run,"
    " coalesce((SELECT max(id) FROM main.inputs), 0) AS inputs,"
    " coalesce((SELECT max(id) FROM main.\"case\"), 0) AS cases,"
    " coalesce((SELECT max(id) FROM main.round), 0) AS rounds;"
    "CREATE TEMP TABLE fresh AS SELECT id FROM other.run WHERE name NOT IN (SELECT name FROM "
    "main.run);"
    "INSERT OR IGNORE INTO main.machine SELECT * FROM other.machine;"
    "INSERT INTO main.run SELECT r.id + b.run, name, started, finished, command, plan_hash, "
    "version,"
    " commit_id, compiler, flags, machine, covariates, r.rounds, covariates_after, launches, "
    "overhead_s, inputs_s, calibration_s FROM"
    " other.run r, base b"
    " WHERE r.id IN fresh;"
    "INSERT INTO main.roof SELECT r.run + b.run, threads, name, value FROM other.roof r, base b"
    " WHERE r.run IN fresh;"
    "INSERT INTO main.calibration SELECT NULL, k.run + b.run, taken, threads, fp32, exp, l2_triad,"
    " llc_triad FROM other.calibration k, base b WHERE k.run IN fresh;"
    "INSERT INTO main.inputs SELECT i.id + b.inputs, i.run + b.run, workload, heads_q, heads_kv, "
    "n_q,"
    " n_k, d, d_v, causal, dtype, seed, checksum, note, diagnostics FROM other.inputs i, base b"
    " WHERE i.run IN fresh;"
    "INSERT INTO main.\"case\" SELECT c.id + b.cases, c.run + b.run, variant, params, family, kind,"
    " workload, input_file, phase, heads_q, heads_kv, n_q, n_k, d, d_v, causal, dtype, threads, "
    "seed,"
    " flops, flops_bf16, flops_int8, exps, dense_flops, bytes, predicted_s, status, reason,"
    " time_class, memory_class FROM "
    "other.\"case\" c, base b"
    " WHERE c.run IN fresh;"
    "INSERT INTO main.round SELECT r.id + b.rounds, r.case_id + b.cases, number, status, severity,"
    " reason, flags, inner, prepare_s, cold_s, busy_s, workspace_bytes, tracked_bytes,"
    " peak_rss_bytes, lib_bytes, isa, blas_core, huge_pages, numa_nodes, mxcsr, worker, finished,"
    " drift, reruns FROM other.round r, base b WHERE "
    "r.case_id IN"
    " (SELECT id FROM other.\"case\" WHERE run IN fresh);"
    "INSERT INTO main.sample SELECT s.round + b.rounds, i, seconds FROM other.sample s, base b"
    " WHERE s.round + b.rounds IN (SELECT id FROM main.round);"
    "INSERT INTO main.spread SELECT p.case_id + b.cases, ci_lo_s, ci_hi_s, outliers_mild,"
    " outliers_severe FROM other.spread p, base b WHERE p.case_id IN"
    " (SELECT id FROM other.\"case\" WHERE run IN fresh);"
    "INSERT INTO main.metric SELECT e.round + b.rounds, rel_l2, rel_l2_p95, rel_l2_worst_head, "
    "max_abs,"
    " cosine, skill, floor_rel_l2, floor_max_abs, mean_v_rel_l2, capture_rel_l2, ci_lo, ci_hi, rows"
    " FROM other.metric e, base b WHERE e.round + b.rounds IN (SELECT id FROM main.round);"
    "INSERT OR IGNORE INTO main.tag SELECT t.name, t.run + b.run FROM other.tag t, base b"
    " WHERE t.run IN fresh;";

static int count(struct store *s, const char *sql, int *out, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s, sql, msg);
    if (!q)
        return -1;
    *out = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : 0;
    sqlite3_finalize(q);
    return 0;
}

int store_import(struct store *s, const char *path, int *added, int *present,
                 char msg[CASE_MESSAGE])
{
    int all = 0, rc = -1;
    /* Opening it as a store tells whether it is one. */
    struct store *other = store_open(path, false, msg);
    if (!other)
        return -1;
    store_close(other);
    sqlite3_stmt *q = store_prepare(s, "ATTACH ? AS other", msg);
    if (!q)
        return -1;
    sqlite3_bind_text(q, 1, path, -1, SQLITE_TRANSIENT);
    if (store_run(s, q, msg))
        return -1;
    if (store_exec(s, "BEGIN IMMEDIATE", msg) == 0) {
        if (store_exec(s, copy, msg) == 0 &&
            count(s, "SELECT count(*) FROM fresh", added, msg) == 0 &&
            count(s, "SELECT count(*) FROM other.run", &all, msg) == 0 &&
            store_exec(s, "DROP TABLE temp.base; DROP TABLE temp.fresh; COMMIT", msg) == 0)
            rc = 0;
        else
            sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_exec(s->db, "DETACH other", NULL, NULL, NULL);
    *present = all - *added;
    return rc;
}
