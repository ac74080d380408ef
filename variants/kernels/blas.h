/* SPDX-License-Identifier: MIT */
/*
 * OpenBLAS, for methods whose time is that of large products. It is loaded when first asked for:
 * most methods need none, and loading it takes as long as all else at the start of a process.
 */
#ifndef ATTN_BLAS_H
#define ATTN_BLAS_H

#include "variants/attn.h"

#include <cblas.h>

struct attn_blas {
    __typeof__(cblas_sgemm) *sgemm; /* on the calling thread alone */
    const char *core;               /* whose kernels run: "SkylakeX" */
    const char *config;             /* version and build, one line */
};

/*
 * Loads it, once a process; for any thread. NULL where that fails. Runs kernels for an older CPU at
 * half speed where the library does not know this one: then it is loaded with a better
 * OPENBLAS_CORETYPE, which children inherit. One that the user has set stays.
 */
const struct attn_blas *attn_blas(void);

/* The same if it is loaded already, else NULL. */
const struct attn_blas *attn_blas_loaded(void);

/* supports() of a method that needs it: false where it counts too far, or cannot be loaded. */
bool attn_blas_supports(const struct attn_problem *p, const double *params, const char **why);

/* What of a CPU decides on kernels. */
struct attn_cpu {
    bool avx512; /* F, DQ, BW, VL */
    bool avx2;   /* and FMA */
    bool amd;
};

/* The core type that suits a CPU better than the one chosen by the library, or NULL. */
const char *attn_blas_better(const struct attn_cpu *cpu, const char *chosen);

#endif
