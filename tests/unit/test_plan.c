/* SPDX-License-Identifier: MIT */
/* Planning: threads, types of inputs, suites as data, and who measures a case. */
#include "harness/plan/plan.h"
#include "variants/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct plan_request request(const char *variant)
{
    struct plan_request r = {.seed = PLAN_SEED,
                             .cores = 4,
                             .memory_available = 64e9,
                             .lengths = "64",
                             .workloads = {"gauss"},
                             .nworkloads = 1};
    if (variant)
        r.variants[r.nvariants++] = variant;
    return r;
}

static struct plan expand(const struct plan_request *r)
{
    char msg[CASE_MESSAGE] = "";
    struct plan p;
    if (plan_expand(r, &p, msg))
        fail_msg("%s", msg);
    return p;
}

static void test_threads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int cores, count;
        int64_t first, last;
    } good[] = {
        {"1,all", 4, 2, 1, 4}, {"all", 1, 1, 1, 1}, {"1,all", 1, 1, 1, 1}, {"all,2,1", 8, 3, 1, 8}};
    static const char *const bad[] = {"", "0", "5", "every", "1;2", "-1"};
    int64_t out[8];
    char msg[CASE_MESSAGE];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int n = plan_threads(good[i].text, good[i].cores, out, 8, msg);
        assert_int_equal(n, good[i].count);
        assert_true(out[0] == good[i].first && out[n - 1] == good[i].last);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (plan_threads(bad[i], 4, out, 8, msg) != -1)
            fail_msg("-t '%s' was taken", bad[i]);
}

static void test_bf16_needs_the_capability(void **state)
{
    (void)state;
    struct plan_request r = request("naive flash");
    r.dtype = "bf16";
    struct plan p = expand(&r);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.cases[0].status, CASE_UNSUPPORTED);
    assert_non_null(strstr(p.cases[0].reason, "fp32"));
    assert_int_equal(p.cases[1].status, CASE_OK);
    assert_int_equal(p.cases[1].problem.dtype, ATTN_BF16);
    /* Two bytes a value instead of four. */
    struct plan_request wide = request("flash");
    struct plan q = expand(&wide);
    double in = 3.0 * 8 * 64 * 64, out = 4.0 * 8 * 64 * 64;
    assert_true(q.cases[0].cost.bytes == 4 * in + out && p.cases[1].cost.bytes == 2 * in + out);
    assert_string_not_equal(p.hash, q.hash);
    plan_free(&p);
    plan_free(&q);
}

static void test_unknown_dtype(void **state)
{
    (void)state;
    struct plan_request r = request("flash");
    char msg[CASE_MESSAGE] = "";
    struct plan p;
    r.dtype = "fp8";
    assert_int_equal(plan_expand(&r, &p, msg), -1);
    assert_non_null(strstr(msg, "fp32 or bf16"));
}

/* Their packages may be absent, so they are measured where they are asked for. */
static void test_peers_only_where_asked_for(void **state)
{
    (void)state;
    for (int i = 0; i < suite_count(); i++) {
        struct plan_request r = request(NULL);
        r.suite = suite_at(i)->name;
        struct plan p = expand(&r);
        int peers = 0;
        for (size_t j = 0; j < p.count; j++)
            peers += strcmp(p.cases[j].family, "peer") == 0;
        if ((peers > 0) != (strcmp(r.suite, "peers") == 0))
            fail_msg("%d cases of peers in suite %s", peers, r.suite);
        plan_free(&p);
    }
    struct plan_request r = request(NULL);
    struct plan p = expand(&r);
    for (size_t j = 0; j < p.count; j++)
        assert_string_equal(p.cases[j].peer, "");
    plan_free(&p);
    r = request("peer");
    p = expand(&r);
    assert_true(p.count > 0);
    for (size_t j = 0; j < p.count; j++)
        assert_true(*p.cases[j].peer && (p.cases[j].start_s >= 1 || p.cases[j].status != CASE_OK));
    plan_free(&p);
}

/* A suite's part may set what an option sets, and the option wins. */
static void test_parts_are_data(void **state)
{
    (void)state;
    struct plan_request r = request(NULL);
    r.suite = "peers";
    struct plan p = expand(&r);
    unsigned dims = 0, types = 0, threads = 0;
    for (size_t j = 0; j < p.count; j++) {
        dims |= p.cases[j].problem.d == 64 ? 1u : p.cases[j].problem.d == 128 ? 2u : 4u;
        types |= 1u << p.cases[j].problem.dtype;
        threads |= 1u << p.cases[j].problem.threads;
    }
    assert_int_equal(dims, 3);
    assert_int_equal(types, 3);
    assert_int_equal(threads, 1 << 1 | 1 << 4);
    plan_free(&p);
    r.dim = 32;
    r.threads = "2";
    r.dtype = "fp32";
    p = expand(&r);
    for (size_t j = 0; j < p.count; j++) {
        const struct attn_problem *q = &p.cases[j].problem;
        assert_true(q->d == 32 && q->threads == 2 && q->dtype == ATTN_FP32);
        for (size_t k = 0; k < j; k++) /* parts that coincide now are planned once */
            assert_false(strcmp(p.cases[j].variant, p.cases[k].variant) == 0 &&
                         strcmp(p.cases[j].params, p.cases[k].params) == 0 &&
                         q->causal == p.cases[k].problem.causal);
    }
    plan_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_bf16_needs_the_capability),
        cmocka_unit_test(test_unknown_dtype),  cmocka_unit_test(test_peers_only_where_asked_for),
        cmocka_unit_test(test_parts_are_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
