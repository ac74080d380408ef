/* SPDX-License-Identifier: MIT */
/*
 * Mutates good .npy, .npz and .safetensors files and gives them to the readers: every answer is
 * fine but a crash, a leak, or success with data that the file cannot hold.
 *
 *   fuzz_readers [iterations] [seed]
 */
#include "harness/inputs/tensorfile.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ROOM 4096

struct file {
    uint8_t bytes[ROOM];
    size_t size;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void put(struct file *f, const void *bytes, size_t n)
{
    memcpy(f->bytes + f->size, bytes, n);
    f->size += n;
}

static void put_le(struct file *f, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        f->bytes[f->size++] = (uint8_t)(value >> (8 * i));
}

static struct file make_npy(void)
{
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }\n";
    struct file f = {.size = 0};
    put(&f, "\x93NUMPY\1\0", 8);
    put_le(&f, sizeof header - 1, 2);
    put(&f, header, sizeof header - 1);
    for (int i = 0; i < 24; i++) {
        float x = (float)i;
        put(&f, &x, sizeof x);
    }
    return f;
}

static struct file make_npz(bool deflated)
{
    struct file npy = make_npy(), f = {.size = 0};
    uint8_t packed[ROOM];
    size_t size = npy.size;
    const uint32_t crc = (uint32_t)crc32(0, npy.bytes, (uInt)npy.size);
    memcpy(packed, npy.bytes, npy.size);
    if (deflated) {
        z_stream z = {.next_in = npy.bytes,
                      .avail_in = (uInt)npy.size,
                      .next_out = packed,
                      .avail_out = ROOM};
        deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        deflate(&z, Z_FINISH);
        size = z.total_out;
        deflateEnd(&z);
    }
    for (int directory = 0; directory < 2; directory++) {
        put(&f, directory ? "PK\1\2" : "PK\3\4", 4);
        if (directory)
            put_le(&f, 20, 2);
        put_le(&f, 20, 2);
        put_le(&f, 0, 2);
        put_le(&f, deflated ? 8 : 0, 2);
        put_le(&f, 0, 4);
        put_le(&f, crc, 4);
        put_le(&f, size, 4);
        put_le(&f, npy.size, 4);
        put_le(&f, 5, 2);
        put_le(&f, 0, 2);
        if (directory)
            f.size += 14;
        put(&f, "q.npy", 5);
        if (!directory)
            put(&f, packed, size);
    }
    const size_t length = 46 + 5, at = f.size - length;
    put(&f, "PK\5\6\0\0\0\0\1\0\1\0", 12);
    put_le(&f, length, 4);
    put_le(&f, at, 4);
    put_le(&f, 0, 2);
    return f;
}

static struct file make_safetensors(void)
{
    static const char header[] =
        "{\"__metadata__\":{\"model\":\"a\\u0041\"},"
        "\"q\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]},"
        "\"k\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}";
    struct file f = {.size = 0};
    put_le(&f, sizeof header - 1, 8);
    put(&f, header, sizeof header - 1);
    for (int i = 0; i < 24; i++)
        put_le(&f, (unsigned)i, 1);
    return f;
}

/* Reads a copy whose end is the end of its allocation, so that a sanitizer sees one byte too far.
 */
static int parse(const struct file *f)
{
    struct tensor_file out;
    char msg[TENSOR_MESSAGE] = "";
    uint8_t *bytes = malloc(f->size + !f->size);
    if (!bytes)
        abort();
    memcpy(bytes, f->bytes, f->size);
    int rc = tensor_file_parse(bytes, f->size, "fuzz", &out, msg);
    if (rc == 0) {
        int64_t values = 0;
        for (int i = 0; i < out.count; i++)
            values += out.tensors[i].count;
        if ((uint64_t)values * 2 > f->size * 1100)
            abort();
        tensor_file_free(&out);
    } else if (strncmp(msg, "fuzz: ", 6) != 0 || out.count || out.tensors) {
        abort();
    }
    free(bytes);
    return rc;
}

static void mutate(struct file *f, uint64_t *state)
{
    static const uint64_t evil[] = {0,          1,          0x7f,       0xff,
                                    0x7fffffff, 0xffffffff, UINT64_MAX, INT64_MAX};
    for (uint64_t times = 1 + next_random(state) % 4; times; times--) {
        size_t at = f->size ? next_random(state) % f->size : 0;
        switch (next_random(state) % 6) {
        case 0:
            f->bytes[at] ^= (uint8_t)(1u << next_random(state) % 8);
            break;
        case 1:
            f->bytes[at] = (uint8_t)next_random(state);
            break;
        case 2:
            f->size = at;
            break;
        case 3:
            for (size_t i = 0, n = (size_t)1 << next_random(state) % 4; i < n && at + i < f->size;
                 i++)
                f->bytes[at + i] = (uint8_t)(evil[next_random(state) % 8] >> (8 * i));
            break;
        case 4: /* doubles a piece */
            if (f->size - at < 64 && f->size + 64 < ROOM) {
                memmove(f->bytes + f->size, f->bytes + at, f->size - at);
                f->size += f->size - at;
            }
            break;
        default: /* a digit becomes another: shapes, offsets */
            for (size_t i = at; i < f->size; i++)
                if (f->bytes[i] >= '0' && f->bytes[i] <= '9') {
                    f->bytes[i] = (uint8_t)('0' + next_random(state) % 10);
                    break;
                }
        }
    }
}

int main(int argc, char **argv)
{
    const long iterations = argc > 1 ? atol(argv[1]) : 100000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const struct file good[] = {make_npy(), make_npz(false), make_npz(true), make_safetensors()};
    long accepted = 0;
    for (size_t k = 0; k < 4; k++) {
        if (parse(&good[k])) {
            fprintf(stderr, "the good file %zu is refused\n", k);
            return 1;
        }
        for (size_t size = 0; size < good[k].size; size++) {
            struct file f = good[k];
            f.size = size;
            if (parse(&f) == 0) {
                fprintf(stderr, "file %zu cut to %zu of %zu bytes is accepted\n", k, size,
                        good[k].size);
                return 1;
            }
        }
    }
    for (long i = 0; i < iterations; i++) {
        uint64_t state = seed * UINT64_C(1000003) + (uint64_t)i;
        struct file f = good[next_random(&state) % 4];
        mutate(&f, &state);
        accepted += parse(&f) == 0;
    }
    printf("seed %llu: %ld mutants, %ld of them still readable\n", (unsigned long long)seed,
           iterations, accepted);
    return 0;
}
