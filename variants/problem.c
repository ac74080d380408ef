/* SPDX-License-Identifier: MIT */
/* Sizes that every variant's cost refers to. */
#include "variants/attn.h"

double attn_pairs(const struct attn_problem *p)
{
    if (!p->causal)
        return (double)p->n_q * (double)p->n_k;
    /* Rows see p_i + 1 keys, none when that is negative: an arithmetic series. */
    int64_t rows = p->n_q < p->n_k ? p->n_q : p->n_k;
    double first = (double)(p->n_k - rows + 1), last = (double)p->n_k;
    return (double)rows * (first + last) / 2;
}

double attn_dense_flops(const struct attn_problem *p)
{
    return 2.0 * (double)p->heads_q * (double)(p->d + p->d_v) * attn_pairs(p);
}

double attn_io_bytes(const struct attn_problem *p)
{
    double q = (double)p->heads_q * (double)p->n_q, k = (double)p->heads_kv * (double)p->n_k;
    double width = p->dtype == ATTN_BF16 ? 2 : 4;
    return width * (q * (double)p->d + k * (double)(p->d + p->d_v)) + 4 * q * (double)p->d_v;
}
