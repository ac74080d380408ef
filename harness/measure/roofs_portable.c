/* SPDX-License-Identifier: MIT */
/* The roofs' loops for "portable". */
#define KERNELS roofs_portable
#include "harness/measure/roofs_kernel.inc"
