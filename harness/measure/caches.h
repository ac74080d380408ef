/* SPDX-License-Identifier: MIT */
/* Sizes of the caches: as reported, and as one core finds them; guests may be told others. */
#ifndef HARNESS_CACHES_H
#define HARNESS_CACHES_H

#include <stddef.h>

struct caches {
    size_t l1, l2, llc; /* bytes */
};

/* As hwloc reports those of the first core; a level that it does not know is guessed: 32 KiB, 1
 * MiB, and no last level beyond that. */
void caches_reported(struct caches *out);

/* Follows chains of pointers over growing parts of x, which it overwrites. About 0.3 s. */
void caches_probe(void *x, size_t bytes, struct caches *out);

/* Where the steps of a curve of latencies over sizes lie. For tests. */
void caches_find(const size_t *size, const double *latency, int n, struct caches *out);

#endif
