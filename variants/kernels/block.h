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
 * in their natural layout by scalar broadcast.
 */
#ifndef ATTN_BLOCK_H
#define ATTN_BLOCK_H

#include "variants/attn.h"

/* Queries of the widest tile. */
#define ATTN_TILE 64

/* State of one tile of queries; opaque but for these fields. */
struct attn_tile {
    int64_t head;    /* query head (or, in attn_block_rows, the row set's head) */
    int64_t kv_head; /* its key/value head */
    int64_t q0, q1;  /* queries [q0, q1) of the tile, at most ATTN_TILE */
    struct attn_tile_state *state;
};

/*
 * Accumulates keys [begin, end) of a key set into the tile. k (., D) and v (., D_v) point
 * at key 0, rows dense. Query q0 + r sees key j iff lo[r] <= j < hi[r]; lo and hi may be
 * NULL: no bound. bias (natural log, one a key, may be NULL) is added to the scaled score;
 * -INFINITY hides the key. Ranges of successive calls must be disjoint for one softmax.
 */
void attn_tile_keys(struct attn_tile *t, const float *k, const float *v, int64_t begin, int64_t end,
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
    int tile;   /* queries a tile: 16, 32 or 64; small for patterns with short runs */
    float *lse; /* (H_q, N_q) natural log of the denominators, or NULL */
};

/* Workspace bytes that attn_block_run needs (per-thread tiles). */
size_t attn_block_workspace(const struct attn_problem *p);

/*
 * Runs the job over all heads and queries of p with p->threads OpenMP threads, longest tiles
 * first, writing io->o (and job->lse). Rows that were fed nothing become zeros (lse -INFINITY).
 * The result of a row does not depend on the number of threads.
 */
enum attn_status attn_block_run(const struct attn_problem *p, const struct attn_io *io,
                                const struct attn_block_job *job, void *ws);

/* Name of the back end in use: "portable", "avx2", "avx512". */
const char *attn_isa_name(void);

/*
 * Selects the back end: name is NULL (the best one the CPU has) or one of the names above.
 * Returns 0, or -1 with a static reason in *why. Call once, before any run.
 */
int attn_isa_select(const char *name, const char **why);

#endif
