/* SPDX-License-Identifier: MIT */
/* OpenBLAS may not know a new CPU, and then runs old kernels at half speed. */
#ifndef HARNESS_BLAS_CORE_H
#define HARNESS_BLAS_CORE_H

#include <stdbool.h>

/* What of a CPU decides on kernels. */
struct cpu_traits {
    bool avx512; /* F, DQ, BW, VL */
    bool avx2;   /* and FMA */
    bool amd;
};

/* Of the CPU we run on; all false elsewhere than on x86-64. */
struct cpu_traits cpu_traits_here(void);

/* The core type that suits the CPU better than the one chosen by the library, or NULL. */
const char *blas_core_better(const struct cpu_traits *cpu, const char *chosen);

/*
 * Starts this program anew with a better OPENBLAS_CORETYPE where there is one: the library reads it
 * when it is loaded, and children inherit it. One that the user has set stays. Returns when nothing
 * was to be done.
 */
void blas_core_settle(char **argv);

#endif
