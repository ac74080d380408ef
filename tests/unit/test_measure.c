/* SPDX-License-Identifier: MIT */
/* What measuring is made of, on synthetic clocks and curves: nothing here depends on speed. */
#include "harness/measure/caches.h"
#include "harness/measure/measure.h"
#include "harness/measure/sampling.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Latencies of a machine with 32 KiB, 1 MiB and 16 MiB, in half steps of two, with mixed edges. */
static void test_cache_steps(void **state)
{
    (void)state;
    size_t size[24];
    double latency[24];
    for (int i = 0; i < 24; i++) {
        size[i] = (size_t)(16384 * pow(2, i / 2.0));
        double kib = (double)size[i] / 1024;
        latency[i] = kib <= 32 ? 1 : kib <= 50 ? 2.5 : kib <= 1024 ? 4 : kib <= 1500 ? 8 : 15;
        latency[i] = kib <= 16384 ? latency[i] : kib <= 24000 ? 40 : 100;
    }
    struct caches c;
    caches_find(size, latency, 24, &c);
    assert_int_equal(c.l1, 32 << 10);
    assert_int_equal(c.l2, 1 << 20);
    assert_int_equal(c.llc, 16 << 20);
    /* A flat curve has no steps: every level is as large as was looked. */
    for (int i = 0; i < 24; i++)
        latency[i] = 1;
    caches_find(size, latency, 24, &c);
    assert_int_equal(c.l1, size[23]);
    assert_int_equal(c.llc, size[23]);
    caches_reported(&c);
    assert_true(c.l1 >= 4096 && c.l2 >= c.l1 && c.llc >= c.l2);
}

static void test_roofs(void **state)
{
    (void)state;
    char msg[CASE_MESSAGE] = "";
    struct roofs r;
    assert_int_equal(roofs_measure(1, &r, msg), 0);
    assert_int_equal(r.threads, 1);
    for (int i = 0; i < ROOFS; i++) {
        if (!(r.at[i] > 0) || !isfinite(r.at[i]))
            fail_msg("%s is %g", roof_list[i].name, r.at[i]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(roof_list[i].name, roof_list[j].name);
    }
}

/* Nothing measured, and the same when asked again. */
static void test_fingerprint(void **state)
{
    (void)state;
    static struct machine a, b;
    char msg[CASE_MESSAGE];
    static const char *const moving[] = {"MHz", "bogomips", "loadavg", "steal", "uptime"};
    assert_int_equal(machine_describe(&a, msg), 0);
    assert_int_equal(machine_describe(&b, msg), 0);
    assert_string_equal(a.id, b.id);
    assert_string_equal(a.fingerprint, b.fingerprint);
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++)
        assert_null(strcasestr(a.fingerprint, moving[i]));
    assert_non_null(strstr(a.covariates, "loadavg"));
    assert_int_equal(a.covariates[strlen(a.covariates) - 1], '}');
    /* Cut short it is still an object. */
    char little[64];
    machine_covariates(little, sizeof little);
    assert_int_equal(little[strlen(little) - 1], '}');
}

/* A case drifts with the loop that binds it. */
static void test_drift(void **state)
{
    (void)state;
    struct roofs a, b;
    for (int i = 0; i < ROOFS; i++)
        a.at[i] = b.at[i] = 1e9;
    const struct attn_cost products = {.flops = 9e6, .exps = 1e3, .bytes = 1e3},
                           exps = {.flops = 1e3, .exps = 9e6, .bytes = 1e3},
                           bytes = {.flops = 1e3, .exps = 1e3, .bytes = 9e6};
    b.at[ROOF_FP32] = 0.9e9;
    assert_float_equal(roofs_drift(&a, &a, &b, &products), 0.10536, 1e-5);
    assert_float_equal(roofs_drift(&a, &b, &a, &products), 0.10536, 1e-5);
    assert_float_equal(roofs_drift(&a, &a, &b, &exps), 0, 0);
    assert_float_equal(roofs_drift(&a, &a, &b, &bytes), 0, 0);
    b = a;
    b.at[ROOF_LLC_TRIAD] = 2e9;
    assert_float_equal(roofs_drift(&a, &a, &b, &bytes), 0.69315, 1e-5);
    assert_float_equal(roofs_drift(&a, &a, &b, &products), 0, 0);
    b.at[ROOF_L2_TRIAD] = 2e9;
    assert_float_equal(roofs_drift(&a, &a, &b, &products), 0.69315, 1e-5);
    /* Half a machine that stays half. */
    b = a;
    b.at[ROOF_FP32] = 0.5e9;
    assert_float_equal(roofs_drift(&a, &b, &b, &products), 0.69315, 1e-5);
    b.at[ROOF_FP32] = 0.9e9;
    assert_float_equal(roofs_drift(&a, &b, &b, &products), 0, 0);
}

