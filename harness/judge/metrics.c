/* SPDX-License-Identifier: MIT */
/* Error of an output against the reference. NaN and infinity are looked for first. */
#include "harness/judge/judge.h"
#include "harness/stats/order.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double judge_rel_l2(const float *a, const double *b, int64_t n)
{
    double e = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return INFINITY;
        e += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return norm > 0 ? sqrt(e / norm) : e > 0 ? INFINITY : 0;
}

double judge_capture(const float *o, int64_t heads, int64_t n_q, int64_t d_v, const int64_t *rows,
                     int64_t nrows, const float *o_rows)
{
    double e = 0, norm = 0;
    for (int64_t h = 0; h < heads; h++)
        for (int64_t r = 0; r < nrows; r++)
            for (int64_t c = 0; c < d_v; c++) {
                double a = o[(h * n_q + rows[r]) * d_v + c], b = o_rows[(h * nrows + r) * d_v + c];
                if (!isfinite(a) || !isfinite(b))
                    return INFINITY;
                e += (a - b) * (a - b);
                norm += b * b;
            }
    return norm > 0 ? sqrt(e / norm) : e > 0 ? INFINITY : 0;
}

/* The whole output, judged rows or not. */
static bool all_finite(const struct reference *r, const float *o, char *reason)
{
    const int64_t n = r->heads * r->rows.n_q * r->d_v;
    int64_t bad = 0, first = -1, poison = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(o[i])) {
            uint32_t bits;
            memcpy(&bits, &o[i], sizeof bits);
            poison += bits == 0xffffffff;
            first = first < 0 ? i : first;
            bad++;
        }
    if (!bad)
        return true;
    snprintf(reason, CASE_MESSAGE,
             "%lld of %lld outputs are NaN or infinite%s; the first at head %lld, row %lld, "
             "channel %lld",
             (long long)bad, (long long)n, poison == bad ? " because they were never written" : "",
             (long long)(first / (r->rows.n_q * r->d_v)), (long long)(first / r->d_v % r->rows.n_q),
             (long long)(first % r->d_v));
    return false;
}

struct row_error {
    double e2, o2, cosine, max_abs;
};

static struct row_error row_error(const float *a, const double *b, int64_t n)
{
    struct row_error r = {0};
    double aa = 0, ab = 0;
    for (int64_t c = 0; c < n; c++) {
        double x = a[c] - b[c];
        r.e2 += x * x;
        r.o2 += b[c] * b[c];
        aa += (double)a[c] * a[c];
        ab += a[c] * b[c];
        r.max_abs = fmax(r.max_abs, fabs(x));
    }
    r.cosine = aa > 0 && r.o2 > 0 ? ab / sqrt(aa * r.o2) : aa == r.o2 ? 1 : 0;
    return r;
}

/*
 * 95 % interval of sqrt(R), R = sum e2 / sum o2, from a stratified sample: variance of the
 * linearised residuals e2 - R o2 within strata, with the finite-population correction.
 */
static void interval(const struct judge_rows *rows, const double *e2, const double *o2,
                     double ratio, double *lo, double *hi)
{
    const int64_t m = rows->count / rows->strata;
    double variance = 0, total = 0;
    for (int64_t i = 0; i < rows->count; i++)
        total += o2[i];
    for (int64_t s = 0; s < rows->strata; s++) {
        double mean = 0, square = 0;
        for (int64_t i = s * m; i < (s + 1) * m; i++)
            mean += (e2[i] - ratio * o2[i]) / (double)m;
        for (int64_t i = s * m; i < (s + 1) * m; i++) {
            double x = e2[i] - ratio * o2[i] - mean;
            square += x * x;
        }
        variance += square * (double)m / (double)(m - 1);
    }
    double keep = 1 - (double)rows->count / (double)rows->n_q;
    double sd = total > 0 ? sqrt(variance * keep) / total : 0;
    *lo = sqrt(fmax(0, ratio - 1.96 * sd));
    *hi = sqrt(ratio + 1.96 * sd);
}

enum case_status judge_output(const struct reference *r, const float *o, double gate,
                              struct metrics *out, char reason[CASE_MESSAGE])
{
    const int64_t count = r->rows.count, dv = r->d_v, rows = r->heads * count;
    *out = (struct metrics){.rel_l2 = NAN, .capture_rel_l2 = NAN};
    if (!all_finite(r, o, reason))
        return CASE_WRONG;
    double *error = calloc((size_t)rows, sizeof *error);
    double *e2 = calloc((size_t)count, sizeof *e2), *o2 = calloc((size_t)count, sizeof *o2);
    if (!error || !e2 || !o2) {
        snprintf(reason, CASE_MESSAGE, "out of memory for judging %lld rows", (long long)rows);
        free(error);
        free(e2);
        free(o2);
        return CASE_FAILED;
    }
    double sum_e = 0, sum_o = 0, cosine = 0;
    for (int64_t h = 0; h < r->heads; h++) {
        double head_e = 0, head_o = 0;
        for (int64_t i = 0; i < count; i++) {
            struct row_error x = row_error(o + (h * r->rows.n_q + r->rows.row[i]) * dv,
                                           r->o + (h * count + i) * dv, dv);
            error[h * count + i] = x.e2;
            e2[i] += x.e2;
            o2[i] += x.o2;
            head_e += x.e2;
            head_o += x.o2;
            cosine += x.cosine / (double)rows;
            out->max_abs = fmax(out->max_abs, x.max_abs);
        }
        sum_e += head_e;
        sum_o += head_o;
        out->rel_l2_worst_head = fmax(out->rel_l2_worst_head, head_o > 0   ? sqrt(head_e / head_o)
                                                              : head_e > 0 ? INFINITY
                                                                           : 0);
    }
    /* Rows with a tiny exact output would dominate: the floor is a thousandth of the rms. */
    double floor = 1e-3 * sqrt(sum_o / (double)rows);
    for (int64_t i = 0; i < rows; i++) {
        double norm = 0;
        for (int64_t c = 0; c < dv; c++)
            norm += r->o[i * dv + c] * r->o[i * dv + c];
        double scale = fmax(sqrt(norm), floor);
        error[i] = scale > 0 ? sqrt(error[i]) / scale : error[i] > 0 ? INFINITY : 0;
    }
    out->rel_l2 = sum_o > 0 ? sqrt(sum_e / sum_o) : sum_e > 0 ? INFINITY : 0;
    out->rel_l2_p95 = stats_quantile(error, (size_t)rows, 0.95);
    out->cosine = cosine;
    out->floor_rel_l2 = r->floor_rel_l2;
    out->floor_max_abs = r->floor_max_abs;
    out->mean_v_rel_l2 = r->mean_v_rel_l2;
    out->skill = r->mean_v_rel_l2 > 0
                     ? 1 - out->rel_l2 * out->rel_l2 / (r->mean_v_rel_l2 * r->mean_v_rel_l2)
                     : NAN;
    out->rows = count;
    out->ci_lo = out->ci_hi = out->rel_l2;
    if (!r->rows.all && sum_o > 0)
        interval(&r->rows, e2, o2, sum_e / sum_o, &out->ci_lo, &out->ci_hi);
    free(error);
    free(e2);
    free(o2);
    if (gate > 0 && !(out->rel_l2 <= gate)) {
        snprintf(
            reason, CASE_MESSAGE,
            "an exact method with relative error %.3g, above the gate of %.0e (plain fp32: %.2g)",
            out->rel_l2, gate, out->floor_rel_l2);
        return CASE_WRONG;
    }
    return CASE_OK;
}
