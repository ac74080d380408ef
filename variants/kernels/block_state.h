/* SPDX-License-Identifier: MIT */
/* What the parts of the block engine share: the state of a tile, and the tables of kernels. */
#ifndef ATTN_BLOCK_STATE_H
#define ATTN_BLOCK_STATE_H

#include "variants/kernels/block.h"

/* Most keys a block. A block of scores should stay in the L1 cache, its keys in the L2 cache. */
#define ATTN_BLOCK_KEYS 192
#define ATTN_MAX_D      256
/* Lanes that are masked, and left out, together. */
#define ATTN_LANES 16
/* Kernels may compute this many keys beyond the last, and AMX this many channels. */
#define ATTN_SLACK 16
/* Up to this many queries, a lane is a key or a channel instead of a query: less arithmetic. */
#define ATTN_FEW_ROWS 4

/*
 * One tile: up to ATTN_TILE queries in panels of `panel` lanes, which the kernels work on one at a
 * time. In a panel, word c of query r lies at c * panel + r; scores and outputs likewise. With few
 * rows everything lies row by row instead. Scores are in units of log 2 / factor, max and top in
 * units of log 2.
 */
struct attn_tile_state {
    const struct attn_arith_kernels *kernels;
    float *q; /* a panel (words, panel) after the other; fp32: scaled by factor */
    float *o; /* a panel (D_v + ATTN_SLACK, panel) after the other, not normalised */
    float *s; /* (ATTN_BLOCK_KEYS + ATTN_SLACK, panel) scores, then weights, of one panel */
    float max[ATTN_TILE], sum[ATTN_TILE];
    float factor[ATTN_TILE]; /* scores times this are in units of log 2; 1 in fp32 */
    float top[ATTN_TILE];    /* largest score of the block */
    float alpha[ATTN_TILE];  /* what the block's maximum leaves of the sums so far */
    int64_t d, d_v, words;   /* words: 32-bit words of a row of Q or K */
    int rows, panel;         /* panel: 16, 32 or 64; 0: few rows */
};

/* Where lane g of a tensor with `rows` rows a panel begins. */
static inline float *attn_lane(float *x, int64_t rows, int panel, int g)
{
    const int within = g % panel;
    return x + (g - within) * rows + within;
}

/*
 * How K, Q and V lie in memory. In all but the first, they are copies made by block_pack.c:
 * PAIRS are bf16, two channels of K and Q, or two keys of V, to a word; BYTES are int8 K and Q,
 * four channels to a word, with V in PAIRS. Rows of V lie in groups: see v_group.
 */
enum attn_form { ATTN_FORM_FLOAT, ATTN_FORM_PAIRS, ATTN_FORM_BYTES };

/*
 * Work on n <= block keys of a set, from key b0 on, and on lanes [g, g + lanes) of one panel. Keys
 * of the block are numbered from 0.
 */
struct attn_arith_kernels {
    enum attn_form form;
    int panel;     /* lanes of the widest panel; a power of 2 */
    int block;     /* keys a block that suit the caches, at most ATTN_BLOCK_KEYS */
    int step;      /* blocks are multiples of this: whole micro-kernels */
    int v_group;   /* 16-bit V lies as (n_k / v_group, D_v, v_group); blocks begin with a group */
    int k_tile;    /* 1: rows of K follow each other; else K lies in tiles of as many keys and
                      words, those of the same keys one after the other */
    int row_words; /* words of Q and K, and channels of 16-bit V, are padded with zeros to a
                      multiple */
    int q_zero;    /* added to bytes of Q: 128 makes them unsigned */
    /* Lays out the queries of rows [0, t->rows), times factor if fp32, and empties the state. */
    void (*begin)(struct attn_tile_state *t, const void *q, float factor);
    /* Fills s and top. */
    void (*scores)(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n, int g,
                   int lanes);
    /* Adds bias[j], a natural logarithm, to the scaled score of key j; brings top up to date. */
    void (*bias)(struct attn_tile_state *t, const float *bias, int n, int g, int lanes);
    /* Hides from row r all keys but [first[r], last[r]); brings top up to date. */
    void (*mask)(struct attn_tile_state *t, int n, int g, int lanes, const int *first,
                 const int *last);
    /* Scores to weights; updates max and sum; leaves the rescaling factors in alpha. */
    void (*weights)(struct attn_tile_state *t, int n, int g, int lanes);
    /* o = alpha o + weights . V */
    void (*values)(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n, int g,
                   int lanes);
    /*
     * Scores, weights and values of keys [x, y), which no lane of [g, g + lanes), whole panels, is
     * to miss; or NULL: block by block.
     */
    void (*span)(struct attn_tile_state *t, const struct attn_keys *k, int64_t x, int64_t y, int g,
                 int lanes);
    /* Normalises rows [0, t->rows) into o. */
    void (*end)(struct attn_tile_state *t, float *o);
};

struct attn_block_kernels {
    struct attn_arith_kernels arith[ATTN_ARITHS];
    struct attn_arith_kernels few; /* fp32, at most ATTN_FEW_ROWS rows */
    /* s = exp(scale s - max), its sum, and the natural maximum of scale s; n >= 1. */
    void (*exp_row)(float *s, int64_t n, float scale, float *max, float *sum);
    void (*scale_row)(float *s, int64_t n, float factor);
};

extern const struct attn_block_kernels attn_block_portable;
#ifdef __x86_64__
extern const struct attn_block_kernels attn_block_avx2, attn_block_avx512, attn_block_avx512_bf16,
    attn_block_amx;
#endif

/* Operands of all heads in the form of a table of kernels. */
struct attn_operands {
    struct attn_keys *keys; /* (heads_kv) */
    const void *q;          /* (heads_q, n_q, words) */
    float *q_factor;        /* int8: a factor for each ATTN_INT8_QUERIES rows of a head; or NULL */
    int64_t words;
};

/* Bytes that attn_pack needs. */
size_t attn_pack_bytes(const struct attn_problem *p, enum attn_arith arith,
                       const struct attn_arith_kernels *kernels);

/* Converts the operands into ws, or points at the inputs where they serve as they are. */
void attn_pack(const struct attn_problem *p, const struct attn_io *io, enum attn_arith arith,
               const struct attn_arith_kernels *kernels, void *ws, struct attn_operands *out);

#endif
