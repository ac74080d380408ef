/* SPDX-License-Identifier: MIT */
/*
 * Cases of the variants' tests: drawing them, running one between guard pages, comparing. Every
 * draw is a function of (seed, variant, case), so one case repeats without the others.
 */
#ifndef TESTS_VARIANT_CASES_H
#define TESTS_VARIANT_CASES_H

#include "tests/unit/support.h"
#include "variants/attn.h"
#include "variants/registry.h"

#include <signal.h>

/* One call of one variant. */
struct variant_case {
    const struct attn_variant *v;
    struct attn_problem p;
    double params[ATTN_MAX_PARAMS];
    double amplitude; /* of q and k; v is always of order 1 */
    uint64_t data;    /* seed of the tensors */
    int number;       /* for the command that repeats it; -1: not one of the drawn ones */
};

/* The tensors and the workspace of a case. The fp32 ones are what definitions read. */
struct arena {
    struct guarded q, k, v, o, ws, q16, k16, v16;
};

static const char *current_test = "";

/* Says what is wrong with which case, and how to repeat it. */
static void say_case(const struct variant_case *c, const char *text)
{
    const struct attn_problem *p = &c->p;
    char params[256];
    attn_params_format(c->v, c->params, params, sizeof params);
    print_error("%s[%s] h=%lld/%lld n=%lld/%lld d=%lld/%lld causal=%d bf16=%d threads=%d: %s\n",
                c->v->name, params, (long long)p->heads_q, (long long)p->heads_kv,
                (long long)p->n_q, (long long)p->n_k, (long long)p->d, (long long)p->d_v, p->causal,
                p->dtype == ATTN_BF16, p->threads, text);
    print_error("repeat with: ATTN_ISA=%s ATTN_TEST_SEED=%llu", attn_isa_name(),
                (unsigned long long)test_seed);
    if (c->number >= 0)
        print_error(" ATTN_TEST_CASE=%d", c->number);
    print_error(" CMOCKA_TEST_FILTER='%s' ATTN_TEST_VARIANT=%s %s\n", current_test, c->v->name,
                program);
}

/* Fails the test. */
__attribute__((format(printf, 2, 3), noreturn)) static void fail_case(const struct variant_case *c,
                                                                      const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say_case(c, text);
    fail();
    abort();
}

static size_t q_floats(const struct attn_problem *p)
{
    return (size_t)(p->heads_q * p->n_q * p->d);
}

static size_t k_floats(const struct attn_problem *p)
{
    return (size_t)(p->heads_kv * p->n_k * p->d);
}

static size_t v_floats(const struct attn_problem *p)
{
    return (size_t)(p->heads_kv * p->n_k * p->d_v);
}

static size_t o_floats(const struct attn_problem *p)
{
    return (size_t)(p->heads_q * p->n_q * p->d_v);
}

static struct arena open_arena(const struct variant_case *c)
{
    struct attn_cost cost = {0};
    const size_t nq = q_floats(&c->p), nk = k_floats(&c->p), nv = v_floats(&c->p);
    const bool side = c->data % 2;
    c->v->cost(&c->p, c->params, &cost);
    struct arena a = {.q = guard(4 * nq, side),
                      .k = guard(4 * nk, side),
                      .v = guard(4 * nv, side),
                      .o = guard(4 * o_floats(&c->p), side),
                      .ws = guard(cost.workspace, side)};
    if (c->p.dtype == ATTN_BF16) {
        a.q16 = guard(2 * nq, side);
        a.k16 = guard(2 * nk, side);
        a.v16 = guard(2 * nv, side);
    }
    fill(floats(&a.q), nq, c->amplitude, mix(c->data));
    fill(floats(&a.k), nk, c->amplitude, mix(c->data + 1));
    fill(floats(&a.v), nv, 1, mix(c->data + 2));
    return a;
}

static void close_arena(struct arena *a)
{
    struct guarded *all[] = {&a->q, &a->k, &a->v, &a->o, &a->ws, &a->q16, &a->k16, &a->v16};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->map)
            release(all[i]);
}

/* As definitions want it. */
static struct attn_io io_of(const struct arena *a)
{
    return (struct attn_io){
        .q = floats(&a->q), .k = floats(&a->k), .v = floats(&a->v), .o = floats(&a->o)};
}

