/* SPDX-License-Identifier: MIT */
/* See threads.h. */
#include "harness/measure/threads.h"

#include <hwloc.h>
#include <omp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

extern void openblas_set_num_threads(int threads);

enum { FTZ_DAZ = 0x8040 };

static unsigned flush_denormals(void)
{
#ifdef __x86_64__
    _mm_setcsr(_mm_getcsr() | FTZ_DAZ);
    return _mm_getcsr() & ~0x3fu; /* without the sticky exception flags */
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | UINT64_C(1) << 24));
    return (unsigned)(fpcr | 1u << 24);
#else
    return 0;
#endif
}

/* One bitmap a core: the first processing unit of each that we may run on. */
static int cores(hwloc_topology_t topology, hwloc_bitmap_t *sets, int max)
{
    int found = 0, n = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS);
    for (int i = 0; i < n && found < max; i++) {
        hwloc_obj_t core = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)i);
        hwloc_bitmap_t set = hwloc_bitmap_dup(core->cpuset);
        hwloc_bitmap_and(set, set, allowed);
        hwloc_bitmap_singlify(set);
        if (hwloc_bitmap_iszero(set))
            hwloc_bitmap_free(set);
        else
            sets[found++] = set;
    }
    hwloc_bitmap_free(allowed);
    return found;
}

enum { CORES_MAX = 1024 };

int threads_cores(void)
{
    hwloc_topology_t topology;
    hwloc_bitmap_t sets[CORES_MAX];
    if (hwloc_topology_init(&topology) || hwloc_topology_load(topology))
        return 1;
    int n = cores(topology, sets, CORES_MAX);
    for (int i = 0; i < n; i++)
        hwloc_bitmap_free(sets[i]);
    hwloc_topology_destroy(topology);
    return n ? n : 1;
}

int threads_cpus(int threads, cpu_set_t *out)
{
    hwloc_topology_t topology;
    hwloc_bitmap_t sets[CORES_MAX];
    if (hwloc_topology_init(&topology) || hwloc_topology_load(topology))
        return -1;
    int n = cores(topology, sets, CORES_MAX);
    CPU_ZERO(out);
    for (int i = 0; i < n; i++) {
        int cpu = hwloc_bitmap_first(sets[i]);
        if (i < threads && cpu >= 0 && cpu < CPU_SETSIZE)
            CPU_SET(cpu, out);
        hwloc_bitmap_free(sets[i]);
    }
    hwloc_topology_destroy(topology);
    return CPU_COUNT(out) ? 0 : -1;
}

unsigned threads_prepare(int threads)
{
    hwloc_topology_t topology;
    hwloc_bitmap_t sets[CORES_MAX];
    int n = 0;
    unsigned common = flush_denormals();
    /* Methods that use the BLAS share the work themselves. */
    openblas_set_num_threads(1);
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    bool bound = hwloc_topology_init(&topology) == 0;
    if (bound && hwloc_topology_load(topology) == 0)
        n = cores(topology, sets, CORES_MAX);
#pragma omp parallel num_threads(threads) reduction(& : common)
    {
        if (n)
            hwloc_set_cpubind(topology, sets[omp_get_thread_num() % n], HWLOC_CPUBIND_THREAD);
        common &= flush_denormals();
    }
    for (int i = 0; i < n; i++)
        hwloc_bitmap_free(sets[i]);
    if (bound)
        hwloc_topology_destroy(topology);
    return common;
}

void first_touch(void *to, const void *from, size_t bytes, int threads)
{
    const size_t part = (bytes + (size_t)threads - 1) / (size_t)threads;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
        const size_t begin = (size_t)t * part, end = begin + part < bytes ? begin + part : bytes;
        if (begin >= end)
            continue;
        if (from)
            memcpy((char *)to + begin, (const char *)from + begin, end - begin);
        else
            memset((char *)to + begin, 0xff, end - begin);
    }
}
