/* SPDX-License-Identifier: MIT */
/*
 * bigbird: global, neighbouring and random blocks. Zaheer et al. 2020, arXiv 2007.14062.
 *
 *   blocks of b keys, nb of them. The first and the last block row see every block; row I sees
 *   {0, nb - 1} + {I - 1, I, I + 1} + r distinct random blocks of the others, drawn for each head
 *
 * Time O(n (r + 5) b), memory one tile a thread. Exact when nb <= 5 + r. The paper has no causal
 * form; ours intersects with j <= p_i, draws from blocks 1 .. I - 2, and drops the last block as a
 * global one. Rows are drawn from a counter, so nothing depends on the order of work. The block row
 * of a query is that of its position.
 */
#include "variants/kernels/pattern.h"

#include <math.h>

enum { PICKS = 64 + 8 };

static const struct attn_param params[] = {
    {"b", 64, 1, 1 << 20, true, "keys a block"},
    {"r", 3, 0, 64, true, "random blocks a row of blocks"},
    {0},
};

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int64_t blocks(const struct attn_problem *p, const double *values)
{
    return (p->n_k + (int64_t)values[0] - 1) / (int64_t)values[0];
}

/* Adds x to the ascending list unless it is there. */
static int insert(int64_t *list, int n, int64_t x)
{
    int at = n;
    while (at > 0 && list[at - 1] > x)
        at--;
    if (at > 0 && list[at - 1] == x)
        return n;
    for (int i = n; i > at; i--)
        list[i] = list[i - 1];
    list[at] = x;
    return n + 1;
}

/* The blocks that block row `row` of head h sees, ascending; -1: all (up to its own, causal). */
static int picked(const struct attn_problem *p, const double *values, int64_t h, int64_t row,
                  int64_t list[PICKS])
{
    const int64_t nb = blocks(p, values), r = (int64_t)values[1];
    if (nb <= 5 + r || row == 0 || row == nb - 1)
        return -1;
    int n = insert(list, 0, 0);
    n = insert(list, n, row - 1);
    n = insert(list, n, row);
    if (!p->causal) {
        n = insert(list, n, row + 1);
        n = insert(list, n, nb - 1);
    }
    /* Candidates: 1 .. row - 2, and row + 2 .. nb - 2 without a mask. */
    int64_t below = row - 2 > 0 ? row - 2 : 0,
            above = p->causal || nb - row - 3 < 0 ? 0 : nb - row - 3;
    const int64_t candidates = below + above, want = r < candidates ? r : candidates;
    const int fixed = n;
    for (uint64_t draw = 0; want > 0 && n < fixed + want; draw++) {
        uint64_t z = mix(mix(mix(p->seed ^ UINT64_C(0xb16b17d)) + (uint64_t)h) + (uint64_t)row);
        int64_t at = (int64_t)(mix(z + draw) % (uint64_t)candidates);
        n = insert(list, n, at < below ? at + 1 : row + 2 + at - below);
    }
    return n;
}

static bool supports(const struct attn_problem *p, const double *values, const char **why)
{
    (void)values;
    if (p->causal || p->n_q <= p->n_k)
        return true;
    *why = "without a mask, queries before the first key have no block row (n_q > n_k)";
    return false;
}

static int64_t block_row(const struct attn_problem *p, const double *values, int64_t i)
{
    int64_t at = attn_position(p, i);
    return at < 0 ? -1 : at / (int64_t)values[0];
}

/* A block row's last query + 1. */
static int64_t row_end(const struct attn_problem *p, const double *values, int64_t row)
{
    int64_t end = (row + 1) * (int64_t)values[0] - (p->n_k - p->n_q);
    return end < p->n_q ? end : p->n_q;
}

static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    const double *values = ctx;
    (void)io;
    const int64_t b = (int64_t)values[0];
    for (int64_t i = t->q0; i < t->q1;) {
        const int64_t row = block_row(p, values, i);
        int64_t end = row < 0 ? i + 1 : row_end(p, values, row), lo[ATTN_TILE], hi[ATTN_TILE];
        int64_t list[PICKS], last = 0;
        end = end < t->q1 ? end : t->q1;
        for (int64_t q = t->q0; q < t->q1; q++) {
            lo[q - t->q0] = 0;
            hi[q - t->q0] = q >= i && q < end && row >= 0 ? attn_visible(p, q) : 0;
            last = hi[q - t->q0] > last ? hi[q - t->q0] : last;
        }
        int n = row < 0 ? 0 : picked(p, values, t->head, row, list);
        if (n < 0)
            attn_tile_keys(t, t->keys, 0, last, lo, hi, NULL);
        /* Neighbouring blocks become one range. */
        for (int a = 0, z; a < n; a = z) {
            for (z = a + 1; z < n && list[z] == list[z - 1] + 1;)
                z++;
            int64_t stop = (list[z - 1] + 1) * b;
            attn_tile_keys(t, t->keys, list[a] * b, stop < last ? stop : last, lo, hi, NULL);
        }
        i = end;
    }
}

/* Keys that query i sees. */
static double seen_keys(const struct attn_problem *p, const double *values, int64_t h, int64_t i)
{
    int64_t list[PICKS], row = block_row(p, values, i), seen = attn_visible(p, i);
    int64_t b = (int64_t)values[0];
    if (row < 0)
        return 0;
    int n = picked(p, values, h, row, list);
    if (n < 0)
        return (double)seen;
    double keys = 0;
    for (int a = 0; a < n; a++) {
        int64_t end = (list[a] + 1) * b < seen ? (list[a] + 1) * b : seen;
        keys += end > list[a] * b ? (double)(end - list[a] * b) : 0;
    }
    return keys;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    /* Heads differ only in which blocks are drawn, not in how many. */
    for (int64_t i = 0; i < p->n_q; i++)
        out->exps += (double)p->heads_q * seen_keys(p, values, 0, i);
    out->flops = 2.0 * (double)(p->d + p->d_v) * out->exps;
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p);
    out->workspace = attn_block_workspace(p, ATTN_ARITH_FP32, 0);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    struct attn_block_job job = {.feed = feed, .ctx = values, .tile = 64};
    return attn_block_run(p, io, &job, ws);
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)scratch;
    int64_t list[PICKS], row = block_row(p, values, i), seen = attn_visible(p, i);
    int n = row < 0 ? 0 : picked(p, values, h, row, list);
    for (int64_t j = 0; j < p->n_k; j++) {
        bool in = n < 0;
        for (int a = 0; a < n; a++)
            in |= j / (int64_t)values[0] == list[a];
        w[j] = in && j < seen ? attn_score(p, io, h, i, j) : -INFINITY;
    }
    attn_softmax_row(w, p->n_k);
}

ATTN_VARIANT(bigbird) = {
    .abi = ATTN_ABI_VERSION,
    .name = "bigbird",
    .family = ATTN_SPARSE,
    .kind = ATTN_APPROXIMATES,
    .summary = "global, neighbouring and random blocks",
    .cite = "Zaheer et al. 2020, arXiv 2007.14062",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .params = params,
    .supports = supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
