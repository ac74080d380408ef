/* SPDX-License-Identifier: MIT */
/*
 * What an instruction set provides to the state-scan engine: the same source,
 * scan_kernel.inc, compiled once a level. Row strides of buffers that the engine owns
 * are multiples of ATTN_SCAN_PAD floats, and their padding holds zeros, so that
 * no kernel needs a tail.
 */
#ifndef ATTN_SCAN_KERNEL_H
#define ATTN_SCAN_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#define ATTN_SCAN_PAD 16

struct attn_scan_kernel {
    /* y (rows, ld) = elu(x) + 1 of x (rows, d); columns d .. ld become zero. */
    void (*elu1)(const float *x, int64_t rows, int64_t d, float *y, int64_t ld);

    /* c (m, n) = a (m, k) b (k, n), added to c when add; a[i, l] lies at a[i * ars + l * acs]. */
    void (*gemm)(int64_t m, int64_t n, int64_t k, const float *a, int64_t ars, int64_t acs,
                 const float *b, int64_t ldb, float *c, int64_t ldc, bool add);

    /* out (ld, ldo) = transpose of x (rows, ld); columns rows .. ldo become zero. */
    void (*transpose)(const float *x, int64_t rows, int64_t ld, float *out, int64_t ldo);

    /* sum[f] += x[t, f] over the rows. */
    void (*column_sums)(const float *x, int64_t rows, int64_t ld, float *sum);

    /* out = a + b, n floats. */
    void (*add)(const float *a, const float *b, int64_t n, float *out);

    /*
     * o (rows, d_v) = num / (phi . z + sum of the row of inner + eps); phi (rows, ld),
     * inner (rows, ldi) may be NULL, num (rows, ldn).
     */
    void (*finish)(int64_t rows, const float *phi, int64_t ld, const float *z, const float *inner,
                   int64_t ldi, const float *num, int64_t ldn, float eps, int64_t d_v, float *o);
};

extern const struct attn_scan_kernel attn_scan_portable, attn_scan_avx2, attn_scan_avx512;

#endif
