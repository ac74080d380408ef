/* SPDX-License-Identifier: MIT */
/* The loops that roofs are measured with, one table an instruction set. */
#ifndef HARNESS_ROOFS_KERNELS_H
#define HARNESS_ROOFS_KERNELS_H

#include <stddef.h>

struct roofs_kernels {
    double (*fma)(long n);                   /* flops done by n repetitions, in registers */
    double (*exp)(float *x, size_t n);       /* exponentials done over n floats */
    float (*read)(const float *x, size_t n); /* sums n floats, a multiple of 128 */
    void (*triad)(float *a, const float *b, const float *c, size_t n);
};

extern const struct roofs_kernels roofs_portable;
#ifdef __x86_64__
extern const struct roofs_kernels roofs_avx2, roofs_avx512;
#endif

#endif
