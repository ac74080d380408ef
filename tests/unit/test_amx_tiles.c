/* SPDX-License-Identifier: MIT */
/*
 * The AMX operations against scalar loops: built with variants/kernels/amx_tiles.h, this tests that
 * header on a CPU with AMX; built with the header of tests/emulation, it tests the emulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#ifdef __x86_64__
#include "variants/kernels/amx_tiles.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 16, WORDS = 16, POISON = 0x7fc0dead };

/* Tiles 0 (m, n), 1 (m, k) and 2 (k, n), in words; the others are not configured. */
static struct amx_shapes shapes_of(int m, int k, int n)
{
    return (struct amx_shapes){
        .palette = 1,
        .row_bytes = {(uint16_t)(4 * n), (uint16_t)(4 * k), (uint16_t)(4 * n)},
        .rows = {(uint8_t)m, (uint8_t)m, (uint8_t)k}};
}

static const int shapes[][3] = {{16, 16, 16}, {1, 1, 1},   {3, 16, 16},
                                {16, 5, 16},  {16, 16, 7}, {2, 3, 5}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void configure(int m, int k, int n)
{
    const struct amx_shapes s = shapes_of(m, k, n);
    if (!amx_available())
        skip();
    amx_configure(&s);
}

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Two small integers as bfloat16: all sums of their products are exact. */
static uint32_t pair(uint32_t *state)
{
    const float low = (float)(draw(state) % 33) - 16, high = (float)(draw(state) % 33) - 16;
    return bits_of(low) >> 16 | (bits_of(high) & 0xffff0000);
}

/* A stride that is not the width; nothing but the tile's rows and bytes is touched. */
static void test_loads_and_stores(void **state)
{
    (void)state;
    enum { STRIDE = 20 };
    for (int i = 0; i < SHAPES; i++) {
        const int m = shapes[i][0], n = shapes[i][2];
        uint32_t from[ROWS * STRIDE], to[ROWS * STRIDE];
        configure(m, shapes[i][1], n);
        for (uint32_t x = 0; x < ROWS * STRIDE; x++) {
            from[x] = x;
            to[x] = POISON;
        }
        amx_load(0, from, STRIDE * 4);
        amx_store(0, to, STRIDE * 4);
        for (int x = 0; x < ROWS * STRIDE; x++)
            assert_int_equal(to[x], x / STRIDE < m && x % STRIDE < n ? x : POISON);
        amx_zero(0);
        amx_store(0, to, STRIDE * 4);
        for (int x = 0; x < ROWS * STRIDE; x++)
            assert_int_equal(to[x], x / STRIDE < m && x % STRIDE < n ? 0 : POISON);
        amx_release();
    }
}

static void test_configuring_clears(void **state)
{
    (void)state;
    uint32_t x[ROWS * WORDS];
    configure(16, 16, 16);
    memset(x, 0xff, sizeof x);
    amx_load(0, x, 64);
    configure(16, 16, 16);
    amx_store(0, x, 64);
    for (int i = 0; i < ROWS * WORDS; i++)
        assert_int_equal(x[i], 0);
    amx_release();
}

static void test_dot_bf16(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < SHAPES; i++) {
        const int m = shapes[i][0], k = shapes[i][1], n = shapes[i][2];
        uint32_t a[ROWS][WORDS], b[ROWS][WORDS];
        float sum[ROWS][WORDS], got[ROWS][WORDS];
        for (int x = 0; x < ROWS * WORDS; x++) {
            a[x / WORDS][x % WORDS] = pair(&seed);
            b[x / WORDS][x % WORDS] = pair(&seed);
            sum[x / WORDS][x % WORDS] = (float)(draw(&seed) % 100);
        }
        configure(m, k, n);
        amx_load(0, sum, 64);
        amx_load(1, a, 64);
        amx_load(2, b, 64);
        amx_dot_bf16(0, 1, 2);
        amx_store(0, got, 64);
        amx_release();
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++) {
                float want = sum[r][c];
                for (int x = 0; x < k; x++)
                    want += as_float(a[r][x] << 16) * as_float(b[x][c] << 16) +
                            as_float(a[r][x] & 0xffff0000) * as_float(b[x][c] & 0xffff0000);
                assert_true(got[r][c] == want);
            }
    }
}

