/* SPDX-License-Identifier: MIT */
/*
 * The state-scan engine against the recurrence it computes, in fp64 and token by token, at every
 * ISA level of this machine: decay, any map to features, any chunk, segments, threads.
 */
#include "variants/kernels/isa.h"
#include "variants/kernels/scan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const levels[] = {"portable", "avx2", "avx512"};

#define FOR_EACH_LEVEL(name)                                                                       \
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)                                    \
        for (const char *name = levels[l], *why; name && attn_isa_select(name, &why) == 0;         \
             name = NULL)

/* A case and its tensors. */
struct scan_case {
    struct attn_problem p;
    struct attn_scan_job job;
    struct attn_io io;
    float *q, *k, *v, *o, *decay;
};

enum { CANARY = 0xFF, CANARIES = 4096 }; /* bytes behind the workspace */

/* Deterministic, uniform in [-1, 1]. */
static float number(uint64_t i)
{
    i += 0x9e3779b97f4a7c15u;
    i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
    i = (i ^ (i >> 27)) * 0x94d049bb133111ebu;
    return (float)((double)((i ^ (i >> 31)) >> 11) * 0x1p-52 - 1);
}

static float *numbers(size_t n, uint64_t seed)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = number(seed * 1000003 + i);
    return x;
}

/* Feature f of a row: |x_a + x_b| + 1/8 for two of its channels. The context is r. */
static void pairs_of_channels(const void *context, const float *x, int64_t rows, int64_t d,
                              float *phi)
{
    const int64_t r = *(const int64_t *)context;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t f = 0; f < r; f++)
            phi[i * r + f] = fabsf(x[i * d + f % d] + x[i * d + (f / d + f * 3) % d]) + 0.125f;
}

/* Another map for keys, so that mixing them up shows. */
static void doubled_pairs(const void *context, const float *x, int64_t rows, int64_t d, float *phi)
{
    pairs_of_channels(context, x, rows, d, phi);
    for (int64_t i = 0; i < rows * *(const int64_t *)context; i++)
        phi[i] *= 2;
}

static struct scan_case open_case(struct attn_problem p, int64_t r, bool decay)
{
    struct scan_case c = {.p = p};
    c.q = numbers((size_t)(p.heads_q * p.n_q * p.d), 1);
    c.k = numbers((size_t)(p.heads_kv * p.n_k * p.d), 2);
    c.v = numbers((size_t)(p.heads_kv * p.n_k * p.d_v), 3);
    c.o = numbers((size_t)(p.heads_q * p.n_q * p.d_v), 4);
    c.decay = decay ? numbers((size_t)(p.heads_kv * p.n_k), 5) : NULL;
    for (int64_t i = 0; decay && i < p.heads_kv * p.n_k; i++)
        c.decay[i] = (c.decay[i] - 1) / 16;
    c.io = (struct attn_io){.q = c.q, .k = c.k, .v = c.v, .o = c.o};
    c.job = (struct attn_scan_job){
        .q_features = pairs_of_channels, .k_features = doubled_pairs, .r = r, .decay = c.decay};
    return c;
}

static void close_case(struct scan_case *c)
{
    free(c->q);
    free(c->k);
    free(c->v);
    free(c->o);
    free(c->decay);
}

static void run(struct scan_case *c)
{
    const size_t size = attn_scan_workspace(&c->p, &c->job);
    unsigned char *ws = aligned_alloc(64, (size + CANARIES + 63) / 64 * 64);
    assert_non_null(ws);
    memset(ws, CANARY, size + CANARIES);
    memset(c->o, CANARY, (size_t)(c->p.heads_q * c->p.n_q * c->p.d_v) * sizeof *c->o);
    c->job.context = &c->job.r;
    assert_int_equal(attn_scan_run(&c->p, &c->io, &c->job, ws), ATTN_OK);
    for (size_t i = size; i < size + CANARIES; i++)
        assert_int_equal(ws[i], CANARY);
    free(ws);
}

