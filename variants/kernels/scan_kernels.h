/* SPDX-License-Identifier: MIT */
/* What the back ends of the state-scan engine provide. */
#ifndef ATTN_SCAN_KERNELS_H
#define ATTN_SCAN_KERNELS_H

#include <stdint.h>

struct attn_scan_kernels {
    /* c (m, n) += a (m, k) b (k, n); n and the leading dimensions of b and c multiples of 16. */
    void (*product)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                    int64_t ldb, float *c, int64_t ldc);
    void (*elu1)(const float *x, float *phi, int64_t n);
};

extern const struct attn_scan_kernels attn_scan_portable;
#ifdef __x86_64__
extern const struct attn_scan_kernels attn_scan_avx2, attn_scan_avx512;
#endif

#endif
