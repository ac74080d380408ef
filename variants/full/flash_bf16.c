/* SPDX-License-Identifier: MIT */
/*
 * flash_bf16: flash with products in bfloat16. Dao 2023, arXiv 2307.08691; the rounding is what
 * mixed-precision kernels of the field do.
 *
 *   Q, K, V rounded to nearest even, fp32 sums, fp32 softmax, weights in [0, 1] rounded before PV
 *
 * The row sum is that of the rounded weights, so that numerator and denominator agree. Time O(n^2),
 * memory a 16-bit copy of the inputs and a tile a thread. Exact up to rounding: relative 2^-8 a
 * value, logits off by at most 2^-7 scale sum |q_c k_c|. Without an instruction for it, rounded
 * values are multiplied in fp32: the same errors, no gain.
 */
#include "variants/kernels/pattern.h"

#include <math.h>
#include <string.h>

static const struct attn_span_job job = {attn_span_all, ATTN_ARITH_BF16, 0};

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    attn_span_cost(p, values, &job, out);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    return attn_span_run(p, values, &job, ws, io);
}

static double rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)values;
    (void)scratch;
    const float *q = io->q + (h * p->n_q + i) * p->d;
    const float *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    for (int64_t j = 0; j < p->n_k; j++) {
        w[j] = -INFINITY;
        if (j >= attn_visible(p, i))
            continue;
        double s = 0;
        for (int64_t c = 0; c < p->d; c++)
            s += rounded(q[c]) * rounded(k[j * p->d + c]);
        w[j] = p->scale * s;
    }
    attn_softmax_row(w, p->n_k);
}

ATTN_VARIANT(flash_bf16) = {
    .abi = ATTN_ABI_VERSION,
    .name = "flash_bf16",
    .family = ATTN_FULL,
    .kind = ATTN_APPROXIMATES,
    .summary = "flash with bfloat16 products",
    .cite = "Dao 2023, arXiv 2307.08691",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .rounding = 0x1p-8,
    .cost = cost,
    .run = run,
    .weights = weights,
};
