/* SPDX-License-Identifier: MIT */
/* Reading: runs, the summary view, export. */
#include "harness/store/schema.h"

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

struct writer {
    FILE *f;
    const char *format;
    bool begun;
};

static void csv_field(FILE *f, const char *v)
{
    if (!v)
        return;
    if (!strpbrk(v, ",\"\r\n")) {
        fputs(v, f);
        return;
    }
    putc('"', f);
    for (; *v; v++) {
        if (*v == '"')
            putc('"', f);
        putc(*v, f);
    }
    putc('"', f);
}

static void json_string(FILE *f, const char *v)
{
    putc('"', f);
    for (; *v; v++) {
        unsigned char c = (unsigned char)*v;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 32)
            fprintf(f, "\\u%04x", c);
        else
            putc(c, f);
    }
    putc('"', f);
}

/* Text columns may look like numbers (a name, a checksum): only these are written as text. */
static bool is_text(const char *column)
{
    static const char *const texts[] = {
        "run", "variant", "params", "family", "kind",      "workload",       "phase",  "dtype",
        "isa", "status",  "reason", "flags",  "blas_core", "input_checksum", "machine"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(column, texts[i]) == 0)
            return true;
    return false;
}

static int write_row(void *arg, int n, const char *const *names, const char *const *values)
{
    struct writer *w = arg;
    if (strcmp(w->format, "jsonl") == 0) {
        for (int i = 0; i < n; i++) {
            fputs(i ? "," : "{", w->f);
            json_string(w->f, names[i]);
            putc(':', w->f);
            if (values[i] && is_text(names[i]))
                json_string(w->f, values[i]);
            else
                fputs(values[i] ? values[i] : "null", w->f);
        }
        fputs("}\n", w->f);
        return 0;
    }
    const bool csv = strcmp(w->format, "csv") == 0;
    for (int row = w->begun ? 1 : 0; row < 2; row++) {
        if (!csv)
            fputs("| ", w->f);
        for (int i = 0; i < n; i++) {
            if (i)
                fputs(csv ? "," : " | ", w->f);
            csv_field(w->f, row ? values[i] : names[i]);
        }
        if (!csv) {
            fputs(" |", w->f);
            for (int i = 0; row == 0 && i < n; i++)
                fputs(i ? "---|" : "\n|---|", w->f);
        }
        putc('\n', w->f);
    }
    w->begun = true;
    return 0;
}

int store_export(struct store *s, int64_t run, const char *format, FILE *f, char msg[CASE_MESSAGE])
{
    struct writer w = {f, format, false};
    return store_summary(s, run, write_row, &w, msg);
}
