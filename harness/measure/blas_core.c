/* SPDX-License-Identifier: MIT */
/* See blas_core.h. */
#include "harness/measure/blas_core.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

extern char *openblas_get_corename(void);

struct cpu_traits cpu_traits_here(void)
{
    struct cpu_traits cpu = {0};
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

const char *blas_core_better(const struct cpu_traits *cpu, const char *chosen)
{
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
    static const char *const fused[] = {"Haswell", "Zen", "Excavator", NULL};
    if (cpu->avx512)
        return is_one_of(chosen, wide) ? NULL : "SkylakeX";
    if (cpu->avx2)
        return is_one_of(chosen, fused) ? NULL : cpu->amd ? "Zen" : "Haswell";
    return NULL;
}

void blas_core_settle(char **argv)
{
    const struct cpu_traits cpu = cpu_traits_here();
    const char *better = blas_core_better(&cpu, openblas_get_corename());
    if (!better || getenv("OPENBLAS_CORETYPE") || setenv("OPENBLAS_CORETYPE", better, 1))
        return;
    execv("/proc/self/exe", argv);
}
