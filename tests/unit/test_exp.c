/* SPDX-License-Identifier: MIT */
/*
 * The vector exponentials against libm's exp2 in double precision, at every instruction set that
 * runs here, over all of the negative floats.
 */
#include "tests/unit/exp_kernels.h"
#include "tests/unit/support.h"

#include <float.h>

static const struct {
    const char *isa;
    exp_kernel *exp2, *exp2_bf16;
} kernels[] = {
    {"portable", exp2_portable, exp2_bf16_portable},
#ifdef __x86_64__
    {"avx2", exp2_avx2, exp2_bf16_avx2},
    {"avx512", exp2_avx512, exp2_bf16_avx512},
#endif
};

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Distance of two floats of equal sign in steps from float to float. */
static double ulps(double got, double want)
{
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, exponent - FLT_MANT_DIG);
}

/* 2 ulp where the result is normal, the smallest normal number below. */
static const char *judge_exp2(float x, double got)
{
    const double want = exp2((double)x);
    if (want < (double)FLT_MIN)
        return got >= 0 && fabs(got - want) <= (double)FLT_MIN ? NULL : "below the smallest normal";
    return ulps(got, want) <= 2 ? NULL : "by more than 2 ulp";
}

/* Cut off to bfloat16: 2^(x + 1/2) within 8e-5 and half a unit of bfloat16 (8 bits). */
static const char *judge_exp2_bf16(float x, double got)
{
    const double want = exp2((double)x + 0.5);
    float cut = (float)got;
    uint32_t bits;
    memcpy(&bits, &cut, sizeof bits);
    cut = from_bits(bits & 0xffff0000);
    if (want < 2 * (double)FLT_MIN)
        return cut >= 0 && (double)cut <= 4 * (double)FLT_MIN ? NULL : "below the smallest normal";
    int exponent;
    frexp(want, &exponent);
    const double half = ldexp(1, exponent - 9);
    return fabs((double)cut - want) <= half + 8e-5 * want ? NULL : "by more than its bound";
}

static void sweep(const char *isa, exp_kernel *f, const char *(*judge)(float, double))
{
    const uint32_t negative = 0x80000000, lowest = 0xff800000; /* -0 and -infinity */
    const uint32_t step = (uint32_t)by_haste(97, 997, 9973);
    for (uint32_t at = negative; at < lowest && at >= negative; at += EXP_LANES * step) {
        float x[EXP_LANES], y[EXP_LANES];
        for (uint32_t i = 0; i < EXP_LANES; i++)
            x[i] = from_bits(at + i * step < lowest ? at + i * step : lowest - 1);
        f(x, y);
        for (int i = 0; i < EXP_LANES; i++) {
            const char *wrong = judge(x[i], (double)y[i]);
            if (wrong)
                fail_msg("%s: of %a is %a, off %s", isa, (double)x[i], (double)y[i], wrong);
        }
    }
}

/* Whole numbers and the ties between them, each with its neighbours; edges of the range. */
static void corners(const char *isa, exp_kernel *f, const char *(*judge)(float, double))
{
    for (int twice = 0; twice <= 2 * 160; twice++)
        for (int side = -1; side <= 1; side++) {
            float x[EXP_LANES] = {0}, y[EXP_LANES], at = -(float)twice / 2;
            if (side)
                at = nextafterf(at, side < 0 ? -INFINITY : 0);
            x[twice % EXP_LANES] = at;
            f(x, y);
            const char *wrong = judge(at, (double)y[twice % EXP_LANES]);
            if (wrong)
                fail_msg("%s: of %a is %a, off %s", isa, (double)at, (double)y[twice % EXP_LANES],
                         wrong);
        }
}

/* Calls check for each instruction set that runs here; others are named. */
static void each_isa(void (*check)(const char *isa, exp_kernel *exp2, exp_kernel *exp2_bf16))
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const char *why = "";
        if (attn_isa_select(kernels[i].isa, &why) != 0)
            print_message("skipped %s: %s\n", kernels[i].isa, why);
        else
            check(kernels[i].isa, kernels[i].exp2, kernels[i].exp2_bf16);
    }
}

static void check_exp2(const char *isa, exp_kernel *f, exp_kernel *unused)
{
    (void)unused;
    sweep(isa, f, judge_exp2);
    corners(isa, f, judge_exp2);
    float x[EXP_LANES] = {0, -0.0f, -INFINITY, NAN, -NAN, -FLT_MAX, -FLT_TRUE_MIN, -1},
          y[EXP_LANES];
    f(x, y);
    assert_true(y[0] == 1 && y[1] == 1 && y[7] == 0.5f);
    assert_true(y[2] == 0 && y[5] == 0);
    assert_true(isnan(y[3]) && isnan(y[4]));
    assert_true(y[6] == 1);
}

static void check_exp2_bf16(const char *isa, exp_kernel *unused, exp_kernel *f)
{
    (void)unused;
    sweep(isa, f, judge_exp2_bf16);
    corners(isa, f, judge_exp2_bf16);
    float x[EXP_LANES] = {-INFINITY, -FLT_MAX, NAN}, y[EXP_LANES];
    f(x, y);
    /* The products take a denormal for 0. */
    assert_true(y[0] >= 0 && y[0] < FLT_MIN && y[1] >= 0 && y[1] < FLT_MIN);
    assert_true(isnan(y[2]));
}

static void test_exp2(void **state)
{
    (void)state;
    each_isa(check_exp2);
}

static void test_exp2_for_bf16(void **state)
{
    (void)state;
    each_isa(check_exp2_bf16);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp2),
        cmocka_unit_test(test_exp2_for_bf16),
    };
    (void)argc;
    const int status = begin_tests(argv);
    return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
