/* SPDX-License-Identifier: MIT */
/* Pooling: means of rows, pyramids of means, and attention pooling of a segment. */
#ifndef ATTN_POOL_H
#define ATTN_POOL_H

#include "variants/attn.h"

/* out (width) = mean of n >= 1 rows of x (n, width). */
void attn_pool_mean(const float *x, int64_t n, int64_t width, float *out);

/*
 * One level of a pyramid: row j of out (heads, ceil(n / 2), width) is the mean of rows 2j and
 * 2j + 1 of x (heads, n, width). Every row of x stands for equally many tokens, but the last of a
 * head for `last` times as many (0 < last <= 1): the mean is that of the tokens.
 */
void attn_pool_pairs(const float *x, int64_t heads, int64_t n, int64_t width, double last,
                     float *out, int threads);

/* Row j of out (heads, ceil(n / 2), width) is row 2j of x (heads, n, width). */
void attn_pool_first(const float *x, int64_t heads, int64_t n, int64_t width, float *out,
                     int threads);

/*
 * Attention pooling: a_t = softmax over the n >= 1 rows of (scale q . k_t); k_out (d) = sum a_t
 * k_t, v_out (d_v) = sum a_t v_t. a holds n floats.
 */
void attn_pool_attend(const float *q, const float *k, const float *v, int64_t n, int64_t d,
                      int64_t d_v, double scale, float *a, float *k_out, float *v_out);

#endif
