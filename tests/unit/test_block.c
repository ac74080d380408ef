/* SPDX-License-Identifier: MIT */
/*
 * The block engine against softmax attention in double precision, through its interface: ranges of
 * keys in any order, bounds that differ from row to row, biases, gathered rows, merged partial
 * results, splits and stacked heads, in every arithmetic. Errors are held to what rounding allows,
 * element by element, so that logits of 1e4 are judged as strictly as small ones.
 */
#include "tests/unit/operands.h"

#define MAX_RANGES 8

/* Keys [begin, end), and how they are handed in. */
struct range {
    int64_t begin, end;
    bool lo, hi, bias, gathered;
    int bounds; /* how lo and hi are drawn: anywhere, near the ends, or along the diagonal */
};

/* One run of the engine. */
struct block_case {
    struct attn_problem p;
    struct attn_block_job job;
    int number;
    uint64_t key; /* of bounds and data */
    double amplitude;
    int ranges, merge_before; /* the partial results are merged before this range; -1: none are */
    struct range range[MAX_RANGES];
    struct guarded q, k, v, o, lse, ws, bias, index, part_o, part_lse, q16, k16, v16;
    struct attn_keys gathered[8]; /* of each key/value head */
};

/* Failures name the case and how to repeat it. */
__attribute__((format(printf, 2, 3), noreturn)) static void fail_block(const struct block_case *c,
                                                                       const char *format, ...)
{
    const struct attn_problem *p = &c->p;
    va_list args;
    print_error("arith=%d%s h=%lld/%lld n=%lld/%lld d=%lld/%lld tile=%d stacked=%d splits=%d "
                "threads=%d: ",
                (int)c->job.arith, p->dtype == ATTN_BF16 ? " bf16 inputs" : "",
                (long long)p->heads_q, (long long)p->heads_kv, (long long)p->n_q, (long long)p->n_k,
                (long long)p->d, (long long)p->d_v, c->job.tile, c->job.stacked, c->job.splits,
                p->threads);
    va_start(args, format);
    vprint_error(format, args);
    va_end(args);
    print_error("\nrepeat with: ATTN_ISA=%s ATTN_TEST_SEED=%llu ATTN_TEST_CASE=%d %s\n",
                attn_isa_name(), (unsigned long long)test_seed, c->number, program);
    fail();
    abort();
}

/* Which keys [*lo, *hi) of a range query i of head h sees. */
static void bounds_of(const struct block_case *c, const struct range *x, int64_t h, int64_t i,
                      int64_t *lo, int64_t *hi)
{
    uint64_t state = mix(c->key + (uint64_t)(h * c->p.n_q + i)) + mix((uint64_t)x->begin);
    const int64_t n = x->end - x->begin, reach = x->bounds == 0 ? n + 3 : n < 20 ? n : 20;
    *lo = x->begin - 2 + (int64_t)(draw(&state) % (uint64_t)(reach + 1));
    *hi = x->end + 2 - (int64_t)(draw(&state) % (uint64_t)(reach + 1));
    if (x->bounds == 2)
        *hi = attn_position(&c->p, i) + 1;
    if (!x->lo)
        *lo = x->begin;
    if (!x->hi)
        *hi = x->end;
}

static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    const struct block_case *c = ctx;
    (void)io;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE], index[ATTN_TILE];
    for (int x = 0; x <= c->ranges; x++) {
        if (x == c->merge_before && t->k0 == 0) {
            for (int64_t r = t->q0; r < t->q1; r++)
                index[r - t->q0] = mix(c->key ^ (uint64_t)r) % 5 ? t->head * p->n_q + r : -1;
            attn_tile_merge(t, floats(&c->part_o), floats(&c->part_lse), index);
        }
        if (x == c->ranges)
            break;
        const struct range *range = &c->range[x];
        const int64_t begin = range->begin > t->k0 ? range->begin : t->k0;
        const int64_t end = range->end < t->k1 ? range->end : t->k1;
        for (int64_t r = t->q0; r < t->q1; r++)
            bounds_of(c, range, t->head + r / p->n_q, r % p->n_q, &lo[r - t->q0], &hi[r - t->q0]);
        attn_tile_keys(t, range->gathered ? &c->gathered[t->kv_head] : t->keys, begin, end,
                       range->lo ? lo : NULL, range->hi ? hi : NULL,
                       range->bias ? floats(&c->bias) : NULL);
    }
}

/* ---- drawing a case ------------------------------------------------------------------------ */