/* Largest distance of head h to the recurrence, relative to the sum of absolute terms. */
static double head_error(const struct scan_case *c, int64_t h)
{
    const struct attn_problem *p = &c->p;
    const int64_t r = c->job.r, e = p->d_v + 1, kv = attn_kv_head(p, h);
    double *state = calloc((size_t)(r * e * 2), sizeof *state), *size = state + r * e, worst = 0;
    float *phi = malloc((size_t)r * sizeof *phi);
    assert_true(state && phi);
    for (int64_t i = 0, seen = 0; i < p->n_q; i++) {
        for (; seen < attn_visible(p, i) && seen < p->n_k; seen++) {
            const int64_t row = kv * p->n_k + seen;
            const double g = c->decay ? exp((double)c->decay[row]) : 1;
            c->job.k_features(&r, c->k + row * p->d, 1, p->d, phi);
            for (int64_t f = 0; f < r; f++)
                for (int64_t x = 0; x < e; x++) {
                    const double v = x < p->d_v ? (double)c->v[row * p->d_v + x] : 1;
                    state[f * e + x] = g * state[f * e + x] + (double)phi[f] * v;
                    size[f * e + x] = g * size[f * e + x] + (double)phi[f] * fabs(v);
                }
        }
        c->job.q_features(&r, c->q + (h * p->n_q + i) * p->d, 1, p->d, phi);
        double sum = 0;
        for (int64_t f = 0; f < r; f++)
            sum += (double)phi[f] * state[f * e + p->d_v];
        const double norm = c->job.normalise ? sum + (double)c->job.eps : 1;
        for (int64_t x = 0; x < p->d_v; x++) {
            double want = 0, scale = 0;
            for (int64_t f = 0; f < r; f++) {
                want += (double)phi[f] * state[f * e + x];
                scale += (double)phi[f] * size[f * e + x];
            }
            const double got = (double)c->o[(h * p->n_q + i) * p->d_v + x];
            const double error = seen ? fabs(got - want / norm) / (scale / norm) : fabs(got);
            if (!(error <= worst))
                worst = isnan(error) ? INFINITY : error;
        }
    }
    free(state);
    free(phi);
    return worst;
}

static void check_case(struct scan_case *c, const char *level)
{
    run(c);
    for (int64_t h = 0; h < c->p.heads_q; h++) {
        const double error = head_error(c, h);
        if (!(error <= 2e-6))
            fail_msg("%s: head %lld is off by %.3g: h=%lld/%lld n=%lld/%lld d=%lld/%lld r=%lld "
                     "causal=%d decay=%d normalise=%d chunk=%d threads=%d",
                     level, (long long)h, error, (long long)c->p.heads_q, (long long)c->p.heads_kv,
                     (long long)c->p.n_q, (long long)c->p.n_k, (long long)c->p.d,
                     (long long)c->p.d_v, (long long)c->job.r, c->p.causal, c->decay != NULL,
                     c->job.normalise, c->job.chunk, c->p.threads);
    }
}

/* With decay, without, without a mask; normalised or not; every chunk. */
static void check_ways(struct attn_problem p, int64_t r, const char *level)
{
    static const int chunks[] = {0, 1, 7, 16, 64, 100, 256};
    for (int way = 0; way < 6; way++)
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            p.causal = way < 4;
            p.threads = (int)(1 + (i + (size_t)way) % 3);
            struct scan_case c = open_case(p, r, way < 2);
            c.job.normalise = way % 2;
            c.job.eps = 1e-6f;
            c.job.chunk = chunks[i];
            check_case(&c, level);
            close_case(&c);
        }
}

static void test_recurrence(void **state)
{
    (void)state;
    static const struct {
        int64_t heads_q, heads_kv, n_q, n_k, d, d_v, r;
    } shapes[] = {
        {1, 1, 1, 1, 1, 1, 1},       {4, 2, 130, 130, 16, 16, 16}, {3, 1, 97, 97, 5, 7, 13},
        {2, 2, 3, 200, 8, 24, 40},   {2, 1, 150, 64, 24, 33, 9},   {1, 1, 65, 65, 12, 48, 100},
        {2, 2, 40, 300, 16, 20, 17},
    };
    FOR_EACH_LEVEL(level)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_ways((struct attn_problem){.heads_q = shapes[i].heads_q,
                                         .heads_kv = shapes[i].heads_kv,
                                         .n_q = shapes[i].n_q,
                                         .n_k = shapes[i].n_k,
                                         .d = shapes[i].d,
                                         .d_v = shapes[i].d_v},
                   shapes[i].r, level);
}

/* Several segments, as many heads as the threads share out whole, fewer, and some of both. */
static struct attn_problem long_problem(int64_t heads, int64_t n_q, int threads, bool causal)
{
    return (struct attn_problem){.heads_q = heads,
                                 .heads_kv = heads,
                                 .n_q = n_q,
                                 .n_k = 3000,
                                 .d = 4,
                                 .d_v = 5,
                                 .causal = causal,
                                 .threads = threads};
}

static void test_segments(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(level)
    for (int way = 0; way < 3; way++)
        for (int64_t heads = 1; heads <= 3; heads++)
            for (int64_t n_q = 3000; n_q > 10; n_q /= 3) {
                struct scan_case c = open_case(long_problem(heads, n_q, 2, way < 2), 6, way == 0);
                c.job.normalise = true;
                check_case(&c, level);
                close_case(&c);
            }
}

