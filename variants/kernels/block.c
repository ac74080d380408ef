/* SPDX-License-Identifier: MIT */
/* The block engine's driver: blocks of keys, masks, merging, splits, threads. See block.h. */
#include "variants/kernels/block_state.h"
#include "variants/kernels/isa.h"

#include <math.h>
#include <string.h>

#define LOG2_E 1.4426950408889634f
#define LN_2   0.6931471805599453

/* ---- keys into a tile ---------------------------------------------------------------------- */

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Lanes of a panel that begins at row g; the last one may be narrower. */
static int panel_lanes(const struct attn_tile_state *s, int g)
{
    const int left = s->rows - g;
    if (s->panel == 0)
        return left;
    return left < s->panel ? (int)round_up(left, ATTN_LANES) : s->panel;
}

static int panel_step(const struct attn_tile_state *s)
{
    return s->panel ? s->panel : s->rows;
}

/* A set of keys on its way into a tile: which of them each row sees, cut to [begin, end). */
struct feeding {
    struct attn_tile_state *s;
    const struct attn_keys *keys;
    const float *bias;
    int64_t align; /* groups of keys in packed V cannot be taken apart */
    int64_t lo[ATTN_TILE], hi[ATTN_TILE];
};

/* One block of at most ATTN_BLOCK_KEYS keys into lanes [g, g + lanes); masked when not all see it
 * all. */
static void run_block(const struct feeding *f, int64_t b0, int n, int g, int lanes, bool masked)
{
    struct attn_tile_state *s = f->s;
    const struct attn_arith_kernels *k = s->kernels;
    k->scores(s, f->keys, b0, n, g, lanes);
    if (f->bias)
        k->bias(s, f->bias + b0, n, g, lanes);
    if (masked) {
        int first[ATTN_TILE], last[ATTN_TILE];
        for (int r = g; r < g + lanes; r++) {
            first[r] = (int)(f->lo[r] <= b0 ? 0 : f->lo[r] >= b0 + n ? n : f->lo[r] - b0);
            last[r] = (int)(f->hi[r] <= b0 ? 0 : f->hi[r] >= b0 + n ? n : f->hi[r] - b0);
        }
        k->mask(s, n, g, lanes, first, last);
    }
    k->weights(s, n, g, lanes);
    k->values(s, f->keys, b0, n, g, lanes);
}

/* Equal blocks of whole micro-kernels, so that none is short. */
static int64_t block_size(const struct feeding *f, int64_t n)
{
    const int64_t most = f->s->kernels->block, count = (n + most - 1) / most;
    return count > 1 ? round_up((n + count - 1) / count, f->s->kernels->step) : n;
}

/* Keys [x, y) of which lanes [g, g + lanes) each see some: cut to those that any of them sees. */
static void run_edge(const struct feeding *f, int64_t x, int64_t y, int g, int lanes)
{
    const int step = f->s->panel ? ATTN_LANES : lanes;
    for (const int stop = g + lanes; g < stop; g += step) {
        int64_t first = y, last = x;
        for (int r = g; r < g + step && r < f->s->rows; r++) {
            const int64_t lo = f->lo[r] > x ? f->lo[r] : x, hi = f->hi[r] < y ? f->hi[r] : y;
            if (lo >= hi)
                continue;
            first = lo < first ? lo : first;
            last = hi > last ? hi : last;
        }
        if (first >= last)
            continue;
        first = first / f->align * f->align;
        const int64_t size = block_size(f, last - first);
        for (int64_t b0 = first; b0 < last; b0 += size)
            run_block(f, b0, (int)(b0 + size < last ? size : last - b0), g, step, true);
    }
}

/* Keys of [begin, end) that all rows of [g, g + lanes) see: [*a, *z), empty when *a >= *z. */
static void common(const struct feeding *f, int64_t begin, int64_t end, int g, int lanes,
                   int64_t *a, int64_t *z)
{
    *a = begin;
    *z = end;
    for (int r = g; r < g + lanes && r < f->s->rows; r++) {
        *a = f->lo[r] > *a ? f->lo[r] : *a;
        *z = f->hi[r] < *z ? f->hi[r] : *z;
    }
    *a = round_up(*a, f->align);
    *z = *z < end ? *z / f->align * f->align : *z;
}

/* Keys [x, y), all of which all lanes of [g, g + lanes) see: block by block, so that the panels
 * fetch each once. */
