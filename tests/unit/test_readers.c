/* SPDX-License-Identifier: MIT */
/* What the readers of tensors refuse, with the words that name the fault. Mutations: fuzz_readers.
 */
#include "harness/inputs/tensorfile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bytes {
    uint8_t at[2048];
    size_t size;
};

static struct bytes npy(const char *dictionary, size_t data)
{
    struct bytes b = {.size = 10 + strlen(dictionary) + data};
    memcpy(b.at, "\x93NUMPY\1\0", 8);
    b.at[8] = (uint8_t)strlen(dictionary);
    memcpy(b.at + 10, dictionary, strlen(dictionary));
    return b;
}

static struct bytes safetensors(const char *header, size_t data)
{
    struct bytes b = {.size = 8 + strlen(header) + data};
    b.at[0] = (uint8_t)strlen(header);
    b.at[1] = (uint8_t)(strlen(header) >> 8);
    memcpy(b.at + 8, header, strlen(header));
    return b;
}

static void refuses(struct bytes b, const char *words)
{
    struct tensor_file f;
    char msg[TENSOR_MESSAGE] = "";
    int rc = tensor_file_parse(b.at, b.size, "input", &f, msg);
    if (rc == 0 || !strstr(msg, words))
        fail_msg("instead of '%s': '%s' (%d)", words, msg, rc);
    assert_ptr_equal(strstr(msg, "input: "), msg);
}

static void test_npy(void **state)
{
    (void)state;
    refuses(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8),
            "type '>f4' is not read");
    refuses(npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8), "'|O' is not read");
    refuses(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8),
            "'<i4' is not read");
    refuses(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8), "Fortran order");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7), "truncated");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9),
            "declares 8 bytes");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8),
            "shape is malformed");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 8),
            "declares more");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 8),
            "shape is malformed");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4),
            "shape is malformed");
    refuses(npy("{'descr': '<f4', 'fortran_order': False}", 4), "lacks");
    refuses(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4),
            "twice");
    refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4),
            "unknown key 'x'");
    refuses(npy("__import__('os')", 4), "not a dictionary");
    struct bytes version = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4);
    version.at[6] = 9;
    refuses(version, "version 9");
}

static void test_safetensors(void **state)
{
    (void)state;
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        "\"k\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                        12),
            "overlaps");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16),
            "hole");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12),
            "12 are there");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4),
            "outside the file");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8),
            "declares");
    refuses(safetensors("{\"q\":{\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8),
            "type I8 is not read");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", 8),
            "fraction");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8),
            "whole number");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        "\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
                        16),
            "given twice");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), "lacks");
    refuses(safetensors("{\"q\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} x", 8),
            "goes on");
    refuses(safetensors("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0), "given twice");
    refuses(safetensors("{}", 0), "no tensors");
    struct bytes huge = safetensors("{}", 0);
    huge.at[6] = 1;
    refuses(huge, "declares");
    refuses((struct bytes){.at = "hello, world", .size = 12}, "neither");
    refuses((struct bytes){.size = 0}, "neither");
}

static void test_values(void **state)
{
    (void)state;
    struct bytes b =
        safetensors("{\"__metadata__\":{\"model\":\"a\\u0042\"},"
                    "\"h\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                    "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[12,14]},"
                    "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[14,22]}}",
                    22);
    /* 1, -2, the smallest subnormal, the largest, infinity, NaN */
    static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00},
                          bfloat = 0x4049;
    const double d = 0.1;
    memcpy(b.at + b.size - 22, half, 12);
    memcpy(b.at + b.size - 10, &bfloat, 2);
    memcpy(b.at + b.size - 8, &d, 8);
    struct tensor_file f;
    char msg[TENSOR_MESSAGE];
    assert_int_equal(tensor_file_parse(b.at, b.size, "input", &f, msg), 0);
    const struct tensor *h = tensor_file_find(&f, "h");
    assert_non_null(h);
    assert_int_equal(h->rank, 2);
    assert_int_equal(h->shape[1], 3);
    assert_true(h->data[0] == 1 && h->data[1] == -2 && h->data[2] == 0x1p-24f &&
                h->data[3] == 65504);
    assert_true(isinf(h->data[4]) && isnan(h->data[5]));
    assert_int_equal(h->nonfinite, 2);
    assert_true(tensor_file_find(&f, "b")->data[0] == 3.140625f);
    assert_true(tensor_file_find(&f, "d")->data[0] == 0.1f);
    assert_null(tensor_file_find(&f, "x"));
    assert_string_equal(tensor_file_meta(&f, "model"), "aB");
    tensor_file_free(&f);
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[] = "/tmp/attnbench-test-XXXXXX", msg[TENSOR_MESSAGE];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const float x[] = {1, -0.5f, 3e-39f, 1e30f, NAN, 7};
    assert_int_equal(npy_write(path, 3, (const int64_t[]){1, 2, 3}, x, msg), 0);
    struct tensor_file f;
    assert_int_equal(tensor_file_read(path, &f, msg), 0);
    assert_int_equal(f.tensors[0].shape[2], 3);
    assert_memory_equal(f.tensors[0].data, x, sizeof x);
    tensor_file_free(&f);
    unlink(path);
    assert_int_equal(tensor_file_read(path, &f, msg), -1);
    assert_non_null(strstr(msg, "No such file"));
    assert_int_equal(npy_write("/proc/nowhere/x.npy", 1, (const int64_t[]){1}, x, msg), -1);
    assert_int_equal(npy_write("/dev/full", 1, (const int64_t[]){1}, x, msg), -1);
    assert_non_null(strstr(msg, "No space left"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy),
        cmocka_unit_test(test_safetensors),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
