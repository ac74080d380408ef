/* SPDX-License-Identifier: MIT */
/*
 * rowblock: exact attention with a BLAS, a block of queries at a time. The arithmetic is that of
 * Vaswani et al. 2017, arXiv 1706.03762; blocking the rows is folklore.
 *
 *   for each head and each b queries:  S = Q_b K^T,  P = softmax(S),  O_b = P V
 *
 * Time O(n^2), memory 4 b n_k bytes a thread. What twenty lines buy over naive: scores that stay in
 * the cache, and no work right of the last visible key when causal. Threads share the blocks.
 */
#include "variants/kernels/blas.h"
#include "variants/kernels/pattern.h"
#include "variants/kernels/softmax.h"

#include <omp.h>

static const struct attn_param params[] = {
    {"b", 256, 1, 1 << 20, true, "queries a block"},
    {0},
};

static int64_t block(const struct attn_problem *p, const double *values)
{
    return values[0] < (double)p->n_q ? (int64_t)values[0] : p->n_q;
}

/* Pairs computed in one head: up to the last key that the block sees. */
static double pairs(const struct attn_problem *p, const double *values)
{
    const int64_t b = block(p, values);
    double sum = 0;
    for (int64_t i = 0; i < p->n_q; i += b) {
        const int64_t end = i + b < p->n_q ? i + b : p->n_q;
        sum += (double)(end - i) * (double)attn_visible(p, end - 1);
    }
    return sum;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    out->flops = 2.0 * (double)(p->d + p->d_v) * (double)p->heads_q * pairs(p, values);
    out->exps = (double)p->heads_q * attn_pairs(p);
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p);
    out->workspace = (size_t)(p->threads * block(p, values) * p->n_k) * sizeof(float);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    const int64_t b = block(p, values), blocks = (p->n_q + b - 1) / b;
    const int nk = (int)p->n_k, d = (int)p->d, dv = (int)p->d_v;
    /* The last block of a head sees most keys when causal: the longest first. */
#pragma omp parallel for num_threads(p->threads) schedule(dynamic)
    for (int64_t n = 0; n < p->heads_q * blocks; n++) {
        const int64_t h = n / blocks, i = (blocks - 1 - n % blocks) * b;
        const int rows = (int)(i + b < p->n_q ? b : p->n_q - i);
        const int seen = (int)attn_visible(p, i + rows - 1);
        const float *q = io->q + (h * p->n_q + i) * d;
        const float *k = io->k + attn_kv_head(p, h) * nk * d;
        const float *v = io->v + attn_kv_head(p, h) * nk * dv;
        float *s = (float *)ws + omp_get_thread_num() * b * nk;
        attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, seen, d, 1, q, d, k, d, 0,
                           s, nk);
        attn_softmax_rows(p, i, rows, seen, s, nk);
        attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, dv, seen, 1, s, nk, v,
                           dv, 0, io->o + (h * p->n_q + i) * dv, dv);
    }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)scratch;
    attn_span_weights(p, values, attn_span_all, io, h, i, w);
}

ATTN_VARIANT(rowblock) = {
    .abi = ATTN_ABI_VERSION,
    .name = "rowblock",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, two BLAS products for each block of queries",
    .cite = "Vaswani et al. 2017, arXiv 1706.03762",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY,
    .params = params,
    .supports = attn_blas_supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
