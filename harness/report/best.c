/* SPDX-License-Identifier: MIT */
/* See best.h. */
#include "harness/report/best.h"
#include "harness/report/units.h"

#include <math.h>
#include <string.h>

static void print_candidate(const struct candidate *o, const struct cell *first, FILE *f)
{
    const struct cell *c = o->cell;
    char method[CASE_TEXT], time[32], lo[32], hi[32], memory[32], error[32], place[32];
    cells_method(c, method, sizeof method);
    units_seconds(time, sizeof time, c->median);
    units_seconds(lo, sizeof lo, c->lo);
    units_seconds(hi, sizeof hi, c->hi);
    units_bytes(memory, sizeof memory, best_memory(c));
    snprintf(error, sizeof error, isnan(c->error) ? "n/a" : "%.3g", c->error);
    if (o->place == BEST_SLOWER)
        snprintf(place, sizeof place, "x %.2f", c->median / first->median);
    else
        snprintf(place, sizeof place, "%s", best_place_name(o->place));
    fprintf(f, "  %-7s %-30s %10s [%s, %s]  error %-9s memory %-11s %s\n", place, method, time, lo,
            hi, error, memory, o->remark);
}

void report_contest(const struct contest *c, const struct best_limits *l, FILE *f)
{
    char problem[CASE_TEXT + 96], memory[32], method[CASE_TEXT];
    cells_problem(c->at[0].cell, problem, sizeof problem);
    fprintf(f, "\n%s: error <= %g", problem, l->error);
    units_bytes(memory, sizeof memory, l->memory);
    if (isfinite(l->memory))
        fprintf(f, ", memory <= %s", memory);
    fputc('\n', f);
    if (c->within == 0)
        fputs("  nothing that was measured meets the limits\n", f);
    for (size_t i = 0; i < c->within; i++)
        print_candidate(&c->at[i], c->at[0].cell, f);
    for (size_t i = c->within; i < c->count; i++) {
        cells_method(c->at[i].cell, method, sizeof method);
        fprintf(f, "  %-7s %-30s %s\n", "out", method, c->at[i].remark);
    }
}

void report_candidates(const struct contest *c, struct writer *w)
{
    static struct fields f;
    for (size_t i = 0; i < c->count; i++) {
        const struct candidate *o = &c->at[i];
        const struct cell *e = o->cell;
        f.count = 0;
        fields_text(&f, "workload", "%s", e->workload);
        fields_number(&f, "heads_q", (double)e->heads_q);
        fields_number(&f, "heads_kv", (double)e->heads_kv);
        fields_number(&f, "n_k", (double)e->n_k);
        fields_number(&f, "d", (double)e->d);
        fields_number(&f, "causal", (double)e->causal);
        fields_text(&f, "dtype", "%s", e->dtype);
        fields_number(&f, "threads", (double)e->threads);
        fields_text(&f, "place", "%s", best_place_name(o->place));
        fields_text(&f, "variant", "%s", e->variant);
        fields_text(&f, "params", "%s", e->params);
        fields_number(&f, "median_s", e->median);
        fields_number(&f, "ci_lo_s", e->lo);
        fields_number(&f, "ci_hi_s", e->hi);
        fields_number(&f, "rel_l2", e->error);
        fields_number(&f, "rel_l2_ci_lo", e->error_lo);
        fields_number(&f, "rel_l2_ci_hi", e->error_hi);
        fields_number(&f, "skill", e->skill);
        fields_number(&f, "memory_bytes", best_memory(e));
        fields_text(&f, "remark", "%s", o->remark);
        writer_fields(w, &f);
    }
}