static void draw_ranges(struct block_case *c, uint64_t *state)
{
    const bool plain = draw(state) % 4 == 0; /* one call, all keys */
    int64_t at = 0;
    while (at < c->p.n_k && c->ranges < MAX_RANGES) {
        struct range x = {.begin = at, .bounds = (int)(draw(state) % 3)};
        const int64_t left = c->p.n_k - at;
        x.end = plain || draw(state) % 5 == 0 ? c->p.n_k
                                              : at + 1 + (int64_t)(draw(state) % (uint64_t)left);
        x.lo = draw(state) % 3 == 0;
        x.hi = draw(state) % 2;
        x.bias = draw(state) % 3 == 0;
        x.gathered = c->job.arith == ATTN_ARITH_FP32 && draw(state) % 4 == 0;
        at = x.end;
        /* Some keys are seen by nobody. */
        if (plain || draw(state) % 6)
            c->range[c->ranges++] = x;
    }
    for (int x = c->ranges - 1; x > 0; x--) {
        const int y = (int)(draw(state) % (uint64_t)(x + 1));
        const struct range swap = c->range[x];
        c->range[x] = c->range[y];
        c->range[y] = swap;
    }
    c->merge_before = draw(state) % 4 ? -1 : (int)(draw(state) % (uint64_t)(c->ranges + 1));
}

static void draw_shape(struct block_case *c, uint64_t *state)
{
    static const int64_t heads[][2] = {{1, 1}, {2, 2}, {4, 2}, {3, 1}, {6, 2}, {8, 1}};
    const int64_t *h = heads[draw(state) % 6];
    struct attn_problem *p = &c->p;
    p->heads_q = h[0];
    p->heads_kv = h[1];
    p->n_q = PICK(state, 1, 2, 3, 4, 5, 15, 16, 17, 33, 63, 64, 65, 97, 130, 257);
    p->n_k = PICK(state, 1, 2, 3, 15, 16, 17, 63, 64, 65, 97, 191, 192, 193, 385, 521);
    p->d = PICK(state, 1, 3, 16, 24, 40, 64, 80, 96, 128, 192, 256);
    p->d_v = PICK(state, 1, 3, 16, 24, 40, 64, 80, 96, 128, 192, 256);
    p->causal = draw(state) % 2;
    p->scale = 1 / sqrt((double)p->d);
    p->threads = 1;
    c->job.arith = (enum attn_arith)(draw(state) % ATTN_ARITHS);
    if (c->job.arith != ATTN_ARITH_FP32 && draw(state) % 2)
        p->dtype = ATTN_BF16;
    c->job.tile = (int)PICK(state, 16, 32, 48, 64, ATTN_TILE);
    c->job.stacked = draw(state) % 3 == 0;
    c->job.splits = (int)PICK(state, 0, 0, 0, 1, 2, 3, 7, 64);
    c->amplitude = (double)PICK(state, 1, 1, 2, 100);
}

static struct guarded drawn(int64_t n, double amplitude, uint64_t seed)
{
    struct guarded g = guard((size_t)n * sizeof(float), seed % 2);
    fill(floats(&g), (size_t)n, amplitude, mix(seed));
    return g;
}

/* Rows of different size, so that scales of blocks differ. */
static struct guarded drawn_rows(int64_t heads, int64_t n, int64_t d, double amplitude,
                                 uint64_t seed)
{
    struct guarded g = drawn(heads * n * d, amplitude, seed);
    for (int64_t x = 0; x < heads * n * d; x++)
        floats(&g)[x] /= (float)(1 << x / d % n / 64 % 4);
    return g;
}

/* The bf16 of a tensor, which is rounded to it. */
static struct guarded halved(const struct guarded *x)
{
    const size_t n = x->size / sizeof(float);
    struct guarded g = guard(n * sizeof(uint16_t), (size_t)x->at % page_size() == 0);
    for (size_t i = 0; i < n; i++) {
        floats(x)[i] = round_bf16(floats(x)[i]);
        memcpy(g.at + 2 * i, (const char *)x->at + 4 * i + 2, 2);
    }
    protect(&g, PROT_READ);
    return g;
}

