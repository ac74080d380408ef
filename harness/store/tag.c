/* SPDX-License-Identifier: MIT */
/* Names that people give to runs. */
#include "harness/store/schema.h"

#include <stdio.h>
#include <string.h>

/* First column of the first row of a query with one text, 0 without a row; -1 with msg. */
static int64_t lookup(struct store *s, const char *sql, const char *text, char msg[CASE_MESSAGE])
{
    sqlite3_stmt *q = store_prepare(s, sql, msg);
    if (!q)
        return -1;
    sqlite3_bind_text(q, 1, text, -1, SQLITE_TRANSIENT);
    int64_t value = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return value;
}

int store_tag(struct store *s, int64_t run, const char *name, int64_t *before,
              char msg[CASE_MESSAGE])
{
    if (!*name || strlen(name) > 63 || strcmp(name, "last") == 0 ||
        strspn(name, "0123456789") == strlen(name)) {
        snprintf(msg, CASE_MESSAGE,
                 "'%.80s' cannot name a run: give 1 to 63 characters, not 'last', not a number",
                 name);
        return -1;
    }
    int64_t taken = lookup(s, "SELECT id FROM run WHERE name = ?", name, msg);
    *before = lookup(s, "SELECT run FROM tag WHERE name = ?", name, msg);
    if (taken > 0)
        snprintf(msg, CASE_MESSAGE, "'%.80s' is the name of run %lld: give another", name,
                 (long long)taken);
    if (taken || *before < 0)
        return -1;
    sqlite3_stmt *q = store_prepare(
        s, "INSERT INTO tag VALUES(?, ?) ON CONFLICT DO UPDATE SET run = excluded.run", msg);
    if (!q)
        return -1;
    sqlite3_bind_text(q, 1, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 2, run);
    return store_run(s, q, msg);
}
