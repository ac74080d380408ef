/* SPDX-License-Identifier: MIT */
/* The BLAS: loaded when asked for, single-threaded, with kernels that suit the CPU. */
#include "tests/unit/support.h"
#include "variants/kernels/blas.h"

static void test_loading(void **state)
{
    (void)state;
    assert_null(attn_blas_loaded());
    const struct attn_blas *blas = attn_blas();
    assert_non_null(blas);
    assert_ptr_equal(attn_blas_loaded(), blas);
    assert_ptr_equal(attn_blas(), blas);
    assert_true(strncmp(blas->config, "OpenBLAS ", 9) == 0);
    assert_true(*blas->core);
    const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {7, 8, 9, 10, 11, 12};
    float c[4];
    blas->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, 2, 2, 3, 1, a, 3, b, 3, 0, c, 2);
    const float want[] = {50, 68, 122, 167};
    assert_memory_equal(c, want, sizeof want);
}

static void test_supports(void **state)
{
    (void)state;
    struct attn_problem p = {.n_q = 1 << 20, .n_k = 1 << 20};
    const char *why = "";
    assert_true(attn_blas_supports(&p, NULL, &why));
    p.n_k = INT64_C(1) << 31;
    assert_false(attn_blas_supports(&p, NULL, &why));
    assert_string_equal(why, "OpenBLAS counts in 32 bits");
}

static void test_better_core(void **state)
{
    (void)state;
    const struct attn_cpu avx512 = {true, true, false}, zen5 = {true, true, true},
                          avx2 = {false, true, false}, zen2 = {false, true, true}, old = {0};
    assert_string_equal(attn_blas_better(&avx512, "Haswell"), "SkylakeX");
    assert_string_equal(attn_blas_better(&zen5, "Zen"), "SkylakeX");
    assert_string_equal(attn_blas_better(&avx2, "Prescott"), "Haswell");
    assert_string_equal(attn_blas_better(&avx2, "Sandybridge"), "Haswell");
    assert_string_equal(attn_blas_better(&zen2, "Barcelona"), "Zen");
    assert_null(attn_blas_better(&avx512, "SapphireRapids"));
    assert_null(attn_blas_better(&zen5, "Cooperlake"));
    assert_null(attn_blas_better(&zen5, "SKYLAKEX"));
    assert_null(attn_blas_better(&avx2, "Haswell"));
    assert_null(attn_blas_better(&zen2, "Zen"));
    assert_null(attn_blas_better(&old, "Nehalem"));
}

int main(int argc, char **argv)
{
    (void)argc;
    const int rc = begin_tests(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_supports),
        cmocka_unit_test(test_better_core),
    };
    return rc ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}
