/* SPDX-License-Identifier: MIT */
/* See conform.h. The shapes are awkward by rule: one, tile - 1, tile, tile + 1, primes. */
#include "harness/judge/conform.h"
#include "harness/judge/judge.h"
#include "variants/registry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE      2e-5
#define TOLERANCE_BF16 1e-2
#define CANARY         64

struct shape {
    int heads_q, heads_kv, n_q, n_k, d, d_v;
};

static const struct shape shapes[] = {
    {1, 1, 1, 1, 1, 1},         {2, 2, 2, 2, 3, 3},       {2, 1, 15, 15, 16, 16},
    {2, 2, 63, 63, 24, 24},     {4, 2, 64, 64, 64, 64},   {2, 2, 65, 65, 40, 24},
    {3, 1, 97, 97, 80, 80},     {2, 1, 128, 128, 64, 64}, {1, 1, 257, 257, 64, 96},
    {2, 2, 1, 131, 64, 64},     {2, 1, 17, 201, 32, 32},  {2, 2, 70, 33, 16, 16},
    {1, 1, 521, 521, 128, 128},
};

struct bench {
    const struct attn_variant *v;
    struct attn_problem p;
    double params[ATTN_MAX_PARAMS];
    float *q, *k, *v_in, *o, *o2; /* values of the problem's dtype */
    uint16_t *q16, *k16, *v16;    /* the same as bf16 */
    double *expected;
    unsigned char *ws;
    size_t nq, nk, nv, no, workspace;
};

static double uniform(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void fill(const struct bench *b, float *x, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(4 * uniform(state) - 2);
        if (b->p.dtype == ATTN_BF16)
            x[i] = attn_from_bf16(attn_to_bf16(x[i]));
    }
}

static const uint16_t *narrow(const float *x, size_t n, uint16_t *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = attn_to_bf16(x[i]);
    return to;
}

/* Inputs that differ in one byte have different sums. */
static uint64_t add_bytes(uint64_t sum, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const unsigned char *)x)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static uint64_t checksum(const struct bench *b, const struct attn_io *io)
{
    if (io->q16)
        return add_bytes(add_bytes(add_bytes(0, io->q16, b->nq * sizeof *io->q16), io->k16,
                                   b->nk * sizeof *io->k16),
                         io->v16, b->nv * sizeof *io->v16);
    return add_bytes(
        add_bytes(add_bytes(0, io->q, b->nq * sizeof *io->q), io->k, b->nk * sizeof *io->k), io->v,
        b->nv * sizeof *io->v);
}

static void *room(size_t bytes)
{
    return aligned_alloc(64, (bytes + 64) / 64 * 64 + 64);
}

static void release(struct bench *b)
{
    free(b->q);
    free(b->k);
    free(b->v_in);
    free(b->o);
    free(b->o2);
    free(b->q16);
    free(b->k16);
    free(b->v16);
    free(b->expected);
    free(b->ws);
}

static bool allocate(struct bench *b, uint64_t seed)
{
    struct attn_cost cost = {0};
    b->v->cost(&b->p, b->params, &cost);
    b->workspace = cost.workspace;
    b->nq = (size_t)(b->p.heads_q * b->p.n_q * b->p.d);
    b->nk = (size_t)(b->p.heads_kv * b->p.n_k * b->p.d);
    b->nv = (size_t)(b->p.heads_kv * b->p.n_k * b->p.d_v);
    b->no = (size_t)(b->p.heads_q * b->p.n_q * b->p.d_v);
    b->q = room(b->nq * sizeof(float));
    b->k = room(b->nk * sizeof(float));
    b->v_in = room(b->nv * sizeof(float));
    b->o = room(b->no * sizeof(float));
    b->o2 = room(b->no * sizeof(float));
    b->q16 = room(b->nq * sizeof(uint16_t));
    b->k16 = room(b->nk * sizeof(uint16_t));
    b->v16 = room(b->nv * sizeof(uint16_t));
    b->expected = room(b->no * sizeof(double));
    b->ws = room(b->workspace + CANARY);
    if (!b->q || !b->k || !b->v_in || !b->o || !b->o2 || !b->q16 || !b->k16 || !b->v16 ||
        !b->expected || !b->ws)
        return false;
    fill(b, b->q, b->nq, &seed);
    fill(b, b->k, b->nk, &seed);
    fill(b, b->v_in, b->nv, &seed);
    return true;
}

