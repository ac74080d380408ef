/* SPDX-License-Identifier: MIT */
/*
 * Variants against outputs that other people's code computed: tests/values/make_values.py. A
 * definition and a fast path written by the same hand may share a misreading; these do not.
 */
#ifndef TESTS_VARIANT_VALUES_H
#define TESTS_VARIANT_VALUES_H

#include "harness/inputs/tensorfile.h"
#include "tests/unit/variant_cases.h"

/* What a file of expected outputs is the output of. */
static const struct {
    const char *file, *variant, *params;
    bool causal;
} expected_values[] = {
    {"full", "naive", "", false},
    {"full", "flash", "", false},
    {"full_causal", "naive", "", true},
    {"full_causal", "flash", "", true},
    {"cross_causal", "naive", "", true},
    {"cross_causal", "flash", "", true},
    {"window", "window", "w=7", false},
    {"window_causal", "window", "w=7", true},
    {"block_local_causal", "block_local", "b=10", true},
    {"linear", "linear_elu", "", false},
    {"linear_causal", "linear_elu", "", true},
};

/* The first tensor of tests/values/<name>.npy, seen from the root of the repository. */
static struct tensor_file read_values(const char *name)
{
    char path[256], msg[TENSOR_MESSAGE];
    struct tensor_file file;
    snprintf(path, sizeof path, "tests/values/%s.npy", name);
    if (tensor_file_read(path, &file, msg) != 0)
        fail_msg("%s (run this from the root of the repository)", msg);
    assert_int_equal(file.count, 1);
    assert_int_equal(file.tensors[0].rank, 3);
    return file;
}

static void test_values_of_others(void **state)
{
    (void)state;
    struct tensor_file q = read_values("q"), k = read_values("k"), v = read_values("v");
    const int64_t *k_shape = k.tensors[0].shape, *q_shape = q.tensors[0].shape;
    for (size_t i = 0; i < sizeof expected_values / sizeof *expected_values; i++) {
        const struct attn_variant *variant = attn_variant_find(expected_values[i].variant);
        const char *only = getenv("ATTN_TEST_VARIANT");
        if (!variant || (only && strcmp(only, variant->name) != 0))
            continue;
        struct tensor_file want = read_values(expected_values[i].file);
        const struct tensor *o = &want.tensors[0];
        struct variant_case c =
            plain_case(variant, o->shape[1], k_shape[1], expected_values[i].causal);
        c.p.heads_q = q_shape[0];
        c.p.heads_kv = k_shape[0];
        c.p.d = q_shape[2];
        c.p.d_v = o->shape[2];
        c.p.scale = 1 / sqrt((double)c.p.d);
        char msg[ATTN_MESSAGE];
        if (attn_params_parse(variant, expected_values[i].params, c.params, msg) != 0)
            fail_msg("%s: %s", variant->name, msg);
        struct arena a = open_arena(&c);
        memcpy(a.k.at, k.tensors[0].data, a.k.size);
        memcpy(a.v.at, v.tensors[0].data, a.v.size);
        /* Fewer queries than there are in the file: the newest ones. */
        size_t head = (size_t)(c.p.n_q * c.p.d);
        for (int64_t h = 0; h < c.p.heads_q; h++)
            memcpy(floats(&a.q) + (size_t)h * head,
                   q.tensors[0].data + ((h + 1) * q_shape[1] - c.p.n_q) * c.p.d,
                   head * sizeof(float));
        run_case(&c, &a);
        double apart = distance(floats(&a.o), o->data, o_floats(&c.p));
        if (!(apart <= 2e-6))
            fail_case(&c, "differs from %s.npy by %.3g", expected_values[i].file, apart);
        close_arena(&a);
        tensor_file_free(&want);
    }
    tensor_file_free(&q);
    tensor_file_free(&k);
    tensor_file_free(&v);
}

#endif
