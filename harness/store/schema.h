/* SPDX-License-Identifier: MIT */
/* The schema as SQL text, and what the store's files share. */
#ifndef HARNESS_SCHEMA_H
#define HARNESS_SCHEMA_H

#include "harness/store/store.h"

#include <sqlite3.h>

#define SCHEMA_VERSION 4
#define APPLICATION_ID 0x6174746e /* "attn" */

extern const char store_schema[]; /* tables and the view */

struct store {
    sqlite3 *db;
    char path[4096];
};

/* Formats SQLite's last error behind the file's name; returns -1. */
int store_fail(struct store *s, char msg[CASE_MESSAGE]);

/* Runs SQL without results. 0 or -1. */
int store_exec(struct store *s, const char *sql, char msg[CASE_MESSAGE]);

/* Prepares a statement, or NULL with msg. */
sqlite3_stmt *store_prepare(struct store *s, const char *sql, char msg[CASE_MESSAGE]);

/* Steps a statement that returns nothing, and finalises it. 0 or -1. */
int store_run(struct store *s, sqlite3_stmt *q, char msg[CASE_MESSAGE]);

void bind_text(sqlite3_stmt *q, int i, const char *text);

/* NaN and infinity have no place in a column of figures: NULL. */
void bind_figure(sqlite3_stmt *q, int i, double x);

#endif