/* Runs with poisoned output and a canary behind the workspace; NULL, or what is wrong. */
static const char *run(struct bench *b, float *o)
{
    memset(o, 0xff, b->no * sizeof *o);
    memset(b->ws, 0xff, b->workspace);
    memset(b->ws + b->workspace, 0xa5, CANARY);
    struct attn_io io = {.q = b->q, .k = b->k, .v = b->v_in, .o = o};
    if (b->p.dtype == ATTN_BF16)
        io = (struct attn_io){.q16 = narrow(b->q, b->nq, b->q16),
                              .k16 = narrow(b->k, b->nk, b->k16),
                              .v16 = narrow(b->v_in, b->nv, b->v16),
                              .o = o};
    const uint64_t before = checksum(b, &io);
    if (b->v->prepare && b->v->prepare(&b->p, b->params, b->ws) != ATTN_OK)
        return "prepare() did not return ATTN_OK";
    if (b->v->run(&b->p, b->params, b->ws, &io) != ATTN_OK)
        return "run() did not return ATTN_OK";
    for (int i = 0; i < CANARY; i++)
        if (b->ws[b->workspace + (size_t)i] != 0xa5)
            return "wrote behind its declared workspace";
    if (checksum(b, &io) != before)
        return "wrote to its inputs";
    for (size_t i = 0; i < b->no; i++)
        if (!isfinite(o[i]))
            return "left outputs unwritten or not finite";
    return NULL;
}

static const char *against_definition(struct bench *b)
{
    const struct attn_problem *p = &b->p;
    double *w = room((size_t)p->n_k * sizeof *w);
    double *scratch = room(((size_t)p->n_k * (size_t)(p->d + 2) + 4096) * sizeof *scratch);
    if (!w || !scratch) {
        free(w);
        free(scratch);
        return "out of memory";
    }
    struct attn_io io = {.q = b->q, .k = b->k, .v = b->v_in};
    memset(b->expected, 0, b->no * sizeof *b->expected);
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t i = 0; i < p->n_q; i++) {
            b->v->weights(p, b->params, &io, h, i, w, scratch);
            double *o = b->expected + (h * p->n_q + i) * p->d_v;
            for (int64_t j = 0; j < p->n_k; j++)
                for (int64_t c = 0; c < p->d_v; c++)
                    o[c] += w[j] * b->v_in[(attn_kv_head(p, h) * p->n_k + j) * p->d_v + c];
        }
    free(w);
    free(scratch);
    if (b->v->rounding > 0)
        return judge_rel_l2(b->o, b->expected, (int64_t)b->no) <= b->v->rounding
                   ? NULL
                   : "differs from its definition by more than the rounding it declares";
    if (p->dtype == ATTN_BF16)
        return judge_rel_l2(b->o, b->expected, (int64_t)b->no) <= TOLERANCE_BF16
                   ? NULL
                   : "differs from its definition by more than 1e-2 on bf16 inputs";
    return judge_rel_l2(b->o, b->expected, (int64_t)b->no) <= TOLERANCE
               ? NULL
               : "differs from its definition by more than 2e-5";
}

