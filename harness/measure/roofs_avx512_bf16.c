/* SPDX-License-Identifier: MIT */
/* The roofs' loops for "avx512_bf16". */
#ifdef __x86_64__
#define KERNELS roofs_avx512_bf16
#define LEVEL   "avx512_bf16"
#include "harness/measure/roofs_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
