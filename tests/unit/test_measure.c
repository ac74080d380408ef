/* SPDX-License-Identifier: MIT */
/* What measuring is made of, on synthetic clocks and curves: nothing here depends on speed. */
#include "harness/measure/caches.h"
#include "harness/measure/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cache_steps),
                                       cmocka_unit_test(test_roofs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
