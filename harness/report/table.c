/* SPDX-License-Identifier: MIT */
/* The table that a person reads: for each group and length, the methods side by side. */
#include "harness/report/report.h"
#include "harness/report/rows.h"
#include "harness/report/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void figure(char *out, size_t size, const char *format, double x)
{
    if (isnan(x))
        snprintf(out, size, "-");
    else
        snprintf(out, size, format, x);
}

static void print_row(const struct rows *rs, const struct row *r, double exact, FILE *f)
{
    char label[96], time[24], ci[16], speed[16], gflops[16], roof[16], memory[24], error[24],
        skill[24];
    rows_label(rs, r, label, sizeof label);
    if (strcmp(r->status, "ok") != 0) {
        fprintf(f, "  %-24s %s: %s\n", label, r->status, r->reason);
        return;
    }
    units_seconds(time, sizeof time, r->median);
    figure(ci, sizeof ci, "%.1f%%", 50 * (r->hi - r->lo) / r->median);
    figure(speed, sizeof speed, "%.2f", exact / r->median);
    figure(gflops, sizeof gflops, "%.1f", r->gflops);
    figure(roof, sizeof roof, "%.0f%%", r->roof);
    figure(memory, sizeof memory, "%.2f MiB", r->peak / 0x1p20);
    figure(error, sizeof error, "%.2e", r->rel_l2);
    if (strcmp(r->kind, "replaces") == 0)
        snprintf(error, sizeof error, "n/a (replacement)");
    figure(skill, sizeof skill, "%.3f", r->skill);
    if (r->skill <= 0)
        snprintf(skill, sizeof skill, "<= a constant");
    fprintf(f, "  %-24s %10s %7s %9s %9s %6s %13s %18s %14s  %s\n", label, time, ci, speed, gflops,
            roof, memory, error, skill, r->flags);
}

/* Median of the fastest exact method at this length; its name stands in the heading. */
static const struct row *best_exact(const struct rows *rs, int group, long n_k, long n_q)
{
    const struct row *best = NULL;
    for (int i = 0; i < rs->count; i++) {
        const struct row *r = &rs->row[i];
        if (r->group == group && r->n_k == n_k && r->n_q == n_q && strcmp(r->kind, "exact") == 0 &&
            r->median > 0 && (!best || r->median < best->median))
            best = r;
    }
    return best;
}

static void print_length(const struct rows *rs, int group, const struct row *first, FILE *f)
{
    const struct row *exact = best_exact(rs, group, first->n_k, first->n_q);
    double floor = NAN, mean_v = NAN;
    for (int i = 0; i < rs->count; i++)
        if (rs->row[i].group == group && rs->row[i].n_k == first->n_k &&
            rs->row[i].n_q == first->n_q && !isnan(rs->row[i].floor)) {
            floor = rs->row[i].floor;
            mean_v = rs->row[i].mean_v;
        }
    fprintf(f, "\n n = %ld", first->n_k);
    if (first->n_q != first->n_k)
        fprintf(f, ", %ld queries", first->n_q);
    if (!isnan(floor))
        fprintf(f, "   error of plain fp32 %.1e, of the mean of V %.2f", floor, mean_v);
    fprintf(f, "\n  %-24s %10s %7s %9s %9s %6s %13s %18s %14s  %s\n", "method", "time", "+-",
            exact ? "speed-up" : "", "GFLOP/s", "roof", "memory", "error", "skill", "flags");
    for (int i = 0; i < rs->count; i++)
        if (rs->row[i].group == group && rs->row[i].n_k == first->n_k &&
            rs->row[i].n_q == first->n_q)
            print_row(rs, &rs->row[i], exact ? exact->median : NAN, f);
}

static bool seen_before(const struct rows *rs, int i)
{
    for (int j = 0; j < i; j++)
        if (rs->row[j].group == rs->row[i].group && rs->row[j].n_k == rs->row[i].n_k &&
            rs->row[j].n_q == rs->row[i].n_q)
            return true;
    return false;
}

int report_table(struct store *s, int64_t run, FILE *f, char msg[CASE_MESSAGE])
{
    static struct rows rs;
    char title[400];
    int count[CASE_STATUSES] = {0};
    if (rows_load(s, run, &rs, msg))
        return -1;
    fprintf(f, "run %lld, %s\n", (long long)run, rs.row[0].run);
    for (int g = 0; g < rs.groups; g++) {
        bool titled = false;
        for (int i = 0; i < rs.count; i++) {
            if (rs.row[i].group != g)
                continue;
            if (!titled) {
                rows_title(&rs.row[i], title, sizeof title);
                fprintf(f, "\n%s\n", title);
                titled = true;
            }
            if (!seen_before(&rs, i))
                print_length(&rs, g, &rs.row[i], f);
        }
    }
    for (int i = 0; i < rs.count; i++) {
        int status = case_status_parse(rs.row[i].status);
        count[status < 0 ? CASE_FAILED : status]++;
    }
    fputs("\n", f);
    for (int i = 0; i < CASE_STATUSES; i++)
        if (count[i])
            fprintf(f, "%d %s  ", count[i], case_status_name((enum case_status)i));
    fputs("\n+-: half width of the 95 % interval of the median. speed-up: over the fastest exact "
          "method here. roof: share "
          "of the measured\nroof that binds. memory: peak above inputs and output. skill: 1 - "
          "(error / error of the mean "
          "of V)^2.\nmistrusted: over 2 % above that roof, which is an error of ours and no "
          "record.\n",
          f);
    rows_free(&rs);
    return 0;
}
