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

/* exp, ln, and sin and cos of turns (2 pi x), in double, |error| below 1e-14. exp of more than
 * 709 is that of 709. */
double fixed_exp(double x);
/* exp of each of n numbers, in place. */
void fixed_exps(double *x, int64_t n);
double fixed_log(double x);
void fixed_sincos(double turns, double *sine, double *cosine);

#endif
