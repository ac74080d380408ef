/* SPDX-License-Identifier: MIT */
/* The roofs' loops for "portable". */
#define KERNELS roofs_portable
#define LEVEL   "portable"
#include "harness/measure/roofs_kernel.inc"
