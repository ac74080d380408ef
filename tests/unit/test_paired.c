/* SPDX-License-Identifier: MIT */
/*
 * Error rates of the judgement of two builds, by simulation: 30 cases, 3 launches of 20 pairs, two
 * sessions. Each launch has an offset of its own, pairs have heavy tails (normal, one in ten four
 * times as wide).
 */
#include "harness/analyse/paired.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { CASES = 30, LAUNCHES = 3, PAIRS = 20, EACH = LAUNCHES * PAIRS };
#define LEAST 0.03

struct session {
    double x[CASES][EACH];
    size_t begin[LAUNCHES + 1];
    struct paired cases[CASES];
};

/* Pairs of all cases; those below `slowed` are slower by `by`. */
static void simulate(struct session *s, uint64_t seed, int slowed, double by, double launch_sd,
                     double pair_sd)
{
    for (int l = 0; l <= LAUNCHES; l++)
        s->begin[l] = (size_t)(l * PAIRS);
    for (int c = 0; c < CASES; c++) {
        struct stats_rng r = stats_rng(seed, (uint64_t)c);
        for (int l = 0; l < LAUNCHES; l++) {
            double offset = launch_sd * stats_rng_normal(&r);
            for (int p = 0; p < PAIRS; p++) {
                double wide = stats_rng_below(&r, 10) ? 1 : 4;
                s->x[c][l * PAIRS + p] =
                    (c < slowed ? log1p(by) : 0) + offset + wide * pair_sd * stats_rng_normal(&r);
            }
        }
        s->cases[c] = (struct paired){.pairs = {s->x[c], s->begin, LAUNCHES}, .floor = LEAST};
    }
}

struct rates {
    int first, alarms, found;
};

/* Comparisons of two sessions: the second one is of the suspects only. */
static struct rates compare(int n, uint64_t seed, int slowed, double by, double launch_sd,
                            double pair_sd)
{
    static struct session a, b;
    struct rates r = {0};
    for (int i = 0; i < n; i++) {
        struct paired again[CASES];
        int suspect[CASES], suspects = 0;
        simulate(&a, seed + 2 * (uint64_t)i, slowed, by, launch_sd, pair_sd);
        simulate(&b, seed + 2 * (uint64_t)i + 1, slowed, by, launch_sd, pair_sd);
        assert_int_equal(paired_judge(a.cases, CASES, false, seed), 0);
        for (int c = 0; c < CASES; c++)
            if (a.cases[c].verdict >= VERDICT_BETTER) {
                r.first += c >= slowed;
                again[suspects] = b.cases[c];
                again[suspects].floor = a.cases[c].floor;
                suspect[suspects++] = c;
            }
        assert_int_equal(paired_judge(again, (size_t)suspects, true, seed + 1), 0);
        for (int k = 0; k < suspects; k++) {
            enum verdict v = paired_confirm(&a.cases[suspect[k]], &again[k]);
            r.alarms += suspect[k] >= slowed && v >= VERDICT_BETTER;
            r.found += suspect[k] < slowed && v == VERDICT_WORSE;
        }
    }
    print_message("%d sessions of %d cases, launches %.1f %%, pairs %.1f %%: %d cases slower by "
                  "%.0f %% found of %d; alarms %d, %d before they were repeated\n",
                  n, CASES, 100 * launch_sd, 100 * pair_sd, r.found, 100 * by, n * slowed, r.alarms,
                  r.first);
    return r;
}

static void test_nothing_changed(void **state)
{
    (void)state;
    assert_int_equal(compare(20, 1000, 0, 0, 0.005, 0.015).alarms, 0);
    assert_in_range(compare(10, 2000, 0, 0, 0.02, 0.03).alarms, 0, 1);
}

static void test_slower(void **state)
{
    (void)state;
    struct rates five = compare(10, 3000, 2, 0.05, 0.005, 0.015);
    assert_in_range(five.found, 19, 20);
    assert_int_equal(five.alarms, 0);
    assert_int_equal(compare(5, 4000, 4, 0.10, 0.01, 0.03).found, 20);
}

/* The floor grows with the noise of the session, and the wider one of a noisy case is its own. */
static void test_floor(void **state)
{
    (void)state;
    static struct session s;
    simulate(&s, 1, 0, 0, 0, 0.001);
    assert_int_equal(paired_judge(s.cases, CASES, false, 1), 0);
    assert_float_equal(s.cases[0].floor, LEAST, 0);
    simulate(&s, 2, 0, 0, 0.05, 0.001);
    assert_int_equal(paired_judge(s.cases, CASES, false, 2), 0);
    for (int c = 0; c < CASES; c++) /* 3 x .05 / sqrt 3 */
        assert_true(s.cases[c].floor > 0.06);
    /* Of a second session only its own: noisy neighbours do not hide a case. */
    static struct session quiet;
    simulate(&quiet, 3, 1, 0.05, 0, 0.001);
    struct paired few[] = {s.cases[0], s.cases[1], s.cases[2], quiet.cases[0]};
    few[3].floor = LEAST;
    assert_int_equal(paired_judge(few, 4, true, 3), 0);
    assert_float_equal(few[3].floor, LEAST, 0);
    assert_int_equal(few[3].verdict, VERDICT_WORSE);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* Every pair says +10 %, in one launch: no scatter is known, so the least floor holds. */
    double x[10];
    const size_t begin[] = {0, 10};
    for (int i = 0; i < 10; i++)
        x[i] = log(1.1);
    struct paired c = {.pairs = {x, begin, 1}, .floor = LEAST};
    assert_int_equal(paired_judge(&c, 1, false, 1), 0);
    assert_float_equal(c.at, 0.1, 1e-12);
    assert_float_equal(c.lo, 0.1, 1e-12);
    assert_float_equal(c.q, 2 / 1024.0, 1e-12);
    assert_float_equal(c.floor, LEAST, 0);
    assert_int_equal(c.verdict, VERDICT_WORSE);
    struct paired faster = c, same = c;
    faster.verdict = VERDICT_BETTER;
    same.verdict = VERDICT_SAME;
    assert_int_equal(paired_confirm(&c, &c), VERDICT_WORSE);
    assert_int_equal(paired_confirm(&c, &faster), VERDICT_HIDDEN);
    assert_int_equal(paired_confirm(&c, &same), VERDICT_HIDDEN);
    assert_int_equal(paired_confirm(&same, &same), VERDICT_SAME);
    /* Five pairs cannot be significant (2/32 > .05), however they look. */
    const size_t few[] = {0, 5};
    struct paired d = {.pairs = {x, few, 1}, .floor = LEAST};
    assert_int_equal(paired_judge(&d, 1, false, 1), 0);
    assert_int_equal(d.verdict, VERDICT_HIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_changed),
        cmocka_unit_test(test_slower),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
