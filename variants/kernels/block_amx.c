/* SPDX-License-Identifier: MIT */
/* The block engine's back end "amx". */
#ifdef __x86_64__
#define KERNELS attn_block_amx
#include "variants/kernels/block_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
