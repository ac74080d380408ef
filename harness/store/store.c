/* SPDX-License-Identifier: MIT */
/* Opening, and writing of runs, inputs and cases. See store.h. */
#include "harness/stats/order.h"
#include "harness/store/schema.h"
#include "variants/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RANKS 1000

int store_fail(struct store *s, char msg[CASE_MESSAGE])
{
    int code = sqlite3_errcode(s->db);
    const char *hint = code == SQLITE_FULL       ? ": free some space, or give another --db"
                       : code == SQLITE_READONLY ? ": give a --db that can be written"
                       : code == SQLITE_BUSY     ? ": another attnbench holds it"
                       : code == SQLITE_NOTADB   ? ": give a database of attnbench"
                                                 : "";
    snprintf(msg, CASE_MESSAGE, "%.300s: %s%s", s->path, sqlite3_errmsg(s->db), hint);
    return -1;
}

int store_exec(struct store *s, const char *sql, char msg[CASE_MESSAGE])
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, msg);
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
        store_fail(s, msg);
    return q;
}

int store_run(struct store *s, sqlite3_stmt *q, char msg[CASE_MESSAGE])
{
    int rc = q && sqlite3_step(q) == SQLITE_DONE ? 0 : -1;
    if (q && rc)
        store_fail(s, msg);
    sqlite3_finalize(q);
    return rc;
}

static int64_t query_int(struct store *s, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

static int create(struct store *s, char msg[CASE_MESSAGE])
{
    char pragma[128];
    snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%d;",
             APPLICATION_ID, SCHEMA_VERSION);
    if (store_exec(s, "BEGIN IMMEDIATE", msg))
        return -1;
    /* Another process may have made it while we waited for the lock. */
    if (query_int(s, "SELECT count(*) FROM sqlite_master") > 0)
        return store_exec(s, "COMMIT", msg);
    if (store_exec(s, store_schema, msg) || store_exec(s, pragma, msg))
        return -1;
    for (size_t n = 1; n <= RANKS; n++) {
        size_t lo, hi;
        if (stats_median_ranks(n, 0.95, &lo, &hi))
            continue;
        sqlite3_stmt *q = store_prepare(s, "INSERT INTO median_rank VALUES(?,?,?)", msg);
        sqlite3_bind_int64(q, 1, (int64_t)n);
        sqlite3_bind_int64(q, 2, (int64_t)lo);
        sqlite3_bind_int64(q, 3, (int64_t)hi);
        if (store_run(s, q, msg))
            return -1;
    }
    return store_exec(s, "COMMIT", msg);
}

/* The folder of the default database is in the tree; an installed command has to make it. */
static void make_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        mkdir(folder, 0777);
    }
}

