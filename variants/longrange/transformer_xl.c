/* SPDX-License-Identifier: MIT */
/*
 * transformer_xl: segments with a memory of the keys before them. Dai et al. 2019, arXiv
 * 1901.02860.
 *
 *   a = s floor(p_i / s);  query i sees key j iff  max(0, a - m) <= j <= p_i
 *
 * Time O(n (s + m)), memory one tile a thread. Exact once m covers the sequence. In one operator
 * the memory is just older K and V, so nothing is recomputed; relative positions are part of the
 * inputs.
 */
#include "variants/kernels/pattern.h"

static const struct attn_param params[] = {
    {"s", 512, 1, 1 << 27, true, "keys a segment"},
    {"m", 512, 0, 1 << 27, true, "keys of memory before the segment"},
    {0},
};

static void span(const struct attn_problem *p, const double *values, int64_t i, int64_t *lo,
                 int64_t *hi)
{
    int64_t at = attn_position(p, i), s = (int64_t)values[0], m = (int64_t)values[1];
    int64_t first = at < 0 ? 0 : at / s * s - m;
    *lo = first < 0 ? 0 : first;
    *hi = attn_visible(p, i);
}

ATTN_SPAN_METHODS(span)

ATTN_VARIANT(transformer_xl) = {
    .abi = ATTN_ABI_VERSION,
    .name = "transformer_xl",
    .family = ATTN_LONGRANGE,
    .kind = ATTN_APPROXIMATES,
    .summary = "segments with a memory of older keys",
    .cite = "Dai et al. 2019, arXiv 1901.02860",
    .time_class = "n",
    .memory_class = "1",
    .caps = (ATTN_ANY & ~ATTN_NONCAUSAL) | ATTN_TAKES_BF16,
    .params = params,
    .cost = cost,
    .run = run,
    .weights = weights,
};
