/* SPDX-License-Identifier: MIT */
/*
 * Operands as low-precision arithmetic reads them, and attention over them in double precision.
 * Written from the papers, apart from the engine: what it does in vectors is done in plain loops.
 *
 *   bf16   q, k, v rounded to nearest even
 *   int8   q and k - mean(k) in steps of max / 127 over 128 queries and 64 keys, rounded to
 *          nearest, half away from zero; v as in bf16
 */
#ifndef TESTS_OPERANDS_H
#define TESTS_OPERANDS_H

#include "tests/unit/support.h"
#include "variants/kernels/block.h"

/* Score of query row i and key row j: scale q_scale[i] k_scale[j] q_i . k_j. */
struct operands {
    float *q, *k, *v;         /* (H_q N_q, D), (H_kv N_k, D), (H_kv N_k, D_v) */
    float *q_scale, *k_scale; /* (H_q N_q), (H_kv N_k) */
};

static inline float *copy_of(const float *x, size_t n)
{
    float *y = malloc(n * sizeof *y);
    assert_non_null(y);
    if (x)
        memcpy(y, x, n * sizeof *y);
    return y;
}

/* Rows [first, last) of x in steps of their largest element / 127; the step goes to scale[]. */
static inline void quantise(float *x, int64_t d, int64_t first, int64_t last, float *scale)
{
    float max = 0;
    for (int64_t i = first * d; i < last * d; i++)
        max = fmaxf(max, fabsf(x[i]));
    const float step = max > 0 ? max / 127 : 1;
    for (int64_t i = first * d; i < last * d; i++)
        x[i] = roundf(x[i] * (1 / step));
    for (int64_t i = first; i < last; i++)
        scale[i] = step;
}

/* The same for all rows of each head, a block at a time. */
static inline void quantise_blocks(float *x, int64_t heads, int64_t n, int64_t d, int64_t block,
                                   float *scale)
{
    for (int64_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < n; i += block)
            quantise(x, d, h * n + i, h * n + (i + block < n ? i + block : n), scale);
}

/* k - its mean over the keys of each head. */
static inline void centre(float *k, int64_t heads, int64_t n, int64_t d)
{
    for (int64_t h = 0; h < heads; h++)
        for (int64_t c = 0; c < d; c++) {
            float *x = k + h * n * d + c;
            double sum = 0;
            for (int64_t j = 0; j < n; j++)
                sum += (double)x[j * d];
            for (int64_t j = 0; j < n; j++)
                x[j * d] -= (float)(sum / (double)n);
        }
}

static inline struct operands make_operands(const struct attn_problem *p, enum attn_arith arith,
                                            const float *q, const float *k, const float *v)
{
    const int64_t nq = p->heads_q * p->n_q, nk = p->heads_kv * p->n_k;
    struct operands o = {copy_of(q, (size_t)(nq * p->d)), copy_of(k, (size_t)(nk * p->d)),
                         copy_of(v, (size_t)(nk * p->d_v)), copy_of(NULL, (size_t)nq),
                         copy_of(NULL, (size_t)nk)};
    for (int64_t i = 0; i < nq; i++)
        o.q_scale[i] = 1;
    for (int64_t j = 0; j < nk; j++)
        o.k_scale[j] = 1;
    if (arith == ATTN_ARITH_INT8) {
        centre(o.k, p->heads_kv, p->n_k, p->d);
        quantise_blocks(o.q, p->heads_q, p->n_q, p->d, ATTN_INT8_QUERIES, o.q_scale);
        quantise_blocks(o.k, p->heads_kv, p->n_k, p->d, ATTN_INT8_KEYS, o.k_scale);
    } else if (arith == ATTN_ARITH_BF16) {
        for (int64_t i = 0; i < nq * p->d; i++)
            o.q[i] = round_bf16(o.q[i]);
        for (int64_t i = 0; i < nk * p->d; i++)
            o.k[i] = round_bf16(o.k[i]);
    }
    for (int64_t i = 0; arith != ATTN_ARITH_FP32 && i < nk * p->d_v; i++)
        o.v[i] = round_bf16(o.v[i]);
    return o;
}

static inline void free_operands(struct operands *o)
{
    free(o->q);
    free(o->k);
    free(o->v);
    free(o->q_scale);
    free(o->k_scale);
}

/*
 * Score of query row i of all heads and key row j of all heads; *size: the root of its terms'
 * squares, the size of the partial sums.
 */
static inline double exact_score(const struct attn_problem *p, const struct operands *o, int64_t i,
                                 int64_t j, double *size)
{
    const float *q = o->q + i * p->d, *k = o->k + j * p->d;
    const double scale = p->scale * (double)o->q_scale[i] * (double)o->k_scale[j];
    double s = 0, terms = 0;
    for (int64_t c = 0; c < p->d; c++) {
        s += (double)q[c] * (double)k[c];
        terms += (double)q[c] * (double)k[c] * (double)q[c] * (double)k[c];
    }
    *size = fabs(scale) * sqrt(terms);
    return scale * s;
}

#endif
