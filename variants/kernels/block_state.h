/* SPDX-License-Identifier: MIT */
/* What the parts of the block engine share: the state of a tile, and the tables of kernels. */
#ifndef ATTN_BLOCK_STATE_H
#define ATTN_BLOCK_STATE_H

#include "variants/kernels/block.h"

/* Keys a block: its scores and a strip of Q stay in the L2 cache; long products cost least. */
#define ATTN_BLOCK_KEYS 192
#define ATTN_MAX_D      256
/* Lanes that are masked, and left out, together. */
#define ATTN_LANES 16
/* Kernels may compute this many keys beyond the last, and AMX this many channels. */
#define ATTN_SLACK 16
/* Up to this many queries, a lane is a key or a channel instead of a query: less arithmetic. */
#define ATTN_FEW_ROWS 4

/*
 * One tile. Score (j, r) lies at s[j * lanes + r] and output (c, r) at o[c * lanes + r]; with few
 * rows, row by row instead. Scores are in units of log 2 / factor, max in units of log 2.
 */
struct attn_tile_state {
    const struct attn_arith_kernels *kernels;
    float *q; /* (words, lanes); fp32: scaled by factor */
    float *o; /* (D_v, lanes) not normalised */
    float *s; /* (ATTN_BLOCK_KEYS, lanes) scores, then weights */
    float max[ATTN_TILE], sum[ATTN_TILE], alpha[ATTN_TILE];
    float factor[ATTN_TILE]; /* scores times this are in units of log 2; 1 in fp32 */
    int64_t d, d_v, words;   /* words: 32-bit words of a row of Q or K */
    int rows, lanes;
};

/*
 * How K, Q and V lie in memory. In all but the first, they are copies made by block_pack.c:
 * PAIRS are bf16, two channels of K and Q, or two keys of V, to a word; BYTES are int8 K and
 * unsigned Q, four channels to a word, with V in PAIRS.
 */
enum attn_form { ATTN_FORM_FLOAT, ATTN_FORM_PAIRS, ATTN_FORM_BYTES };

/* Keys of a block are numbered from 0, which is key b0 of the set; lanes [g, g + lanes). */
struct attn_arith_kernels {
    enum attn_form form;
    int row_words;     /* rows of Q and K are padded with zeros to a multiple of this */
    bool v_transposed; /* 16-bit V lies as (D_v, n_k) instead of in pairs of keys */
    /* Lays out the queries of rows [0, t->rows), times factor if fp32, and empties the state. */
    void (*begin)(struct attn_tile_state *t, const void *q, float factor);
    void (*scores)(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int from,
                   int to, int g, int lanes);
    /* Hides from row r all keys but [first[r], last[r]). */
    void (*mask)(struct attn_tile_state *t, int from, int to, int g, int lanes, const int *first,
                 const int *last);
    /* Scores to weights; updates max and sum; leaves the rescaling factors in alpha. */
    void (*weights)(struct attn_tile_state *t, int from, int to, int g, int lanes);
    /* o = alpha o + weights . V */
    void (*values)(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int from,
                   int to, int g, int lanes);
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
