/* SPDX-License-Identifier: MIT */
/*
 * hmat: hierarchical-matrix attention. Zhu and Soricut 2021, H-Transformer-1D, arXiv 2107.11906.
 *
 *   level of a pair: the least l >= 0 with |floor(i / (nr 2^l)) - floor(j / (nr 2^l))| <= 1
 *   level 0: exact logit; level l: the mean query of i's group of 2^l tokens against the mean key
 *   of j's group; every token j of the group carries that weight
 *
 * Time O(n nr), memory O(n d). Exact when 2 nr >= n. Causal: only the past, and the group's first
 * query stands for it, since a mean would leak later queries (so does the official decoder). The
 * normaliser counts tokens truly, where the official code grows it by 2^l for short last groups.
 * Levels are computed coarse to fine; each merges the one above it, by log-sum-exp.
 */
#include "variants/kernels/pattern.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 28 };

static const struct attn_param params[] = {
    {"nr", 16, 2, 1 << 20, true, "tokens a block of each level; even"},
    {0},
};

/* One level: n tokens of 2^l originals. Level 0 is the problem itself. */
struct level {
    struct attn_problem p;
    struct attn_io io; /* pooled q (H_q, n, D), k (H_kv, n, D), v (H_kv, n, D_v), o (H_q, n, D_v) */
    float *lse;        /* (H_q, n) */
    float *bias;       /* (n) ln of the originals in a token */
    const struct level *above;
    int64_t nr;
    bool finest;
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The coarsest level: at most two blocks are left there. */
static int top_level(int64_t n, int64_t nr)
{
    int l = 0;
    while (ceil_div(n, nr << l) > 2)
        l++;
    return l;
}

static bool supports(const struct attn_problem *p, const double *values, const char **why)
{
    (void)p;
    if ((int64_t)values[0] % 2 == 0)
        return true;
    *why = "nr must be even: blocks are halved";
    return false;
}

/* Floats of level l >= 1: pooled q, k, v, output, lse and bias. */
static int64_t level_floats(const struct attn_problem *p, int64_t n)
{
    return n * (p->heads_q * (p->d + p->d_v + 1) + p->heads_kv * (p->d + p->d_v) + 1);
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    const int64_t nr = (int64_t)values[0];
    double pairs = 0, floats = 0;
    for (int l = 0; l <= top_level(p->n_k, nr); l++) {
        int64_t n = ceil_div(p->n_k, INT64_C(1) << l);
        for (int64_t i = 0; i < n; i++) {
            /* Level 0: own block and its neighbours; above: the halves not yet covered. */
            int64_t g = i / nr, half = l && i % nr < nr / 2;
            int64_t lo = (g - 1) * nr < 0 ? 0 : (g - 1) * nr,
                    hi = (g + 2) * nr < n ? (g + 2) * nr : n;
            if (l == 0) {
                pairs += (double)((p->causal ? i + 1 : hi) - lo);
                continue;
            }
            pairs += g == 0 ? 0 : half ? (double)nr / 2 : (double)nr;
            int64_t right = (g + 1) * nr + (half ? 0 : nr / 2);
            pairs += p->causal || right >= hi ? 0 : (double)(hi - right);
        }
        floats += l ? (double)level_floats(p, n) : 0;
    }
    out->exps = (double)p->heads_q * pairs;
    out->flops = 2.0 * (double)(p->d + p->d_v) * out->exps;
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p) + 8 * floats;
    out->workspace = attn_block_workspace(p, ATTN_ARITH_FP32, 0) + (size_t)(4 * floats);
}

/* Halves a tensor (heads, n, d) by means weighted with the tokens' counts, or keeps the first. */
static void coarsen(const float *from, int64_t n, float *to, int64_t m, int64_t heads, int64_t d,
                    int64_t total, int64_t width, bool first, int threads)
{
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < m; i++) {
            const float *a = from + (h * n + 2 * i) * d, *b = a + d;
            /* Only the last token can be short, or have no partner. */
            int64_t rest = total - (2 * i + 1) * width;
            float w = first || rest <= 0 ? 0 : (float)((double)(rest < width ? rest : width));
            w = w / (w + (float)width);
            for (int64_t c = 0; c < d; c++)
                to[(h * m + i) * d + c] = w > 0 ? a[c] + w * (b[c] - a[c]) : a[c];
        }
}