static void test_dot_bytes(void **state)
{
    (void)state;
    uint32_t seed = 2;
    for (int i = 0; i < SHAPES; i++) {
        const int m = shapes[i][0], k = shapes[i][1], n = shapes[i][2];
        int8_t a[ROWS][WORDS][4], b[ROWS][WORDS][4];
        int32_t sum[ROWS][WORDS], got[ROWS][WORDS];
        for (int x = 0; x < ROWS * WORDS * 4; x++) {
            a[x / 64][x / 4 % WORDS][x % 4] = (int8_t)((int)(draw(&seed) % 256) - 128);
            b[x / 64][x / 4 % WORDS][x % 4] = (int8_t)((int)(draw(&seed) % 256) - 128);
            sum[x / 64][x / 4 % WORDS] = (int32_t)(draw(&seed) % 1000) - 500;
        }
        configure(m, k, n);
        amx_load(0, sum, 64);
        amx_load(1, a, 64);
        amx_load(2, b, 64);
        amx_dot_bytes(0, 1, 2);
        amx_store(0, got, 64);
        amx_release();
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++) {
                int32_t want = sum[r][c];
                for (int x = 0; x < 4 * k; x++)
                    want += a[r][x / 4][x % 4] * b[x / 4][c][x % 4];
                assert_int_equal(got[r][c], want);
            }
    }
}

/* a . b + sum of single elements. */
static float one_product(float a, float b, float sum)
{
    const uint32_t x = bits_of(a) >> 16, y = bits_of(b) >> 16;
    configure(1, 1, 1);
    amx_load(0, &sum, 64);
    amx_load(1, &x, 64);
    amx_load(2, &y, 64);
    amx_dot_bf16(0, 1, 2);
    amx_store(0, &sum, 64);
    amx_release();
    return sum;
}

static void test_denormals_are_zero(void **state)
{
    (void)state;
    assert_true(one_product(3, 5, 0.5f) == 15.5f);
    assert_true(one_product(0x1p-130f, 0x1p120f, 0) == 0); /* an operand */
    assert_true(one_product(0x1p-100f, 0x1p-30f, 0) == 0); /* the result */
    assert_true(one_product(0, 1, 0x1p-130f) == 0);        /* the sum so far */
    assert_true(one_product(0x1p-100f, 0x1p-20f, 0) == 0x1p-120f);
    assert_true(isnan(one_product(NAN, 1, 0)));
    assert_true(one_product(INFINITY, 1, 0) == INFINITY);
}

/* A product of tiles configured as s ends the process. */
static void assert_faults(const struct amx_shapes *s)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        /* The test library's handlers would answer what a CPU reports. */
        signal(SIGILL, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        freopen("/dev/null", "w", stderr);
        amx_configure(s);
        amx_dot_bf16(0, 1, 2);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void test_faults(void **state)
{
    (void)state;
    if (!amx_available())
        skip();
    struct amx_shapes s = shapes_of(16, 16, 16);
    s.rows[2] = 8; /* k of b is not that of a */
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.row_bytes[0] = 32; /* n of the sum is not that of b */
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.rows[1] = 4; /* m of a is not that of the sum */
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.rows[1] = 0; /* not configured */
    s.row_bytes[1] = 0;
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.rows[3] = 17; /* more than there are */
    s.row_bytes[3] = 64;
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.row_bytes[3] = 64; /* bytes without rows */
    assert_faults(&s);
    s = shapes_of(16, 16, 16);
    s.palette = 2;
    assert_faults(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_and_stores),   cmocka_unit_test(test_configuring_clears),
        cmocka_unit_test(test_dot_bf16),           cmocka_unit_test(test_dot_bytes),
        cmocka_unit_test(test_denormals_are_zero), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    puts("AMX is x86-64 only: nothing to test");
    return 0;
}
#endif