/* Randomises what lies behind the middle position; rows before it must not move. */
static const char *causality(struct bench *b, uint64_t seed)
{
    const struct attn_problem *p = &b->p;
    int64_t half = p->n_k / 2, first = half - (p->n_k - p->n_q);
    if (!p->causal || p->n_k < 2 || first <= 0)
        return NULL;
    for (int64_t h = 0; h < p->heads_kv; h++) {
        if (!b->v->looks_ahead)
            fill(b, b->k + (h * p->n_k + half) * p->d, (size_t)((p->n_k - half) * p->d), &seed);
        fill(b, b->v_in + (h * p->n_k + half) * p->d_v, (size_t)((p->n_k - half) * p->d_v), &seed);
    }
    for (int64_t h = 0; h < p->heads_q && !b->v->looks_ahead; h++)
        if (first < p->n_q)
            fill(b, b->q + (h * p->n_q + first) * p->d, (size_t)((p->n_q - first) * p->d), &seed);
    const char *why = run(b, b->o2);
    if (why)
        return why;
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t i = 0; i < (first < p->n_q ? first : p->n_q); i++)
            for (int64_t c = 0; c < p->d_v; c++) {
                size_t at = (size_t)((h * p->n_q + i) * p->d_v + c);
                if (!(fabsf(b->o[at] - b->o2[at]) <= 1e-6f * (1 + fabsf(b->o[at]))))
                    return "is not causal: an output moved with a later token";
            }
    return NULL;
}

/* Who takes exponentials without subtracting the maximum overflows here. */
static const char *large_logits(struct bench *b)
{
    for (size_t i = 0; i < b->nq; i++)
        b->q[i] *= 64;
    for (size_t i = 0; i < b->nk; i++)
        b->k[i] *= 64;
    return run(b, b->o2) ? "is not finite with logits of thousands" : NULL;
}

static const char *one_case(struct bench *b, uint64_t seed)
{
    if (!allocate(b, seed))
        return "out of memory";
    b->p.threads = 1;
    const char *why = run(b, b->o);
    if (!why && b->v->weights)
        why = against_definition(b);
    b->p.threads = 2;
    if (!why)
        why = run(b, b->o2);
    if (!why && memcmp(b->o, b->o2, b->no * sizeof *b->o) != 0)
        why = "gives other bits with two threads than with one";
    if (!why)
        why = causality(b, seed ^ 1);
    return why ? why : large_logits(b);
}

static void one_shape(const struct attn_variant *v, const struct shape *s, enum attn_dtype dtype,
                      bool causal, bool small, uint64_t seed, FILE *f,
                      struct conform_result *result)
{
    struct bench b = {.v = v};
    b.p = (struct attn_problem){.heads_q = s->heads_q,
                                .heads_kv = s->heads_kv,
                                .n_q = s->n_q,
                                .n_k = s->n_k,
                                .d = s->d,
                                .d_v = s->d_v,
                                .causal = causal,
                                .dtype = dtype,
                                .threads = 2,
                                .scale = 1 / sqrt(s->d),
                                .seed = seed};
    int count = 0;
    /* Defaults suit long inputs; small values make the pattern show on short ones. */
    for (const struct attn_param *q = v->params; q && q->name; q++, count++)
        b.params[count] = small && q->whole ? fmax(q->min, fmin(q->max, 8)) : q->value;
    if (small && !count)
        return;
    const char *why;
    if (!attn_supports(v, &b.p, b.params, &why)) {
        result->refused++;
        result->refusal = why;
        return;
    }
    why = one_case(&b, seed);
    release(&b);
    if (!why) {
        result->passed++;
        return;
    }
    result->failed++;
    char params[256];
    attn_params_format(v, b.params, params, sizeof params);
    fprintf(f, "%s (%s) heads %d/%d n_q %d n_k %d d %d d_v %d %s%s seed %llu: %s\n", v->name,
            params, s->heads_q, s->heads_kv, s->n_q, s->n_k, s->d, s->d_v, attn_dtype_name(dtype),
            causal ? " causal" : "", (unsigned long long)seed, why);
}

void conform_check(const struct attn_variant *v, uint64_t seed, FILE *f,
                   struct conform_result *result)
{
    *result = (struct conform_result){0};
    const int dtypes = v->caps & ATTN_TAKES_BF16 ? ATTN_DTYPES : ATTN_FP32 + 1;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int dtype = 0; dtype < dtypes; dtype++)
            for (int causal = 0; causal < 2; causal++)
                for (int small = 0; small < 2; small++)
                    one_shape(v, &shapes[i], (enum attn_dtype)dtype, causal, small, seed + i, f,
                              result);
}
