/* SPDX-License-Identifier: MIT */
/*
 * Every variant of the registry: its fast path against its own definition over awkward shapes,
 * and the properties that its family promises. Values computed by others: variant_values.h.
 *
 * ATTN_ISA forces a back end, ATTN_TEST_SEED the draws, ATTN_TEST_CASE one drawn case,
 * ATTN_TEST_VARIANT one variant, ATTN_TEST_ROUNDED those with 16- or 8-bit arithmetic,
 * ATTN_TEST_PLUGIN one more, of a plugin, ATTN_TEST_QUICK fewer draws.
 */
#include "tests/unit/variant_cases.h"
#include "tests/unit/variant_values.h"

#define FOR_EACH_VARIANT(v)                                                                        \
    current_test = __func__;                                                                       \
    for (int v##_i = 0; v##_i < attn_variant_count(); v##_i++)                                     \
        for (const struct attn_variant *v = selected_variant(v##_i); v; v = NULL)

static const struct attn_variant *selected_variant(int i)
{
    const char *only = getenv("ATTN_TEST_VARIANT");
    const struct attn_variant *v = attn_variant_at(i);
    if (getenv("ATTN_TEST_ROUNDED") && !(v->rounding > 0))
        return NULL;
    /* Peers have no run(): tests/unit/test_peers.c. */
    return !v->run || (only && strcmp(only, v->name) != 0) ? NULL : v;
}

/* The definition of exact attention: that of the first exact variant of the list. */
static const struct attn_variant *exact_variant(void)
{
    for (int i = 0; i < attn_variant_count(); i++)
        if (attn_variant_at(i)->kind == ATTN_EXACT && attn_variant_at(i)->weights)
            return attn_variant_at(i);
    return NULL;
}

/* Rows whose definition fits a budget of some million operations. */
static int64_t affordable_rows(const struct attn_problem *p)
{
    int64_t rows = 3000000 / (p->heads_q * p->n_k * (p->d + p->d_v));
    return rows < 4 ? 4 : rows;
}

/*
 * How far the fast path may be from the definition: that of fp32, or what the variant declares. On
 * bf16 inputs even exact variants round their weights to bfloat16.
 */
static double tolerance(const struct variant_case *c)
{
    return c->v->rounding > 0 ? c->v->rounding : c->p.dtype == ATTN_BF16 ? 0x1p-8 : 2e-5;
}

static void check_definition(const struct variant_case *c)
{
    struct arena a = open_arena(c);
    run_case(c, &a);
    double error =
        c->v->weights ? definition_error(c, c->v, c->params, &a, affordable_rows(&c->p)) : 0;
    if (!(error <= tolerance(c)))
        fail_case(c, "differs from its definition by %.3g (limit %.3g)", error, tolerance(c));
    close_arena(&a);
}

static void test_definition(void **state)
{
    (void)state;
    int cases = (int)by_haste(150, 50, 12);
    FOR_EACH_VARIANT(v)
    {
        int ran = 0;
        for (int number = 0; number < cases; number++) {
            struct variant_case c = draw_case(v, number);
            if ((only_case >= 0 && number != only_case) || !admit(&c))
                continue;
            check_definition(&c);
            ran++;
        }
        if (only_case < 0 && ran < cases / 3)
            fail_msg("%s ran only %d of %d cases: it refuses too much", v->name, ran, cases);
    }
}

/* Shapes long enough for segments of states and deep pyramids, for variants that can afford them.
 */
static bool long_case(const struct attn_variant *v, int64_t heads, bool causal,
                      struct variant_case *c)
{
    *c = plain_case(v, 9001, 9001, causal);
    c->p.d = c->p.d_v = 8;
    c->p.heads_q = c->p.heads_kv = heads;
    struct attn_cost cost = {0};
    if (!admit(c))
        return false;
    v->cost(&c->p, c->params, &cost);
    return cost.flops < by_haste(3e9, 3e8, 1e8) && cost.workspace < (size_t)1 << 26;
}

static void test_definition_long(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int causal = 0; causal < 2; causal++) {
        struct variant_case c;
        if (!long_case(v, 1, causal, &c))
            continue;
        c.p.threads = 3;
        check_definition(&c);
    }
}

static void test_same_bits_for_any_threads(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < 8; shape++) {
        bool causal = shape % 2;
        struct variant_case c = plain_case(v, 257, shape & 2 ? 257 : 300, causal);
        if (shape >= 4) {
            if (!long_case(v, shape & 2 ? 1 : 2, causal, &c))
                continue;
        } else if (!admit(&c)) {
            continue;
        }
        float *first = malloc(o_floats(&c.p) * sizeof *first);
        assert_non_null(first);
        for (c.p.threads = 1; c.p.threads <= 5; c.p.threads++) {
            struct arena a = open_arena(&c);
            run_case(&c, &a);
            if (c.p.threads == 1)
                memcpy(first, a.o.at, a.o.size);
            else if (memcmp(first, a.o.at, a.o.size) != 0)
                fail_case(&c, "not the bits of one thread, off by %.3g",
                          distance(first, floats(&a.o), o_floats(&c.p)));
            close_arena(&a);
        }
        free(first);
    }
}

/* Shapes of the property tests below: square, both crossed ways; each masked or not. */
static bool property_case(const struct attn_variant *v, int shape, struct variant_case *c)
{
    static const int64_t sizes[][2] = {{130, 130}, {70, 200}, {150, 97}, {33, 33}};
    *c = plain_case(v, sizes[shape / 2][0], sizes[shape / 2][1], shape % 2);
    struct variant_case wanted = *c;
    return admit(c) && c->p.causal == wanted.p.causal && c->p.n_q == wanted.p.n_q;
}
enum { PROPERTY_SHAPES = 8 };

/* By its definition, which must not give weight to what the mask hides. */
static bool sees_something(const struct variant_case *c, const struct arena *a, int64_t h,
                           int64_t i)
{
    double w[256], scratch[256 * 32 + 4096], sum = 0;
    struct attn_io io = io_of(a);
    assert_true(c->p.n_k <= 256 && c->p.d <= 30);
    if (!c->v->weights)
        return attn_visible(&c->p, i) > 0;
    c->v->weights(&c->p, c->params, &io, h, i, w, scratch);
    for (int64_t j = 0; j < c->p.n_k; j++) {
        if (!(w[j] >= 0) || (w[j] > 0 && j >= attn_visible(&c->p, i)))
            fail_case(c, "weight %g of key %lld for query %lld", w[j], (long long)j, (long long)i);
        sum += w[j];
    }
    return sum > 0;
}

/* Constant values stay: the weights of a row that sees something sum to one. */
static void test_rows_sum_to_one(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < PROPERTY_SHAPES; shape++) {
        struct variant_case c;
        if (v->family == ATTN_BASELINE || !property_case(v, shape, &c))
            continue;
        struct arena a = open_arena(&c);
        for (size_t i = 0; i < v_floats(&c.p); i++)
            floats(&a.v)[i] = 1;
        run_case(&c, &a);
        for (int64_t row = 0; row < c.p.heads_q * c.p.n_q; row++) {
            float want = sees_something(&c, &a, row / c.p.n_q, row % c.p.n_q);
            for (int64_t e = 0; e < c.p.d_v; e++) {
                float got = floats(&a.o)[row * c.p.d_v + e];
                if (!(fabsf(got - want) <= 1e-5f))
                    fail_case(&c, "constant values 1 give %.9g in row %lld, not %g", (double)got,
                              (long long)row, (double)want);
            }
        }
        close_arena(&a);
    }
}

