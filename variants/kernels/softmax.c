/* SPDX-License-Identifier: MIT */
/* See softmax.h. */
#include "variants/kernels/softmax.h"
#include "variants/kernels/block_state.h"
#include "variants/kernels/isa.h"

#include <math.h>
#include <string.h>

void attn_exp_rows(const struct attn_problem *p, int64_t i, int64_t rows, int64_t j,
                   int64_t columns, float *s, float *max, float *sum)
{
    const struct attn_block_kernels *kernels = attn_isa_block();
    for (int64_t r = 0; r < rows; r++) {
        int64_t seen = attn_visible(p, i + r) - j;
        seen = seen < 0 ? 0 : seen > columns ? columns : seen;
        max[r] = -INFINITY;
        sum[r] = 0;
        if (seen > 0)
            kernels->exp_row(s + r * columns, seen, (float)p->scale, &max[r], &sum[r]);
        memset(s + r * columns + seen, 0, (size_t)(columns - seen) * sizeof *s);
    }
}

void attn_softmax_rows(const struct attn_problem *p, int64_t i, int64_t rows, int64_t columns,
                       float *s, int64_t ld)
{
    const struct attn_block_kernels *kernels = attn_isa_block();
    for (int64_t r = 0; r < rows; r++) {
        float max, sum, *row = s + r * ld;
        int64_t seen = attn_visible(p, i + r);
        seen = seen > columns ? columns : seen;
        if (seen > 0) {
            kernels->exp_row(row, seen, (float)p->scale, &max, &sum);
            kernels->scale_row(row, seen, 1 / sum);
        }
        memset(row + seen, 0, (size_t)(columns - seen) * sizeof *s);
    }
}
