/* SPDX-License-Identifier: MIT */
/* The block engine's driver: blocks of keys, masks, merging, splits, threads. See block.h. */
#include "variants/kernels/block_state.h"
#include "variants/kernels/isa.h"

#include <math.h>
#include <string.h>

#define LOG2_E 1.4426950408889634f
#define LN_2   0.6931471805599453

/* ---- keys into a tile ---------------------------------------------------------------------- */

static int round_up(int n, int multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static bool few(const struct attn_tile_state *s)
{
    return s->lanes < ATTN_LANES;
}

static float *score_at(struct attn_tile_state *s, int64_t j, int64_t r)
{
    return few(s) ? &s->s[r * ATTN_BLOCK_KEYS + j] : &s->s[j * s->lanes + r];
}

static float *output_at(struct attn_tile_state *s, int64_t c, int64_t r)
{
    return few(s) ? &s->o[r * s->d_v + c] : &s->o[c * s->lanes + r];
}

static void add_bias(struct attn_tile_state *s, const float *bias, int from, int to, int g,
                     int lanes)
{
    const int rows = few(s) ? s->rows : lanes;
    for (int j = from; j < to; j++)
        for (int r = g; r < g + rows; r++)
            *score_at(s, j, r) += bias[j] * LOG2_E / s->factor[r];
}

/* Which keys each row sees, cut to [begin, end); rows that do not exist see none. */
struct bounds {
    int64_t lo[ATTN_TILE], hi[ATTN_TILE];
};

/* Keys [x, y) for lanes [g, g + lanes), block by block; b NULL: all rows see all of them. */
static void run_blocks(struct attn_tile_state *s, const struct attn_keys *keys, int64_t x,
                       int64_t y, int g, int lanes, const struct bounds *b, const float *bias)
{
    const struct attn_arith_kernels *k = s->kernels;
    /* Equal blocks of whole micro-kernels, so that none is short. */
    const int64_t count = (y - x + ATTN_BLOCK_KEYS - 1) / ATTN_BLOCK_KEYS;
    const int64_t size = count > 1 ? round_up((int)((y - x + count - 1) / count), 6) : y - x;
    for (int64_t b0 = x; b0 < y; b0 += size) {
        const int n = (int)(b0 + size < y ? size : y - b0);
        k->scores(s, keys, b0, 0, n, g, lanes);
        if (bias)
            add_bias(s, bias + b0, 0, n, g, lanes);
        if (b) {
            int first[ATTN_TILE], last[ATTN_TILE];
            for (int r = g; r < g + lanes; r++) {
                first[r] = (int)(b->lo[r] <= b0 ? 0 : b->lo[r] >= b0 + n ? n : b->lo[r] - b0);
                last[r] = (int)(b->hi[r] <= b0 ? 0 : b->hi[r] >= b0 + n ? n : b->hi[r] - b0);
            }
            k->mask(s, 0, n, g, lanes, first, last);
        }
        k->weights(s, 0, n, g, lanes);
        k->values(s, keys, b0, 0, n, g, lanes);
    }
}

/* Keys of [x, y) that some rows see: for each group of lanes, those that it sees, masked. */
static void run_edge(struct attn_tile_state *s, const struct attn_keys *keys, int64_t x, int64_t y,
                     const struct bounds *bounds, int align, const float *bias)
{
    struct bounds b;
    for (int r = 0; r < ATTN_TILE; r++) {
        b.lo[r] = bounds->lo[r] > x ? bounds->lo[r] : x;
        b.hi[r] = bounds->hi[r] < y ? bounds->hi[r] : y;
    }
    for (int g = 0; g < s->lanes; g += ATTN_LANES) {
        int64_t first = y, last = x;
        for (int r = g; r < g + ATTN_LANES && r < s->rows; r++) {
            if (b.lo[r] >= b.hi[r])
                continue;
            first = b.lo[r] < first ? b.lo[r] : first;
            last = b.hi[r] > last ? b.hi[r] : last;
        }
        if (first < last)
            run_blocks(s, keys, first / align * align, last, g,
                       s->lanes < ATTN_LANES ? s->lanes : ATTN_LANES, &b, bias);
    }
}

void attn_tile_keys(struct attn_tile *t, const struct attn_keys *keys, int64_t begin, int64_t end,
                    const int64_t *lo, const int64_t *hi, const float *bias)
{
    struct attn_tile_state *s = t->state;
    /* Pairs of keys in a word cannot be taken apart. */
    const int align = s->kernels->form == ATTN_FORM_FLOAT ? 1 : 2;
    struct bounds b;
    int64_t a = begin, z = end; /* keys that every row sees */
    if (begin >= end)
        return;
    for (int r = 0; r < ATTN_TILE; r++) {
        b.lo[r] = begin;
        b.hi[r] = r < s->rows ? end : begin;
        if (r >= s->rows)
            continue;
        if (lo && lo[r] > begin)
            b.lo[r] = lo[r];
        if (hi && hi[r] < end)
            b.hi[r] = hi[r];
        a = b.lo[r] > a ? b.lo[r] : a;
        z = b.hi[r] < z ? b.hi[r] : z;
    }
    a = (a + align - 1) / align * align;
    z = z < end ? z / align * align : z;
    if (a >= z) {
        run_edge(s, keys, begin, end, &b, align, bias);
        return;
    }
    if (begin < a)
        run_edge(s, keys, begin, a, &b, align, bias);
    run_blocks(s, keys, a, z, 0, s->lanes, NULL, bias);
    if (z < end)
        run_edge(s, keys, z, end, &b, align, bias);
}

/* A partial result is one more key whose score is its log-denominator and value its output. */
void attn_tile_merge(struct attn_tile *t, const float *o_part, const float *lse,
                     const int64_t *index)
{
    struct attn_tile_state *s = t->state;
    for (int64_t r = 0; r < t->q1 - t->q0; r++) {
        if (index[r] < 0 || lse[index[r]] == -INFINITY)
            continue;
        const float *part = o_part + index[r] * s->d_v;
        const float score = lse[index[r]] * LOG2_E, max = fmaxf(score, s->max[r]);
        const float mine = s->max[r] == -INFINITY ? 0 : exp2f(s->max[r] - max);
        const float its = exp2f(score - max);
        s->max[r] = max;
        s->sum[r] = s->sum[r] * mine + its;
        for (int64_t c = 0; c < s->d_v; c++)
            *output_at(s, c, r) = *output_at(s, c, r) * mine + part[c] * its;
    }
}

/* ---- tiles --------------------------------------------------------------------------------- */

static size_t tile_floats(const struct attn_problem *p)
{
    const int64_t rows = p->d + 64 + p->d_v + ATTN_SLACK + ATTN_BLOCK_KEYS + ATTN_SLACK;
    return (size_t)rows * ATTN_TILE;
}

static const struct attn_arith_kernels *kernels_of(enum attn_arith arith)
{
    return &attn_isa_block()->arith[arith];
}

/* Partial results of split jobs: outputs, then log-denominators, a split after the other. */
static size_t partial_floats(const struct attn_problem *p, int splits)
{
    return splits > 1 ? (size_t)splits * (size_t)(p->heads_q * p->n_q) * (size_t)(p->d_v + 1) : 0;
}

size_t attn_block_workspace(const struct attn_problem *p, enum attn_arith arith, int splits)
{
    return attn_pack_bytes(p, arith, kernels_of(arith)) +
           ((size_t)p->threads * tile_floats(p) + partial_floats(p, splits)) * sizeof(float);
}

/* What a run works on: the job, and where its parts of the workspace lie. */
struct run {
    const struct attn_problem *p;
    const struct attn_io *io;
    const struct attn_block_job *job;
    struct attn_operands operands;
    float *tiles;        /* a tile for each thread */
    float *o, *lse;      /* where results go: the output, or partial results */
    int64_t heads, rows; /* heads and rows of a head, as tiled: of groups when stacked */
    int64_t splits, keys_per_split;
    float factor; /* turns products into scores in units of log 2 */
};

static void set_factors(const struct run *run, struct attn_tile_state *s, int64_t row)
{
    const int64_t n = run->p->n_q, blocks = (n + ATTN_INT8_QUERIES - 1) / ATTN_INT8_QUERIES;
    for (int r = 0; r < s->lanes; r++) {
        s->factor[r] = run->job->arith == ATTN_ARITH_FP32 ? 1 : run->factor;
        if (run->operands.q_factor && r < s->rows) {
            const int64_t at = row + r;
            s->factor[r] *= run->operands.q_factor[at / n * blocks + at % n / ATTN_INT8_QUERIES];
        }
    }
}

/* One tile over one split: rows [q0, q1) of tiled head `head`. */
static void run_tile(const struct run *run, struct attn_tile_state *s, int64_t head, int64_t q0,
                     int64_t split)
{
    const struct attn_problem *p = run->p;
    const int64_t group = p->heads_q / p->heads_kv, tile = run->job->tile;
    const int64_t q1 = q0 + tile < run->rows ? q0 + tile : run->rows, row = head * run->rows + q0;
    struct attn_tile t = {.head = run->job->stacked ? head * group : head, .q0 = q0, .q1 = q1};
    t.kv_head = t.head / group;
    t.k0 = split * run->keys_per_split;
    t.k1 = t.k0 + run->keys_per_split < p->n_k ? t.k0 + run->keys_per_split : p->n_k;
    t.keys = &run->operands.keys[t.kv_head];
    t.state = s;
    s->rows = (int)(q1 - q0);
    s->lanes = round_up(s->rows, ATTN_LANES);
    s->kernels = kernels_of(run->job->arith);
    if (run->job->arith == ATTN_ARITH_FP32 && s->rows <= ATTN_FEW_ROWS) {
        s->lanes = s->rows;
        s->kernels = &attn_isa_block()->few;
    }
    set_factors(run, s, row);
    const float *q = (const float *)run->operands.q + row * run->operands.words;
    /* In fp32 the queries are scaled instead of the scores. */
    s->kernels->begin(s, q, run->job->arith == ATTN_ARITH_FP32 ? run->factor : 1);
    run->job->feed(run->job->ctx, p, run->io, &t);
    const int64_t to = split * p->heads_q * p->n_q + row;
    s->kernels->end(s, run->o + to * p->d_v);
    for (int r = 0; r < s->rows && run->lse; r++)
        run->lse[to + r] =
            s->sum[r] == 0 ? -INFINITY : (float)(LN_2 * s->max[r] + log((double)s->sum[r]));
}

/* Adds up the partial results of one row. */
static void merge_row(const struct run *run, int64_t row)
{
    const int64_t dv = run->p->d_v, rows = run->p->heads_q * run->p->n_q;
    float *o = run->io->o + row * dv, max = -INFINITY;
    double sum = 0;
    for (int64_t s = 0; s < run->splits; s++)
        max = fmaxf(max, run->lse[s * rows + row]);
    memset(o, 0, (size_t)dv * sizeof *o);
    for (int64_t s = 0; s < run->splits && max > -INFINITY; s++)
        sum += exp((double)(run->lse[s * rows + row] - max));
    for (int64_t s = 0; s < run->splits && max > -INFINITY; s++) {
        const float w = (float)(exp((double)(run->lse[s * rows + row] - max)) / sum);
        for (int64_t c = 0; c < dv; c++)
            o[c] += w * run->o[(s * rows + row) * dv + c];
    }
    if (run->job->lse)
        run->job->lse[row] = max == -INFINITY ? max : (float)((double)max + log(sum));
}

static void run_tiles(const struct run *run)
{
    const struct attn_problem *p = run->p;
    const int64_t tile = run->job->tile, tiles = (run->rows + tile - 1) / tile;
    const int64_t group = run->job->stacked ? 1 : p->heads_q / p->heads_kv;
    const int64_t units = tiles * run->heads * run->splits, per_kv = tiles * group * run->splits;
    int worker = 0;
#pragma omp parallel num_threads(p->threads)
    {
        int me;
#pragma omp atomic capture
        me = worker++;
        struct attn_tile_state s = {.d = p->d, .d_v = p->d_v, .words = run->operands.words};
        s.q = run->tiles + (size_t)me * tile_floats(p);
        s.o = s.q + (p->d + 64) * ATTN_TILE;
        s.s = s.o + (p->d_v + ATTN_SLACK) * ATTN_TILE;
        /* Last queries first: they are the longest when causal. Heads of a group follow each
         * other, so that they find the keys in the cache. */
#pragma omp for schedule(dynamic)
        for (int64_t u = 0; u < units; u++) {
            const int64_t rest = u % per_kv, at = tiles - 1 - rest / (group * run->splits);
            run_tile(run, &s, u / per_kv * group + rest % group, at * tile,
                     rest / group % run->splits);
        }
        if (run->splits > 1) {
#pragma omp for schedule(static)
            for (int64_t row = 0; row < p->heads_q * p->n_q; row++)
                merge_row(run, row);
        }
    }
}

enum attn_status attn_block_run(const struct attn_problem *p, const struct attn_io *io,
                                const struct attn_block_job *job, void *ws)
{
    const struct attn_arith_kernels *kernels = kernels_of(job->arith);
    const int64_t group = job->stacked ? p->heads_q / p->heads_kv : 1;
    struct run run = {.p = p, .io = io, .job = job, .o = io->o, .lse = job->lse};
    run.factor = (float)(p->scale * 1.4426950408889634);
    run.heads = p->heads_q / group;
    run.rows = p->n_q * group;
    run.splits = job->splits > 1 ? job->splits : 1;
    /* Even, for pairs of keys. */
    run.keys_per_split = (p->n_k + run.splits - 1) / run.splits;
    run.keys_per_split += run.keys_per_split % 2;
    attn_pack(p, io, job->arith, kernels, ws, &run.operands);
    run.tiles = (float *)((char *)ws + attn_pack_bytes(p, job->arith, kernels));
    if (run.splits > 1) {
        run.o = run.tiles + (size_t)p->threads * tile_floats(p);
        run.lse = run.o + run.splits * p->heads_q * p->n_q * p->d_v;
    }
    run_tiles(&run);
    return ATTN_OK;
}