/* Draws anew all rows of x (heads, n, width) from row `first` of each head on. */
static void change_future(float *x, int64_t heads, int64_t n, int64_t width, int64_t first)
{
    first = first < 0 ? 0 : first;
    for (int64_t h = 0; h < heads && first < n; h++)
        fill(x + (h * n + first) * width, (size_t)((n - first) * width), 3,
             mix(test_seed + 77 + (uint64_t)h));
}

static void test_causal(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 1; shape < PROPERTY_SHAPES; shape += 2)
        for (int64_t t = 0; t < 128; t += 31) {
            struct variant_case c;
            if (!property_case(v, shape, &c) || t >= c.p.n_k)
                continue;
            struct arena a = open_arena(&c), b = open_arena(&c);
            int64_t query = t + 1 + c.p.n_q - c.p.n_k; /* the first one behind key t */
            if (!v->looks_ahead) {
                change_future(floats(&b.q), c.p.heads_q, c.p.n_q, c.p.d, query);
                change_future(floats(&b.k), c.p.heads_kv, c.p.n_k, c.p.d, t + 1);
            }
            change_future(floats(&b.v), c.p.heads_kv, c.p.n_k, c.p.d_v, t + 1);
            run_case(&c, &a);
            run_case(&c, &b);
            for (int64_t h = 0; h < c.p.heads_q && query > 0; h++) {
                size_t at = (size_t)(h * c.p.n_q * c.p.d_v);
                double change =
                    distance(floats(&a.o) + at, floats(&b.o) + at, (size_t)(query * c.p.d_v));
                if (!(change <= 1e-6))
                    fail_case(&c, "tokens after %lld change earlier rows by %.3g", (long long)t,
                              change);
            }
            close_arena(&a);
            close_arena(&b);
        }
}

