/* SPDX-License-Identifier: MIT */
/* The state-scan engine's back end "portable". */
#define KERNELS attn_scan_portable
#include "variants/kernels/scan_kernel.inc"
