/* SPDX-License-Identifier: MIT */
/*
 * Operands of the block engine in the forms that 16- and 8-bit products read: bfloat16 rounded to
 * nearest even; int8 as in SageAttention (Zhang et al. 2024, arXiv 2410.02367): K without its mean
 * over all keys, which changes no softmax, and one scale for each block of keys and of queries.
 */
#include "variants/kernels/block_state.h"

#include <math.h>
#include <string.h>

/* Room that kernels may read behind the last key, in keys. */
#define TAIL_KEYS 32
/* Pairs of keys in a group of V, at most. */
#define PAIRS_MAX 16

/* Sizes of the parts of the workspace, in bytes, each a multiple of 64. */
struct layout {
    size_t keys, k, v, q, scale, offset, q_factor, mean;
    int64_t words, v_rows; /* rows of 16-bit V: channels */
    int64_t k_rows;        /* keys of a head of K, with padding */
};

static size_t up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Inputs that are bf16 already serve as they are, unless rows are padded. */
static bool in_place(const struct attn_problem *p, enum attn_arith arith,
                     const struct attn_arith_kernels *kernels)
{
    return p->dtype == ATTN_BF16 && arith == ATTN_ARITH_BF16 && kernels->form == ATTN_FORM_PAIRS &&
           p->d % 2 == 0 && kernels->row_words == 1;
}

static struct layout layout_of(const struct attn_problem *p, enum attn_arith arith,
                               const struct attn_arith_kernels *kernels)
{
    struct layout l = {.keys = up((size_t)p->heads_kv * sizeof(struct attn_keys), 64),
                       .words = p->d,
                       .k_rows = p->n_k};
    if (arith == ATTN_ARITH_FP32)
        return l;
    const size_t kv = (size_t)p->heads_kv, n = (size_t)p->n_k, rows = (size_t)(p->heads_q * p->n_q);
    const size_t per_word = kernels->form == ATTN_FORM_FLOAT   ? 1
                            : kernels->form == ATTN_FORM_PAIRS ? 2
                                                               : 4;
    l.words = (int64_t)up(up((size_t)p->d, per_word) / per_word, (size_t)kernels->row_words);
    if (!in_place(p, arith, kernels)) {
        l.k_rows = (int64_t)up(n, (size_t)kernels->k_tile);
        l.k = up((kv * (size_t)l.k_rows + TAIL_KEYS) * (size_t)l.words * 4, 64);
        l.q = up(rows * (size_t)l.words * 4, 64);
    }
    l.v_rows = (int64_t)up((size_t)p->d_v, (size_t)kernels->row_words);
    if (kernels->form == ATTN_FORM_FLOAT)
        l.v = up(kv * n * (size_t)p->d_v * 4, 64);
    else
        l.v = up(kv * up(n, (size_t)kernels->v_group) * (size_t)l.v_rows * 2, 64);
    if (arith == ATTN_ARITH_INT8) {
        l.scale = up((kv * n + TAIL_KEYS) * sizeof(float), 64);
        l.offset = up((kv * n + TAIL_KEYS) * sizeof(int32_t), 64);
        l.q_factor = up((rows / ATTN_INT8_QUERIES + (size_t)p->heads_q) * sizeof(float), 64);
        l.mean = up(kv * (size_t)p->d * sizeof(float), 64);
    }
    return l;
}

size_t attn_pack_bytes(const struct attn_problem *p, enum attn_arith arith,
                       const struct attn_arith_kernels *kernels)
{
    const struct layout l = layout_of(p, arith, kernels);
    return l.keys + l.k + l.v + l.q + l.scale + l.offset + l.q_factor + l.mean;
}

/* The loops over a row, compiled for what the CPU has; all give the same bits. */
#ifdef __x86_64__
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

static inline float from_bf16(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Bits of f rounded to nearest, ties to even, in the upper half. NaN stays NaN. */
static inline uint32_t round_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return f != f ? bits | 0x400000 : rounded;
}

CLONES static void expand_row(const uint16_t *x, int64_t n, float *to)
{
    for (int64_t c = 0; c < n; c++)
        to[c] = from_bf16(x[c]);
}

CLONES static void bf16_row(const float *x, int64_t n, uint16_t *to)
{
    for (int64_t c = 0; c < n; c++)
        to[c] = (uint16_t)(round_bf16(x[c]) >> 16);
}

CLONES static void rounded_row(const float *x, int64_t n, float *to)
{
    for (int64_t c = 0; c < n; c++) {
        const uint32_t bits = round_bf16(x[c]) & 0xffff0000;
        memcpy(to + c, &bits, sizeof bits);
    }
}

