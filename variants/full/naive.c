/* SPDX-License-Identifier: MIT */
/*
 * naive: exact attention as in the paper, with materialised scores. Vaswani et al. 2017, arXiv
 * 1706.03762.
 *
 *   S = scale Q K^T,  P = softmax(S),  O = P V,  head by head
 *
 * Time O(n^2), memory 4 n_q n_k bytes. Two OpenBLAS products a head over the whole matrix, also
 * when causal, and the engine's vector softmax between them, threads sharing the rows: what a
 * careful user of a BLAS would write.
 */
#include "variants/attn.h"
#include "variants/kernels/blas.h"
#include "variants/kernels/pattern.h"
#include "variants/kernels/softmax.h"

/* Rows that a thread works on at once: the same for any number of threads, and so are the bits. */
#define SHARE 128

static int rows(const struct attn_problem *p, int64_t block)
{
    const int64_t left = p->n_q - block * SHARE;
    return (int)(left < SHARE ? left : SHARE);
}

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

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    (void)values;
    const int64_t blocks = (p->n_q + SHARE - 1) / SHARE;
    const int nk = (int)p->n_k, d = (int)p->d, dv = (int)p->d_v;
    /* Not the BLAS' own threads: they and those of OpenMP would wait for each other by spinning. */
#pragma omp parallel num_threads(p->threads)
    for (int64_t h = 0; h < p->heads_q; h++) {
        const float *q = io->q + h * p->n_q * d;
        const float *k = io->k + attn_kv_head(p, h) * nk * d;
        const float *v = io->v + attn_kv_head(p, h) * nk * dv;
        float *o = io->o + h * p->n_q * dv, *s = ws;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < blocks; i++)
            attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows(p, i), nk, d, 1,
                               q + i * SHARE * d, d, k, d, 0, s + i * SHARE * nk, nk);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < blocks; i++)
            attn_softmax_rows(p, i * SHARE, rows(p, i), nk, s + i * SHARE * nk, nk);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < blocks; i++)
            attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows(p, i), dv, nk, 1,
                               s + i * SHARE * nk, nk, v, dv, 0, o + i * SHARE * dv, dv);
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
    .supports = attn_blas_supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
