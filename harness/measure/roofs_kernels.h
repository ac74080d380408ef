/* SPDX-License-Identifier: MIT */
/* The loops that roofs are measured with, one table an instruction-set level. */
#ifndef HARNESS_ROOFS_KERNELS_H
#define HARNESS_ROOFS_KERNELS_H

#include <stddef.h>

struct roofs_kernels {
    const char *level; /* as in isa.h */
    /* Operations done by n repetitions on registers; a multiply-add is two. NULL: no such
     * instruction. */
    double (*fp32)(long n);
    double (*bf16)(long n);
    double (*int8)(long n);
    /* y = 2^x over n floats, a multiple of 128, in [-2, 0]. */
    void (*exp)(float *y, const float *x, size_t n);
    void (*exp_bf16)(float *y, const float *x, size_t n); /* as before products of bfloat16 */
    float (*read)(const float *x, size_t n);              /* sums n floats, a multiple of 128 */
    void (*triad)(float *a, const float *b, const float *c, size_t n);
};

extern const struct roofs_kernels roofs_portable;
#ifdef __x86_64__
extern const struct roofs_kernels roofs_avx2, roofs_avx512, roofs_avx512_bf16, roofs_amx;
#endif

#endif