/* Two keys a word, the first in the lower half. */
CLONES static void paired_row(const float *a, const float *b, int64_t n, uint32_t *to)
{
    for (int64_t c = 0; c < n; c++)
        to[c] = round_bf16(a[c]) >> 16 | (round_bf16(b[c]) & 0xffff0000);
}

CLONES static void paired_row_bf16(const uint16_t *a, const uint16_t *b, int64_t n, uint32_t *to)
{
    for (int64_t c = 0; c < n; c++)
        to[c] = a[c] | (uint32_t)b[c] << 16;
}

/* Lines of words to columns of `count` words: n of them. */
CLONES static void turn(uint32_t (*line)[ATTN_MAX_D], int64_t count, int64_t n, uint32_t *to)
{
    for (int64_t c = 0; c < n; c++)
        for (int64_t i = 0; i < count; i++)
            to[c * count + i] = line[i][c];
}

/* The largest magnitude; NaN is larger than all. Bits of magnitudes are in the order of their
 * values, and the largest of whole numbers is found in vectors. */
CLONES static float largest(const float *x, int64_t n)
{
    int32_t max = 0;
    for (int64_t c = 0; c < n; c++) {
        int32_t bits;
        memcpy(&bits, x + c, sizeof bits);
        bits &= 0x7fffffff;
        max = bits > max ? bits : max;
    }
    float y;
    memcpy(&y, &max, sizeof y);
    return y;
}

/* Rounds half away from zero. */
static inline int32_t quantised(float x, float inverse)
{
    const float y = x * inverse;
    return (int32_t)(y + (y < 0 ? -0.5f : 0.5f));
}

/* n integers, or those plus `zero` as bytes; returns their sum. */
CLONES static int32_t quantise_row(const float *x, int64_t n, float inverse, float *to)
{
    int32_t sum = 0;
    for (int64_t c = 0; c < n; c++) {
        const int32_t v = quantised(x[c], inverse);
        to[c] = (float)v;
        sum += v;
    }
    return sum;
}

CLONES static int32_t quantise_bytes(const float *x, int64_t n, float inverse, int32_t zero,
                                     uint8_t *to)
{
    int32_t sum = 0;
    for (int64_t c = 0; c < n; c++) {
        const int32_t v = quantised(x[c], inverse);
        to[c] = (uint8_t)(v + zero);
        sum += v;
    }
    return sum;
}

CLONES static void centred_row(const float *x, const float *mean, int64_t n, float *to)
{
    for (int64_t c = 0; c < n; c++)
        to[c] = x[c] - mean[c];
}

CLONES static void add_row(const float *x, int64_t n, double *sum)
{
    for (int64_t c = 0; c < n; c++)
        sum[c] += (double)x[c];
}

/* A tensor of rows of either input type. */
struct rows {
    const float *f;
    const uint16_t *h;
    int64_t d;
};

/* Row i as floats: in place, or in room. */
static const float *row(const struct rows *x, int64_t i, float *room)
{
    if (x->f)
        return x->f + i * x->d;
    expand_row(x->h + i * x->d, x->d, room);
    return room;
}

/* Row i of a head, converted and padded, to where it belongs among tiles of `tile` rows as wide, or
 * rows that follow each other (1). */
static void put_row(const void *line, int64_t words, int tile, int64_t i, char *to)
{
    if (tile == 1) {
        memcpy(to + i * words * 4, line, (size_t)words * 4);
        return;
    }
    const size_t width = (size_t)tile * 4;
    to += (i / tile * words * tile + i % tile * tile) * 4;
    for (int64_t w = 0; w < words; w += tile)
        memcpy(to + w * tile * 4, (const char *)line + w * 4, width);
}

/* Heads of n rows as bf16, or as floats rounded to it; they begin `apart` rows from each other. */
static void pack_rows_bf16(const struct rows *x, int64_t heads, int64_t n, bool as_float,
                           int64_t words, int tile, int64_t apart, char *to, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < heads * n; i++) {
        float room[ATTN_MAX_D], line[ATTN_MAX_D] = {0};
        if (as_float)
            rounded_row(row(x, i, room), x->d, line);
        else if (x->h)
            memcpy(line, x->h + i * x->d, (size_t)x->d * 2);
        else
            bf16_row(row(x, i, room), x->d, (uint16_t *)line);
        put_row(line, words, tile, i % n, to + i / n * apart * words * 4);
    }
}

/* Rows [j, j + group) of a head of n rows that begins at row `first`, as pairs of keys, (v_rows,
 * group); zeros behind the last key and channel. */
