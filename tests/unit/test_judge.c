/* SPDX-License-Identifier: MIT */
/* The judge: what it makes of outputs that are right, wrong, NaN, infinite, zero or unwritten. */
#include "harness/judge/conform.h"
#include "harness/judge/judge.h"
#include "variants/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { H = 2, N = 20, D = 8, SIZE = H * N * D };

struct fixture {
    float q[SIZE], k[SIZE], v[SIZE], o[SIZE];
    struct attn_problem p;
    struct reference r;
};

static void fill(float *x, int n, unsigned seed)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) * 0x1p-23f - 1;
    }
}

/* Softmax attention in long double, one pass a sum, against which the reference is held. */
static void exact(const struct fixture *f, float *o)
{
    for (int h = 0; h < H; h++)
        for (int i = 0; i < N; i++) {
            long double w[N], total = 0, sum[D] = {0};
            for (int j = 0; j <= i; j++) {
                w[j] = 0;
                for (int c = 0; c < D; c++)
                    w[j] += (long double)f->q[(h * N + i) * D + c] * f->k[(h * N + j) * D + c];
                total += w[j] = expl(w[j] * f->p.scale);
            }
            for (int j = 0; j <= i; j++)
                for (int c = 0; c < D; c++)
                    sum[c] += w[j] / total * f->v[(h * N + j) * D + c];
            for (int c = 0; c < D; c++)
                o[(h * N + i) * D + c] = (float)sum[c];
        }
}

static int set_up(void **state)
{
    char msg[CASE_MESSAGE];
    struct fixture *f = calloc(1, sizeof *f);
    fill(f->q, SIZE, 1);
    fill(f->k, SIZE, 2);
    fill(f->v, SIZE, 3);
    f->p = (struct attn_problem){.heads_q = H,
                                 .heads_kv = H,
                                 .n_q = N,
                                 .n_k = N,
                                 .d = D,
                                 .d_v = D,
                                 .causal = true,
                                 .threads = 1,
                                 .scale = 2.0,
                                 .seed = 42};
    struct attn_io io = {.q = f->q, .k = f->k, .v = f->v};
    *state = f;
    exact(f, f->o);
    return reference_compute(&f->p, &io, 1, &f->r, msg);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    reference_free(&f->r);
    free(f);
    return 0;
}

static void test_right(void **state)
{
    struct fixture *f = *state;
    struct metrics m;
    char reason[CASE_MESSAGE] = "";
    assert_int_equal(judge_output(&f->r, f->o, 1e-6, &m, reason), CASE_OK);
    assert_true(m.rel_l2 < 1e-7 && m.max_abs < 1e-7 && m.cosine > 1 - 1e-12 && m.skill > 1 - 1e-12);
    assert_true(m.rel_l2_p95 < 1e-6 && m.rel_l2_worst_head >= m.rel_l2);
    assert_true(m.floor_rel_l2 > 0 && m.floor_rel_l2 < 1e-6);
    assert_int_equal(m.rows, N);
    assert_true(m.ci_lo == m.rel_l2 && m.ci_hi == m.rel_l2);
    /* Row 0 sees one key: entropy 0, all mass on key 0. */
    assert_true(fabs(f->r.entropy[0]) < 1e-12 && fabs(f->r.sink[0] - 1) < 1e-12 &&
                fabs(f->r.top[0] - 1) < 1e-12);
}

static void test_not_finite(void **state)
{
    struct fixture *f = *state;
    struct metrics m;
    char reason[CASE_MESSAGE];
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++)
        for (int at = 0; at < SIZE; at += SIZE - 1) {
            float keep = f->o[at];
            f->o[at] = bad[i];
            assert_int_equal(judge_output(&f->r, f->o, 0, &m, reason), CASE_WRONG);
            assert_non_null(
                strstr(reason, at ? "head 1, row 19, channel 7" : "head 0, row 0, channel 0"));
            assert_null(strstr(reason, "never written"));
            assert_true(isnan(m.rel_l2));
            f->o[at] = keep;
        }
    memset(f->o + N * D, 0xff, D * sizeof(float)); /* poison left in one row */
    assert_int_equal(judge_output(&f->r, f->o, 0, &m, reason), CASE_WRONG);
    assert_non_null(strstr(reason, "8 of 320 outputs"));
    assert_non_null(strstr(reason, "never written"));
}

static void test_wrong(void **state)
{
    struct fixture *f = *state;
    struct metrics m;
    char reason[CASE_MESSAGE];
    for (int i = 0; i < SIZE; i++)
        f->o[i] *= 1.0001f;
    assert_int_equal(judge_output(&f->r, f->o, 1e-5, &m, reason), CASE_WRONG);
    assert_non_null(strstr(reason, "above the gate"));
    assert_float_equal(m.rel_l2, 1e-4, 1e-6);
    assert_float_equal(m.cosine, 1, 1e-10);
    assert_int_equal(judge_output(&f->r, f->o, 0, &m, reason), CASE_OK);

    float zero[SIZE] = {0};
    assert_int_equal(judge_output(&f->r, zero, 0, &m, reason), CASE_OK);
    assert_float_equal(m.rel_l2, 1, 1e-12);
    assert_float_equal(m.cosine, 0, 1e-12);

    /* The trivial baseline has no skill, by definition. */
    for (int i = 0; i < SIZE; i++)
        zero[i] = (float)f->r.mean_v[i];
    assert_int_equal(judge_output(&f->r, zero, 0, &m, reason), CASE_OK);
    assert_float_equal(m.skill, 0, 1e-6);
    assert_float_equal(m.rel_l2, m.mean_v_rel_l2, 1e-6);
}

