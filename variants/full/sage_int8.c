/* SPDX-License-Identifier: MIT */
/*
 * sage_int8: scores from 8-bit integers. Zhang et al. 2024, SageAttention, arXiv 2410.02367.
 *
 *   k'_j = k_j - mean of all keys     (changes no softmax)
 *   q^ = round(q / dq), k^ = round(k' / dk) in [-127, 127], dq = max |q| / 127 over 128 queries,
 *   dk = max |k'| / 127 over 64 keys; s_ij = scale dq dk q^_i . k^_j;  softmax;  P V in bfloat16
 *
 * Time O(n^2), memory 8-bit copies of Q and K, a 16-bit copy of V, a tile a thread. The paper
 * multiplies P V in fp16. Scores are exact integers at every instruction-set level. With
 * e = dq |k'|_1 / 2 + dk |scale q|_1 / 2 + D dq dk / 4 the logits are off by at most e. An
 * all-zero block has scale 1. The mean and the scales see later keys, so that a causal row depends
 * on the future within that bound.
 */
#include "variants/kernels/pattern.h"

#include <math.h>

static const struct attn_span_job job = {attn_span_all, ATTN_ARITH_INT8, 0};

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    attn_span_cost(p, values, &job, out);
    out->flops += 4 * (double)(p->heads_kv * p->n_k * p->d); /* the mean, and taking it away */
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    return attn_span_run(p, values, &job, ws, io);
}

/* max |x - mean| / 127 over n rows; mean may be NULL. */
static float scale_of(const float *x, int64_t n, int64_t d, const float *mean)
{
    float max = 0;
    for (int64_t i = 0; i < n * d; i++)
        max = fmaxf(max, fabsf(x[i] - (mean ? mean[i % d] : 0)));
    return max > 0 ? max / 127 : 1;
}

/* Same float steps as the engine: which way a tie falls is part of the method. */
static double level(float x, float scale)
{
    return roundf(x * (1 / scale));
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)values;
    const int64_t i0 = i / ATTN_INT8_QUERIES * ATTN_INT8_QUERIES, d = p->d;
    const int64_t rows = p->n_q - i0 < ATTN_INT8_QUERIES ? p->n_q - i0 : ATTN_INT8_QUERIES;
    const float *q = io->q + h * p->n_q * d, *k = io->k + attn_kv_head(p, h) * p->n_k * d;
    const float dq = scale_of(q + i0 * d, rows, d, NULL);
    float *mean = (float *)scratch;
    for (int64_t c = 0; c < d; c++) {
        double sum = 0;
        for (int64_t j = 0; j < p->n_k; j++)
            sum += (double)k[j * d + c];
        mean[c] = (float)(sum / (double)p->n_k);
    }
    float dk = 1;
    for (int64_t j = 0; j < p->n_k; j++) {
        const int64_t left = p->n_k - j;
        if (j % ATTN_INT8_KEYS == 0)
            dk = scale_of(k + j * d, left < ATTN_INT8_KEYS ? left : ATTN_INT8_KEYS, d, mean);
        double s = 0;
        for (int64_t c = 0; c < d; c++)
            s += level(q[i * d + c], dq) * level(k[j * d + c] - mean[c], dk);
        w[j] = j < attn_visible(p, i) ? p->scale * (double)dq * (double)dk * s : -INFINITY;
    }
    attn_softmax_row(w, p->n_k);
}

ATTN_VARIANT(sage_int8) = {
    .abi = ATTN_ABI_VERSION,
    .name = "sage_int8",
    .family = ATTN_FULL,
    .kind = ATTN_APPROXIMATES,
    .summary = "scores from 8-bit integers, bfloat16 P V",
    .cite = "Zhang et al. 2024, arXiv 2410.02367",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .rounding = 0x1p-8,
    .looks_ahead = true,
    .cost = cost,
    .run = run,
    .weights = weights,
};
