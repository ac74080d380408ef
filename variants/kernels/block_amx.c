/* SPDX-License-Identifier: MIT */
/*
 * The block engine's back end "amx": 16- and 8-bit products in the matrix unit, the rest AVX-512.
 *
 *   scores   K Q^T    16 keys x 16 words of K, times words x 16 queries
 *   outputs  V^T P^T  16 channels x 32 keys of V, times pairs of keys x 16 queries
 *
 * K and V are packed in tiles of 1 KiB: rows further apart take twice as long from the L2 cache.
 * The words of queries and the packed weights already lie as the second operand of a product has
 * to. Two first operands and two second ones make four products for four loads. What every row
 * sees goes through a pipeline (see pass): while the vector units turn scores into weights, the
 * matrix unit has the scores of the next keys and the outputs of the previous block to work on.
 *
 * Moving a tile costs the vector units as much as 8 (load) or 14 (store) cycles of their own work,
 * so that blocks are as long as the L1 cache allows: each loads and stores all outputs once.
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
#define SIDE       16
#define TILE_BYTES (SIDE * SIDE * 4)

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
        .form = f, .panel = LANES, .block = BLOCK, .step = KEYS, .v_group = KEYS, .k_tile = SIDE,  \
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

/* ---- weights in the background --------------------------------------------------------------- */

/*
 * 2^x within 8e-5, plus half an ulp of bfloat16: cutting off the lower half of the result rounds to
 * nearest. 0 for -infinity, infinity for large x; NaN stays NaN.
 */
INLINE vf exp2_for_bf16(vf x)
{
    enum { FROM_FLOOR = 0x09 };
    const vf f = (vf)_mm512_reduce_ps((__m512)x, FROM_FLOOR);
    vf p = vf_set(0x1.3f96a4p-4f);
    p = p * f + vf_set(0x1.cefc4cp-3f);
    p = p * f + vf_set(0x1.64444cp-1f);
    p = p * f + vf_set(0x1.fff632p-1f + 0x1p-8f);
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)x);
}

/* A chunk of scores, two tiles of lanes wide, on its way to weights, a part at a time. */
enum { PART_PAIRS = 2, PARTS = KEYS / 2 / PART_PAIRS };
struct weighing {
    const float *s;                /* (KEYS, LANES) scores */
    float *p;                      /* (KEYS / 2, LANES) weights in pairs */
    int left, each;                /* parts to do, and between two groups of products */
    vf factor[2], base[2], sum[2]; /* of 16 lanes each: weights are 2^(factor product - base) */
};

/* 16 scores as the matrix unit left them; of bytes without the scale of their key. */
INLINE vf products(const enum attn_form form, const float *s)
{
    const vf x = vf_load(s);
    return form == ATTN_FORM_BYTES ? vf_from_int((vi)x) : x;
}

/* The scale of a chunk of keys: chunks lie in one block of ATTN_INT8_KEYS. */
INLINE vf scale_of(const enum attn_form form, const struct attn_keys *k, int64_t key)
{
    _Static_assert(ATTN_INT8_KEYS % KEYS == 0, "keys of a chunk have one scale");
    return vf_set(form == ATTN_FORM_BYTES ? k->scale[key] : 1);
}

/* Pair i of the part's pairs of keys, lanes [16 v, 16 v + 16). */
INLINE void weigh_pair(const enum attn_form form, struct weighing *w, int i, int v)
{
    const float *at = w->s + 2 * i * LANES + v * VL;
    const vf a = exp2_for_bf16(products(form, at) * w->factor[v] - w->base[v]);
    const vf b = exp2_for_bf16(products(form, at + LANES) * w->factor[v] - w->base[v]);
    const __m512i low = _mm512_srli_epi32((__m512i)a, 16);
    const vf pair = (vf)_mm512_mask_mov_epi16(low, 0xaaaaaaaa, (__m512i)b);
    vf_store(w->p + i * LANES + v * VL, pair);
    w->sum[v] = dot(ATTN_FORM_PAIRS, w->sum[v], 0x3f803f80, pair);
}

