/* SPDX-License-Identifier: MIT */
/* Raw samples of comparisons of two builds. */
#include "harness/store/schema.h"
#include "variants/registry.h"

int store_ab_begin(struct store *s, struct ab_info *info, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(
        s,
        "INSERT INTO ab(started, command, machine, version, commit_id, pairs, launches, seed)"
        " VALUES(strftime('%Y-%m-%dT%H:%M:%fZ'), ?, ?, ?, ?, ?, ?, ?)",
        msg);
    if (!q)
        return -1;
    const char *texts[] = {info->command, info->machine_id, info->version, info->commit};
    for (int i = 0; i < 4; i++)
        sqlite3_bind_text(q, i + 1, texts[i], -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(q, 5, info->pairs);
    sqlite3_bind_int(q, 6, info->launches);
    sqlite3_bind_int64(q, 7, (int64_t)info->seed);
    if (store_run(s, q, msg))
        return -1;
    info->id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int store_ab_finish(struct store *s, const struct ab_info *info, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(
        s,
        "UPDATE ab SET base = ?, new = ?, finished = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE id = ?",
        msg);
    if (!q)
        return -1;
    for (int i = 0; i < 2; i++)
        sqlite3_bind_text(q, i + 1, info->worker[i], -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 3, info->id);
    return store_run(s, q, msg);
}

int store_ab_case(struct store *s, int64_t ab, const struct bench_case *c, int64_t *id,
                  char msg[CASE_MESSAGE])
{
    const struct attn_problem *p = &c->problem;
    sqlite3_stmt *q = store_prepare(
        s,
        "INSERT INTO ab_case(ab, variant, params, workload, dtype, heads_q, heads_kv, n_q, n_k, d,"
        " d_v, causal, threads, seed) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        msg);
    if (!q)
        return -1;
    const char *texts[] = {c->variant, c->params, c->workload, attn_dtype_name(p->dtype)};
    const int64_t wholes[] = {p->heads_q, p->heads_kv, p->n_q,     p->n_k,       p->d,
                              p->d_v,     p->causal,   p->threads, c->input_seed};
    sqlite3_bind_int64(q, 1, ab);
    for (int i = 0; i < 4; i++)
        sqlite3_bind_text(q, i + 2, texts[i], -1, SQLITE_TRANSIENT);
    for (int i = 0; i < 9; i++)
        sqlite3_bind_int64(q, i + 6, wholes[i]);
    if (store_run(s, q, msg))
        return -1;
    *id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int store_ab_samples(struct store *s, const struct ab_sample *x, size_t n, char msg[CASE_MESSAGE])
{
    if (store_exec(s, "BEGIN IMMEDIATE", msg))
        return -1;
    sqlite3_stmt *q = store_prepare(s, "INSERT INTO ab_sample VALUES(?,?,?,?,?,?,?)", msg);
    int rc = q ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const int64_t wholes[] = {x[i].case_id, x[i].launch, x[i].pair,
                                  x[i].build,   x[i].i,      x[i].turn};
        for (int k = 0; k < 6; k++)
            sqlite3_bind_int64(q, k + 1, wholes[k]);
        sqlite3_bind_double(q, 7, x[i].seconds);
        if (sqlite3_step(q) != SQLITE_DONE)
            rc = store_fail(s, msg);
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
    if (rc == 0 && store_exec(s, "COMMIT", msg) == 0)
        return 0;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}