static void pack_group(const struct rows *x, int64_t first, int64_t n, int64_t j, int group,
                       int64_t v_rows, uint32_t *to)
{
    static const float zero[ATTN_MAX_D];
    uint32_t line[PAIRS_MAX][ATTN_MAX_D];
    for (int64_t i = 0; i < group / 2; i++) {
        const int64_t at = first + j + 2 * i, left = n - j - 2 * i;
        memset(line[i] + x->d, 0, (size_t)(v_rows - x->d) * sizeof line[i][0]);
        if (x->h)
            paired_row_bf16(left > 0 ? x->h + at * x->d : (const uint16_t *)zero,
                            left > 1 ? x->h + (at + 1) * x->d : (const uint16_t *)zero, x->d,
                            line[i]);
        else
            paired_row(left > 0 ? x->f + at * x->d : zero, left > 1 ? x->f + (at + 1) * x->d : zero,
                       x->d, line[i]);
    }
    turn(line, group / 2, v_rows, to);
}

/* V of all heads in groups of keys. */
static void pack_groups(const struct rows *x, int64_t heads, int64_t n, int group, int64_t v_rows,
                        uint32_t *to, int threads)
{
    const int64_t groups = (n + group - 1) / group;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t u = 0; u < heads * groups; u++)
        pack_group(x, u / groups * n, n, u % groups * group, group, v_rows,
                   to + u * (group / 2) * v_rows);
}

/* Of magnitudes; NaN stays. */
static float larger(float a, float b)
{
    return b > a || b != b ? b : a;
}

/* Queries [i0, i1) of a head, one scale for all; returns it. */
static float pack_queries_int8(const struct rows *x, int64_t i0, int64_t i1,
                               const struct attn_arith_kernels *kernels, int64_t words, char *to)
{
    float room[ATTN_MAX_D], max = 0;
    for (int64_t i = i0; i < i1; i++)
        max = larger(max, largest(row(x, i, room), x->d));
    /* All zeros need a scale too. */
    const float scale = max == 0 ? 1 : max / 127;
    for (int64_t i = i0; i < i1; i++) {
        char *out = to + i * words * 4;
        memset(out, 0, (size_t)words * 4);
        if (kernels->form == ATTN_FORM_FLOAT)
            quantise_row(row(x, i, room), x->d, 1 / scale, (float *)out);
        else
            quantise_bytes(row(x, i, room), x->d, 1 / scale, kernels->q_zero, (uint8_t *)out);
    }
    return scale;
}

static void key_mean(const struct rows *x, int64_t first, int64_t n, float *mean)
{
    double sum[ATTN_MAX_D] = {0};
    for (int64_t j = 0; j < n; j++) {
        float room[ATTN_MAX_D];
        add_row(row(x, first + j, room), x->d, sum);
    }
    for (int64_t c = 0; c < x->d; c++)
        mean[c] = (float)(sum[c] / (double)n);
}

/* Keys [j0, j1) of a head whose first key is row `first`; all of them share a scale. */
static void pack_keys_int8(const struct rows *x, int64_t first, int64_t j0, int64_t j1,
                           const float *mean, const struct attn_arith_kernels *kernels,
                           int64_t words, char *to, float *scale, int32_t *offset)
{
    float room[ATTN_MAX_D], centred[ATTN_INT8_KEYS][ATTN_MAX_D], max = 0;
    for (int64_t j = j0; j < j1; j++) {
        centred_row(row(x, first + j, room), mean, x->d, centred[j - j0]);
        max = larger(max, largest(centred[j - j0], x->d));
    }
    const float one = max == 0 ? 1 : max / 127;
    for (int64_t j = j0; j < j1; j++) {
        float line[ATTN_MAX_D] = {0};
        const int32_t sum =
            kernels->form == ATTN_FORM_FLOAT
                ? quantise_row(centred[j - j0], x->d, 1 / one, line)
                : quantise_bytes(centred[j - j0], x->d, 1 / one, 0, (uint8_t *)line);
        put_row(line, words, kernels->k_tile, j, to);
        scale[j] = one;
        offset[j] = -kernels->q_zero * sum;
    }
}

