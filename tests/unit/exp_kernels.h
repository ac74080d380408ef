/* SPDX-License-Identifier: MIT */
/* The exponentials of variants/kernels/vec.h as functions, one of each instruction set. */
#ifndef TESTS_EXP_KERNELS_H
#define TESTS_EXP_KERNELS_H

#define EXP_LANES 16

/* EXP_LANES values each; see vf_exp2() and vf_exp2_for_bf16(). */
typedef void exp_kernel(const float *x, float *y);

exp_kernel exp2_portable, exp2_bf16_portable;
#ifdef __x86_64__
exp_kernel exp2_avx2, exp2_bf16_avx2, exp2_avx512, exp2_bf16_avx512;
#endif

#endif
