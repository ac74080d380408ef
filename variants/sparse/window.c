/* SPDX-License-Identifier: MIT */
/*
 * window: sliding-window attention. Beltagy, Peters, Cohan 2020 (Longformer), arXiv 2004.05150;
 * Jiang et al. 2023 (Mistral), arXiv 2310.06825.
 *
 *   query i sees key j iff  |p_i - j| <= w           (no mask)
 *                           p_i - w < j <= p_i       (causal: exactly w keys, itself included)
 *
 * Time O(n w), memory one tile a thread. Exact once w covers the sequence. Longformer's overlapped
 * chunks are not imitated: a tile of queries reads one strip of keys, masked at its two ends.
 */
#include "variants/kernels/pattern.h"

static const struct attn_param params[] = {
    {"w", 0, 0, 1 << 27, true,
     "keys on each side, or in all when causal; 0: 256, or 1024 when causal"},
    {0},
};

static void span(const struct attn_problem *p, const double *values, int64_t i, int64_t *lo,
                 int64_t *hi)
{
    int64_t at = attn_position(p, i), w = (int64_t)values[0], seen = attn_visible(p, i);
    if (w == 0)
        w = p->causal ? 1024 : 256;
    *lo = p->causal ? at - w + 1 : at - w;
    *hi = p->causal ? seen : at + w + 1;
    *lo = *lo < 0 ? 0 : *lo;
    *hi = *hi > seen ? seen : *hi;
}

ATTN_SPAN_METHODS(span)

ATTN_VARIANT(window) = {
    .abi = ATTN_ABI_VERSION,
    .name = "window",
    .family = ATTN_SPARSE,
    .kind = ATTN_APPROXIMATES,
    .summary = "a window of keys around each query",
    .cite = "Beltagy et al. 2020, arXiv 2004.05150",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .params = params,
    .cost = cost,
    .run = run,
    .weights = weights,
};