static void pack_int8(const struct attn_problem *p, const struct rows *q, const struct rows *k,
                      const struct attn_arith_kernels *kernels, const struct layout *l, char *qto,
                      char *kto, float *q_factor, float *scale, int32_t *offset, float *mean)
{
    const int64_t blocks = (p->n_k + ATTN_INT8_KEYS - 1) / ATTN_INT8_KEYS;
    const int64_t units = (p->n_q + ATTN_INT8_QUERIES - 1) / ATTN_INT8_QUERIES;
#pragma omp parallel num_threads(p->threads)
    {
#pragma omp for schedule(static)
        for (int64_t h = 0; h < p->heads_kv; h++)
            key_mean(k, h * p->n_k, p->n_k, mean + h * p->d);
#pragma omp for schedule(static)
        for (int64_t u = 0; u < p->heads_kv * blocks; u++) {
            const int64_t h = u / blocks, j0 = u % blocks * ATTN_INT8_KEYS, at = h * p->n_k;
            const int64_t j1 = j0 + ATTN_INT8_KEYS < p->n_k ? j0 + ATTN_INT8_KEYS : p->n_k;
            pack_keys_int8(k, at, j0, j1, mean + h * p->d, kernels, l->words,
                           kto + h * l->k_rows * l->words * 4, scale + at, offset + at);
        }
#pragma omp for schedule(static)
        for (int64_t u = 0; u < p->heads_q * units; u++) {
            const int64_t h = u / units, i0 = u % units * ATTN_INT8_QUERIES, at = h * p->n_q;
            const int64_t i1 = i0 + ATTN_INT8_QUERIES < p->n_q ? i0 + ATTN_INT8_QUERIES : p->n_q;
            q_factor[u] = pack_queries_int8(q, at + i0, at + i1, kernels, l->words, qto);
        }
    }
}

/* Converts the values of all heads, and says where they are. */
static void pack_values(const struct attn_problem *p, const struct rows *v,
                        const struct attn_arith_kernels *kernels, const struct layout *l, char *to,
                        struct attn_keys *keys)
{
    const bool as_float = kernels->form == ATTN_FORM_FLOAT;
    const int group = kernels->v_group;
    const int64_t head =
        as_float ? p->n_k * v->d * 4 : (p->n_k + group - 1) / group * group * l->v_rows * 2;
    if (as_float)
        pack_rows_bf16(v, p->heads_kv, p->n_k, true, v->d, 1, p->n_k, to, p->threads);
    else
        pack_groups(v, p->heads_kv, p->n_k, group, l->v_rows, (uint32_t *)to, p->threads);
    for (int64_t h = 0; h < p->heads_kv; h++)
        keys[h].v = to + h * head;
}

void attn_pack(const struct attn_problem *p, const struct attn_io *io, enum attn_arith arith,
               const struct attn_arith_kernels *kernels, void *ws, struct attn_operands *out)
{
    const struct layout l = layout_of(p, arith, kernels);
    const struct rows q = {io->q, io->q16, p->d}, k = {io->k, io->k16, p->d},
                      v = {io->v, io->v16, p->d_v};
    const bool as_float = kernels->form == ATTN_FORM_FLOAT;
    char *kto = (char *)ws + l.keys, *vto = kto + l.k, *qto = vto + l.v;
    float *scale = (float *)(qto + l.q);
    int32_t *offset = (int32_t *)((char *)scale + l.scale);
    float *q_factor = (float *)((char *)offset + l.offset);
    float *mean = (float *)((char *)q_factor + l.q_factor);
    *out = (struct attn_operands){.keys = ws, .words = l.words};
    const void *k_from = kto;
    out->q = qto;
    if (arith == ATTN_ARITH_FP32) {
        out->q = io->q;
        k_from = io->k;
    } else if (arith == ATTN_ARITH_INT8) {
        out->q_factor = q_factor;
        pack_int8(p, &q, &k, kernels, &l, qto, kto, q_factor, scale, offset, mean);
    } else if (in_place(p, arith, kernels)) {
        out->q = io->q16;
        k_from = io->k16;
    } else {
        pack_rows_bf16(&q, p->heads_q, p->n_q, as_float, l.words, 1, p->n_q, qto, p->threads);
        pack_rows_bf16(&k, p->heads_kv, p->n_k, as_float, l.words, kernels->k_tile, l.k_rows, kto,
                       p->threads);
    }
    for (int64_t h = 0; h < p->heads_kv; h++) {
        out->keys[h] = (struct attn_keys){.k = (const char *)k_from + h * l.k_rows * l.words * 4};
        if (arith == ATTN_ARITH_FP32)
            out->keys[h].v = io->v + h * p->n_k * p->d_v;
        if (arith == ATTN_ARITH_INT8) {
            out->keys[h].scale = scale + h * p->n_k;
            out->keys[h].offset = offset + h * p->n_k;
        }
    }
    if (arith != ATTN_ARITH_FP32)
        pack_values(p, &v, kernels, &l, vto, out->keys);
}
