/* SPDX-License-Identifier: MIT */
/*
 * The block engine's back end "amx": 16- and 8-bit products in the matrix unit, the rest AVX-512.
 *
 *   scores   K Q^T    16 keys x 16 words of K as its rows lie, times words x 16 queries
 *   outputs  V^T P^T  16 channels x 32 keys of packed V, times pairs of keys x 16 queries
 *
 * The words of queries and the packed weights already lie as the second operand of a product has
 * to. Two first operands and two second ones make four products for four loads. What every row
 * sees goes through a pipeline (see overlap): while the vector units turn scores into weights, the
 * matrix unit has the scores of the next keys and the outputs of the previous block to work on.
 * BLOCK and STRETCH follow from the sizes of caches; they have not been tuned on a CPU with AMX.
 */
#ifdef __x86_64__
#include "variants/kernels/amx_tiles.h"
#include "variants/kernels/block_state.h"

/* Keys of a product with V, of a chunk of scores and of a group of packed V. */
#define KEYS 32
/* Lanes of a panel: two tiles. */
#define LANES 32
/* Keys a block: at D = 64, two blocks of weights, two chunks of scores, and a panel's queries and
 * outputs are 36 KiB. */
#define BLOCK 128
/* Keys that all panels pass before any goes on: at D = 64, 256 KiB, from the L2 cache. */
#define STRETCH (8 * BLOCK)
/* Words of a tile's row, and its rows. */
#define SIDE 16

static void amx_begin(struct attn_tile_state *t, const void *q, float factor);
static void amx_end(struct attn_tile_state *t, float *o);
static void amx_values(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                       int g, int lanes);
static void scores_pairs(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                         int g, int lanes);
static void scores_bytes(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                         int g, int lanes);
static void span_pairs(struct attn_tile_state *t, const struct attn_keys *k, int64_t x, int64_t y,
                       int g, int lanes);
static void span_bytes(struct attn_tile_state *t, const struct attn_keys *k, int64_t x, int64_t y,
                       int g, int lanes);

#define AMX_TABLE(f, scores_of, span_of)                                                           \
    {                                                                                              \
        .form = f, .panel = LANES, .block = BLOCK, .step = KEYS, .v_group = KEYS,                  \
        .row_words = SIDE, .begin = amx_begin, .scores = scores_of, .bias = bias, .mask = mask,    \
        .weights = weights_packed, .values = amx_values, .span = span_of, .end = amx_end           \
    }
#define PAIRS   AMX_TABLE(ATTN_FORM_PAIRS, scores_pairs, span_pairs)
#define BYTES   AMX_TABLE(ATTN_FORM_BYTES, scores_bytes, span_bytes)
#define KERNELS attn_block_amx
#include "variants/kernels/block_kernel.inc"

static void amx_begin(struct attn_tile_state *t, const void *q, float factor)
{
    begin(t, q, factor);
    amx_configure(&amx_whole);
}

static void amx_end(struct attn_tile_state *t, float *o)
{
    amx_release();
    end(t, o);
}

/* ---- products ------------------------------------------------------------------------------ */

/* Tile numbers are literals, so that this has to be a macro. */
#define DOT(form, sum, a, b)                                                                       \
    do {                                                                                           \
        if (form == ATTN_FORM_BYTES)                                                               \
            amx_dot_bytes(sum, a, b);                                                              \
        else                                                                                       \
            amx_dot_bf16(sum, a, b);                                                               \
    } while (0)