/* Equal logits weigh all visible keys alike, also through pooling: counts must be right. */
static void test_zero_queries_give_the_mean(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < PROPERTY_SHAPES; shape++) {
        struct variant_case c;
        if ((v->family != ATTN_FULL && v->family != ATTN_HIERARCHICAL) ||
            !property_case(v, shape, &c))
            continue;
        struct arena a = open_arena(&c);
        memset(a.q.at, 0, a.q.size);
        run_case(&c, &a);
        double error = definition_error(&c, exact_variant(), NULL, &a, c.p.n_q);
        if (!(error <= tolerance(&c)))
            fail_case(&c, "zero queries miss the mean of the visible values by %.3g", error);
        close_arena(&a);
    }
}

/* Settings at which an approximation is exact, at the lengths of property_case(). */
static const struct {
    const char *variant, *params;
} limits[] = {
    {"window", "w=256"},         {"bigbird", "b=256"}, {"bigbird", "b=50,r=8"},
    {"block_local", "b=256"},    {"han", "seg=256"},   {"han", "seg=1"},
    {"transformer_xl", "m=256"}, {"hmat", "nr=256"},   {"hmat", "nr=100"},
};

static void test_exact_in_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (int shape = 0; shape < PROPERTY_SHAPES; shape++) {
            const struct attn_variant *v = attn_variant_find(limits[i].variant);
            struct variant_case c;
            if (!v || !property_case(v, shape, &c))
                continue;
            /* Without a mask, queries before the first key have no place in a pattern. */
            if (!c.p.causal && c.p.n_q > c.p.n_k)
                continue;
            char msg[ATTN_MESSAGE];
            if (attn_params_parse(v, limits[i].params, c.params, msg) != 0)
                fail_msg("%s: %s", v->name, msg);
            if (!admit(&c))
                fail_case(&c, "refuses its own exact limit");
            struct arena a = open_arena(&c);
            run_case(&c, &a);
            double error = definition_error(&c, exact_variant(), NULL, &a, c.p.n_q);
            if (!(error <= 2e-5))
                fail_case(&c, "is off by %.3g where it should be exact", error);
            close_arena(&a);
        }
}

