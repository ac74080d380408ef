/* SPDX-License-Identifier: MIT */
/* Inputs: known answers of the generator, the same bits everywhere, masses that presets promise. */
#include "harness/inputs/random.h"
#include "harness/inputs/workload.h"
#include "harness/judge/judge.h"
#include "variants/registry.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Salmon et al. 2011: the known answers published with Random123 for philox4x32-10. */
static void test_philox(void **state)
{
    (void)state;
    static const uint32_t in[3][6] = {
        {0, 0, 0, 0, 0, 0},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0}};
    static const uint32_t want[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        philox4x32(in[i], in[i] + 4, out);
        assert_memory_equal(out, want[i], sizeof out);
    }
}

static void test_functions(void **state)
{
    (void)state;
    for (double x = -30; x < 30; x += 0.01371) {
        assert_true(fabs(fixed_exp(x) / exp(x) - 1) < 1e-14);
        assert_true(fabs(fixed_log(exp(x)) - x) < 1e-13);
        double s, c;
        fixed_sincos(&x, 1, 1, &s, &c);
        assert_true(fabs(s - sin(2 * M_PI * (x - floor(x)))) < 1e-14);
        assert_true(fabs(c - cos(2 * M_PI * (x - floor(x)))) < 1e-14);
    }
}

static void test_normals(void **state)
{
    (void)state;
    double z[200], sum = 0, square = 0, fourth = 0;
    const int rows = 500;
    for (int r = 0; r < rows; r++) {
        random_normals(7, STREAM_Q, 0, r, 200, z);
        for (int i = 0; i < 200; i++) {
            sum += z[i];
            square += z[i] * z[i];
            fourth += z[i] * z[i] * z[i] * z[i];
        }
    }
    /* Five standard errors of each moment at 100,000 draws. */
    const double n = 200.0 * rows;
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(square / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(fourth / n - 3) < 5 * sqrt(96 / n));
}

static struct inputs make(const char *workload, const char *params, const struct inputs_shape *s)
{
    const struct workload *w = workload_find(workload);
    double values[ATTN_MAX_PARAMS];
    char msg[WORKLOAD_MESSAGE] = "";
    struct inputs in;
    assert_non_null(w);
    assert_int_equal(workload_params_parse(w, params, values, msg), 0);
    if (inputs_make(w, values, 42, s, NULL, &in, msg))
        fail_msg("%s: %s", workload, msg);
    return in;
}

static void test_rows_do_not_depend_on_the_length(void **state)
{
    (void)state;
    const struct inputs_shape small = {4, 2, 64, 64, 32, 24, false, ATTN_FP32},
                              large = {4, 2, 192, 192, 32, 24, false, ATTN_FP32};
    struct inputs a = make("gauss", "", &small), b = make("gauss", "", &large);
    for (int h = 0; h < 4; h++)
        assert_memory_equal(a.q + h * 64 * 32, b.q + h * 192 * 32, 64 * 32 * 4);
    for (int h = 0; h < 2; h++)
        assert_memory_equal(a.v + h * 64 * 24, b.v + h * 192 * 24, 64 * 24 * 4);
    inputs_free(&a);
    inputs_free(&b);
}

static void test_peaked_queries(void **state)
{
    (void)state;
    const struct inputs_shape shape = {2, 1, 40, 40, 16, 16, false, ATTN_FP32};
    struct inputs a = make("gauss", "", &shape), b = make("gauss", "peak=32", &shape);
    for (int i = 0; i < 2 * 40 * 16; i++)
        assert_float_equal(b.q[i], 32 * a.q[i], 0);
    assert_memory_equal(a.k, b.k, 40 * 16 * 4);
    assert_memory_equal(a.v, b.v, 40 * 16 * 4);
    inputs_free(&a);
    inputs_free(&b);
}

/* Nearest, ties to even; the values the reference sees are those that 16 bits hold. */
static void test_bf16(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        uint16_t want;
    } cases[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82},
                 {0x3f808001, 0x3f81}, {0x3f807fff, 0x3f80}, {0x80000001, 0x8000},
                 {0x7f7fffff, 0x7f80}, {0xff800000, 0xff80}, {0x7f800001, 0x7fc0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x;
        memcpy(&x, &cases[i].bits, sizeof x);
        assert_int_equal(attn_to_bf16(x), cases[i].want);
    }
    const struct inputs_shape wide = {2, 2, 50, 50, 16, 16, false, ATTN_FP32},
                              narrow = {2, 2, 50, 50, 16, 16, false, ATTN_BF16};
    struct inputs a = make("gauss", "", &wide), b = make("gauss", "", &narrow);
    assert_true(a.checksum != b.checksum);
    for (int i = 0; i < 2 * 50 * 16; i++) {
        assert_true(b.q[i] == attn_from_bf16(attn_to_bf16(a.q[i])));
        assert_true(b.k[i] == attn_from_bf16(attn_to_bf16(b.k[i])));
        assert_true(fabsf(a.v[i] - b.v[i]) <= 0x1p-8f * fabsf(a.v[i]));
    }
    inputs_free(&a);
    inputs_free(&b);
}

