/* SPDX-License-Identifier: MIT */
/* Threads of a measuring process: bound to cores, denormals flushed. */
#ifndef HARNESS_THREADS_H
#define HARNESS_THREADS_H

/*
 * Flushes denormals in this thread, gives the BLAS its threads (which inherit that), starts the
 * OpenMP team, binds each member to a physical core of its own, and flushes denormals there. Peaked
 * inputs make denormal weights, and arithmetic on those is up to 78 times slower. Returns the
 * control word that every member has (0 where the architecture has none).
 */
unsigned threads_prepare(int threads);

/* Physical cores that this process may use. */
int threads_cores(void);

#endif
