/* SPDX-License-Identifier: MIT */
/* The worker's memory: mappings, and three views of what a method uses. */
#ifndef HARNESS_ARENA_H
#define HARNESS_ARENA_H

#include <stddef.h>

#define ARENA_MAX 8

struct arena {
    void *at[ARENA_MAX];
    size_t size[ARENA_MAX];
    int count;
};

/* Anonymous zeroed memory without huge pages, so that resident memory is what was touched. NULL
 * when refused. */
void *arena_map(struct arena *a, size_t bytes);

/* The same in huge pages, where the system gives them: for inputs, which no method is charged for,
 * so that reading them costs what the roof of reading does. */
void *arena_map_huge(struct arena *a, size_t bytes);

/* The same, its end at a page that cannot be touched: an overrun crashes. 64-byte aligned. */
void *arena_map_guarded(struct arena *a, size_t bytes);

void arena_free(struct arena *a);

struct worker_memory {
    double declared; /* by the variant */
    double tracked;  /* resident bytes of the workspace */
    double peak;     /* the kernel's high-water mark above the baseline */
    double base;     /* resident bytes at the baseline */
    int nodes;       /* NUMA nodes that the inputs and the output lie on */
    unsigned flags;  /* CASE_UNACCOUNTED */
};

/* Resident bytes of this process. */
double memory_now(void);

/* Resets the kernel's high-water mark. Inputs and output have been touched by now. */
void memory_baseline(struct worker_memory *m);

/*
 * Reads the peak, counts the workspace's resident pages, and compares both and what was declared:
 * they agree when no two are further apart than 4 MiB or a tenth.
 */
void memory_peak(struct worker_memory *m, const void *ws, size_t bytes);

/* Whether this process may get huge pages: "never", or "madvise" where memory asks for them, when
 * it was told so; else the system's word. */
const char *memory_huge_pages(void);

/* NUMA nodes that touched pages of the mappings lie on; 0 when the system does not say. */
int memory_nodes(const struct arena *a);

#endif
