/* SPDX-License-Identifier: MIT */
/* The roofs' loops for "avx512". */
#ifdef __x86_64__
#define KERNELS roofs_avx512
#define LEVEL   "avx512"
#include "harness/measure/roofs_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
