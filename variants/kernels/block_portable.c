/* SPDX-License-Identifier: MIT */
/* The block engine's back end "portable". */
#define KERNELS attn_block_portable
#include "variants/kernels/block_kernel.inc"
