/* SPDX-License-Identifier: MIT */
/* See softmax.h. */
#include "variants/kernels/softmax.h"
#include "variants/kernels/block_state.h"

#include <string.h>

void attn_softmax_rows(const struct attn_problem *p, float *s)
{
    const struct attn_block_kernels *kernels = attn_block_selected();
#pragma omp parallel for num_threads(p->threads) schedule(static, 16)
    for (int64_t i = 0; i < p->n_q; i++) {
        int64_t seen = attn_visible(p, i);
        if (seen > 0)
            kernels->softmax(s + i * p->n_k, seen, (float)p->scale);
        memset(s + i * p->n_k + seen, 0, (size_t)(p->n_k - seen) * sizeof *s);
    }
}
