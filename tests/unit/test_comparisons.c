/* SPDX-License-Identifier: MIT */
/*
 * Tests, shifts and steps: against SciPy and enumeration (tests/values/make_stat_tests.py), against
 * values worked by hand, and by simulation: do intervals cover, do tests keep their level.
 */
#include "harness/stats/order.h"
#include "harness/stats/resample.h"
#include "harness/stats/steps.h"
#include "harness/stats/tests.h"
#include "tests/values/stat_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED       UINT64_C(7)
#define COUNT(a)   (sizeof(a) / sizeof *(a))
#define NEAR(a, b) assert_float_equal(a, b, 1e-12)

static void test_signed_rank(void **state)
{
    (void)state;
    NEAR(stats_signed_rank(x10, COUNT(x10)), x10_p);
    NEAR(stats_signed_rank(x25, COUNT(x25)), x25_p);
    NEAR(stats_signed_rank(tied12, COUNT(tied12)), tied12_p);
    NEAR(stats_signed_rank(tied80, COUNT(tied80)), tied80_p);
    /* All of one sign: one of 2^n orders on each side. */
    const double up[] = {3, 1, 2, 5, 4}, none[] = {0, 0}, bad[] = {1, NAN};
    NEAR(stats_signed_rank(up, 5), 2 / 32.0);
    NEAR(stats_signed_rank(none, 2), 1);
    NEAR(stats_signed_rank(up, 0), 1);
    assert_true(isnan(stats_signed_rank(bad, 2)));
}

static void test_rank_sum(void **state)
{
    (void)state;
    NEAR(stats_rank_sum(x10, COUNT(x10), y9, COUNT(y9)), x10_y9_p);
    NEAR(stats_rank_sum(x25, COUNT(x25), y9, COUNT(y9)), x25_y9_p);
    NEAR(stats_rank_sum(tied12, COUNT(tied12), y6, COUNT(y6)), tied12_y6_p);
    NEAR(stats_rank_sum(tied80, COUNT(tied80), y45, COUNT(y45)), tied80_y45_p);
    /* Apart: one of C(6, 3) choices on each side, the least that three against three can say. */
    const double low[] = {1, 2, 3}, high[] = {4, 5, 6};
    NEAR(stats_rank_sum(low, 3, high, 3), 0.1);
    NEAR(stats_rank_sum(low, 3, low, 3), 1);
    assert_true(isnan(stats_rank_sum(low, 3, high, 0)));
}

static void test_student(void **state)
{
    (void)state;
    NEAR(stats_student(x10, COUNT(x10), y9, COUNT(y9)), x10_y9_t);
    NEAR(stats_student(x25, COUNT(x25), y6, COUNT(y6)), x25_y6_t);
    NEAR(stats_student(tied80, COUNT(tied80), y45, COUNT(y45)), tied80_y45_t);
    /* One degree of freedom, t = sqrt(3): P(|T| > t) = 1 - 2/pi atan(sqrt 3) = 1/3. */
    const double two[] = {0, 2}, one[] = {4}, same[] = {1, 1, 1}, other[] = {2, 2};
    NEAR(stats_student(two, 2, one, 1), 1.0 / 3);
    NEAR(stats_student(same, 3, same, 2), 1);
    NEAR(stats_student(same, 3, other, 2), 0);
    assert_true(isnan(stats_student(one, 1, one, 1)));
}

static void test_adjust(void **state)
{
    (void)state;
    double q[COUNT(many_p)];
    assert_int_equal(stats_adjust(many_p, COUNT(many_p), q), 0);
    for (size_t i = 0; i < COUNT(many_p); i++)
        NEAR(q[i], many_q[i]);
    /* By hand: 3 x .01, 3 x .03 / 2, 3 x .04 / 3; the second may not exceed the third. NaN counts
       for nothing. */
    double p[] = {0.03, NAN, 0.01, 0.04};
    assert_int_equal(stats_adjust(p, 4, p), 0);
    NEAR(p[0], 0.04);
    assert_true(isnan(p[1]));
    NEAR(p[2], 0.03);
    NEAR(p[3], 0.04);
}

