/* SPDX-License-Identifier: MIT */
#define EXP2      exp2_portable
#define EXP2_BF16 exp2_bf16_portable
#include "tests/unit/exp_kernel.inc"
