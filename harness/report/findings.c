/* SPDX-License-Identifier: MIT */
/* See findings.h. */
#include "harness/report/findings.h"
#include "harness/report/units.h"
#include "harness/report/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const formats[] = {"text", "md", "csv"};

int findings_format_parse(const char *name)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, formats[i]) == 0)
            return i;
    return -1;
}

static void value(char *out, size_t size, const char *quantity, double x)
{
    static const char *const memories[] = {"workspace", "touched memory", "peak memory", "traffic"};
    if (strcmp(quantity, "time") == 0) {
        units_seconds(out, size, x);
        return;
    }
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (strcmp(quantity, memories[i]) == 0) {
            units_bytes(out, size, x);
            return;
        }
    if (isnan(x))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%.4g", x);
}

/* What a person wants to know about the evidence, in one cell of a table. */
static void evidence(const struct finding *f, char *out, size_t size)
{
    if (*f->note)
        snprintf(out, size, "%s", f->note);
    else if (isnan(f->q) && f->floor > 1e-5)
        snprintf(out, size, "tolerance %.2g %%", 100 * f->floor);
    else if (isnan(f->q))
        snprintf(out, size, "exact");
    else
        snprintf(out, size, "[%+.1f, %+.1f] %%, q %.1g, floor %.1f %%", 100 * f->lo, 100 * f->hi,
                 f->q, 100 * f->floor);
}

struct row {
    char base[32], now[32], change[32], evidence[CASE_MESSAGE];
};

static struct row row_of(const struct finding *f)
{
    struct row r;
    value(r.base, sizeof r.base, f->quantity, f->base);
    value(r.now, sizeof r.now, f->quantity, f->now);
    units_change(r.change, sizeof r.change, f->change);
    evidence(f, r.evidence, sizeof r.evidence);
    return r;
}

static void print_text(const struct findings *f, enum verdict v, FILE *out)
{
    bool titled = false;
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *one = &f->at[i];
        if (one->verdict != v)
            continue;
        if (!titled)
            fprintf(out, "\n%s\n  %-14s %12s %12s %9s  %s\n", verdict_name(v), "quantity", "base",
                    "new", "change", "95 % interval, or what happened");
        titled = true;
        struct row r = row_of(one);
        fprintf(out, "  %-14s %12s %12s %9s  %s\n      %s | %s\n", one->quantity, r.base, r.now,
                r.change, r.evidence, one->method, one->problem);
    }
}

static void print_markdown(const struct findings *f, enum verdict v, FILE *out)
{
    bool titled = false;
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *one = &f->at[i];
        if (one->verdict != v)
            continue;
        if (!titled)
            fprintf(out,
                    "\n#### %s\n\n| method | inputs | quantity | base | new | change | 95 %% "
                    "interval, or what happened |\n|---|---|---|--:|--:|--:|---|\n",
                    verdict_name(v));
        titled = true;
        struct row r = row_of(one);
        for (char *c = r.evidence; *c; c++)
            *c = *c == '|' || *c == '\n' ? ' ' : *c;
        fprintf(out, "| `%s` | %s | %s | %s | %s | %s | %s |\n", one->method, one->problem,
                one->quantity, r.base, r.now, r.change, r.evidence);
    }
}

static void print_csv(const struct findings *f, FILE *out)
{
    struct writer w = {out, "csv", false};
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *one = &f->at[i];
        struct fields row = {.count = 0};
        fields_text(&row, "verdict", "%s", verdict_name(one->verdict));
        fields_text(&row, "method", "%s", one->method);
        fields_text(&row, "problem", "%s", one->problem);
        fields_text(&row, "quantity", "%s", one->quantity);
        fields_number(&row, "base", one->base);
        fields_number(&row, "new", one->now);
        fields_number(&row, "change", one->change);
        fields_number(&row, "ci_lo", one->lo);
        fields_number(&row, "ci_hi", one->hi);
        fields_number(&row, "q", one->q);
        fields_number(&row, "cliff", one->cliff);
        fields_number(&row, "floor", one->floor);
        fields_text(&row, "note", "%s", one->note);
        writer_fields(&w, &row);
    }
}

void report_findings(const struct findings *f, const char *base, const char *now,
                     enum findings_format format, bool all, FILE *out)
{
    static const enum verdict order[] = {VERDICT_WORSE, VERDICT_BETTER, VERDICT_NOTED,
                                         VERDICT_HIDDEN, VERDICT_SAME};
    const bool md = format == FINDINGS_MARKDOWN;
    if (format == FINDINGS_CSV) {
        print_csv(f, out);
        return;
    }
    fprintf(out, md ? "**base** %s  \n**new** %s\n" : "base %s\nnew  %s\n", base, now);
    for (int i = 0; i < (all ? 5 : 3); i++)
        (md ? print_markdown : print_text)(f, order[i], out);
    fprintf(out,
            "\n%s%zu cases compared: %zu findings worse, %zu better, %zu noted, %zu hidden by "
            "noise, %zu the same%s\n",
            md ? "**" : "", f->compared, findings_count(f, VERDICT_WORSE),
            findings_count(f, VERDICT_BETTER), findings_count(f, VERDICT_NOTED),
            findings_count(f, VERDICT_HIDDEN), findings_count(f, VERDICT_SAME), md ? "**" : "");
    if (!all && findings_count(f, VERDICT_HIDDEN))
        fputs(md ? "\n`--all` shows what noise may hide.\n" : "--all shows what noise may hide\n",
              out);
}
