/* SPDX-License-Identifier: MIT */
/* The block engine's back end "avx512_bf16": AVX-512 with bfloat16 and int8 dot products. */
#ifdef __x86_64__
#define KERNELS attn_block_avx512_bf16
#include "variants/kernels/block_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