static struct block_case draw_block(int number)
{
    uint64_t state = mix(test_seed) + mix((uint64_t)number);
    struct block_case c = {.number = number, .key = draw(&state)};
    draw_shape(&c, &state);
    draw_ranges(&c, &state);
    const struct attn_problem *p = &c.p;
    const int64_t rows = p->heads_q * p->n_q, keys = p->heads_kv * p->n_k;
    c.q = drawn_rows(p->heads_q, p->n_q, p->d, c.amplitude, c.key);
    c.k = drawn_rows(p->heads_kv, p->n_k, p->d, c.amplitude, c.key + 2);
    c.v = drawn(keys * p->d_v, 1, c.key + 4);
    c.o = guard((size_t)(rows * p->d_v) * sizeof(float), c.key % 2);
    c.lse = guard((size_t)rows * sizeof(float), c.key % 2);
    c.bias = drawn(p->n_k, 2, c.key + 6);
    c.index = guard((size_t)p->n_k * sizeof(int64_t), c.key % 2);
    for (int64_t j = 0; j < p->n_k; j++) {
        if (draw(&state) % 8 == 0)
            floats(&c.bias)[j] = -INFINITY;
        ((int64_t *)(void *)c.index.at)[j] = (int64_t)(draw(&state) % (uint64_t)p->n_k);
    }
    c.part_o = drawn(rows * p->d_v, 1, c.key + 8);
    c.part_lse = drawn(rows, 3 * c.amplitude, c.key + 10);
    for (int64_t r = 0; r < rows; r++)
        if (draw(&state) % 6 == 0)
            floats(&c.part_lse)[r] = -INFINITY;
    for (int64_t h = 0; h < p->heads_kv; h++)
        c.gathered[h] = (struct attn_keys){.k = floats(&c.k) + h * p->n_k * p->d,
                                           .v = floats(&c.v) + h * p->n_k * p->d_v,
                                           .index = (const int64_t *)(const void *)c.index.at};
    if (p->dtype == ATTN_BF16) {
        c.q16 = halved(&c.q);
        c.k16 = halved(&c.k);
        c.v16 = halved(&c.v);
    }
    const struct guarded *inputs[] = {&c.q, &c.k, &c.v, &c.bias, &c.index, &c.part_o, &c.part_lse};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        protect(inputs[i], PROT_READ);
    return c;
}

static void free_block(struct block_case *c)
{
    struct guarded *all[] = {&c->q,   &c->k,    &c->v,     &c->o,      &c->lse,
                             &c->ws,  &c->bias, &c->index, &c->part_o, &c->part_lse,
                             &c->q16, &c->k16,  &c->v16};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->map)
            release(all[i]);
}

/* ---- running and judging it ---------------------------------------------------------------- */

static void run_block(struct block_case *c, int threads)
{
    c->p.threads = threads;
    c->job.feed = feed;
    c->job.ctx = c;
    c->job.lse = c->job.arith == ATTN_ARITH_INT8 ? NULL : floats(&c->lse);
    if (c->ws.map)
        release(&c->ws);
    c->ws = guard(attn_block_workspace(&c->p, c->job.arith, c->job.splits), c->key % 2);
    memset(c->o.at, CANARY, c->o.size);
    memset(c->lse.at, CANARY, c->lse.size);
    const bool bf16 = c->p.dtype == ATTN_BF16;
    const struct attn_io io = {.q = bf16 ? NULL : floats(&c->q),
                               .k = bf16 ? NULL : floats(&c->k),
                               .v = bf16 ? NULL : floats(&c->v),
                               .o = floats(&c->o),
                               .q16 = (const uint16_t *)(const void *)c->q16.at,
                               .k16 = (const uint16_t *)(const void *)c->k16.at,
                               .v16 = (const uint16_t *)(const void *)c->v16.at};
    if (attn_block_run(&c->p, &io, &c->job, c->ws.at) != ATTN_OK)
        fail_block(c, "attn_block_run() failed");
    if (!intact(&c->ws) || !intact(&c->o) || !intact(&c->lse))
        fail_block(c, "wrote outside workspace, output or log-denominators");
}

/* What one row sees: scores, and where their values lie. */
struct seen {
    int64_t n;
    double size; /* of the largest partial sums in a score */
    double *score;
    const float **value;
};

static void see(const struct block_case *c, const struct operands *x, int64_t h, int64_t i,
                struct seen *seen)
{
    const struct attn_problem *p = &c->p;
    const int64_t row = h * p->n_q + i, kv = attn_kv_head(p, h) * p->n_k;
    const int64_t *index = (const int64_t *)(const void *)c->index.at;
    seen->n = 0;
    seen->size = 0;
    for (int a = 0; a < c->ranges; a++) {
        const struct range *range = &c->range[a];
        int64_t lo, hi;
        bounds_of(c, range, h, i, &lo, &hi);
        for (int64_t j = range->begin; j < range->end; j++) {
            const double bias = range->bias ? (double)floats(&c->bias)[j] : 0;
            const int64_t key = kv + (range->gathered ? index[j] : j);
            double size;
            if (j < lo || j >= hi || bias == -(double)INFINITY)
                continue;
            seen->score[seen->n] = exact_score(p, x, row, key, &size) + bias;
            seen->value[seen->n++] = x->v + key * p->d_v;
            seen->size = fmax(seen->size, size + fabs(bias));
        }
    }
    const int64_t r = c->job.stacked ? h % (p->heads_q / p->heads_kv) * p->n_q + i : i;
    const double lse = (double)floats(&c->part_lse)[row];
    if (c->merge_before >= 0 && mix(c->key ^ (uint64_t)r) % 5 && lse > -(double)INFINITY) {
        seen->score[seen->n] = lse;
        seen->value[seen->n++] = floats(&c->part_o) + row * p->d_v;
        seen->size = fmax(seen->size, fabs(lse));
    }
}

