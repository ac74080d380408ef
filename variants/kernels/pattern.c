/* SPDX-License-Identifier: MIT */
/* See pattern.h. */
#include "variants/kernels/pattern.h"

#include <math.h>

struct span_ctx {
    attn_span *span;
    const double *params;
};

static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    (void)io;
    const struct span_ctx *c = ctx;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE], first = t->k1, last = t->k0;
    for (int64_t r = 0; r < t->q1 - t->q0; r++) {
        c->span(p, c->params, (t->q0 + r) % p->n_q, &lo[r], &hi[r]);
        lo[r] = lo[r] > t->k0 ? lo[r] : t->k0;
        hi[r] = hi[r] < t->k1 ? hi[r] : t->k1;
        if (lo[r] >= hi[r])
            continue;
        first = lo[r] < first ? lo[r] : first;
        last = hi[r] > last ? hi[r] : last;
    }
    if (first < last)
        attn_tile_keys(t, t->keys, first, last, lo, hi, NULL);
}

/*
 * Queries a tile. Wide tiles read each key from far memory less often; narrow ones are enough units
 * of work for many threads. Depends on the problem alone, so that results do not depend on threads.
 */
static int tile_rows(const struct attn_problem *p)
{
    enum { UNITS = 64, FLOATS = 256 * 256 };
    int rows = ATTN_TILE;
    while (rows > ATTN_PANEL &&
           (p->heads_q * p->n_q < UNITS * (int64_t)rows || rows * (p->d + p->d_v) > FLOATS))
        rows /= 2;
    return rows;
}

enum attn_status attn_span_run(const struct attn_problem *p, const double *params,
                               const struct attn_span_job *job, void *ws, const struct attn_io *io)
{
    struct span_ctx ctx = {job->span, params};
    struct attn_block_job block = {.feed = feed,
                                   .ctx = &ctx,
                                   .tile = tile_rows(p),
                                   .arith = job->arith,
                                   .stacked = p->n_q < ATTN_PANEL / 2,
                                   .splits = job->splits};
    return attn_block_run(p, io, &block, ws);
}

void attn_span_cost(const struct attn_problem *p, const double *params,
                    const struct attn_span_job *job, struct attn_cost *cost)
{
    double pairs = 0;
    for (int64_t i = 0; i < p->n_q; i++) {
        int64_t lo, hi;
        job->span(p, params, i, &lo, &hi);
        pairs += hi > lo ? (double)(hi - lo) : 0;
    }
    cost->exps = (double)p->heads_q * pairs;
    cost->flops = 2.0 * (double)(p->d + p->d_v) * cost->exps;
    if (job->arith == ATTN_ARITH_INT8)
        cost->flops_int8 = 2.0 * (double)p->d * cost->exps;
    if (job->arith != ATTN_ARITH_FP32)
        cost->flops_bf16 = cost->flops - cost->flops_int8;
    cost->dense_flops = attn_dense_flops(p);
    cost->bytes = attn_io_bytes(p);
    cost->workspace = attn_block_workspace(p, job->arith, job->splits);
}

void attn_span_all(const struct attn_problem *p, const double *params, int64_t i, int64_t *lo,
                   int64_t *hi)
{
    (void)params;
    *lo = 0;
    *hi = attn_visible(p, i);
}

double attn_score(const struct attn_problem *p, const struct attn_io *io, int64_t h, int64_t i,
                  int64_t j)
{
    const float *q = io->q + (h * p->n_q + i) * p->d;
    const float *k = io->k + (attn_kv_head(p, h) * p->n_k + j) * p->d;
    double s = 0;
    for (int64_t c = 0; c < p->d; c++)
        s += (double)q[c] * k[c];
    return p->scale * s;
}

void attn_softmax_row(double *w, int64_t n)
{
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++)
        max = fmax(max, w[j]);
    for (int64_t j = 0; j < n; j++)
        sum += w[j] = max == -INFINITY ? 0 : exp(w[j] - max);
    for (int64_t j = 0; j < n && sum > 0; j++)
        w[j] /= sum;
}

void attn_span_weights(const struct attn_problem *p, const double *params, attn_span *span,
                       const struct attn_io *io, int64_t h, int64_t i, double *w)
{
    int64_t lo, hi;
    span(p, params, i, &lo, &hi);
    for (int64_t j = 0; j < p->n_k; j++)
        w[j] = j >= lo && j < hi ? attn_score(p, io, h, i, j) : -INFINITY;
    attn_softmax_row(w, p->n_k);
}