static void test_same_bits_for_any_threads(void **state)
{
    (void)state;
    const struct inputs_shape s = {4, 2, 2050, 2050, 64, 64, true, ATTN_FP32};
    static const char *const names[] = {"gauss", "ashape", "vslash", "block"};
    for (int i = 0; i < 4; i++) {
        uint64_t sum[3];
        for (int t = 1; t <= 3; t++) {
            omp_set_num_threads(t);
            struct inputs in = make(names[i], "", &s);
            sum[t - 1] = in.checksum;
            inputs_free(&in);
        }
        assert_true(sum[0] == sum[1] && sum[1] == sum[2]);
    }
}

/* Strengths that were found for one length serve another, in this process and its forks: with the
 * same bits, for other seeds and masks too. */
static void test_remembered_strengths(void **state)
{
    (void)state;
    static const char *const names[] = {"vslash", "ashape", "block"};
    enum { CASES = 12 };
    uint64_t sum[CASES];
    for (int pass = 0; pass < 3; pass++) {
        if (pass == 1)
            inputs_remember();
        for (int i = 0; i < CASES; i++) {
            const struct inputs_shape s = {4,  2,  64 << i % 2, 64 << i % 2,
                                           64, 64, i / 2 % 2,   ATTN_FP32};
            struct inputs in = make(names[i / 4], "", &s);
            if (pass == 0)
                sum[i] = in.checksum;
            assert_true(sum[i] == in.checksum);
            inputs_free(&in);
        }
    }
}

/* Mass of one late row on key 0, and on the 64 nearest keys (key 0 apart), from the tensors alone.
 */
static void measure_masses(const struct inputs *in, double *sink, double *local)
{
    const struct inputs_shape *s = &in->shape;
    double *w = malloc((size_t)s->n_k * sizeof *w);
    int rows = 0;
    *sink = *local = 0;
    for (int64_t h = 0; h < s->heads_q; h++)
        for (int64_t i = s->n_q / 2; i < s->n_q; i += 37, rows++) {
            const float *q = in->q + (h * s->n_q + i) * s->d;
            double total = 0, max = -INFINITY;
            for (int64_t j = 0; j <= i; j++) {
                const float *k = in->k + (h / (s->heads_q / s->heads_kv) * s->n_k + j) * s->d;
                w[j] = 0;
                for (int64_t c = 0; c < s->d; c++)
                    w[j] += (double)q[c] * k[c] * in->scale;
                max = fmax(max, w[j]);
            }
            for (int64_t j = 0; j <= i; j++)
                total += w[j] = exp(w[j] - max);
            *sink += w[0] / total;
            for (int64_t j = i - 64; j <= i; j++)
                *local += w[j] / total;
        }
    *sink /= rows;
    *local /= rows;
    free(w);
}

/* The tensors themselves have the masses that the presets ask for, to 0.1 and a little for what
 * overlaps. */
static void test_masses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double sink, local;
    } presets[] = {{"ashape", .60, .34}, {"vslash", .40, .20}, {"block", .20, .05}};
    for (int64_t n = 512; n <= 2048; n *= 4)
        for (int p = 0; p < 3; p++) {
            const struct inputs_shape s = {4, 2, n, n, 64, 64, true, ATTN_FP32};
            struct inputs in = make(presets[p].name, "", &s);
            double sink, local;
            measure_masses(&in, &sink, &local);
            if (fabs(sink - presets[p].sink) > 0.12 || fabs(local - presets[p].local) > 0.11)
                fail_msg("%s at n = %d: sink %.3f, local %.3f; note %s", presets[p].name, (int)n,
                         sink, local, in.note);
            inputs_free(&in);
        }
    /* In few channels parts disturb each other: what cannot be met is refused. */
    const struct workload *w = workload_find("vslash");
    const struct inputs_shape s = {4, 2, 4096, 4096, 16, 16, true, ATTN_FP32};
    double values[ATTN_MAX_PARAMS];
    char msg[WORKLOAD_MESSAGE] = "";
    struct inputs in;
    assert_int_equal(workload_params_parse(w, "", values, msg), 0);
    assert_int_equal(inputs_make(w, values, 42, &s, NULL, &in, msg), 1);
    assert_non_null(strstr(msg, "misses its masses"));
}