/* Rounds a tensor in place, and writes the bf16 that it now equals. */
static const uint16_t *as_bf16(const struct guarded *from, const struct guarded *to)
{
    float *x = floats(from);
    uint16_t *y = (uint16_t *)(void *)to->at;
    for (size_t i = 0; i < from->size / sizeof *x; i++) {
        x[i] = round_bf16(x[i]);
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        y[i] = (uint16_t)(bits >> 16);
    }
    return y;
}

static const struct variant_case *running;

/* Any thread may be in it, so there is no way back into the test. */
static void report_fault(int signal_number)
{
    (void)signal_number;
    say_case(running, "touched memory outside its tensors, or wrote to an input");
    fflush(NULL);
    _exit(1);
}

/* Poisons output and workspace, runs, and checks what holds of every run. */
static void run_case(const struct variant_case *c, struct arena *a)
{
    struct attn_io io = io_of(a);
    const struct guarded *inputs[] = {&a->q, &a->k, &a->v, &a->q16, &a->k16, &a->v16};
    const bool bf16 = c->p.dtype == ATTN_BF16;
    const size_t count = bf16 ? 6 : 3;
    if (bf16)
        io = (struct attn_io){.o = io.o,
                              .q16 = as_bf16(&a->q, &a->q16),
                              .k16 = as_bf16(&a->k, &a->k16),
                              .v16 = as_bf16(&a->v, &a->v16)};
    memset(a->o.at, CANARY, a->o.size);
    memset(a->ws.at, CANARY, a->ws.size);
    for (size_t i = 0; i < count; i++)
        protect(inputs[i], PROT_READ);
    running = c;
    void (*before)(int) = signal(SIGSEGV, report_fault);
    enum attn_status prepared = ATTN_OK, ran = ATTN_FAILED;
    if (c->v->prepare)
        prepared = c->v->prepare(&c->p, c->params, a->ws.at);
    if (prepared == ATTN_OK)
        ran = c->v->run(&c->p, c->params, a->ws.at, &io);
    signal(SIGSEGV, before);
    for (size_t i = 0; i < count; i++)
        protect(inputs[i], PROT_READ | PROT_WRITE);
    if (prepared != ATTN_OK)
        fail_case(c, "prepare() failed");
    if (ran != ATTN_OK)
        fail_case(c, "run() returned %d", (int)ran);
    for (size_t i = 0; i < o_floats(&c->p); i++)
        if (!isfinite(io.o[i]))
            fail_case(c, "output %zu is %g, or was not written", i, (double)io.o[i]);
    if (!intact(&a->ws))
        fail_case(c, "wrote outside its workspace of %zu bytes", a->ws.size);
    if (!intact(&a->o))
        fail_case(c, "wrote outside the output");
}

/*
 * Relative Frobenius distance of the output to weights . V of variant `definition` with its
 * parameters, over at most `rows` rows a head, spread over all and with both ends.
 */
static double definition_error(const struct variant_case *c, const struct attn_variant *definition,
                               const double *params, const struct arena *a, int64_t rows)
{
    const struct attn_problem *p = &c->p;
    struct attn_io io = io_of(a);
    double *w = malloc((size_t)(p->n_k + p->d_v) * sizeof *w);
    double *scratch = malloc((size_t)(p->n_k * (p->d + 2) + 4096) * sizeof *scratch);
    assert_true(w && scratch);
    double *row = w + p->n_k, square = 0, total = 0;
    rows = rows > p->n_q ? p->n_q : rows;
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t x = 0; x < rows; x++) {
            int64_t i = rows > 1 ? x * (p->n_q - 1) / (rows - 1) : p->n_q - 1;
            const float *v = io.v + attn_kv_head(p, h) * p->n_k * p->d_v;
            const float *o = io.o + (h * p->n_q + i) * p->d_v;
            definition->weights(p, params, &io, h, i, w, scratch);
            memset(row, 0, (size_t)p->d_v * sizeof *row);
            for (int64_t j = 0; j < p->n_k; j++)
                for (int64_t e = 0; w[j] != 0 && e < p->d_v; e++)
                    row[e] += w[j] * (double)v[j * p->d_v + e];
            for (int64_t e = 0; e < p->d_v; e++) {
                square += (o[e] - row[e]) * (o[e] - row[e]);
                total += row[e] * row[e];
            }
        }
    free(w);
    free(scratch);
    return total > 0 ? sqrt(square / total) : sqrt(square);
}

