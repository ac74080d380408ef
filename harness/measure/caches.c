/* SPDX-License-Identifier: MIT */
/* See caches.h. */
#include "harness/measure/caches.h"
#include "harness/measure/sampling.h"

#include <hwloc.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { LINE = 64, SIZES_MAX = 40, TRIES = 3 };
#define SMALLEST ((size_t)16 << 10)

void caches_reported(struct caches *out)
{
    static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE,
                                             HWLOC_OBJ_L3CACHE};
    size_t size[3] = {(size_t)32 << 10, (size_t)1 << 20, 0};
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) == 0) {
        bool loaded = hwloc_topology_load(topology) == 0;
        for (int i = 0; loaded && i < 3; i++) {
            hwloc_obj_t o = hwloc_get_obj_by_type(topology, types[i], 0);
            if (o && o->attr->cache.size)
                size[i] = o->attr->cache.size;
        }
        hwloc_topology_destroy(topology);
    }
    *out = (struct caches){size[0], size[1], size[2] > size[1] ? size[2] : size[1]};
}

/* A random cycle through n lines (Sattolo), so that no prefetcher foresees it. */
static bool link_lines(char *x, uint32_t n)
{
    uint32_t *next = malloc(n * sizeof *next);
    uint64_t state = 1;
    if (!next)
        return false;
    for (uint32_t i = 0; i < n; i++)
        next[i] = i;
    for (uint32_t i = n - 1; i > 0; i--) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t j = (uint32_t)((state >> 32) * i >> 32), t = next[i];
        next[i] = next[j];
        next[j] = t;
    }
    for (uint32_t i = 0; i < n; i++)
        *(void **)(x + (size_t)i * LINE) = x + (size_t)next[i] * LINE;
    free(next);
    return true;
}

/* Seconds a load; the least of a few tries, each on the way where the one before stopped. */
static double chase(char *x)
{
    const long loads = 30000;
    double best = INFINITY;
    void **p = (void **)x;
    for (int t = 0; t < TRIES; t++) {
        double begin = clock_now();
        for (long i = 0; i < loads; i++)
            p = *p;
        __asm__ volatile("" : "+r"(p));
        best = fmin(best, (clock_now() - begin) / (double)loads);
    }
    return best;
}

void caches_find(const size_t *size, const double *latency, int n, struct caches *out)
{
    /* A level ends where latency leaves its plateau for that of the next. */
    static const double leaves[] = {1.6, 1.6, 1.8};
    size_t *to[] = {&out->l1, &out->l2, &out->llc};
    int i = 0;
    for (int level = 0; level < 3; level++) {
        double plateau = INFINITY;
        /* The half step after an edge still mixes both levels. */
        int first = level ? i + 1 : 0;
        for (i = first < n ? first : n - 1; i < n; i++) {
            plateau = fmin(plateau, latency[i]);
            if (latency[i] > leaves[level] * plateau)
                break;
        }
        *to[level] = size[i > 0 ? i - 1 : 0];
    }
}

void caches_probe(void *x, size_t bytes, struct caches *out)
{
    size_t size[SIZES_MAX];
    double latency[SIZES_MAX];
    int n = 0;
    for (double s = SMALLEST; s <= (double)bytes && n < SIZES_MAX; s *= sqrt(2)) {
        uint32_t lines = (uint32_t)(s / LINE);
        if (!link_lines(x, lines))
            break;
        size[n] = (size_t)lines * LINE;
        latency[n++] = chase(x);
    }
    *out = (struct caches){0};
    if (n > 0)
        caches_find(size, latency, n, out);
}
