/* SPDX-License-Identifier: MIT */
/* Rows of named values as csv, jsonl or a Markdown table: what other programs read. */
#ifndef HARNESS_REPORT_WRITER_H
#define HARNESS_REPORT_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#define WRITER_FORMATS "csv, jsonl or md"

struct writer {
    FILE *f;
    const char *format; /* one that writer_knows */
    bool begun;         /* false before the first row, which brings the names */
};

bool writer_knows(const char *format);

/* Writes one row; NULL values are empty, in jsonl null. arg is a struct writer: a store_row_fn. */
int writer_row(void *arg, int n, const char *const *names, const char *const *values);

/* A row in the making. */
#define FIELDS      40
#define FIELDS_TEXT 600
struct fields {
    const char *name[FIELDS];
    const char *value[FIELDS]; /* into text, or NULL */
    char text[FIELDS][FIELDS_TEXT];
    int count; /* 0 begins a row */
};

void fields_text(struct fields *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* No value when x is not finite. */
void fields_number(struct fields *f, const char *name, double x);
void writer_fields(struct writer *w, const struct fields *f);

#endif
