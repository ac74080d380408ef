/* SPDX-License-Identifier: MIT */
/* Resampling: reproducible streams, medians against sorting, coverage by simulation. */
#include "harness/stats/order.h"
#include "harness/stats/resample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED 20261

static void test_streams(void **state)
{
    (void)state;
    struct stats_rng a = stats_rng(1, 0), again = stats_rng(1, 0), b = stats_rng(1, 1),
                     c = stats_rng(2, 0);
    int same = 0;
    size_t count[7] = {0};
    double sum = 0, squares = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = stats_rng_next(&a);
        assert_true(x == stats_rng_next(&again));
        same += x == stats_rng_next(&b);
        same += x == stats_rng_next(&c);
    }
    assert_int_equal(same, 0);
    for (int i = 0; i < 70000; i++)
        count[stats_rng_below(&a, 7)]++;
    for (int i = 0; i < 7; i++) /* 10,000 each, standard deviation 93 */
        assert_in_range(count[i], 9600, 10400);
    for (int i = 0; i < 100000; i++) {
        double z = stats_rng_normal(&a), u = stats_rng_uniform(&a);
        assert_true(u > 0 && u < 1);
        sum += z;
        squares += z * z;
    }
    assert_float_equal(sum / 1e5, 0, 0.015);
    assert_float_equal(squares / 1e5, 1, 0.02);
}

static void test_median_of(void **state)
{
    (void)state;
    struct stats_rng r = stats_rng(SEED, 0);
    double x[64], bad[] = {1, NAN, 2};
    for (int trial = 0; trial < 20000; trial++) {
        size_t n = 1 + stats_rng_below(&r, 64), values = 1 + stats_rng_below(&r, 64);
        for (size_t i = 0; i < n; i++) /* few values: many ties */
            x[i] = (double)stats_rng_below(&r, values);
        double want = stats_median(x, n);
        assert_true(stats_median_of(x, n) == want);
    }
    assert_true(isnan(stats_median_of(bad, 3)));
    assert_true(isnan(stats_median_of(x, 0)));
}

/*
 * Launches {1} and {20, 20, 20}: a resample is twice the first (a quarter of them), twice the
 * second (a quarter), or one of each, whose four values have the median 20. About the median 20 of
 * all, distances are widened by the root of 2.
 */
static void test_launches(void **state)
{
    (void)state;
    static double out[STATS_REPLICATES], again[STATS_REPLICATES], other[STATS_REPLICATES];
    const double x[] = {1, 20, 20, 20};
    const size_t begin[] = {0, 1, 4};
    const struct stats_groups g = {x, begin, 2};
    int low = 0, differ = 0;
    assert_int_equal(stats_bootstrap_medians(&g, SEED, 1, out), 0);
    assert_int_equal(stats_bootstrap_medians(&g, SEED, 2, again), 0);
    assert_int_equal(stats_bootstrap_medians(&g, SEED + 1, 1, other), 0);
    for (int b = 0; b < STATS_REPLICATES; b++) {
        low += out[b] < 20;
        assert_true(out[b] == 20 || fabs(out[b] - (20 - 19 * sqrt(2))) < 1e-12);
        assert_true(out[b] == again[b]); /* the launches decide here, and they are the same */
        differ += out[b] != other[b];
    }
    assert_in_range(low, 900, 1100);
    assert_true(differ > 1000);
    const struct stats_groups none = {x, begin, 0};
    assert_int_equal(stats_bootstrap_medians(&none, SEED, 1, out), -1);
    const double bad[] = {1, NAN, 3, 4};
    const struct stats_groups nan = {bad, begin, 2};
    assert_int_equal(stats_bootstrap_medians(&nan, SEED, 1, out), -1);
}

static void test_interval(void **state)
{
    (void)state;
    double x[1000], lo, hi, bad[] = {NAN, 1};
    for (int i = 0; i < 1000; i++)
        x[i] = (i * 7) % 1000;
    assert_int_equal(stats_percentile_interval(x, 1000, 0.95, &lo, &hi), 0);
    assert_true(lo == 25 && hi == 974);
    x[999] = INFINITY;
    assert_int_equal(stats_percentile_interval(x, 1000, 0.95, &lo, &hi), 0);
    assert_true(hi == 974);
    assert_int_equal(stats_percentile_interval(x, 0, 0.95, &lo, &hi), -1);
    assert_true(isnan(lo) && isnan(hi));
    assert_int_equal(stats_percentile_interval(bad, 2, 0.95, &lo, &hi), -1);
}

/* The median of one launch of 31 exponential samples: the interval covers ln 2 about 95 times in
 * 100. */
static void test_coverage(void **state)
{
    (void)state;
    static double medians[STATS_REPLICATES];
    enum { TRIALS = 400, N = 31 };
    double x[N], lo, hi;
    const size_t begin[] = {0, N};
    int covered = 0;
    for (int t = 0; t < TRIALS; t++) {
        struct stats_rng r = stats_rng(SEED, (uint64_t)t);
        for (int i = 0; i < N; i++)
            x[i] = -log(stats_rng_uniform(&r));
        const struct stats_groups g = {x, begin, 1};
        assert_int_equal(stats_bootstrap_medians(&g, 1, (uint64_t)t, medians), 0);
        assert_int_equal(stats_percentile_interval(medians, STATS_REPLICATES, 0.95, &lo, &hi), 0);
        covered += lo <= 0.6931471805599453 && hi >= 0.6931471805599453;
    }
    print_message("covered %d of %d\n", covered, TRIALS);
    assert_in_range(covered, TRIALS * 92 / 100, TRIALS * 98 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),  cmocka_unit_test(test_median_of),
        cmocka_unit_test(test_launches), cmocka_unit_test(test_interval),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