INLINE void weigh_part(const enum attn_form form, struct weighing *w)
{
    _Static_assert(PART_PAIRS == 2, "written out, so that sums stay in registers");
    weigh_pair(form, w, 0, 0);
    weigh_pair(form, w, 0, 1);
    weigh_pair(form, w, 1, 0);
    weigh_pair(form, w, 1, 1);
    w->s += 2 * PART_PAIRS * LANES;
    w->p += PART_PAIRS * LANES;
    w->left--;
}

/* What the vector units do behind a group of products; w may be NULL. */
INLINE void weigh_some(const enum attn_form form, struct weighing *w, int parts)
{
    for (; w && parts > 0 && w->left > 0; parts--)
        weigh_part(form, w);
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

/* Scores of KEYS keys, in bytes still without their scale, for 16 lanes or two times 16. */
INLINE void chunk_scores(const enum attn_form form, const struct attn_tile_state *t,
                         const struct attn_keys *k, int64_t key, int g, bool two, float *s,
                         struct weighing *w)
{
    const int64_t line = t->panel * 4, row = t->words * SIDE * 4;
    const char *a = (const char *)k->k + key / SIDE * row;
    const float *q = attn_lane(t->q, t->words, t->panel, g);
    amx_zero(0);
    amx_zero(1);
    amx_zero(2);
    amx_zero(3);
    for (int64_t c = 0; c < t->words; c += SIDE, a += TILE_BYTES, q += SIDE * t->panel) {
        amx_load(4, a, 64);
        amx_load(6, q, line);
        DOT(form, 0, 4, 6);
        amx_load(5, a + row, 64);
        DOT(form, 1, 5, 6);
        if (two) {
            amx_load(7, q + SIDE, line);
            DOT(form, 2, 4, 7);
            DOT(form, 3, 5, 7);
        }
        weigh_some(form, w, w ? w->each : 0);
    }
    amx_store(0, s, line);
    amx_store(1, s + SIDE * t->panel, line);
    if (two) {
        amx_store(2, s + SIDE, line);
        amx_store(3, s + SIDE * t->panel + SIDE, line);
    }
}

/* o += V^T . weights of `groups` groups of keys, for 16 or 32 channels and 16 or 32 lanes. */
INLINE void chunk_values(const enum attn_form form, const char *v, int64_t rows, int groups,
                         const float *p, int stride, bool wide, bool two, float *o,
                         struct weighing *w)
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
            amx_load(5, v + TILE_BYTES, 64);
            amx_dot_bf16(1, 5, 6);
        }
        if (two) {
            amx_load(7, p + SIDE, line);
            amx_dot_bf16(2, 4, 7);
        }
        if (wide && two)
            amx_dot_bf16(3, 5, 7);
        weigh_some(form, w, w ? w->each : 0);
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

static int groups_of(const struct unit *u)
{
    return (u->n + KEYS - 1) / KEYS;
}