/* In a folder that cannot be written the log of WAL mode cannot be made: read the file as it is. */
static int open_immutable(struct store *s)
{
    char uri[3 * sizeof s->path + 32] = "file:";
    size_t n = strlen(uri);
    for (const char *c = s->path; *c; c++)
        n += (size_t)sprintf(uri + n, strchr("?#%", *c) ? "%%%02x" : "%c", (unsigned char)*c);
    memcpy(uri + n, "?immutable=1", sizeof "?immutable=1");
    sqlite3_close(s->db);
    return sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

struct store *store_open(const char *path, bool writable, char msg[CASE_MESSAGE])
{
    struct store *s = calloc(1, sizeof *s);
    if (!s || strlen(path) >= sizeof s->path) {
        snprintf(msg, CASE_MESSAGE, "out of memory, or a path too long");
        free(s);
        return NULL;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    if (writable)
        make_folder(path);
    /* SQLite does not say why a file cannot be opened. */
    int fd = open(path, writable ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0666);
    if (fd < 0) {
        snprintf(msg, CASE_MESSAGE, "%.300s: %s; %s", path, strerror(errno),
                 writable ? "give another --db"
                          : "`attnbench run` makes a database, --db names another");
        free(s);
        return NULL;
    }
    close(fd);
    int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL);
    if (!writable && query_int(s, "SELECT count(*) FROM sqlite_master") < 0)
        rc = open_immutable(s);
    sqlite3_busy_timeout(s->db, 10000);
    if (rc != SQLITE_OK || store_exec(s, "PRAGMA foreign_keys=ON", msg)) {
        store_fail(s, msg);
        goto fail;
    }
    if (writable && (store_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;", msg)))
        goto fail;
    int64_t tables = query_int(s, "SELECT count(*) FROM sqlite_master");
    if (tables < 0) {
        store_fail(s, msg);
        goto fail;
    }
    if (tables == 0 && writable && create(s, msg))
        goto fail;
    int64_t version = query_int(s, "PRAGMA user_version");
    if (query_int(s, "PRAGMA application_id") != APPLICATION_ID || version != SCHEMA_VERSION) {
        const bool ours = query_int(s, "PRAGMA application_id") == APPLICATION_ID;
        snprintf(msg, CASE_MESSAGE, "%.300s: %s; give another --db", path,
                 !ours                      ? "not a database of attnbench"
                 : version > SCHEMA_VERSION ? "made by a newer attnbench, whose schema this one "
                                              "does not know"
                                            : "made by an older attnbench, which alone can export "
                                              "it");
        goto fail;
    }
    return s;
fail:
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    sqlite3_close(s->db);
    free(s);
}

void bind_text(sqlite3_stmt *q, int i, const char *text)
{
    sqlite3_bind_text(q, i, text, -1, SQLITE_TRANSIENT);
}

void bind_figure(sqlite3_stmt *q, int i, double x)
{
    if (isfinite(x))
        sqlite3_bind_double(q, i, x);
    else
        sqlite3_bind_null(q, i);
}

static int put_roofs(struct store *s, const struct run_info *info, char msg[CASE_MESSAGE])
{
    for (int t = 0; t < info->nroofs; t++)
        for (int i = 0; i < ROOFS; i++) {
            sqlite3_stmt *q = store_prepare(s, "INSERT INTO roof VALUES(?,?,?,?)", msg);
            sqlite3_bind_int64(q, 1, info->id);
            sqlite3_bind_int(q, 2, info->roofs[t].threads);
            bind_text(q, 3, roof_list[i].name);
            bind_figure(q, 4, info->roofs[t].at[i]);
            if (store_run(s, q, msg))
                return -1;
        }
    return 0;
}

int store_run_begin(struct store *s, struct run_info *info, char msg[CASE_MESSAGE])
{
    if (!info->name[0]) {
        time_t now = time(NULL);
        struct tm tm;
        gmtime_r(&now, &tm);
        size_t n = strftime(info->name, sizeof info->name, "%Y-%m-%dT%H:%M:%SZ", &tm);
        snprintf(info->name + n, sizeof info->name - n, "-%d", (int)getpid());
    }
    if (store_exec(s, "BEGIN IMMEDIATE", msg))
        return -1;
    sqlite3_stmt *q = store_prepare(s, "INSERT OR REPLACE INTO machine VALUES(?,?,?)", msg);
    bind_text(q, 1, info->machine_id);
    bind_text(q, 2, info->machine_summary);
    bind_text(q, 3, info->machine_fingerprint);
    if (store_run(s, q, msg))
        goto rollback;
    q = store_prepare(
        s,
        "INSERT INTO run(name, started, command, plan_hash, version, commit_id, compiler,"
        " flags, machine, covariates, rounds) VALUES(?,strftime('%Y-%m-%dT%H:%M:%fZ'),"
        "?,?,?,?,?,?,?,?,?)",
        msg);
    const char *texts[] = {info->name,    info->command,    info->plan_hash,
                           info->version, info->commit,     info->compiler,
                           info->flags,   info->machine_id, info->machine_covariates};
    for (int i = 0; i < 9; i++)
        bind_text(q, i + 1, texts[i]);
    sqlite3_bind_int(q, 10, info->rounds);
    if (store_run(s, q, msg)) {
        if (sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
            snprintf(msg, CASE_MESSAGE, "--name %s: there is a run of this name; give another",
                     info->name);
        goto rollback;
    }
    info->id = sqlite3_last_insert_rowid(s->db);
    if (put_roofs(s, info, msg) == 0 && store_exec(s, "COMMIT", msg) == 0)
        return 0;
rollback:
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int store_run_find_unfinished(struct store *s, const char *plan_hash, struct run_info *info,
                              char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q =
        store_prepare(s,
                      "SELECT id, name FROM run WHERE plan_hash = ? AND finished IS NULL"
                      " ORDER BY id DESC LIMIT 1",
                      msg);
    if (!q)
        return -1;
    bind_text(q, 1, plan_hash);
    int found = sqlite3_step(q) == SQLITE_ROW;
    if (found) {
        info->id = sqlite3_column_int64(q, 0);
        snprintf(info->name, sizeof info->name, "%s", (const char *)sqlite3_column_text(q, 1));
    }
    sqlite3_finalize(q);
    return found;
}

int store_run_costs(struct store *s, int64_t run, const struct run_costs *costs,
                    char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(
        s,
        "UPDATE run SET launches = coalesce(launches, 0) + ?, overhead_s = coalesce(overhead_s, 0)"
        " + ?, inputs_s = coalesce(inputs_s, 0) + ?, calibration_s = coalesce(calibration_s, 0) + ?"
        " WHERE id = ?",
        msg);
    if (!q)
        return -1;
    sqlite3_bind_int(q, 1, costs->launches);
    bind_figure(q, 2, costs->overhead_s);
    bind_figure(q, 3, costs->inputs_s);
    bind_figure(q, 4, costs->calibration_s);
    sqlite3_bind_int64(q, 5, run);
    return store_run(s, q, msg);
}

int store_run_finish(struct store *s, int64_t run, const char *covariates, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(
        s,
        "UPDATE run SET finished = strftime('%Y-%m-%dT%H:%M:%fZ'), covariates_after = ?"
        " WHERE id = ?",
        msg);
    if (!q)
        return -1;
    bind_text(q, 1, covariates);
    sqlite3_bind_int64(q, 2, run);
    return store_run(s, q, msg);
}

int store_calibration_put(struct store *s, int64_t run, const struct roofs *rates,
                          char msg[CASE_MESSAGE])
{
    static const enum roof columns[] = {ROOF_FP32, ROOF_EXP, ROOF_L2_TRIAD, ROOF_LLC_TRIAD};
    sqlite3_stmt *q = store_prepare(s,
                                    "INSERT INTO calibration(run, taken, threads, fp32, exp,"
                                    " l2_triad, llc_triad)"
                                    " VALUES(?,strftime('%Y-%m-%dT%H:%M:%fZ'),?,?,?,?,?)",
                                    msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int(q, 2, rates->threads);
    for (int i = 0; i < 4; i++)
        bind_figure(q, 3 + i, rates->at[columns[i]]);
    return store_run(s, q, msg);
}

static void bind_shape(sqlite3_stmt *q, int at, const struct attn_problem *p)
{
    const int64_t v[] = {p->heads_q, p->heads_kv, p->n_q, p->n_k, p->d, p->d_v, p->causal};
    for (int i = 0; i < 7; i++)
        sqlite3_bind_int64(q, at + i, v[i]);
}

int store_inputs_put(struct store *s, int64_t run, const struct bench_case *c, uint64_t checksum,
                     const char *note_json, const char *diagnostics_json, char msg[CASE_MESSAGE])
{
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)checksum);
    /* A resumed run makes its inputs again; they must be the same. */
    sqlite3_stmt *q = store_prepare(
        s,
        "INSERT INTO inputs(run, workload, heads_q, heads_kv, n_q, n_k, d, d_v, causal, seed,"
        " checksum, note, diagnostics, dtype) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT DO UPDATE SET run = run RETURNING checksum",
        msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    bind_text(q, 2, c->workload);
    bind_shape(q, 3, &c->problem);
    sqlite3_bind_int64(q, 10, (int64_t)c->input_seed);
    bind_text(q, 11, text);
    bind_text(q, 12, note_json);
    bind_text(q, 13, diagnostics_json);
    bind_text(q, 14, attn_dtype_name(c->problem.dtype));
    const bool row = sqlite3_step(q) == SQLITE_ROW;
    const bool same = row && strcmp((const char *)sqlite3_column_text(q, 0), text) == 0;
    if (!row) {
        store_fail(s, msg);
        sqlite3_finalize(q);
        return -1;
    }
    if (store_run(s, q, msg))
        return -1;
    if (!same)
        snprintf(msg, CASE_MESSAGE, "the inputs of %s differ from those that this run began with",
                 c->workload);
    return same ? 0 : -1;
}

int store_case_put(struct store *s, int64_t run, const struct bench_case *c, int64_t *id,
                   char msg[CASE_MESSAGE])
{
    const struct attn_problem *p = &c->problem;
    sqlite3_stmt *q = store_prepare(
        s,
        "INSERT INTO \"case\"(run, variant, params, family, kind, workload, input_file, phase, "
        "heads_q,"
        " heads_kv, n_q, n_k, d, d_v, causal, dtype, threads, seed, flops, flops_bf16,"
        " flops_int8, exps, dense_flops, bytes, predicted_s, status, reason, time_class,"
        " memory_class)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT DO UPDATE SET run = run RETURNING id",
        msg);
    if (!q)
        return -1;
    sqlite3_bind_int64(q, 1, run);
    const char *texts[] = {c->variant,  c->params,     c->family, c->kind,
                           c->workload, c->input_file, c->phase};
    for (int i = 0; i < 7; i++)
        bind_text(q, 2 + i, texts[i]);
    bind_shape(q, 9, p);
    bind_text(q, 16, attn_dtype_name(p->dtype));
    sqlite3_bind_int(q, 17, p->threads);
    sqlite3_bind_int64(q, 18, (int64_t)c->input_seed);
    const double figures[] = {c->cost.flops, c->cost.flops_bf16,  c->cost.flops_int8,
                              c->cost.exps,  c->cost.dense_flops, c->cost.bytes,
                              c->predicted_s};
    for (int i = 0; i < 7; i++)
        if (c->status == CASE_OK)
            bind_figure(q, 19 + i, figures[i]);
    bind_text(q, 26, case_status_name(c->status));
    bind_text(q, 27, c->reason);
    bind_text(q, 28, c->time_class);
    bind_text(q, 29, c->memory_class);
    if (sqlite3_step(q) == SQLITE_ROW) {
        *id = sqlite3_column_int64(q, 0);
        return store_run(s, q, msg);
    }
    store_fail(s, msg);
    sqlite3_finalize(q);
    return -1;
}