/* Exact variants against the definition of another exact one, not only their own. */
static void test_exact_variants_agree(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < PROPERTY_SHAPES; shape++) {
        struct variant_case c;
        if (v->kind != ATTN_EXACT || !property_case(v, shape, &c))
            continue;
        struct arena a = open_arena(&c);
        run_case(&c, &a);
        double error = definition_error(&c, exact_variant(), NULL, &a, c.p.n_q);
        if (!(error <= 2e-5))
            fail_case(&c, "is off by %.3g from exact attention", error);
        close_arena(&a);
    }
}

static void test_grouped_heads_are_copies(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < PROPERTY_SHAPES; shape++) {
        struct variant_case c;
        if (!(v->caps & ATTN_GQA) || !property_case(v, shape, &c))
            continue;
        struct variant_case copies = c;
        copies.p.heads_kv = copies.p.heads_q;
        if (!admit(&copies))
            continue;
        struct arena a = open_arena(&c), b = open_arena(&copies);
        memcpy(b.q.at, a.q.at, a.q.size);
        size_t k = (size_t)(c.p.n_k * c.p.d), w = (size_t)(c.p.n_k * c.p.d_v);
        for (int64_t h = 0; h < c.p.heads_q; h++) {
            size_t kv = (size_t)attn_kv_head(&c.p, h);
            memcpy(floats(&b.k) + (size_t)h * k, floats(&a.k) + kv * k, k * sizeof(float));
            memcpy(floats(&b.v) + (size_t)h * w, floats(&a.v) + kv * w, w * sizeof(float));
        }
        run_case(&c, &a);
        run_case(&copies, &b);
        double apart = distance(floats(&a.o), floats(&b.o), o_floats(&c.p));
        if (!(apart <= 1e-5))
            fail_case(&c, "sharing keys and copying them differ by %.3g", apart);
        close_arena(&a);
        close_arena(&b);
    }
}

/* run_case() itself fails on anything that is not finite. */
static void test_extreme_inputs(void **state)
{
    (void)state;
    FOR_EACH_VARIANT(v)
    for (int shape = 0; shape < PROPERTY_SHAPES; shape++)
        for (int kind = 0; kind < 5; kind++) {
            struct variant_case c;
            if (!property_case(v, shape, &c))
                continue;
            if (kind < 2) /* logits around 1e4 */
                c.amplitude = kind ? 100 * sqrt(sqrt((double)c.p.d)) : 100;
            struct arena a = open_arena(&c);
            if (kind == 2 || kind == 4)
                memset(a.q.at, 0, a.q.size);
            for (size_t i = 0; kind >= 3 && i < k_floats(&c.p); i++)
                floats(&a.k)[i] = kind == 3 ? 1.5f : 0;
            run_case(&c, &a);
            double error = v->kind == ATTN_EXACT
                               ? definition_error(&c, exact_variant(), NULL, &a, c.p.n_q)
                               : 0;
            /* The rounding of a logit of 1e4 in fp32 is that of a weight. */
            if (!(error <= (kind < 2 ? 1e-2 : 2e-5)))
                fail_case(&c, "is off by %.3g with inputs of kind %d", error, kind);
            close_arena(&a);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_definition),
    cmocka_unit_test(test_definition_long),
    cmocka_unit_test(test_same_bits_for_any_threads),
    cmocka_unit_test(test_rows_sum_to_one),
    cmocka_unit_test(test_causal),
    cmocka_unit_test(test_zero_queries_give_the_mean),
    cmocka_unit_test(test_exact_in_the_limit),
    cmocka_unit_test(test_exact_variants_agree),
    cmocka_unit_test(test_grouped_heads_are_copies),
    cmocka_unit_test(test_extreme_inputs),
    cmocka_unit_test(test_values_of_others),
};

int main(int argc, char **argv)
{
    (void)argc;
    const char *plugin = getenv("ATTN_TEST_PLUGIN");
    char msg[ATTN_MESSAGE];
    int status = begin_tests(argv);
    if (status)
        return status;
    if (plugin && attn_plugin_load(plugin, msg) != 0) {
        fprintf(stderr, "%s\n", msg);
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