/* The next steps of o += V^T . weights, at most as many as are left. */
INLINE void add_values(const enum attn_form form, struct attn_tile_state *t, struct unit *u,
                       bool two, int steps, struct weighing *w)
{
    const int64_t rows = (t->d_v + SIDE - 1) / SIDE * SIDE;
    for (; u->left > 0 && steps > 0; u->done++, u->left--, steps--) {
        const int64_t c = u->done * 2 * SIDE;
        const char *v = (const char *)u->keys->v + (u->b0 / KEYS * rows + c) * 64;
        float *o = attn_lane(t->o, t->d_v + ATTN_SLACK, t->panel, u->g) + c * t->panel;
        const bool wide = c + SIDE < rows;
        chunk_values(form, v, rows, groups_of(u), u->p, t->panel, wide, two, o, w);
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
        chunk_scores(form, t, k, b0 + j, g, lanes > SIDE, s + j * t->panel, NULL);
    for (int v = 0; v < lanes; v += VL) {
        vf top = vf_set(-INFINITY);
        for (int j = 0; j < n; j++) {
            vf x = products(form, s + j * t->panel + v);
            if (form == ATTN_FORM_BYTES)
                vf_store(s + j * t->panel + v, x *= scale_of(form, k, b0 + j));
            top = vf_max(x, top);
        }
        vf_store(t->top + g + v, top);
    }
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
    for (int i = (n + 1) / 2; i < groups_of(&u) * SIDE; i++)
        memset(u.p + i * t->panel, 0, (size_t)lanes * sizeof *u.p);
    rescale(t, g, lanes);
    add_values(ATTN_FORM_PAIRS, t, &u, lanes > SIDE, u.left, NULL);
}

/* The same as the engine does block by block. */
INLINE void one_by_one(const enum attn_form form, struct attn_tile_state *t, const struct unit *u)
{
    scores_by_chunks(form, t, u->keys, u->b0, u->n, u->g, u->lanes);
    weights_packed(t, u->n, u->g, u->lanes);
    amx_values(t, u->keys, u->b0, u->n, u->g, u->lanes);
}

/* ---- many keys, all seen --------------------------------------------------------------------- */

/*
 * Weights are taken relative to the maximum before the block, not in it, so that they need not
 * wait for all its scores, and sums are not rescaled. That is as precise as long as nothing
 * overflows; where the sums of a block are too large its own maximum has to be found first.
 */
INLINE bool too_large(vf sum)
{
    return _mm512_cmp_ps_mask((__m512)sum, (__m512)vf_set(0x1p80f), _CMP_NLE_UQ) != 0;
}

/* Blocks of whole chunks for whole panels, in the order in which they pass. */
struct passage {
    struct attn_tile_state *t;
    int64_t end;    /* keys */
    int g, stop;    /* lanes */
    int64_t from;   /* of the stretch */
    int chunks;     /* before the next block: chunks of scores take turns, */
    int blocks;     /* and so do weights of blocks */
    struct unit at; /* the next block; n = 0: none */
    struct unit last;
};

/* Goes on to the next block. */
static void advance(struct passage *w)
{
    struct unit *u = &w->at;
    int64_t stop = w->from + STRETCH < w->end ? w->from + STRETCH : w->end;
    u->b0 += u->n;
    if (u->b0 == stop) {
        u->b0 = w->from;
        u->g += LANES;
    }
    if (u->g == w->stop) {
        u->g = w->g;
        u->b0 = w->from = stop;
        stop = stop + STRETCH < w->end ? stop + STRETCH : w->end;
    }
    u->n = (int)(stop - u->b0 < BLOCK ? stop - u->b0 : BLOCK);
}

static float *chunk_room(const struct passage *w, int chunk)
{
    return w->t->s + chunk % 2 * KEYS * LANES;
}

/* Gives lanes that have no maximum yet that of a chunk of scores. False when there is none. */
INLINE bool settle(const enum attn_form form, struct attn_tile_state *t, const struct unit *u,
                   const float *s)
{
    const __m512 none = (__m512)vf_set(-INFINITY), largest = (__m512)vf_set(0x1p126f);
    for (int v = 0; v < LANES; v += VL) {
        const __m512 old = (__m512)vf_load(t->max + u->g + v);
        const __mmask16 unsettled = _mm512_cmpeq_ps_mask(old, none);
        if (unsettled == 0)
            continue;
        vf top = vf_set(-INFINITY);
        for (int j = 0; j < KEYS; j++)
            top = vf_max(products(form, s + j * LANES + v), top);
        top *= vf_load(t->factor + u->g + v) * scale_of(form, u->keys, u->b0);
        if (_mm512_cmp_ps_mask(_mm512_abs_ps((__m512)top), largest, _CMP_NLE_UQ) & unsettled)
            return false;
        vf_store(t->max + u->g + v, (vf)_mm512_mask_mov_ps(old, unsettled, (__m512)top));
    }
    return true;
}

/*
 * Scores and weights of u, whose first chunk of scores is there, the first scores of the block
 * behind it, and the values that are left of the one before. False if the sums of u are too large:
 * then nothing of it has been added up.
 *
 * The order lets out-of-order execution keep both units busy: behind each four products stands its
 * share of the chunk's weights.
 */
INLINE bool pass(const enum attn_form form, struct passage *w, const struct unit *u)
{
    struct attn_tile_state *t = w->t;
    const int chunks = u->n / KEYS, steps = (w->last.left + chunks - 1) / chunks; /* a chunk */
    const vf factor[2] = {vf_load(t->factor + u->g), vf_load(t->factor + u->g + VL)};
    struct weighing x = {.base = {vf_load(t->max + u->g), vf_load(t->max + u->g + VL)}};
    for (int c = 0; c < chunks; c++) {
        const bool inside = c + 1 < chunks, more = inside || w->at.n > 0;
        const int todo = steps < w->last.left ? steps : w->last.left;
        const int groups = (more ? (int)t->words / SIDE : 0) + todo * groups_of(&w->last);
        const int64_t key = u->b0 + c * KEYS;
        x.s = chunk_room(w, w->chunks + c);
        x.p = u->p + c * KEYS / 2 * LANES;
        x.left = PARTS;
        x.factor[0] = factor[0] * scale_of(form, u->keys, key);
        x.factor[1] = factor[1] * scale_of(form, u->keys, key);
        x.each = groups ? (PARTS + groups - 1) / groups : PARTS;
        if (more)
            chunk_scores(form, t, u->keys, inside ? key + KEYS : w->at.b0, inside ? u->g : w->at.g,
                         true, chunk_room(w, w->chunks + c + 1), &x);
        add_values(form, t, &w->last, true, todo, &x);
        weigh_some(form, &x, PARTS);
    }
    if (too_large(x.sum[0]) || too_large(x.sum[1]))
        return false;
    float *sum = t->sum + u->g;
    vf_store(sum, vf_load(sum) + x.sum[0]);
    vf_store(sum + VL, vf_load(sum + VL) + x.sum[1]);
    return true;
}

/* Keys [x, y), whole chunks, into lanes [g, stop), whole panels of LANES. */
INLINE void pass_all(const enum attn_form form, struct attn_tile_state *t,
                     const struct attn_keys *k, int64_t x, int64_t y, int g, int stop)
{
    _Static_assert((2 * KEYS + BLOCK) * LANES <= ATTN_BLOCK_KEYS * ATTN_PANEL, "t->s is too small");
    /* Behind two chunks of scores there is room for the weights of two blocks. */
    float *const room = t->s + 2 * KEYS * LANES;
    struct passage w = {.t = t, .end = y, .g = g, .stop = stop, .from = x};
    bool ready = false; /* the first scores of the next block are there */
    w.at = (struct unit){.keys = k, .b0 = x, .g = g, .lanes = LANES};
    for (advance(&w); w.at.n > 0; w.blocks++) {
        struct unit u = w.at;
        float *s = chunk_room(&w, w.chunks);
        u.p = room + w.blocks % 2 * BLOCK / 2 * LANES;
        advance(&w);
        if (!ready)
            chunk_scores(form, t, k, u.b0, u.g, true, s, NULL);
        ready = settle(form, t, &u, s) && pass(form, &w, &u);
        add_values(form, t, &w.last, true, w.last.left, NULL);
        w.chunks += u.n / KEYS;
        if (ready) {
            w.last = u;
            await_values(t, &w.last);
        } else
            one_by_one(form, t, &u);
    }
    add_values(form, t, &w.last, true, w.last.left, NULL);
}

INLINE void span(const enum attn_form form, struct attn_tile_state *t, const struct attn_keys *k,
                 int64_t x, int64_t y, int g, int lanes)
{
    const int64_t whole = t->panel == LANES ? x + (y - x) / KEYS * KEYS : x;
    const int stop = g + lanes, wide = whole > x ? g + lanes / LANES * LANES : g;
    if (wide > g)
        pass_all(form, t, k, x, whole, g, wide);
    for (; g < stop; g += t->panel) {
        struct unit u = {.keys = k, .g = g, .lanes = stop - g < t->panel ? stop - g : t->panel};
        for (u.b0 = g < wide ? whole : x; u.b0 < y; u.b0 += u.n) {
            u.n = (int)(y - u.b0 < BLOCK ? y - u.b0 : BLOCK);
            one_by_one(form, t, &u);
        }
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
