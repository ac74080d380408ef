/* SPDX-License-Identifier: MIT */
/*
 * mean_v: the null hypothesis. Every visible key has the same weight; a method that is no closer to
 * exact attention than this has learned nothing from Q and K.
 *
 *   o_i = mean of the v_j that query i sees
 *
 * Time O(n), memory one double a channel and key/value head and stretch of keys.
 */
#include "variants/attn.h"

#include <string.h>

/* Keys a stretch: fixed, so that results do not depend on the number of threads. */
enum { STRETCH = 1024 };

static int64_t stretches(const struct attn_problem *p)
{
    return (p->n_k + STRETCH - 1) / STRETCH;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    (void)values;
    double v = (double)p->heads_kv * (double)p->n_k * (double)p->d_v;
    double o = (double)p->heads_q * (double)p->n_q * (double)p->d_v;
    out->flops = 2 * v + o;
    out->bytes = 4 * (2 * v + o);
    out->dense_flops = attn_dense_flops(p);
    out->workspace = (size_t)(p->heads_kv * (stretches(p) + 1) * p->d_v) * sizeof(double);
}

/* before[t] = sum of V over the stretches before t, for each key/value head. */
static void sums(const struct attn_problem *p, const float *v, double *before)
{
    const int64_t n = stretches(p), dv = p->d_v;
#pragma omp parallel for collapse(2) num_threads(p->threads) schedule(static)
    for (int64_t h = 0; h < p->heads_kv; h++)
        for (int64_t t = 0; t < n; t++) {
            double *sum = before + (h * (n + 1) + t + 1) * dv;
            int64_t end = (t + 1) * STRETCH < p->n_k ? (t + 1) * STRETCH : p->n_k;
            memset(sum, 0, (size_t)dv * sizeof *sum);
            for (int64_t j = t * STRETCH; j < end; j++)
                for (int64_t c = 0; c < dv; c++)
                    sum[c] += v[(h * p->n_k + j) * dv + c];
        }
    for (int64_t h = 0; h < p->heads_kv; h++) {
        memset(before + h * (n + 1) * dv, 0, (size_t)dv * sizeof *before);
        for (int64_t i = 0; i < n * dv; i++)
            before[h * (n + 1) * dv + dv + i] += before[h * (n + 1) * dv + i];
    }
}

/* The same row for every query of the group. */
static void spread(const struct attn_problem *p, int64_t kv, int64_t i, const double *sum,
                   double inverse, float *o)
{
    int64_t group = p->heads_q / p->heads_kv;
    for (int64_t h = kv * group; h < (kv + 1) * group; h++)
        for (int64_t c = 0; c < p->d_v; c++)
            o[(h * p->n_q + i) * p->d_v + c] = (float)(sum[c] * inverse);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    (void)values;
    double *before = ws;
    const int64_t n = stretches(p), dv = p->d_v;
    sums(p, io->v, before);
#pragma omp parallel for collapse(2) num_threads(p->threads) schedule(static)
    for (int64_t kv = 0; kv < p->heads_kv; kv++)
        for (int64_t t = 0; t < (p->n_q + STRETCH - 1) / STRETCH; t++) {
            int64_t end = (t + 1) * STRETCH < p->n_q ? (t + 1) * STRETCH : p->n_q, at = -1;
            double sum[256];
            for (int64_t i = t * STRETCH; i < end; i++) {
                int64_t seen = attn_visible(p, i);
                if (at < 0 || at / STRETCH != seen / STRETCH) {
                    at = seen / STRETCH * STRETCH;
                    memcpy(sum, before + (kv * (n + 1) + at / STRETCH) * dv,
                           (size_t)dv * sizeof *sum);
                }
                for (; at < seen; at++)
                    for (int64_t c = 0; c < dv; c++)
                        sum[c] += io->v[(kv * p->n_k + at) * dv + c];
                spread(p, kv, i, sum, seen ? 1 / (double)seen : 0, io->o);
            }
        }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)values;
    (void)io;
    (void)h;
    (void)scratch;
    int64_t seen = attn_visible(p, i);
    for (int64_t j = 0; j < p->n_k; j++)
        w[j] = j < seen ? 1 / (double)seen : 0;
}

ATTN_VARIANT(mean_v) = {
    .abi = ATTN_ABI_VERSION,
    .name = "mean_v",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "null: the mean of the visible values",
    .cite = "none",
    .time_class = "n",
    .memory_class = "n",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