static void run_seen(const struct feeding *f, int64_t x, int64_t y, int g, int lanes)
{
    struct attn_tile_state *s = f->s;
    if (s->kernels->span && !f->bias) {
        s->kernels->span(s, f->keys, x, y, g, lanes);
        return;
    }
    const int64_t size = block_size(f, y - x);
    for (int64_t b0 = x; b0 < y; b0 += size)
        for (int h = g; h < g + lanes; h += panel_step(s))
            run_block(f, b0, (int)(b0 + size < y ? size : y - b0), h, panel_lanes(s, h), false);
}

/* Keys [x, y) into one panel: those that all its rows see without a mask. */
static void run_panel(const struct feeding *f, int64_t x, int64_t y, int g)
{
    const int lanes = panel_lanes(f->s, g);
    int64_t a, z;
    if (x >= y)
        return;
    common(f, x, y, g, lanes, &a, &z);
    if (a >= z) {
        run_edge(f, x, y, g, lanes);
        return;
    }
    run_edge(f, x, a, g, lanes);
    run_seen(f, a, z, g, lanes);
    run_edge(f, z, y, g, lanes);
}

void attn_tile_keys(struct attn_tile *t, const struct attn_keys *keys, int64_t begin, int64_t end,
                    const int64_t *lo, const int64_t *hi, const float *bias)
{
    struct attn_tile_state *s = t->state;
    struct feeding f = {.s = s, .keys = keys, .bias = bias};
    const int step = panel_step(s);
    int64_t a, z;
    f.align = s->kernels->v_group;
    if (begin >= end)
        return;
    for (int r = 0; r < (int)round_up(s->rows, ATTN_LANES); r++) {
        const bool real = r < s->rows;
        f.lo[r] = real && lo && lo[r] > begin ? lo[r] : begin;
        /* Lanes without a row see nothing. */
        f.hi[r] = !real ? begin : hi && hi[r] < end ? hi[r] : end;
    }
    common(&f, begin, end, 0, s->rows, &a, &z);
    if (a >= z || s->rows <= step)
        a = z = end;
    for (int g = 0; g < s->rows; g += step)
        run_panel(&f, begin, a, g);
    if (a < z)
        run_seen(&f, a, z, 0, s->panel ? (int)round_up(s->rows, ATTN_LANES) : s->rows);
    for (int g = 0; g < s->rows; g += step)
        run_panel(&f, z, end, g);
}

static float *output_at(struct attn_tile_state *s, int64_t c, int r)
{
    return s->panel ? attn_lane(s->o, s->d_v + ATTN_SLACK, s->panel, r) + c * s->panel
                    : &s->o[r * s->d_v + c];
}

/* A partial result is one more key whose score is its log-denominator and value its output. */
void attn_tile_merge(struct attn_tile *t, const float *o_part, const float *lse,
                     const int64_t *index)
{
    struct attn_tile_state *s = t->state;
    for (int r = 0; r < s->rows; r++) {
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

/* Floats of the parts of a tile, each a multiple of 16. */
static size_t q_floats(const struct attn_problem *p)
{
    return (size_t)(p->d + 64) * ATTN_TILE;
}

static size_t o_floats(const struct attn_problem *p)
{
    return (size_t)(p->d_v + ATTN_SLACK) * ATTN_TILE;
}

static size_t tile_floats(const struct attn_problem *p)
{
    return q_floats(p) + o_floats(p) + (ATTN_BLOCK_KEYS + ATTN_SLACK) * ATTN_PANEL;
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
    for (int r = 0; r < (int)round_up(s->rows, ATTN_LANES); r++) {
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
    s->kernels = kernels_of(run->job->arith);
    for (s->panel = ATTN_LANES; s->panel < s->rows && s->panel < s->kernels->panel;)
        s->panel *= 2;
    if (run->job->arith == ATTN_ARITH_FP32 && s->rows <= ATTN_FEW_ROWS) {
        s->panel = 0;
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
        s.o = s.q + q_floats(p);
        s.s = s.o + o_floats(p);
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
    run.keys_per_split = round_up((p->n_k + run.splits - 1) / run.splits, kernels->v_group);
    attn_pack(p, io, job->arith, kernels, ws, &run.operands);
    run.tiles = (float *)((char *)ws + attn_pack_bytes(p, job->arith, kernels));
    if (run.splits > 1) {
        run.o = run.tiles + (size_t)p->threads * tile_floats(p);
        run.lse = run.o + run.splits * p->heads_q * p->n_q * p->d_v;
    }
    run_tiles(&run);
    return ATTN_OK;
}
