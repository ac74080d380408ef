/* SPDX-License-Identifier: MIT */
/*
 * naive: exact attention as in the paper, with materialised scores. Vaswani et al. 2017, arXiv
 * 1706.03762.
 *
 *   S = scale Q K^T,  P = softmax(S),  O = P V,  head by head
 *
 * Time O(n^2), memory 4 n_q n_k bytes. Two OpenBLAS products a head over the whole matrix, also
 * when causal, and the engine's vector softmax between them: what a careful user of a BLAS would
 * write.
 */
#include "variants/attn.h"
#include "variants/kernels/pattern.h"
#include "variants/kernels/softmax.h"

#include <cblas.h>

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    (void)values;
    double scores = (double)p->heads_q * (double)p->n_q * (double)p->n_k;
    out->flops = 2.0 * (double)(p->d + p->d_v) * scores;
    out->exps = (double)p->heads_q * attn_pairs(p);
    out->dense_flops = attn_dense_flops(p);
    /* Scores are written, read and written by the softmax, and read. */
    out->bytes = attn_io_bytes(p) + 16 * scores;
    out->workspace = (size_t)p->n_q * (size_t)p->n_k * sizeof(float);
}

static bool supports(const struct attn_problem *p, const double *values, const char **why)
{
    (void)values;
    if (p->n_q < INT32_MAX && p->n_k < INT32_MAX && p->n_k <= INT64_MAX / 8 / p->n_q)
        return true;
    *why = "the matrix of scores is too large to be addressed";
    return false;
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    (void)values;
    float *s = ws;
    const int nq = (int)p->n_q, nk = (int)p->n_k, d = (int)p->d, dv = (int)p->d_v;
    for (int64_t h = 0; h < p->heads_q; h++) {
        const float *q = io->q + h * p->n_q * p->d;
        const float *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
        const float *v = io->v + attn_kv_head(p, h) * p->n_k * p->d_v;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, nq, nk, d, 1, q, d, k, d, 0, s, nk);
        attn_softmax_rows(p, 0, nq, nk, s, nk);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, nq, dv, nk, 1, s, nk, v, dv, 0,
                    io->o + h * p->n_q * p->d_v, dv);
    }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)scratch;
    attn_span_weights(p, values, attn_span_all, io, h, i, w);
}

ATTN_VARIANT(naive) = {
    .abi = ATTN_ABI_VERSION,
    .name = "naive",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, materialised scores, two BLAS products a head",
    .cite = "Vaswani et al. 2017, arXiv 1706.03762",
    .time_class = "n^2",
    .memory_class = "n^2",
    .caps = ATTN_ANY,
    .supports = supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
