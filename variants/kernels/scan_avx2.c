/* SPDX-License-Identifier: MIT */
/* The state-scan engine's back end "avx2". */
#ifdef __x86_64__
#define KERNELS attn_scan_avx2
#include "variants/kernels/scan_kernel.inc"
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