/* A method whose calls take invented times on an invented clock. */
struct fake {
    double clock, first, usual; /* seconds: now, of the first call, of the others */
    double (*noise)(int n);     /* factor of call n */
    int calls, fails_at, inner_seen, last_calls;
};

static double fake_call(void *arg, int inner)
{
    struct fake *f = arg;
    double took = 0;
    for (int i = 0; i < inner; i++, f->calls++)
        took += f->calls ? f->usual * (f->noise ? f->noise(f->calls) : 1) : f->first;
    f->clock += took;
    f->inner_seen = inner;
    return f->fails_at && f->calls >= f->fails_at ? -1 : took / inner;
}

static void fake_before_last(void *arg)
{
    struct fake *f = arg;
    f->last_calls = f->calls;
}

static double fake_now(void *arg)
{
    return ((struct fake *)arg)->clock;
}

static const struct sampling usual_sampling = {0.02, 20, 0.2, 10, 200};

static struct sampled sample_fake(struct fake *f, const char *want)
{
    const struct timed t = {fake_call, fake_before_last, fake_now, f};
    struct sampled s;
    const char *why = sample_calls(&t, &usual_sampling, &s);
    if (want)
        assert_string_equal(why, want);
    else
        assert_null(why);
    return s;
}

/* Equal calls: the checkpoints at 14 and 20 samples agree, and one more runs on fresh output. */
static void test_sampling_steady(void **state)
{
    (void)state;
    struct fake f = {.first = 0.5, .usual = 0.01};
    struct sampled s = sample_fake(&f, NULL);
    assert_int_equal(s.count, 21);
    assert_int_equal(s.inner, 1);
    assert_int_equal(s.flags, 0);
    assert_float_equal(s.cold_s, 0.5, 1e-12);
    assert_int_equal(f.last_calls, f.calls - 1);
    /* Warm-up is a time, 0.2 s, and not a number of calls. */
    assert_in_range(f.calls - 1 - s.count, 20, 22);
    assert_float_equal(s.busy_s, 0.5 + 0.01 * (f.calls - 1), 1e-9);
    free(s.samples);
}

/* Calls too short for the clock are timed many at once. */
static void test_sampling_short(void **state)
{
    (void)state;
    struct fake f = {.first = 1e-5, .usual = 3e-6};
    struct sampled s = sample_fake(&f, NULL);
    assert_int_equal(s.inner, 334);
    assert_int_equal(f.inner_seen, 334);
    assert_float_equal(s.samples[0], 3e-6, 1e-12);
    free(s.samples);
}

static double alternating(int n)
{
    return n % 2 ? 0.8 : 1.2;
}

/* Noise that no number of samples narrows: all are kept, and the round is called unstable. */
static void test_sampling_noisy(void **state)
{
    (void)state;
    struct fake f = {.first = 1, .usual = 0.01, .noise = alternating};
    struct sampled s = sample_fake(&f, NULL);
    assert_int_equal(s.count, 200);
    assert_int_equal(s.flags, CASE_UNSTABLE);
    free(s.samples);
}

/* Calls of seconds: three to warm up would take the budget; few samples are called few. */
static void test_sampling_long(void **state)
{
    (void)state;
    struct fake f = {.first = 6, .usual = 6};
    struct sampled s = sample_fake(&f, NULL);
    assert_in_range(s.count, 2, 4);
    assert_int_equal(s.flags, CASE_FEW | CASE_UNSTABLE);
    assert_true(f.clock < 6 + 6 + 20 + 6);
    free(s.samples);
}

static double warming(int n)
{
    return n < 60 ? 3 - n / 30.0 : 1;
}

/* Calls that still get faster are no samples yet, though the least time is over. */
static void test_sampling_warms(void **state)
{
    (void)state;
    struct fake f = {.first = 0.1, .usual = 0.005, .noise = warming};
    struct sampled s = sample_fake(&f, NULL);
    assert_int_equal(s.flags, 0);
    assert_float_equal(s.samples[0], 0.005, 1e-9);
    free(s.samples);
}

static void test_sampling_failure(void **state)
{
    (void)state;
    for (int at = 1; at < 40; at += 6) {
        struct fake f = {.first = 0.01, .usual = 0.01, .fails_at = at};
        struct sampled s = sample_fake(&f, "run() did not return ATTN_OK");
        free(s.samples);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprint),     cmocka_unit_test(test_drift),
        cmocka_unit_test(test_sampling_steady), cmocka_unit_test(test_sampling_short),
        cmocka_unit_test(test_sampling_noisy),  cmocka_unit_test(test_sampling_long),
        cmocka_unit_test(test_sampling_warms),  cmocka_unit_test(test_sampling_failure),
        cmocka_unit_test(test_cache_steps),     cmocka_unit_test(test_roofs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