static void test_shifts(void **state)
{
    (void)state;
    struct stats_interval c;
    assert_int_equal(stats_centre(x10, COUNT(x10), 0.95, &c), 0);
    NEAR(c.at, x10_centre[0]);
    NEAR(c.lo, x10_centre[1]);
    NEAR(c.hi, x10_centre[2]);
    assert_int_equal(stats_shift(x10, COUNT(x10), y9, COUNT(y9), 0.95, &c), 0);
    NEAR(c.at, x10_y9_shift[0]);
    NEAR(c.lo, x10_y9_shift[1]);
    NEAR(c.hi, x10_y9_shift[2]);
    /* Walsh averages of 1, 2, 6: 1, 1.5, 2, 3.5, 4, 6. Too few for an interval. */
    const double three[] = {6, 1, 2}, one[] = {1}, bad[] = {1, NAN, 2, 3, 4, 5, 6};
    assert_int_equal(stats_centre(three, 3, 0.95, &c), -1);
    NEAR(c.at, 2.75);
    NEAR(c.lo, 1);
    NEAR(c.hi, 6);
    assert_int_equal(stats_shift(three, 3, one, 1, 0.95, &c), -1);
    NEAR(c.at, 1);
    assert_int_equal(stats_centre(bad, 7, 0.95, &c), -1);
    assert_true(isnan(c.at));
    assert_int_equal(stats_shift(three, 3, one, 0, 0.95, &c), -1);

    NEAR(stats_cliff(x10, COUNT(x10), y9, COUNT(y9)), x10_y9_cliff);
    NEAR(stats_cliff(tied80, COUNT(tied80), y45, COUNT(y45)), tied80_y45_cliff);
    NEAR(stats_mad(x10, COUNT(x10)), x10_mad);
    NEAR(stats_mad(three, 3), 1);
}

static void normals(uint64_t trial, int n, double *x)
{
    struct stats_rng r = stats_rng(SEED, trial);
    for (int i = 0; i < n; i++)
        x[i] = stats_rng_normal(&r);
}

/* Log-normal noise, as timings are skewed: exp(0.3 z). */
static void draw(uint64_t trial, int n, double *x)
{
    normals(trial, n, x);
    for (int i = 0; i < n; i++)
        x[i] = exp(0.3 * x[i]);
}

/* The order-statistic interval covers at least as promised, and not much more. */
static void test_median_coverage(void **state)
{
    (void)state;
    enum { TRIALS = 4000 };
    static const int sizes[] = {6, 10, 28, 100};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        int n = sizes[k], covered = 0;
        for (uint64_t t = 0; t < TRIALS; t++) {
            double x[100], lo, hi;
            draw(t, n, x);
            assert_int_equal(stats_median_interval(x, (size_t)n, 0.95, &lo, &hi), 0);
            covered += lo <= 1 && 1 <= hi;
        }
        /* 1 - 2 P(Binomial(n, 1/2) < r) is .969, .979, .964, .965; two standard errors are .006. */
        double share = covered / (double)TRIALS;
        print_message("median, n = %d: %.2f %% covered\n", n, 100 * share);
        assert_true(share >= 0.95 && share <= 0.985);
    }
}