/* Scores of KEYS keys, in bytes still without offset and scale, for 16 lanes or two times 16. */
INLINE void chunk_scores(const enum attn_form form, const struct attn_tile_state *t,
                         const struct attn_keys *k, int64_t key, int g, bool two, float *s)
{
    const int64_t row = t->words * 4, line = t->panel * 4;
    const char *a = (const char *)k->k + key * row, *b = a + SIDE * row;
    const float *q = attn_lane(t->q, t->words, t->panel, g);
    amx_zero(0);
    amx_zero(1);
    amx_zero(2);
    amx_zero(3);
    for (int64_t c = 0; c < t->words; c += SIDE, a += 64, b += 64, q += SIDE * t->panel) {
        amx_load(4, a, row);
        amx_load(6, q, line);
        DOT(form, 0, 4, 6);
        amx_load(5, b, row);
        DOT(form, 1, 5, 6);
        if (two) {
            amx_load(7, q + SIDE, line);
            DOT(form, 2, 4, 7);
            DOT(form, 3, 5, 7);
        }
    }
    amx_store(0, s, line);
    amx_store(1, s + SIDE * t->panel, line);
    if (two) {
        amx_store(2, s + SIDE, line);
        amx_store(3, s + SIDE * t->panel + SIDE, line);
    }
}

/* Makes n rows of 16 integers scores; returns the larger of `top` and of all scores. */
INLINE vf finish_scores(const enum attn_form form, const struct attn_keys *k, int64_t key, int n,
                        float *s, int stride, vf top)
{
    for (int j = 0; j < n; j++, s += stride) {
        vf x = vf_load(s);
        if (form == ATTN_FORM_BYTES) {
            x = vf_from_int((vi)x + k->offset[key + j]) * vf_set(k->scale[key + j]);
            vf_store(s, x);
        }
        top = vf_max(x, top);
    }
    return top;
}

/* o += V^T . weights of `groups` groups of keys, for 16 or 32 channels and 16 or 32 lanes. */
INLINE void chunk_values(const char *v, int64_t rows, int groups, const float *p, int stride,
                         bool wide, bool two, float *o)
{
    const int64_t line = stride * 4;
    float *below = o + SIDE * stride;
    amx_load(0, o, line);
    if (wide)
        amx_load(1, below, line);
    if (two)
        amx_load(2, o + SIDE, line);
    if (wide && two)
        amx_load(3, below + SIDE, line);
    for (int i = 0; i < groups; i++, v += rows * 64, p += SIDE * stride) {
        amx_load(4, v, 64);
        amx_load(6, p, line);
        amx_dot_bf16(0, 4, 6);
        if (wide) {
            amx_load(5, v + SIDE * 64, 64);
            amx_dot_bf16(1, 5, 6);
        }
        if (two) {
            amx_load(7, p + SIDE, line);
            amx_dot_bf16(2, 4, 7);
        }
        if (wide && two)
            amx_dot_bf16(3, 5, 7);
    }
    amx_store(0, o, line);
    if (wide)
        amx_store(1, below, line);
    if (two)
        amx_store(2, o + SIDE, line);
    if (wide && two)
        amx_store(3, below + SIDE, line);
}

/* ---- a block of keys on its way into lanes of one panel -------------------------------------- */

struct unit {
    const struct attn_keys *keys;
    int64_t b0;
    int n, g, lanes;
    float *p;       /* (n / 2, panel) weights, rows of zeros up to a multiple of KEYS keys */
    int done, left; /* how far o += V^T . weights has come, in steps of 32 channels */
};

static void await_values(const struct attn_tile_state *t, struct unit *u)
{
    u->done = 0;
    u->left = (int)((t->d_v + 2 * SIDE - 1) / (2 * SIDE));
}

/* The next steps of o += V^T . weights, at most as many as are left. */
INLINE void add_values(struct attn_tile_state *t, struct unit *u, int steps)
{
    const int64_t rows = (t->d_v + SIDE - 1) / SIDE * SIDE;
    for (; u->left > 0 && steps > 0; u->done++, u->left--, steps--) {
        const int64_t c = u->done * 2 * SIDE;
        const char *v = (const char *)u->keys->v + (u->b0 / KEYS * rows + c) * 64;
        float *o = attn_lane(t->o, t->d_v + ATTN_SLACK, t->panel, u->g) + c * t->panel;
        const bool wide = c + SIDE<rows, two = u->lanes> SIDE;
        chunk_values(v, rows, (u->n + KEYS - 1) / KEYS, u->p, t->panel, wide, two, o);
    }
}

