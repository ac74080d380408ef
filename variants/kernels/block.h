/* SPDX-License-Identifier: MIT */
/*
 * The block-attention engine: streaming softmax (Milakov & Gimelshein 2018, arXiv
 * 1805.02867; Dao 2023, arXiv 2307.08691) of a tile of queries over blocks of keys.
 *
 * A variant is a schedule over it: a feed function that, for each tile of queries,
 * hands in the key ranges that the tile sees. The engine owns the arithmetic, the
 * threads and the order of work; the schedule owns the pattern.
 *
 * A query is a vector lane: scores and output are kept transposed, K and V are read
 * by scalar broadcast, in fp32 from where they lie.
 */
#ifndef ATTN_BLOCK_H
#define ATTN_BLOCK_H

#include "variants/attn.h"

/* Queries of the widest tile, and of the widest part of it that is worked on at a time. */
#define ATTN_TILE  256
#define ATTN_PANEL 64

/* How products are computed. Sums, maxima and exponentials are fp32 in all of them. */
enum attn_arith {
    ATTN_ARITH_FP32,
    ATTN_ARITH_BF16, /* operands and weights rounded to bfloat16 */
    ATTN_ARITH_INT8, /* scores: SageAttention's int8 (Zhang et al. 2024, 2410.02367); then bf16 */
    ATTN_ARITHS
};

/* Blocks that share a scale in ATTN_ARITH_INT8: queries of a head, and keys. */
#define ATTN_INT8_QUERIES 128
#define ATTN_INT8_KEYS    64

/*
 * A set of keys and their values, rows dense, in the form that the job's arithmetic reads. A
 * schedule makes its own for fp32 jobs (k, v, and index if it wants); other forms are made by
 * attn_block_run and found in the tile.
 */
struct attn_keys {
    const void *k, *v;     /* row 0 of (., D) and (., D_v) */
    const int64_t *index;  /* fp32 only: key j is row index[j] of k and v; NULL: row j */
    const float *scale;    /* int8 only: of each key */
    const int32_t *offset; /* int8 only: makes unsigned queries signed, a key */
};

/* One tile of queries; the engine's state behind it is opaque. */
struct attn_tile {
    int64_t head, kv_head; /* query head and its key/value head */
    int64_t q0, q1;        /* queries [q0, q1) of the head, at most ATTN_TILE; in a stacked job rows
                              of the group: row r is query r % N_q of head head + r / N_q */
    int64_t k0, k1;        /* keys that it may be fed: all, or one split of them */
    const struct attn_keys *keys; /* all keys of kv_head */
    struct attn_tile_state *state;
};

/*
 * Accumulates keys [begin, end) of a set into the tile. Row q0 + r sees key j iff lo[r] <= j <
 * hi[r]; lo and hi may be NULL: no bound. bias (natural log, one a key, may be NULL) is added to
 * the scaled score; -INFINITY hides the key. Ranges of successive calls must be disjoint for one
 * softmax.
 */
void attn_tile_keys(struct attn_tile *t, const struct attn_keys *keys, int64_t begin, int64_t end,
                    const int64_t *lo, const int64_t *hi, const float *bias);

/*
 * Merges an already normalised partial result into the tile (log-sum-exp merge): row r takes
 * o_part + index[r] * D_v with log-denominator lse[index[r]]; a negative index adds nothing.
 */
void attn_tile_merge(struct attn_tile *t, const float *o_part, const float *lse,
                     const int64_t *index);

/* Feeds one tile. ctx is the schedule's own data. Called concurrently: must not write to ctx. */
typedef void attn_feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                       struct attn_tile *t);

/* What to run the engine over. */
struct attn_block_job {
    attn_feed *feed;
    const void *ctx;
    int tile;   /* queries a tile, a multiple of 16: as many as see nearly the same keys */
    float *lse; /* (H_q, N_q) natural log of the denominators (int8: of keys - mean), or NULL */
    enum attn_arith arith;
    bool stacked; /* tiles span the query heads of a group, so that few queries fill a tile */
    int splits;   /* ranges of keys that are worked on apart and merged; 0 is 1: none */
};

/* Workspace bytes that attn_block_run needs: tiles, operands in other forms, partial results. */
size_t attn_block_workspace(const struct attn_problem *p, enum attn_arith arith, int splits);

/*
 * Runs the job over all heads and queries of p with p->threads OpenMP threads, longest tiles
 * first, writing io->o (and job->lse). Rows that were fed nothing become zeros (lse -INFINITY).
 * The result of a row does not depend on the number of threads.
 */
enum attn_status attn_block_run(const struct attn_problem *p, const struct attn_io *io,
                                const struct attn_block_job *job, void *ws);

#endif