/* Both sides of the change from enumeration to the normal distribution. */
static void test_levels(void **state)
{
    (void)state;
    enum { TRIALS = 1000 };
    static const int sizes[] = {20, 60};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        int n = sizes[k], signed_rank = 0, rank_sum = 0, centre = 0, shift = 0;
        for (uint64_t t = 0; t < TRIALS; t++) {
            double x[60], y[60];
            struct stats_interval c;
            normals(2 * t, n, x);
            normals(2 * t + 1, n, y);
            signed_rank += stats_signed_rank(x, (size_t)n) < 0.05;
            rank_sum += stats_rank_sum(x, (size_t)n, y, (size_t)n) < 0.05;
            assert_int_equal(stats_centre(x, (size_t)n, 0.95, &c), 0);
            centre += c.lo <= 0 && 0 <= c.hi;
            assert_int_equal(stats_shift(x, (size_t)n, y, (size_t)n, 0.95, &c), 0);
            shift += c.lo <= 0 && 0 <= c.hi;
        }
        print_message("n = %d: signed rank rejects %d, rank sum %d of %d; intervals cover %d, %d\n",
                      n, signed_rank, rank_sum, TRIALS, centre, shift);
        assert_in_range(signed_rank, 30, 65);
        assert_in_range(rank_sum, 30, 65);
        assert_in_range(centre, 935, 970);
        assert_in_range(shift, 935, 970);
    }
}

enum { HISTORY = 60 };

/* ln of a ratio with noise of one percent, and a level that changes at `at` by `by`. */
static void history(uint64_t trial, size_t at, double by, double *x)
{
    normals(trial, HISTORY, x);
    for (size_t i = 0; i < HISTORY; i++)
        x[i] = 0.01 * x[i] + (i >= at ? by : 0);
}

static void test_steps(void **state)
{
    (void)state;
    struct stats_step step[HISTORY];
    double x[HISTORY];
    int alarms = 0, found = 0, exact = 0, late = 0;
    for (uint64_t t = 0; t < 300; t++) {
        history(t, HISTORY, 0, x);
        alarms += stats_steps(x, HISTORY, 0.02, step) != 0;
        history(t, 37, 0.05, x);
        if (stats_steps(x, HISTORY, 0.02, step) == 1) {
            found++;
            exact += step[0].at == 37;
            assert_true(step[0].p < 0.001 && fabs(step[0].after - step[0].before - 0.05) < 0.012);
        }
        history(t, HISTORY - 3, 0.05, x);
        late += stats_steps(x, HISTORY, 0.02, step) == 1;
    }
    print_message("300 histories: %d alarms without a step; of a step of 5 sd %d found, %d at its "
                  "place, %d three runs after it\n",
                  alarms, found, exact, late);
    assert_true(alarms <= 3);
    assert_true(found >= 297 && exact >= 290 && late >= 290);
}

static void test_steps_by_hand(void **state)
{
    (void)state;
    struct stats_step step[HISTORY];
    double x[HISTORY];
    /* Without noise: up at 20, down at 40, each where it is. */
    for (int i = 0; i < HISTORY; i++)
        x[i] = i >= 20 && i < 40;
    assert_int_equal(stats_steps(x, HISTORY, 0.5, step), 2);
    assert_int_equal(step[0].at, 20);
    assert_int_equal(step[1].at, 40);
    NEAR(step[0].before, 0);
    NEAR(step[0].after, 1);
    NEAR(step[1].p, 0);
    assert_int_equal(stats_steps(x, HISTORY, 1.5, step), 0); /* smaller than asked for */
    /* One bad day is no step, nor are two. */
    history(1, HISTORY, 0, x);
    x[30] = 0.3;
    assert_int_equal(stats_steps(x, HISTORY, 0.02, step), 0);
    x[31] = 0.3;
    assert_int_equal(stats_steps(x, HISTORY, 0.02, step), 0);
    /* Constant, too short, not finite. */
    for (int i = 0; i < HISTORY; i++)
        x[i] = 1;
    assert_int_equal(stats_steps(x, HISTORY, 0, step), 0);
    assert_int_equal(stats_steps(x, 5, 0, step), 0);
    assert_int_equal(stats_steps(x, 0, 0, step), 0);
    x[3] = NAN;
    assert_int_equal(stats_steps(x, HISTORY, 0, step), -1);
}

int main(void)
{
    print_message("seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_rank),   cmocka_unit_test(test_rank_sum),
        cmocka_unit_test(test_student),       cmocka_unit_test(test_adjust),
        cmocka_unit_test(test_shifts),        cmocka_unit_test(test_median_coverage),
        cmocka_unit_test(test_levels),        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_steps_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
