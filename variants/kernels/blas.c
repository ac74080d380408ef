/* SPDX-License-Identifier: MIT */
/* See blas.h. */
#include "variants/kernels/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char library[] = "libopenblas.so.0";

static struct {
    pthread_once_t once;
    bool loaded;
    struct attn_blas blas;
    char why[512];
} state = {.once = PTHREAD_ONCE_INIT};

static struct attn_cpu cpu_here(void)
{
    struct attn_cpu cpu = {0};
#ifdef __x86_64__
    __builtin_cpu_init();
    cpu.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    cpu.amd = __builtin_cpu_is("amd");
#endif
    return cpu;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0)
            return true;
    return false;
}

const char *attn_blas_better(const struct attn_cpu *cpu, const char *chosen)
{
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
    static const char *const fused[] = {"Haswell", "Zen", "Excavator", NULL};
    if (cpu->avx512)
        return is_one_of(chosen, wide) ? NULL : "SkylakeX";
    if (cpu->avx2)
        return is_one_of(chosen, fused) ? NULL : cpu->amd ? "Zen" : "Haswell";
    return NULL;
}

/* Functions of the library go by way of void *, as dlsym has them. */
static bool find(void *handle, const char *name, void *to, size_t size)
{
    void *symbol = handle ? dlsym(handle, name) : NULL;
    memcpy(to, &symbol, size);
    return symbol;
}

static bool take(void *handle, struct attn_blas *out)
{
    char *(*core)(void), *(*config)(void);
    if (!find(handle, "cblas_sgemm", &out->sgemm, sizeof out->sgemm) ||
        !find(handle, "openblas_get_corename", &core, sizeof core) ||
        !find(handle, "openblas_get_config", &config, sizeof config))
        return false;
    out->core = core();
    out->config = config();
    return true;
}

static void load(void)
{
    const struct attn_cpu cpu = cpu_here();
    /* Callers share the work themselves; threads of its own would only wait. */
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    bool found = take(handle, &state.blas);
    const char *better = found ? attn_blas_better(&cpu, state.blas.core) : NULL;
    if (better && !getenv("OPENBLAS_CORETYPE") && setenv("OPENBLAS_CORETYPE", better, 1) == 0) {
        /* It reads that when it is loaded. */
        dlclose(handle);
        handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
        found = take(handle, &state.blas);
    }
    const char *said = found ? NULL : dlerror();
    if (!found)
        snprintf(state.why, sizeof state.why, "OpenBLAS cannot be loaded: %s",
                 said ? said : library);
    __atomic_store_n(&state.loaded, found, __ATOMIC_RELEASE);
}

const struct attn_blas *attn_blas(void)
{
    pthread_once(&state.once, load);
    return attn_blas_loaded();
}

const struct attn_blas *attn_blas_loaded(void)
{
    return __atomic_load_n(&state.loaded, __ATOMIC_ACQUIRE) ? &state.blas : NULL;
}

bool attn_blas_supports(const struct attn_problem *p, const double *params, const char **why)
{
    (void)params;
    const bool counts = p->n_q < INT32_MAX && p->n_k < INT32_MAX;
    *why = counts ? state.why : "OpenBLAS counts in 32 bits";
    return counts && attn_blas();
}