/* Parameters: mostly defaults, else the minimum or something small. */
static void draw_params(struct variant_case *c, uint64_t *state)
{
    const struct attn_param *list = c->v->params;
    bool defaults = draw(state) % 4 == 0;
    for (int i = 0; list && list[i].name; i++) {
        double x = (double)PICK(state, 1, 2, 3, 4, 5, 8, 16, 17, 64);
        if (!list[i].whole)
            x /= 8;
        uint64_t way = draw(state) % 8;
        x = defaults || way < 2 ? list[i].value : way == 2 ? list[i].min : x;
        c->params[i] = fmin(fmax(x, list[i].min), list[i].max);
    }
}

static void draw_heads(struct variant_case *c, uint64_t *state)
{
    static const int64_t heads[][2] = {{1, 1}, {2, 2}, {4, 2}, {3, 1}, {6, 2}};
    uint64_t way = draw(state) % 5;
    c->p.heads_q = heads[way][0];
    c->p.heads_kv = heads[way][1];
}

/* Draws case `number` of a variant. */
static struct variant_case draw_case(const struct attn_variant *v, int number)
{
    uint64_t name = 0;
    for (const char *s = v->name; *s; s++)
        name = mix(name + (unsigned char)*s);
    uint64_t state = mix(mix(test_seed) ^ name) + mix((uint64_t)number);
    struct variant_case c = {.v = v, .number = number, .amplitude = 1};
    draw_heads(&c, &state);
#define LENGTHS 1, 2, 3, 15, 16, 17, 31, 63, 64, 65, 97, 127, 128, 129, 191, 192, 193, 257, 521
    c.p.n_k = PICK(&state, LENGTHS);
    c.p.n_q = draw(&state) % 2 ? c.p.n_k : PICK(&state, LENGTHS);
    c.p.d = PICK(&state, 1, 3, 8, 16, 24, 40, 64, 80, 96, 128, 192, 256);
    c.p.d_v =
        draw(&state) % 2 ? c.p.d : PICK(&state, 1, 3, 8, 16, 24, 40, 64, 80, 96, 128, 192, 256);
    c.p.causal = draw(&state) % 2;
    c.p.threads = (int)(1 + draw(&state) % 3);
    c.p.scale = draw(&state) % 4 ? 1 / sqrt((double)c.p.d) : 0.3;
    c.p.seed = draw(&state);
    c.amplitude = draw(&state) % 4 ? 1 : 2;
    c.data = draw(&state);
    if (v->caps & ATTN_TAKES_BF16 && draw(&state) % 3 == 0)
        c.p.dtype = ATTN_BF16;
    draw_params(&c, &state);
    return c;
}

/*
 * Narrows a case to what the variant declares: refused shapes teach nothing. False when it is
 * refused even so; a refusal must carry its reason.
 */
static bool admit(struct variant_case *c)
{
    unsigned caps = c->v->caps;
    if (!(caps & ATTN_CROSS))
        c->p.n_q = c->p.n_k;
    if (!(caps & ATTN_GQA))
        c->p.heads_kv = c->p.heads_q;
    if (!(caps & ATTN_DV))
        c->p.d_v = c->p.d;
    if (!(caps & ATTN_CAUSAL))
        c->p.causal = false;
    if (!(caps & ATTN_NONCAUSAL))
        c->p.causal = true;
    const char *why = NULL;
    for (int fewer = 0; fewer < 2; fewer++) {
        if (attn_supports(c->v, &c->p, c->params, &why))
            return true;
        if (!why || !*why)
            fail_case(c, "refused without a reason");
        /* Methods for decoding take a few queries only. */
        c->p.n_q = (c->p.n_q - 1) % 16 + 1;
    }
    return false;
}

/* A plain case of given shape, default parameters. */
static struct variant_case plain_case(const struct attn_variant *v, int64_t n_q, int64_t n_k,
                                      bool causal)
{
    struct variant_case c = {.v = v, .number = -1, .amplitude = 1, .data = mix(test_seed)};
    c.p = (struct attn_problem){.heads_q = 4,
                                .heads_kv = 2,
                                .n_q = n_q,
                                .n_k = n_k,
                                .d = 24,
                                .d_v = 20,
                                .causal = causal,
                                .threads = 2,
                                .scale = 1 / sqrt(24.0),
                                .seed = test_seed};
    char msg[ATTN_MESSAGE];
    assert_int_equal(attn_params_parse(v, NULL, c.params, msg), 0);
    return c;
}

#endif