/* o *= alpha, where that changes anything. */
static void rescale(struct attn_tile_state *t, int g, int lanes)
{
    for (const int stop = g + lanes; g < stop; g += VL) {
        const vf alpha = vf_load(t->alpha + g);
        if (_mm512_cmpneq_ps_mask((__m512)alpha, (__m512)vf_set(1.0f)) == 0)
            continue;
        float *o = attn_lane(t->o, t->d_v + ATTN_SLACK, t->panel, g);
        for (int64_t c = 0; c < t->d_v; c++, o += t->panel)
            vf_store(o, vf_load(o) * alpha);
    }
}

INLINE void scores_by_chunks(const enum attn_form form, struct attn_tile_state *t,
                             const struct attn_keys *k, int64_t b0, int n, int g, int lanes)
{
    float *s = t->s + g % t->panel;
    for (int j = 0; j < n; j += KEYS)
        chunk_scores(form, t, k, b0 + j, g, lanes > SIDE, s + j * t->panel);
    for (int v = 0; v < lanes; v += VL)
        vf_store(t->top + g + v, finish_scores(form, k, b0, n, s + v, t->panel, vf_set(-INFINITY)));
}

static void scores_pairs(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                         int g, int lanes)
{
    scores_by_chunks(ATTN_FORM_PAIRS, t, k, b0, n, g, lanes);
}

static void scores_bytes(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                         int g, int lanes)
{
    scores_by_chunks(ATTN_FORM_BYTES, t, k, b0, n, g, lanes);
}

static void amx_values(struct attn_tile_state *t, const struct attn_keys *k, int64_t b0, int n,
                       int g, int lanes)
{
    struct unit u = {k, b0, n, g, lanes, t->s + g % t->panel, 0, 0};
    await_values(t, &u);
    for (int i = (n + 1) / 2; i < (n + KEYS - 1) / KEYS * SIDE; i++)
        memset(u.p + i * t->panel, 0, (size_t)lanes * sizeof *u.p);
    rescale(t, g, lanes);
    add_values(t, &u, u.left);
}

/* ---- many keys, all seen --------------------------------------------------------------------- */

/*
 * Weights are taken relative to the maximum before the block, not in it, so that they need not
 * wait for all its scores, and sums are not rescaled. That is as precise as long as nothing
 * overflows: scores may exceed the maximum by this much, in units of log 2.
 */
#define HEADROOM 60

/* All lanes have a maximum. */
static bool settled(const struct attn_tile_state *t, int g, int lanes)
{
    for (int r = g; r < g + lanes; r++)
        if (t->max[r] == -INFINITY)
            return false;
    return true;
}

/* 16 lanes of a unit on the way through overlap. */
struct half {
    vf factor, base; /* of the weights: 2^(factor score - base) */
    vf sum, top;     /* of the weights and of the scores so far */
};

/* Weights of KEYS keys for 16 lanes. */
INLINE void weigh_half(const enum attn_form form, struct half *h, const struct attn_keys *k,
                       int64_t key, float *s, int stride, float *p)
{
    h->top = finish_scores(form, k, key, KEYS, s, stride, h->top);
    h->sum += weigh_packed(s, stride, KEYS, h->factor, h->base + vf_set(0.5f), p);
}

/*
 * Scores and weights of u, and the values that are left of `last`, the unit before it. False if
 * scores of u left the headroom: then nothing of u has been added up.
 *
 * The order lets out-of-order execution keep both units busy. For each chunk of keys there come
 * words / 4 products and as many loads for the scores of the next one, n / 8 products and as many
 * loads for 32 channels of the values (and 8 loads and stores of sums in all), and between them
 * the exponentials of KEYS keys x 16 lanes.
 */
