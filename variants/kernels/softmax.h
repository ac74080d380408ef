/* SPDX-License-Identifier: MIT */
/* Softmax of materialised scores, with the engine's vector exponential. */
#ifndef ATTN_SOFTMAX_H
#define ATTN_SOFTMAX_H

#include "variants/attn.h"

/*
 * In place, for each query of one head: softmax of p->scale * s[i] over the keys it sees, zeros on
 * the others. s is (N_q, N_k). OpenMP over rows.
 */
void attn_softmax_rows(const struct attn_problem *p, float *s);

#endif
