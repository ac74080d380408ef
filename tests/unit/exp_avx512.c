/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define EXP2      exp2_avx512
#define EXP2_BF16 exp2_bf16_avx512
#include "tests/unit/exp_kernel.inc"
#else
typedef int exp_no_kernel; /* a translation unit may not be empty */
#endif
