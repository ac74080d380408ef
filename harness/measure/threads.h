/* SPDX-License-Identifier: MIT */
/* Threads of a measuring process: bound to cores, denormals flushed. */
#ifndef HARNESS_THREADS_H
#define HARNESS_THREADS_H

#include <sched.h>
#include <stddef.h>

/* Starts the OpenMP team, and binds each member to a physical core of its own. */
void threads_bind(int threads);

/*
 * The same, and flushes denormals in every member. Peaked inputs make denormal weights, and
 * arithmetic on those is up to 78 times slower. Returns the control word that every member has (0
 * where the architecture has none).
 */
unsigned threads_prepare(int threads);

/* Physical cores that this process may use. */
int threads_cores(void);

/*
 * The CPUs for a team of `threads`: those that this process is bound to if they are as many, which
 * is how the coordinator starts its children, or else one of each of its first cores. 0, or -1 when
 * the machine does not tell.
 */
int threads_cpus(int threads, cpu_set_t *out);

/*
 * Writes bytes, copied from `from` or all ones (NaN) when that is NULL, from the threads of the
 * team in equal parts, so that each part lies in the memory of the NUMA node that wrote it.
 */
void first_touch(void *to, const void *from, size_t bytes, int threads);

#endif