static double error_of(const char *variant, const char *text, const struct inputs *in,
                       const struct reference *r, const struct attn_problem *p)
{
    const struct attn_variant *v = attn_variant_find(variant);
    double params[ATTN_MAX_PARAMS];
    char msg[ATTN_MESSAGE];
    struct attn_cost cost = {0};
    struct metrics m;
    assert_int_equal(attn_params_parse(v, text, params, msg), 0);
    v->cost(p, params, &cost);
    float *o = malloc((size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *o);
    void *ws = aligned_alloc(64, (cost.workspace + 127) / 64 * 64);
    struct attn_io io = {.q = in->q, .k = in->k, .v = in->v, .o = o};
    if (v->prepare)
        assert_int_equal(v->prepare(p, params, ws), ATTN_OK);
    assert_int_equal(v->run(p, params, ws, &io), ATTN_OK);
    assert_int_equal(judge_output(r, o, 0, &m, msg), CASE_OK);
    free(ws);
    free(o);
    return m.rel_l2;
}

/* A window over the local mass helps where there is such mass, and hurts where there is none. */
static void test_order_of_methods(void **state)
{
    (void)state;
    static const char *const names[] = {"vslash", "gauss"};
    for (int i = 0; i < 2; i++) {
        const struct inputs_shape s = {2, 2, 4096, 4096, 64, 64, false, ATTN_FP32};
        struct inputs in = make(names[i], "", &s);
        const struct attn_problem p = {.heads_q = 2,
                                       .heads_kv = 2,
                                       .n_q = 4096,
                                       .n_k = 4096,
                                       .d = 64,
                                       .d_v = 64,
                                       .threads = 1,
                                       .scale = in.scale,
                                       .seed = 42};
        const struct attn_io io = {.q = in.q, .k = in.k, .v = in.v};
        struct reference r;
        char msg[CASE_MESSAGE];
        assert_int_equal(reference_compute(&p, &io, 1, &r, msg), 0);
        double window = error_of("window", "w=1024", &in, &r, &p),
               mean = error_of("mean_v", "", &in, &r, &p);
        if (i == 0 ? !(window < mean) : !(window > mean))
            fail_msg("%s: window %.3f, mean_v %.3f", names[i], window, mean);
        reference_free(&r);
        inputs_free(&in);
    }
}

/* A capture is what the model computed: exact attention gives the model's own rows. */
static void test_capture_proves_itself(void **state)
{
    (void)state;
    const struct workload *w = workload_find("captured");
    struct inputs_shape s = {8, 8, 1024, 1024, 64, 64, true, ATTN_FP32};
    double values[ATTN_MAX_PARAMS], scale = 0;
    char msg[WORKLOAD_MESSAGE] = "";
    struct inputs in;
    for (int layer = 0; layer <= 20; layer += 20) {
        char text[32];
        snprintf(text, sizeof text, "layer=%d", layer);
        assert_int_equal(workload_params_parse(w, text, values, msg), 0);
        assert_int_equal(workload_fix_shape(w, values, NULL, &s, &scale, msg), 0);
        assert_int_equal(s.heads_q, 3);
        if (inputs_make(w, values, 42, &s, NULL, &in, msg))
            fail_msg("%s", msg);
        assert_true(in.nrows > 0);
        const struct attn_problem p = {.heads_q = s.heads_q,
                                       .heads_kv = s.heads_kv,
                                       .n_q = s.n_q,
                                       .n_k = s.n_k,
                                       .d = s.d,
                                       .d_v = s.d_v,
                                       .causal = true,
                                       .threads = 1,
                                       .scale = in.scale,
                                       .seed = 42};
        const struct attn_variant *flash = attn_variant_find("flash");
        double params[ATTN_MAX_PARAMS];
        struct attn_cost cost = {0};
        attn_params_parse(flash, "", params, msg);
        flash->cost(&p, params, &cost);
        float *o = malloc((size_t)(s.heads_q * s.n_q * s.d_v) * sizeof *o);
        void *ws = aligned_alloc(64, (cost.workspace + 127) / 64 * 64);
        assert_int_equal(
            flash->run(&p, params, ws, &(struct attn_io){.q = in.q, .k = in.k, .v = in.v, .o = o}),
            ATTN_OK);
        double e = judge_capture(o, s.heads_q, s.n_q, s.d_v, in.rows, in.nrows, in.o_rows);
        if (!(e < 2e-3))
            fail_msg("layer %d: %.3g from the model's own output", layer, e);
        free(ws);
        free(o);
        inputs_free(&in);
    }
    assert_int_equal(workload_params_parse(w, "layer=7", values, msg), 0);
    assert_true(workload_fix_shape(w, values, NULL, &s, &scale, msg) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_normals),
        cmocka_unit_test(test_rows_do_not_depend_on_the_length),
        cmocka_unit_test(test_peaked_queries),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_remembered_strengths),
        cmocka_unit_test(test_masses),
        cmocka_unit_test(test_order_of_methods),
        cmocka_unit_test(test_capture_proves_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
