/* SPDX-License-Identifier: MIT */
/*
 * What the back ends of the state-scan engine provide.
 *
 * A state is the sum of phi(k)' v, an r x d_v matrix stored in panels of columns as wide as a
 * micro-kernel, and behind it the sum of phi(k), the denominators. Only the back ends know the
 * panels: states are added and scaled as flat arrays.
 */
#ifndef ATTN_SCAN_KERNELS_H
#define ATTN_SCAN_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What will be read or written next. The products fetch it into the cache as they go along: a
 * chunk's inputs, read at once, would leave the memory idle during the products and these waiting
 * for the memory.
 */
struct attn_scan_next {
    const float *at;
    int64_t floats;
};

/* A chunk of keys. */
struct attn_scan_keys {
    int64_t n, r, d_v;
    int64_t stride;   /* of phi_t; at least n, a multiple of 16 */
    float *phi;       /* (n, r): features; a vector may be read behind the end of each row */
    float *phi_t;     /* (r, stride): the same, transposed */
    const float *v;   /* (n, v_stride), readable up to whole vectors of a row */
    int64_t v_stride; /* at least d_v */
    /*
     * log2 of the decay from the chunk's start to each key, itself included, as high + low: so
     * that differences are accurate when the sums are large. NULL: no decay.
     */
    const float *high, *low;
    struct attn_scan_next next_k, next_v;
};

/* Queries that stand in the chunk, or behind all keys. */
struct attn_scan_rows {
    int64_t n;
    int64_t seen;       /* keys of the chunk that row 0 sees, one more each row; 0: no row does */
    const float *phi;   /* (n, r) */
    float *weights;     /* (n, stride): scratch for phi(q) phi(k)' */
    float *fade, *norm; /* (n): scratch for the state's decay, and what a row is multiplied by */
    float *o;           /* (n, d_v) */
    struct attn_scan_next next_q, next_o;
};

struct attn_scan_kernels {
    int lanes; /* floats a vector */
    /* elu(x) + 1 of n values. */
    void (*elu1)(const float *x, float *phi, int64_t n);
    /* Fills phi_t. */
    void (*transpose)(const struct attn_scan_keys *k);
    /*
     * Fills o: queries times state, plus those keys of the chunk that they see; divided by their
     * sum of weights + eps when normalise.
     */
    void (*answer)(const struct attn_scan_keys *k, const float *state, bool normalise, float eps,
                   const struct attn_scan_rows *q);
    /*
     * Takes the chunk into the sum of its segment: local = decay local + phi' [v 1], *gain *=
     * decay. Unless start is NULL, the state before the segment, also now = *gain start + local.
     * Overwrites phi when there is decay.
     */
    void (*absorb)(const struct attn_scan_keys *k, float *local, float *gain, const float *start,
                   float *now);
    /* now = gain start + local, of whole states; now may be start. */
    void (*join)(int64_t floats, float gain, const float *start, const float *local, float *now);
};

/* Where the denominators of a state begin. */
static inline int64_t attn_scan_denominators(int64_t r, int64_t d_v)
{
    return r * ((d_v + 15) / 16 * 16);
}

/* Floats of a state, a multiple of 16. */
static inline int64_t attn_scan_state_floats(int64_t r, int64_t d_v)
{
    return attn_scan_denominators(r, d_v) + (r + 15) / 16 * 16;
}

extern const struct attn_scan_kernels attn_scan_portable;
#ifdef __x86_64__
extern const struct attn_scan_kernels attn_scan_avx2, attn_scan_avx512;
#endif

#endif
