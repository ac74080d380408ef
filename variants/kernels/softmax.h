/* SPDX-License-Identifier: MIT */
/* Softmax of materialised scores, with the engine's vector exponential. Serial: callers share rows.
 */
#ifndef ATTN_SOFTMAX_H
#define ATTN_SOFTMAX_H

#include "variants/attn.h"

/*
 * In place, for queries [i, i + rows) of one head: softmax of p->scale * s over the keys that each
 * sees, zeros on the others. s is (rows, columns), its rows ld floats apart; column 0 is key 0.
 */
void attn_softmax_rows(const struct attn_problem *p, int64_t i, int64_t rows, int64_t columns,
                       float *s, int64_t ld);

/*
 * The same without dividing, for columns that are keys [j, j + columns): s becomes
 * exp(p->scale * s - max[r]), and sum[r] its row sum. A row that sees none of the keys gets max
 * -INFINITY and sum 0. s is dense.
 */
void attn_exp_rows(const struct attn_problem *p, int64_t i, int64_t rows, int64_t j,
                   int64_t columns, float *s, float *max, float *sum);

#endif
