/* SPDX-License-Identifier: MIT */
/*
 * Counter-based random numbers (Philox4x32-10: Salmon et al. 2011) and the few functions that
 * normals need, ours, so that no libm's rounding shows: the same bits everywhere.
 */
#ifndef HARNESS_RANDOM_H
#define HARNESS_RANDOM_H

#include <stdint.h>

/* The tensors that numbers are drawn for: first word of the counter. */
enum stream {
    STREAM_Q,
    STREAM_K,
    STREAM_V,
    STREAM_TOPIC,
    STREAM_CODE,
    STREAM_TARGET,
    STREAM_HEAVY,
    STREAM_PHASE
};

/* Ten rounds on counter and key; known answers are in the tests. */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* n standard normals for (stream, head, row). */
void random_normals(uint64_t seed, enum stream stream, int64_t head, int64_t row, int n,
                    double *out);

/* One uniform in (0, 1) for (stream, head, row, index). */
double random_uniform(uint64_t seed, enum stream stream, int64_t head, int64_t row, int64_t index);

/* exp and ln in double, |error| below 1e-14: exp of more than 709 is that of 709, ln is that of a
 * positive normal number. */
double fixed_exp(double x);
double fixed_log(double x);
/* exp of each of n numbers, in place. */
void fixed_exps(double *x, int64_t n);
/* sin and cos of each of n numbers of turns (2 pi x), taken so many times; as exact. */
void fixed_sincos(const double *turns, double times, int n, double *sine, double *cosine);

#endif
