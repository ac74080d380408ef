/* SPDX-License-Identifier: MIT */
/*
 * Judging: the exact reference in double precision on judged rows, and the error of an
 * output against it (all rows up to 8,192 queries, stratified samples above).
 */
#ifndef HARNESS_JUDGE_H
#define HARNESS_JUDGE_H

#include "harness/case.h"

/* Which rows are judged: estimate rows first, then extra rows reported apart. */
struct judge_rows {
    int64_t n_q;
    int64_t count;  /* rows of the estimate */
    int64_t strata; /* 16 when sampled, 1 when all rows are taken */
    bool all;       /* every row is taken: no sampling error */
    int64_t *row;   /* (count) ascending; owned */
};

/* The reference of one set of inputs on its judged rows; free it with reference_free. */
struct reference {
    struct judge_rows rows;
    int64_t heads, d_v;
    double *o;      /* (heads, count, d_v) exact, fp64 */
    double *mean_v; /* (heads, count, d_v) mean of the visible V: the trivial baseline */
    double *entropy, *sink, *top; /* (heads, count): nats; mass on key 0; largest weight */
    float *o_fp32; /* (heads, count, d_v): plain fp32 exact attention, for the floor */
    double floor_rel_l2, floor_max_abs, mean_v_rel_l2;
    void *map; /* of the file that the arrays lie in; NULL: each is allocated */
    size_t map_bytes;
};

/* Chooses rows for n_q queries; seeded, the same on every machine. 0, or -1 out of memory. */
int judge_rows_choose(int64_t n_q, uint64_t seed, struct judge_rows *out);

/*
 * Computes the reference: two passes a row (max, then sums, compensated) in double. Uses
 * OpenMP: call it in a child. Inputs (H, N, D) as in attn.h.
 */
int reference_compute(const struct attn_problem *p, const struct attn_io *io, uint64_t seed,
                      struct reference *out, char msg[CASE_MESSAGE]);

/*
 * Files: one private binary file (header, shapes, arrays), written by the child, and mapped by the
 * coordinator, which may then unlink it: a map costs nothing when processes are started.
 */
int reference_write(const struct reference *r, const char *path, char msg[CASE_MESSAGE]);
int reference_read(const char *path, struct reference *out, char msg[CASE_MESSAGE]);
void reference_free(struct reference *r);

/*
 * Judges o (H_q, N_q, D_v). Non-finite values first. Returns CASE_OK with *out filled, or
 * CASE_WRONG with reason: a value not finite (says how many, the first head/row/channel, and
 * whether it is the poison of rows never written), or an exact kind above gate (rel_l2, or 0:
 * none).
 */
enum case_status judge_output(const struct reference *r, const float *o, double gate,
                              struct metrics *out, char reason[CASE_MESSAGE]);

/* Relative L2 distance of o at rows[] to the source's own rows o_rows (H, nrows, D_v). NaN-safe:
 * returns INFINITY when anything is not finite. */
double judge_capture(const float *o, int64_t heads, int64_t n_q, int64_t d_v, const int64_t *rows,
                     int64_t nrows, const float *o_rows);

/* sqrt(sum (a-b)^2 / sum b^2) in double over n values; INFINITY if anything is not finite;
 * 0 when both are all zero, INFINITY when only b is. */
double judge_rel_l2(const float *a, const double *b, int64_t n);

#endif