INLINE bool overlap(const enum attn_form form, struct attn_tile_state *t, const struct unit *u,
                    struct unit *last)
{
    const int stride = t->panel, chunks = u->n / KEYS, halves = u->lanes / VL;
    const int steps = (last->left + chunks - 1) / chunks; /* a chunk */
    const struct attn_keys *k = u->keys;
    struct half half[LANES / VL];
    for (int v = 0; v < halves; v++)
        half[v] = (struct half){vf_load(t->factor + u->g + v * VL), vf_load(t->max + u->g + v * VL),
                                (vf){0}, vf_set(-INFINITY)};
    chunk_scores(form, t, k, u->b0, u->g, halves > 1, t->s);
    for (int c = 0; c < chunks; c++) {
        float *s = t->s + c % 2 * KEYS * stride, *next = t->s + (c + 1) % 2 * KEYS * stride;
        float *p = u->p + c * SIDE * stride;
        const int64_t key = u->b0 + c * KEYS;
        if (c + 1 < chunks)
            chunk_scores(form, t, k, key + KEYS, u->g, halves > 1, next);
        weigh_half(form, &half[0], k, key, s, stride, p);
        add_values(t, last, steps);
        if (halves > 1)
            weigh_half(form, &half[1], k, key, s + VL, stride, p + VL);
    }
    for (int v = 0; v < halves; v++) {
        const vf excess = half[v].top * half[v].factor - half[v].base;
        if (_mm512_cmp_ps_mask((__m512)excess, (__m512)vf_set(HEADROOM), _CMP_NLE_UQ) != 0)
            return false;
    }
    for (int v = 0; v < halves; v++) {
        float *sum = t->sum + u->g + v * VL;
        vf_store(sum, vf_load(sum) + half[v].sum);
    }
    return true;
}

/* The same as the engine does block by block. */
INLINE void one_by_one(const enum attn_form form, struct attn_tile_state *t, const struct unit *u)
{
    scores_by_chunks(form, t, u->keys, u->b0, u->n, u->g, u->lanes);
    weights_packed(t, u->n, u->g, u->lanes);
    amx_values(t, u->keys, u->b0, u->n, u->g, u->lanes);
}

INLINE void span(const enum attn_form form, struct attn_tile_state *t, const struct attn_keys *k,
                 int64_t x, int64_t y, int g, int lanes)
{
    _Static_assert((2 * KEYS + BLOCK) * LANES <= ATTN_BLOCK_KEYS * ATTN_PANEL, "t->s is too small");
    /* Behind two chunks of scores there is room for the weights of two units. */
    float *room = t->s + 2 * KEYS * t->panel;
    const int64_t whole = x + (y - x) / KEYS * KEYS;
    struct unit last = {.left = 0}, u = {.keys = k};
    for (int64_t from = x; from < whole; from += STRETCH)
        for (u.g = g; u.g < g + lanes; u.g += t->panel) {
            u.lanes = g + lanes - u.g < t->panel ? g + lanes - u.g : t->panel;
            for (u.b0 = from; u.b0 < whole && u.b0 < from + STRETCH; u.b0 += BLOCK) {
                u.n = (int)(whole - u.b0 < BLOCK ? whole - u.b0 : BLOCK);
                u.p = last.p == room ? room + BLOCK / 2 * t->panel : room;
                if (settled(t, u.g, u.lanes) && overlap(form, t, &u, &last)) {
                    last = u;
                    await_values(t, &last);
                } else {
                    add_values(t, &last, last.left);
                    one_by_one(form, t, &u);
                }
            }
        }
    add_values(t, &last, last.left);
    u.b0 = whole;
    u.n = (int)(y - whole);
    for (u.g = g; u.n && u.g < g + lanes; u.g += t->panel) {
        u.lanes = g + lanes - u.g < t->panel ? g + lanes - u.g : t->panel;
        one_by_one(form, t, &u);
    }
}

static void span_pairs(struct attn_tile_state *t, const struct attn_keys *k, int64_t x, int64_t y,
                       int g, int lanes)
{
    span(ATTN_FORM_PAIRS, t, k, x, y, g, lanes);
}

static void span_bytes(struct attn_tile_state *t, const struct attn_keys *k, int64_t x, int64_t y,
                       int g, int lanes)
{
    span(ATTN_FORM_BYTES, t, k, x, y, g, lanes);
}
#else
typedef int attn_no_back_end; /* a translation unit may not be empty */
#endif
