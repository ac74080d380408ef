/* SPDX-License-Identifier: MIT */
/* See writer.h. */
#include "harness/report/writer.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

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
        "run",      "variant",         "params",       "family",     "kind",
        "workload", "phase",           "dtype",        "isa",        "status",
        "reason",   "flags",           "blas_core",    "huge_pages", "input_checksum",
        "machine",  "time_class",      "memory_class", "quantity",   "declared",
        "verdict",  "local_exponents", "answer",       "against",    "remark",
        "method",   "problem",         "note",         "commit",     "started",
        "exact"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(column, texts[i]) == 0)
            return true;
    return false;
}

int writer_row(void *arg, int n, const char *const *names, const char *const *values)
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

bool writer_knows(const char *format)
{
    return strcmp(format, "csv") == 0 || strcmp(format, "jsonl") == 0 || strcmp(format, "md") == 0;
}

void fields_text(struct fields *f, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->text[f->count], FIELDS_TEXT, format, args);
    va_end(args);
    f->name[f->count] = name;
    f->value[f->count] = f->text[f->count];
    f->count++;
}

void fields_number(struct fields *f, const char *name, double x)
{
    fields_text(f, name, "%.9g", x);
    if (!isfinite(x))
        f->value[f->count - 1] = NULL;
}

void writer_fields(struct writer *w, const struct fields *f)
{
    writer_row(w, f->count, f->name, f->value);
}