static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    const struct level *l = ctx;
    (void)io;
    const int64_t nr = l->nr, n = p->n_k, rows = t->q1 - t->q0;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE], right[ATTN_TILE], parent[ATTN_TILE];
    const int64_t g0 = t->q0 / nr, g1 = (t->q1 - 1) / nr;
    const int64_t from = g0 ? (g0 - 1) * nr : 0, to = (g1 + 2) * nr < n ? (g1 + 2) * nr : n;
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = t->q0 + r, g = i / nr;
        bool half = i % nr < nr / 2;
        lo[r] = (g - 1) * nr;
        hi[r] = l->finest ? (p->causal ? i + 1 : (g + 2) * nr) : half ? lo[r] + nr / 2 : g * nr;
        right[r] = (g + 1) * nr + (half ? 0 : nr / 2);
        parent[r] = i / 2;
    }
    attn_tile_keys(t, t->keys, from, l->finest ? (p->causal ? t->q1 : to) : g1 * nr, lo, hi,
                   l->bias);
    if (!l->finest && !p->causal) {
        for (int64_t r = 0; r < rows; r++)
            hi[r] = ((t->q0 + r) / nr + 2) * nr;
        attn_tile_keys(t, t->keys, (g0 + 1) * nr, to, right, hi, l->bias);
    }
    if (l->above) {
        int64_t m = l->above->p.n_k;
        attn_tile_merge(t, l->above->io.o + t->head * m * p->d_v, l->above->lse + t->head * m,
                        parent);
    }
}

/* Lays level l out at *at and pools the level below into it. */
static void build(struct level *levels, int l, const struct attn_problem *p, int64_t nr, float **at)
{
    struct level *s = &levels[l], *below = &levels[l - 1];
    const int64_t n = ceil_div(p->n_k, INT64_C(1) << l), width = INT64_C(1) << (l - 1);
    float *q = *at, *k = q + p->heads_q * n * p->d, *v = k + p->heads_kv * n * p->d;
    *s = (struct level){.p = *p, .nr = nr};
    s->p.n_q = s->p.n_k = n;
    s->io = (struct attn_io){.q = q, .k = k, .v = v, .o = v + p->heads_kv * n * p->d_v};
    s->lse = s->io.o + p->heads_q * n * p->d_v;
    s->bias = s->lse + p->heads_q * n;
    *at = s->bias + n;
    const int64_t m = below->p.n_k;
    coarsen(below->io.q, m, q, n, p->heads_q, p->d, p->n_k, width, p->causal, p->threads);
    coarsen(below->io.k, m, k, n, p->heads_kv, p->d, p->n_k, width, false, p->threads);
    coarsen(below->io.v, m, v, n, p->heads_kv, p->d_v, p->n_k, width, false, p->threads);
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = p->n_k - 2 * i * width;
        s->bias[i] = logf((float)(rest < 2 * width ? rest : 2 * width));
    }
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    struct level levels[LEVELS];
    const int64_t nr = (int64_t)values[0];
    const int top = top_level(p->n_k, nr);
    float *at = (float *)((char *)ws + attn_block_workspace(p, ATTN_ARITH_FP32, 0));
    levels[0] = (struct level){.p = *p, .io = *io, .nr = nr, .finest = true};
    for (int l = 1; l <= top; l++)
        build(levels, l, p, nr, &at);
    const int tile = nr < 32 ? 16 : nr < 64 ? 32 : 64;
    for (int l = top; l >= 0; l--) {
        levels[l].above = l < top ? &levels[l + 1] : NULL;
        struct attn_block_job job = {
            .feed = feed, .ctx = &levels[l], .tile = tile, .lse = levels[l].lse};
        enum attn_status s = attn_block_run(&levels[l].p, &levels[l].io, &job, ws);
        if (s != ATTN_OK)
            return s;
    }
    return ATTN_OK;
}

static int level_of(int64_t i, int64_t j, int64_t nr)
{
    int l = 0;
    for (;; l++) {
        int64_t a = i / (nr << l), b = j / (nr << l);
        if (a - b <= 1 && b - a <= 1)
            return l;
    }
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    const int64_t nr = (int64_t)values[0];
    const float *q = io->q + h * p->n_q * p->d, *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    double *qm = scratch, *km = scratch + p->d;
    for (int64_t j = 0; j < p->n_k; j++) {
        w[j] = -INFINITY;
        if (j >= attn_visible(p, i))
            continue;
        int64_t width = INT64_C(1) << level_of(i, j, nr), qi = i / width * width,
                kj = j / width * width;
        int64_t qn = p->causal ? 1 : qi + width < p->n_q ? width : p->n_q - qi;
        int64_t kn = kj + width < p->n_k ? width : p->n_k - kj;
        double s = 0;
        for (int64_t c = 0; c < p->d; c++) {
            qm[c] = km[c] = 0;
            for (int64_t t = 0; t < qn; t++)
                qm[c] += (double)q[(qi + t) * p->d + c] / (double)qn;
            for (int64_t t = 0; t < kn; t++)
                km[c] += (double)k[(kj + t) * p->d + c] / (double)kn;
            s += qm[c] * km[c];
        }
        w[j] = p->scale * s;
    }
    attn_softmax_row(w, p->n_k);
}

ATTN_VARIANT(hmat) = {
    .abi = ATTN_ABI_VERSION,
    .name = "hmat",
    .family = ATTN_HIERARCHICAL,
    .kind = ATTN_APPROXIMATES,
    .summary = "near keys exactly, far ones by means of growing groups",
    .cite = "Zhu and Soricut 2021, arXiv 2107.11906",
    .time_class = "n",
    .memory_class = "n",
    .caps = ATTN_ANY & ~ATTN_CROSS,
    .params = params,
    .supports = supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
