/* SPDX-License-Identifier: MIT */
/* See threads.h. */
#include "harness/measure/threads.h"

#include <hwloc.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

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

enum { CORES_MAX = 1024 };

/* One CPU of each core that this process may use, in the order of the topology. */
struct cores {
    int count, cpu[CORES_MAX];
};

static void find_cores(struct cores *c)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology))
        return;
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc(), set = hwloc_bitmap_alloc();
    if (hwloc_topology_load(topology) == 0) {
        const int n = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
        hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS);
        for (int i = 0; i < n && c->count < CORES_MAX; i++) {
            hwloc_obj_t core = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)i);
            hwloc_bitmap_and(set, core->cpuset, allowed);
            const int cpu = hwloc_bitmap_first(set);
            if (cpu >= 0 && cpu < CPU_SETSIZE)
                c->cpu[c->count++] = cpu;
        }
    }
    hwloc_bitmap_free(set);
    hwloc_bitmap_free(allowed);
    hwloc_topology_destroy(topology);
}

/* Reading the topology takes milliseconds: once a process, and once for all that it forks. */
static const struct cores *cores(void)
{
    static struct cores known;
    if (!known.count)
        find_cores(&known);
    return &known;
}

int threads_cores(void)
{
    return cores()->count ? cores()->count : 1;
}

int threads_cpus(int threads, cpu_set_t *out)
{
    if (sched_getaffinity(0, sizeof *out, out) == 0 && CPU_COUNT(out) == threads)
        return 0;
    const struct cores *c = cores();
    CPU_ZERO(out);
    for (int i = 0; i < c->count && i < threads; i++)
        CPU_SET(c->cpu[i], out);
    return c->count ? 0 : -1;
}

/* Binds the calling thread to the CPU of that rank in the set. */
static void bind_to(const cpu_set_t *cpus, int rank)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, cpus) && rank-- == 0) {
            cpu_set_t own;
            CPU_ZERO(&own);
            CPU_SET(cpu, &own);
            sched_setaffinity(0, sizeof own, &own);
        }
}

void threads_bind(int threads)
{
    cpu_set_t cpus;
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    const int n = threads_cpus(threads, &cpus) ? 0 : CPU_COUNT(&cpus);
    const int limit = omp_get_thread_limit(), team = threads < limit ? threads : limit;
    /* New threads may stand on one CPU, where OpenMP's barrier would spin and keep off those that
     * it waits for: this one sleeps. */
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, (unsigned)team);
#pragma omp parallel num_threads(team)
    {
        if (n)
            bind_to(&cpus, omp_get_thread_num() % n);
        pthread_barrier_wait(&all);
    }
    pthread_barrier_destroy(&all);
}

unsigned threads_prepare(int threads)
{
    unsigned common = flush_denormals();
    threads_bind(threads);
#pragma omp parallel num_threads(threads) reduction(& : common)
    common &= flush_denormals();
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
