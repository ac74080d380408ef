/* SPDX-License-Identifier: MIT */
/*
 * block_local: attention inside blocks of the sequence. Liu et al. 2018, arXiv 1801.10198; Qiu et
 * al. 2019, arXiv 1911.02972.
 *
 *   query i sees key j iff  floor(p_i / b) = floor(j / b), and j <= p_i when causal
 *
 * Time O(n b), memory one tile a thread. Exact once b covers the sequence.
 */
#include "variants/kernels/pattern.h"

static const struct attn_param params[] = {
    {"b", 256, 1, 1 << 27, true, "keys a block"},
    {0},
};

static void span(const struct attn_problem *p, const double *values, int64_t i, int64_t *lo,
                 int64_t *hi)
{
    int64_t at = attn_position(p, i), b = (int64_t)values[0], seen = attn_visible(p, i);
    /* Positions before the first key (more queries than keys) belong to no block. */
    *lo = at < 0 ? 0 : at / b * b;
    *hi = at < 0 ? 0 : *lo + b;
    *hi = *hi > seen ? seen : *hi;
}

ATTN_SPAN_METHODS(span)

ATTN_VARIANT(block_local) = {
    .abi = ATTN_ABI_VERSION,
    .name = "block_local",
    .family = ATTN_LONGRANGE,
    .kind = ATTN_APPROXIMATES,
    .summary = "attention inside blocks of the sequence",
    .cite = "Liu et al. 2018, arXiv 1801.10198",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .params = params,
    .cost = cost,
    .run = run,
    .weights = weights,
};
