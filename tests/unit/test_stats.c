/* SPDX-License-Identifier: MIT */
/* Statistics against values worked by hand. */
#include "harness/stats/order.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b) assert_float_equal(a, b, 1e-12)

static void test_quantiles(void **state)
{
    (void)state;
    const double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, bad[] = {1, NAN, 2};
    NEAR(stats_median(odd, 3), 2);
    NEAR(stats_median(even, 4), 2.5);
    NEAR(stats_quantile(even, 4, 0.25), 1.75);
    NEAR(stats_quantile(even, 4, 0), 1);
    NEAR(stats_quantile(even, 4, 1), 4);
    NEAR(stats_median(odd, 1), 3);
    assert_true(isnan(stats_median(bad, 3)));
    assert_true(isnan(stats_median(odd, 0)));
    NEAR(odd[0], 3); /* inputs are left alone */
}

/* Binomial(n, 1/2): n = 6 misses with 2/64; n = 10 with ranks 2, 9 with 22/1024, with 3, 8 with
 * 112/1024. */
static void test_median_ranks(void **state)
{
    (void)state;
    static const size_t want[][3] = {{6, 1, 6}, {9, 2, 8}, {10, 2, 9}, {20, 6, 15}, {100, 40, 61}};
    size_t lo, hi;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(stats_median_ranks(want[i][0], 0.95, &lo, &hi), 0);
        assert_int_equal(lo, want[i][1]);
        assert_int_equal(hi, want[i][2]);
    }
    assert_int_equal(stats_median_ranks(5, 0.95, &lo, &hi), -1);
    assert_int_equal(stats_median_ranks(1, 0.95, &lo, &hi), -1);
    const double x[] = {6, 5, 4, 3, 2, 1};
    double a, b;
    assert_int_equal(stats_median_interval(x, 6, 0.95, &a, &b), 0);
    NEAR(a, 1);
    NEAR(b, 6);
    assert_int_equal(stats_median_interval(x, 3, 0.95, &a, &b), -1);
    NEAR(a, 4);
    NEAR(b, 6);
}

/* Quartiles 3.5 and 8.5: fences at 16 and 23.5. */
static void test_tukey(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 100};
    size_t mild, severe;
    stats_tukey(x, 11, &mild, &severe);
    assert_int_equal(mild, 1);
    assert_int_equal(severe, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_median_ranks),
        cmocka_unit_test(test_tukey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
