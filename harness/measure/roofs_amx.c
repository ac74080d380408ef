/* SPDX-License-Identifier: MIT */
/* The roofs' loops for "amx". */
#ifdef __x86_64__
#define KERNELS roofs_amx
#define LEVEL   "amx"
#include "variants/kernels/amx_tiles.h"
#include "harness/measure/roofs_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