static void test_same_bits_for_any_threads(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(level)
    for (int way = 0; way < 3; way++)
        for (int64_t heads = 1; heads <= 3; heads++)
            for (int64_t n_q = 3000; n_q > 10; n_q /= 3) {
                struct scan_case c = open_case(long_problem(heads, n_q, 1, way < 2), 6, way == 0);
                const size_t size = (size_t)(heads * n_q * c.p.d_v) * sizeof *c.o;
                float *first = malloc(size);
                assert_non_null(first);
                run(&c);
                memcpy(first, c.o, size);
                for (c.p.threads = 2; c.p.threads <= 9; c.p.threads++) {
                    run(&c);
                    if (memcmp(first, c.o, size) != 0)
                        fail_msg("%s: %d threads differ from one: heads=%lld n_q=%lld way=%d",
                                 level, c.p.threads, (long long)heads, (long long)n_q, way);
                }
                free(first);
                close_case(&c);
            }
}

/* Decay down to nothing, none at all, and both in turn: no overflow, no loss by large sums. */
static void test_extreme_decay(void **state)
{
    (void)state;
    static const float strengths[] = {0, 1e-4f, 3, 90, 1e4f};
    FOR_EACH_LEVEL(level)
    for (size_t s = 0; s < sizeof strengths / sizeof *strengths; s++) {
        const struct attn_problem p = {.heads_q = 1,
                                       .heads_kv = 1,
                                       .n_q = 700,
                                       .n_k = 700,
                                       .d = 4,
                                       .d_v = 3,
                                       .causal = true,
                                       .threads = 2};
        struct scan_case c = open_case(p, 5, true);
        for (int64_t i = 0; i < p.n_k; i++)
            c.decay[i] = i % 5 == 3 ? -strengths[s] : c.decay[i];
        check_case(&c, level);
        c.job.normalise = true;
        check_case(&c, level);
        close_case(&c);
    }
}

/* Bit by bit: what comes later has no influence at all. */
static void test_causal(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(level)
    for (int64_t t = 0; t < 130; t += 13) {
        struct attn_problem p = long_problem(2, 130, 2, true);
        p.n_k = 130;
        struct scan_case c = open_case(p, 6, true);
        run(&c);
        float *before = malloc((size_t)(2 * p.n_q * p.d_v) * sizeof *before);
        assert_non_null(before);
        memcpy(before, c.o, (size_t)(2 * p.n_q * p.d_v) * sizeof *before);
        for (int64_t h = 0; h < 2; h++)
            for (int64_t i = t; i < p.n_k; i++) {
                for (int64_t x = 0; x < p.d; x++)
                    c.q[(h * p.n_q + i) * p.d + x] = c.k[(h * p.n_k + i) * p.d + x] = 3;
                for (int64_t x = 0; x < p.d_v; x++)
                    c.v[(h * p.n_k + i) * p.d_v + x] = -7;
                c.decay[h * p.n_k + i] = -2;
            }
        run(&c);
        for (int64_t h = 0; h < 2; h++)
            if (memcmp(before + h * p.n_q * p.d_v, c.o + h * p.n_q * p.d_v,
                       (size_t)(t * p.d_v) * sizeof *before) != 0)
                fail_msg("%s: tokens from %lld on change earlier rows", level, (long long)t);
        free(before);
        close_case(&c);
    }
}

static void test_decay_needs_a_mask(void **state)
{
    (void)state;
    struct scan_case c = open_case(long_problem(1, 8, 1, false), 4, true);
    assert_int_equal(attn_scan_run(&c.p, &c.io, &c.job, NULL), ATTN_UNSUPPORTED);
    close_case(&c);
}

/* Flops are those of visible pairs, counted one by one. */
static void test_flops(void **state)
{
    (void)state;
    static const int64_t lengths[][2] = {{1, 1}, {64, 64}, {100, 100}, {7, 90}, {90, 7}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int causal = 0; causal < 2; causal++) {
            struct attn_problem p = long_problem(4, lengths[i][0], 1, causal);
            const struct attn_scan_job job = {.r = 6, .normalise = true, .chunk = 16};
            p.heads_kv = 2;
            p.n_k = lengths[i][1];
            double want = 2.0 * 2 * (double)p.n_k * 6 * 6; /* r (d_v + 1) a key */
            for (int64_t q = 0; q < p.n_q; q++) {
                if (!attn_visible(&p, q))
                    continue;
                want += 4 * 2.0 * 6 * 6;
                for (int64_t k = 0; causal && k < attn_visible(&p, q); k++)
                    if (k / 16 == attn_position(&p, q) / 16)
                        want += 4 * 2.0 * (6 + 6);
            }
            assert_true(attn_scan_flops(&p, &job) == want);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurrence),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_extreme_decay),
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_decay_needs_a_mask),
        cmocka_unit_test(test_flops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
