/* SPDX-License-Identifier: MIT */
/* Exponents, growth terms and crossings: against SciPy, by hand, and by simulation. */
#include "harness/analyse/scaling.h"
#include "harness/stats/fit.h"
#include "harness/stats/resample.h"
#include "tests/values/fit_values.h"
#include "variants/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b)     assert_float_equal(a, b, 1e-12)
#define RELATIVE(a, b) assert_true(fabs((a) - (b)) <= 1e-9 * fabs(b))

enum { N = 8, FITS = sizeof fits / sizeof *fits, SEED = 20261 };

static void test_theil_sen(void **state)
{
    (void)state;
    double x[N], y[N], bad[] = {0, NAN, 1};
    for (size_t f = 0; f < FITS; f++) {
        for (int i = 0; i < N; i++) {
            x[i] = log(fit_n[i]);
            y[i] = log(fits[f].t[i]);
        }
        RELATIVE(stats_theil_sen(x, y, N), fits[f].slope);
    }
    for (int i = 0; i < N; i++)
        y[i] = 1 + 2 * x[i];
    NEAR(stats_theil_sen(x, y, N), 2);
    y[3] += 5; /* one outlier among eight: 21 of 28 slopes are still 2 */
    NEAR(stats_theil_sen(x, y, N), 2);
    const double twice[] = {1, 1, 2}, values[] = {0, 10, 6}; /* slopes 6 and -4 */
    NEAR(stats_theil_sen(twice, values, 3), 1);
    assert_true(isnan(stats_theil_sen(x, y, 1)));
    assert_true(isnan(stats_theil_sen(twice, values, 2)));
    assert_true(isnan(stats_theil_sen(x, bad, 3)));
}

static void test_terms(void **state)
{
    (void)state;
    double c[STATS_TERMS], misfit, t[N];
    for (size_t f = 0; f < FITS; f++) {
        assert_int_equal(stats_growth_terms(fit_n, fits[f].t, N, c, &misfit), 0);
        print_message("%s\n", fits[f].name);
        for (int k = 0; k < STATS_TERMS; k++)
            assert_true(fabs(c[k] - fits[f].terms[k]) <= 1e-7 * fits[f].terms[k] + 1e-25);
        assert_true(fabs(misfit - fits[f].misfit) <= 1e-9);
    }
    for (int i = 0; i < N; i++) /* without noise, what went in comes out */
        t[i] = 1e-5 + 2e-8 * fit_n[i] + 3e-11 * fit_n[i] * fit_n[i];
    assert_int_equal(stats_growth_terms(fit_n, t, N, c, &misfit), 0);
    RELATIVE(c[0], 1e-5);
    RELATIVE(c[1], 2e-8);
    RELATIVE(c[3], 3e-11);
    assert_true(c[2] < 1e-16 && misfit < 1e-12);
    t[2] = 0;
    assert_int_equal(stats_growth_terms(fit_n, t, N, c, &misfit), -1);
    assert_true(isnan(c[0]) && isnan(misfit));
    assert_int_equal(stats_growth_terms(fit_n, t, 0, c, &misfit), -1);
}