static void judge_row(const struct block_case *c, int64_t row, const struct seen *seen)
{
    const struct attn_problem *p = &c->p;
    const double ulp = 0x1p-23;
    double max = -(double)INFINITY, sum = 0;
    for (int64_t j = 0; j < seen->n; j++)
        max = fmax(max, seen->score[j]);
    for (int64_t j = 0; j < seen->n; j++)
        sum += exp(seen->score[j] - max);
    /* Of scores, where rounding walks at random; of exponentials and sums. */
    double allowed =
        expm1(4 * ulp * sqrt((double)p->d + 4) * seen->size) + ulp * (double)(seen->n + 32);
    /* Of the weights, and of the sum that they are divided by; of a short polynomial. */
    if (c->job.arith != ATTN_ARITH_FP32)
        allowed += 2 * 0x1p-8 + 2e-4;
    for (int64_t e = 0; e < p->d_v; e++) {
        const double got = (double)floats(&c->o)[row * p->d_v + e];
        double want = 0, terms = 0;
        for (int64_t j = 0; j < seen->n; j++) {
            const double w = exp(seen->score[j] - max) / sum;
            want += w * (double)seen->value[j][e];
            terms += w * fabs((double)seen->value[j][e]);
        }
        terms += 0x1p-90; /* smaller weights vanish */
        if (!(fabs(got - want) <= allowed * terms))
            fail_block(c, "row %lld channel %lld is %.9g instead of %.9g: off by %.3g of %.3g",
                       (long long)row, (long long)e, got, want, fabs(got - want), allowed * terms);
    }
    if (!c->job.lse)
        return;
    const double got = (double)c->job.lse[row], want = seen->n ? max + log(sum) : max;
    if (!(got == want || fabs(got - want) <= allowed + 2 * ulp * fabs(want)))
        fail_block(c, "row %lld has log-denominator %.9g instead of %.9g", (long long)row, got,
                   want);
}

/* All rows, or some that fit a budget of some million operations. */
static void judge_block(const struct block_case *c)
{
    const struct attn_problem *p = &c->p;
    struct operands x = make_operands(p, c->job.arith, floats(&c->q), floats(&c->k), floats(&c->v));
    struct seen seen = {.score = malloc((size_t)(p->n_k + 1) * sizeof *seen.score),
                        .value = malloc((size_t)(p->n_k + 1) * sizeof *seen.value)};
    assert_true(seen.score && seen.value);
    const int64_t rows = p->heads_q * p->n_q, affordable = 2000000 / (p->n_k * (p->d + p->d_v));
    const int64_t step = rows / (affordable + 8) + 1;
    for (int64_t row = (int64_t)(c->key % (uint64_t)step); row < rows; row += step) {
        see(c, &x, row / p->n_q, row % p->n_q, &seen);
        judge_row(c, row, &seen);
    }
    free(seen.score);
    free(seen.value);
    free_operands(&x);
}

static void test_against_double_precision(void **state)
{
    (void)state;
    const int cases = (int)by_haste(1500, 200, 60);
    for (int number = 0; number < cases; number++) {
        if (only_case >= 0 && number != only_case)
            continue;
        struct block_case c = draw_block(number);
        run_block(&c, 1);
        judge_block(&c);
        free_block(&c);
    }
}

static void test_same_bits_for_any_threads(void **state)
{
    (void)state;
    for (int number = 0; number < 100; number++) {
        if (only_case >= 0 && number != only_case)
            continue;
        struct block_case c = draw_block(number);
        run_block(&c, 1);
        float *o = copy_of(floats(&c.o), c.o.size / sizeof *o);
        float *lse = copy_of(floats(&c.lse), c.lse.size / sizeof *lse);
        for (int threads = 2; threads <= 5; threads++) {
            run_block(&c, threads);
            if (memcmp(o, c.o.at, c.o.size) != 0 || memcmp(lse, c.lse.at, c.lse.size) != 0)
                fail_block(&c, "not the bits of one thread");
        }
        free(o);
        free(lse);
        free_block(&c);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double_precision),
        cmocka_unit_test(test_same_bits_for_any_threads),
    };
    (void)argc;
    const int status = begin_tests(argv);
    return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
