/* SPDX-License-Identifier: MIT */
/* What the back ends of the block engine share: the state of a tile, and their table. */
#ifndef ATTN_BLOCK_STATE_H
#define ATTN_BLOCK_STATE_H

#include "variants/kernels/block.h"

/* Keys a block: scores of 96 keys x 64 queries stay in a 32 KiB L1 beside a strip of Q. */
#define ATTN_BLOCK_KEYS 96
#define ATTN_MAX_D      256

/*
 * One tile. Lanes are queries; arrays are transposed, `lanes` floats a row. Scores are in
 * units of log 2, so max is too.
 */
struct attn_tile_state {
    float *q; /* (D, lanes) scaled by scale * log2 e */
    float *o; /* (D_v, lanes) not normalised */
    float *s; /* (ATTN_BLOCK_KEYS, lanes) scores, then weights */
    float max[ATTN_TILE], sum[ATTN_TILE], alpha[ATTN_TILE];
    int64_t d, d_v;
    int lanes;
};

struct attn_block_kernels {
    /* Transposes and scales the queries of rows [0, rows) and empties the state. */
    void (*begin)(struct attn_tile_state *t, const float *q, int rows, float factor);
    /* Scores of nk keys. */
    void (*scores)(struct attn_tile_state *t, const float *k, int nk);
    /* Scores to weights; updates max and sum; leaves the rescaling factors in alpha. */
    void (*weights)(struct attn_tile_state *t, int nk);
    /* o = alpha o + weights . V */
    void (*values)(struct attn_tile_state *t, const float *v, int nk);
    /* Normalises, transposes back rows [0, rows) into o; lse (natural log) may be NULL. */
    void (*end)(struct attn_tile_state *t, float *o, float *lse, int rows);
    /* In-place softmax of one row of natural scores times scale; n >= 1. */
    void (*softmax)(float *s, int64_t n, float scale);
};

extern const struct attn_block_kernels attn_block_portable;
#ifdef __x86_64__
extern const struct attn_block_kernels attn_block_avx2, attn_block_avx512;
#endif

/* The selected back end. */
const struct attn_block_kernels *attn_block_selected(void);

#endif