static void test_crossings(void **state)
{
    (void)state;
    static const double x[] = {0, 1, 2, 3, 4};
    static const bool all[] = {true, true, true, true, true},
                      late[] = {false, false, false, true, true}, never[5] = {false};
    const struct {
        double d[5];
        const bool *ok;
        enum stats_crossing answer;
        double from, until;
    } cases[] = {
        {{-1, -1, -2, -1, -1}, NULL, CROSSING_ALWAYS, -INFINITY, INFINITY},
        {{1, 1, 0, 1, 1}, NULL, CROSSING_NEVER, INFINITY, -INFINITY}, /* equal is not faster */
        {{3, 1, -3, -4, -5}, NULL, CROSSING_FROM, 1.25, -INFINITY},
        {{3, 1, -3, -4, -5}, all, CROSSING_FROM, 1.25, -INFINITY},
        {{3, 1, -3, -4, -5}, late, CROSSING_FROM, 3, -INFINITY},  /* fast before it is good */
        {{3, 1, 1, 3, -1}, late, CROSSING_FROM, 3.75, -INFINITY}, /* good before it is fast */
        {{3, 1, -3, -4, -5}, never, CROSSING_NEVER, INFINITY, -INFINITY},
        {{-1, -1, 1, 2, 3}, NULL, CROSSING_UNTIL, INFINITY, 1.5},
        {{1, -1, 1, -1, -1}, NULL, CROSSING_SEVERAL, 2.5, -INFINITY},
        {{-1, 1, -1, 1, 1}, NULL, CROSSING_SEVERAL, INFINITY, 0.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double from, until;
        assert_int_equal(stats_crossing(x, cases[i].d, cases[i].ok, 5, &from, &until),
                         cases[i].answer);
        assert_true(from == cases[i].from);
        assert_true(until == cases[i].until);
    }
}

/* Eight lengths, three launches whose effects (1 %) differ by length, 20 skewed samples each. */
static void test_coverage(void **state)
{
    (void)state;
    enum { TRIALS = 150, LAUNCHES = 3, SAMPLES = 20 };
    static double medians[N][STATS_REPLICATES], slopes[STATS_REPLICATES];
    size_t begin[LAUNCHES + 1];
    double x[N], y[N], sample[LAUNCHES * SAMPLES];
    int covered = 0;
    for (int g = 0; g <= LAUNCHES; g++)
        begin[g] = (size_t)g * SAMPLES;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct stats_rng r = stats_rng(SEED, (uint64_t)trial);
        for (int i = 0; i < N; i++) {
            x[i] = log(fit_n[i]);
            for (int s = 0, g = 0; g < LAUNCHES; g++) {
                const double launch = 0.01 * stats_rng_normal(&r);
                for (int k = 0; k < SAMPLES; k++)
                    sample[s++] = 1.5 * x[i] + launch - 0.02 * log(stats_rng_uniform(&r));
            }
            const struct stats_groups groups = {sample, begin, LAUNCHES};
            assert_int_equal(
                stats_bootstrap_medians(&groups, 1, (uint64_t)(trial * N + i), medians[i]), 0);
        }
        for (size_t b = 0; b < STATS_REPLICATES; b++) {
            for (int i = 0; i < N; i++)
                y[i] = medians[i][b];
            slopes[b] = stats_theil_sen(x, y, N);
        }
        double lo, hi;
        assert_int_equal(stats_percentile_interval(slopes, STATS_REPLICATES, 0.95, &lo, &hi), 0);
        covered += lo <= 1.5 && hi >= 1.5;
    }
    print_message("seed %d: covered %d of %d\n", SEED, covered, TRIALS);
    assert_in_range(covered, TRIALS * 92 / 100, TRIALS);
}

static void test_declared_growth(void **state)
{
    (void)state;
    NEAR(scaling_growth("1", 8), 1);
    NEAR(scaling_growth("n", 8), 8);
    NEAR(scaling_growth("n^1.5", 4), 8);
    NEAR(scaling_growth("log n", 8), log(8));
    NEAR(scaling_growth("n log n", 8), 8 * log(8));
    NEAR(scaling_growth("n^2 log n", 8), 64 * log(8));
    static const char *const wrong[] = {"", "n^", "n log", "2", "n2", "n  log n", "m", "n^2 n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(isnan(scaling_growth(wrong[i], 8)));
    for (int i = 0; i < attn_variant_count(); i++) {
        print_message("%s\n", attn_variant_at(i)->name);
        assert_true(scaling_growth(attn_variant_at(i)->time_class, 1024) > 0);
        assert_true(scaling_growth(attn_variant_at(i)->memory_class, 1024) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_theil_sen),       cmocka_unit_test(test_terms),
        cmocka_unit_test(test_crossings),       cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_declared_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