static void test_rel_l2(void **state)
{
    (void)state;
    const float a[] = {3, 4}, zero[] = {0, 0}, nan[] = {NAN, 0};
    const double b[] = {0, 4}, zeros[] = {0, 0}, inf[] = {INFINITY, 1};
    assert_float_equal(judge_rel_l2(a, b, 2), 0.75, 1e-15);
    assert_true(judge_rel_l2(zero, zeros, 2) == 0);
    assert_true(isinf(judge_rel_l2(a, zeros, 2)));
    assert_true(isinf(judge_rel_l2(nan, b, 2)) && isinf(judge_rel_l2(a, inf, 2)));
    const float rows[] = {4, NAN};
    assert_true(judge_capture(a + 1, 1, 1, 1, (const int64_t[]){0}, 1, rows) == 0);
    assert_true(isinf(judge_capture(a + 1, 1, 1, 1, (const int64_t[]){0}, 1, rows + 1)));
}

static void test_rows(void **state)
{
    (void)state;
    struct judge_rows a, b;
    assert_int_equal(judge_rows_choose(8192, 5, &a), 0);
    assert_true(a.all && a.count == 8192 && a.row[8191] == 8191);
    free(a.row);
    assert_int_equal(judge_rows_choose(8193, 5, &a), 0);
    assert_int_equal(judge_rows_choose(8193, 5, &b), 0);
    assert_true(!a.all && a.count == 1024 && a.strata == 16);
    assert_memory_equal(a.row, b.row, 1024 * sizeof *a.row);
    for (int i = 0; i < 1024; i++) {
        int64_t s = i / 64;
        assert_true(a.row[i] >= 8193 * s / 16 && a.row[i] < 8193 * (s + 1) / 16);
        assert_true(i == 0 || a.row[i] > a.row[i - 1]);
    }
    free(a.row);
    free(b.row);
}

static void test_reference_file(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/attnbench-test-XXXXXX", msg[CASE_MESSAGE];
    struct reference back;
    close(mkstemp(path));
    assert_int_equal(reference_write(&f->r, path, msg), 0);
    assert_int_equal(reference_read(path, &back, msg), 0);
    assert_memory_equal(back.o, f->r.o, SIZE * sizeof(double));
    assert_true(back.floor_rel_l2 == f->r.floor_rel_l2);
    reference_free(&back);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(reference_read(path, &back, msg), -1);
    unlink(path);
}

/* Variants with one fault each, made from a good one: the conformance check finds every fault. */
static const struct attn_variant *good;

static enum attn_status run_good(const struct attn_problem *p, const double *params, void *ws,
                                 const struct attn_io *io)
{
    return good->run(p, params, ws, io);
}

static enum attn_status run_inexact(const struct attn_problem *p, const double *params, void *ws,
                                    const struct attn_io *io)
{
    enum attn_status s = good->run(p, params, ws, io);
    int64_t last = p->heads_q * p->n_q * p->d_v - 1;
    io->o[last] += 1e-3f;
    return s;
}

static enum attn_status run_peeking(const struct attn_problem *p, const double *params, void *ws,
                                    const struct attn_io *io)
{
    enum attn_status s = good->run(p, params, ws, io);
    if (p->causal && p->n_q > 1)
        io->o[0] += 1e-4f * io->v[p->n_k * p->d_v - 1];
    return s;
}

static enum attn_status run_greedy(const struct attn_problem *p, const double *params, void *ws,
                                   const struct attn_io *io)
{
    struct attn_cost c = {0};
    good->cost(p, params, &c);
    enum attn_status s = good->run(p, params, ws, io);
    ((char *)ws)[(c.workspace + 63) / 64 * 64] = 1;
    return s;
}

static enum attn_status run_lazy(const struct attn_problem *p, const double *params, void *ws,
                                 const struct attn_io *io)
{
    float keep = io->o[p->d_v - 1];
    enum attn_status s = good->run(p, params, ws, io);
    io->o[p->d_v - 1] = keep;
    return s;
}

static void test_conformance_finds_faults(void **state)
{
    (void)state;
    static const struct {
        enum attn_status (*run)(const struct attn_problem *, const double *, void *,
                                const struct attn_io *);
        bool fails;
    } runs[] = {{run_good, false},
                {run_inexact, true},
                {run_peeking, true},
                {run_greedy, true},
                {run_lazy, true}};
    FILE *null = fopen("/dev/null", "w");
    good = attn_variant_find("window");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct attn_variant v = *good;
        struct conform_result r = {0};
        v.run = runs[i].run;
        v.caps &= ~(unsigned)ATTN_TAKES_BF16; /* these read fp32 */
        conform_check(&v, 42, null, &r);
        assert_int_equal(r.failed > 0, runs[i].fails);
    }
    fclose(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_finite, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong, set_up, tear_down),
        cmocka_unit_test(test_rel_l2),
        cmocka_unit_test(test_rows),
        cmocka_unit_test_setup_teardown(test_reference_file, set_up, tear_down),
        cmocka_unit_test(test_conformance_finds_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
