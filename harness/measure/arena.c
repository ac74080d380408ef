/* SPDX-License-Identifier: MIT */
/* See arena.h. */
#include "harness/measure/arena.h"
#include "harness/case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map(struct arena *a, size_t bytes, int advice)
{
    size_t size = (bytes + page() - 1) / page() * page();
    if (size == 0)
        size = page();
    if (a->count == ARENA_MAX || size < bytes)
        return NULL;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, advice);
    a->at[a->count] = p;
    a->size[a->count++] = size;
    return p;
}

void *arena_map(struct arena *a, size_t bytes)
{
    return map(a, bytes, MADV_NOHUGEPAGE);
}

void *arena_map_huge(struct arena *a, size_t bytes)
{
    return map(a, bytes, MADV_HUGEPAGE);
}

void *arena_map_guarded(struct arena *a, size_t bytes)
{
    size_t used = (bytes + 63) / 64 * 64, body = (used + page() - 1) / page() * page();
    if (used < bytes || body + page() < bytes)
        return NULL;
    char *p = arena_map(a, body + page());
    if (!p || mprotect(p + body, page(), PROT_NONE))
        return NULL;
    return p + body - used;
}

void arena_free(struct arena *a)
{
    for (int i = 0; i < a->count; i++)
        munmap(a->at[i], a->size[i]);
    a->count = 0;
}

static double status_kb(const char *key)
{
    char line[256];
    double kb = NAN;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            kb = strtod(line + strlen(key), NULL);
    if (f)
        fclose(f);
    return kb * 1024;
}

double memory_now(void)
{
    return status_kb("VmRSS:");
}

void memory_baseline(struct worker_memory *m)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f); /* resets VmHWM; never ru_maxrss, which a child inherits */
        fclose(f);
    }
    m->base = memory_now();
}

void memory_peak(struct worker_memory *m, const void *ws, size_t bytes)
{
    m->peak = fmax(0, status_kb("VmHWM:") - m->base);
    const size_t size = page();
    uintptr_t from = (uintptr_t)ws / size * size, to = (uintptr_t)ws + bytes;
    size_t pages = (to - from + size - 1) / size, resident = 0;
    unsigned char *present = malloc(pages + 1);
    if (present && bytes && mincore((void *)from, pages * size, present) == 0)
        for (size_t i = 0; i < pages; i++)
            resident += present[i] & 1;
    free(present);
    m->tracked = fmin((double)(resident * size), (double)bytes);
    const double most = fmax(m->declared, fmax(m->tracked, m->peak));
    const double least = fmin(m->declared, fmin(m->tracked, m->peak));
    if (!(most - least <= fmax(4 * 0x1p20, 0.1 * most)))
        m->flags |= CASE_UNACCOUNTED;
}

const char *memory_huge_pages(void)
{
    static char text[16] = "unknown";
    char line[64], *word, *end;
    const int told = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    if (told > 0)
        return told == 1 ? "never" : "madvise";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    /* "always [madvise] never": the one in brackets is in force. */
    if (f && fgets(line, sizeof line, f) && (word = strchr(line, '[')) && (end = strchr(word, ']')))
        snprintf(text, sizeof text, "%.*s", (int)(end - word - 1), word + 1);
    if (f)
        fclose(f);
    return text;
}

int memory_nodes(const struct arena *a)
{
    enum { PAGES = 64 };
    uint64_t seen = 0;
    for (int i = 0; i < a->count; i++) {
        void *at[PAGES];
        int node[PAGES];
        const size_t pages = a->size[i] / page();
        const int n = pages < PAGES ? (int)pages : PAGES;
        for (int k = 0; k < n; k++)
            at[k] = (char *)a->at[i] + pages * (size_t)k / (size_t)n * page();
        /* Without new places it only asks where pages are. */
        if (syscall(SYS_move_pages, 0, n, at, NULL, node, 0) == 0)
            for (int k = 0; k < n; k++)
                if (node[k] >= 0 && node[k] < 64)
                    seen |= UINT64_C(1) << node[k];
    }
    return __builtin_popcountll(seen);
}
