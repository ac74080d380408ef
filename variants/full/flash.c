/* SPDX-License-Identifier: MIT */
/*
 * flash: exact attention by streaming softmax. Dao 2023, FlashAttention-2, arXiv 2307.08691; online
 * softmax by Milakov and Gimelshein 2018, arXiv 1805.02867.
 *
 *   O = softmax(scale Q K^T) V, keys visited block by block with a running maximum and sum
 *
 * Time O(n^2), memory one tile a thread. The paper keeps tiles in a GPU's shared memory; here a
 * query is a vector lane and a block of scores stays in the L1 cache (kernels/block.h).
 */
#include "variants/kernels/pattern.h"

ATTN_SPAN_METHODS(attn_span_all)

ATTN_VARIANT(flash) = {
    .abi = ATTN_ABI_VERSION,
    .name = "flash",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, streaming softmax, no materialised scores",
    .cite = "Dao 2023, arXiv 2307.08691",
    .time_class = "n^2",
    .memory_class = "1",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .cost = cost,
    .run = run,
    .weights = weights,
};
