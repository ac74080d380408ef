/* SPDX-License-Identifier: MIT */
/*
 * Stands in front of variants/kernels/amx_tiles.h in test builds (-iquote tests/emulation): the
 * same interface in software, so that the AMX back end is tested on CPUs without AMX. It follows
 * the operations in Intel's manual to the bit, and aborts where the CPU would fault.
 */
#ifndef ATTN_AMX_TILES_H
#define ATTN_AMX_TILES_H

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AMX_TILES = 8, AMX_ROWS = 16, AMX_ROW_BYTES = 64 };

struct amx_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Eight tiles of 16 rows of 64 bytes. */
static const struct amx_shapes amx_whole = {.palette = 1,
                                            .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                                            .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* A thread's tiles; shapes are zeros when nothing is configured. */
static _Thread_local struct amx_state {
    struct amx_shapes shapes;
    uint32_t tile[AMX_TILES][AMX_ROWS][AMX_ROW_BYTES / 4];
} amx;

static inline bool amx_available(void)
{
    return true;
}

static inline void amx_check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "AMX emulation: fault: %s\n", what);
    abort();
}

static inline void amx_configure(const struct amx_shapes *s)
{
    amx_check(s->palette == 1 && s->start_row == 0, "palette not 1, or a start row");
    for (int i = 0; i < 14; i++)
        amx_check(s->reserved[i] == 0, "a reserved byte is not 0");
    for (int i = 0; i < 16; i++) {
        amx_check(s->row_bytes[i] <= AMX_ROW_BYTES && s->rows[i] <= AMX_ROWS, "shape too large");
        amx_check((s->row_bytes[i] == 0) == (s->rows[i] == 0),
                  "rows without bytes, or bytes alone");
        amx_check(i < AMX_TILES || s->rows[i] == 0, "no such tile");
    }
    memset(&amx, 0, sizeof amx);
    amx.shapes = *s;
}

static inline void amx_release(void)
{
    memset(&amx, 0, sizeof amx);
}

static inline void amx_check_tile(int t)
{
    amx_check(t >= 0 && t < AMX_TILES && amx.shapes.rows[t] > 0, "tile not configured");
}

static inline void amx_zero(int t)
{
    amx_check_tile(t);
    memset(amx.tile[t], 0, sizeof amx.tile[t]);
}

static inline void amx_load(int t, const void *from, int64_t stride)
{
    amx_zero(t);
    for (int r = 0; r < amx.shapes.rows[t]; r++)
        memcpy(amx.tile[t][r], (const char *)from + r * stride, amx.shapes.row_bytes[t]);
}

static inline void amx_store(int t, void *to, int64_t stride)
{
    amx_check_tile(t);
    for (int r = 0; r < amx.shapes.rows[t]; r++)
        memcpy((char *)to + r * stride, amx.tile[t][r], amx.shapes.row_bytes[t]);
}

/* Shapes (m, k) . (k, n) into (m, n), in words. */
static inline void amx_check_dot(int sum, int a, int b)
{
    const struct amx_shapes *s = &amx.shapes;
    amx_check_tile(sum);
    amx_check_tile(a);
    amx_check_tile(b);
    amx_check(sum != a && sum != b && a != b, "one tile twice in a product");
    amx_check(s->row_bytes[sum] % 4 == 0 && s->row_bytes[a] % 4 == 0 && s->row_bytes[b] % 4 == 0,
              "rows are not whole words");
    amx_check(s->rows[sum] == s->rows[a] && s->row_bytes[sum] == s->row_bytes[b] &&
                  s->row_bytes[a] / 4 == s->rows[b],
              "shapes of a product do not fit");
}

/* What is beyond the shape of a result is zero. */
static inline void amx_clear_outside(int t)
{
    for (int r = 0; r < AMX_ROWS; r++)
        for (int c = 0; c < AMX_ROW_BYTES / 4; c++)
            if (r >= amx.shapes.rows[t] || c >= amx.shapes.row_bytes[t] / 4)
                amx.tile[t][r][c] = 0;
}

static inline float amx_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Even and odd elements are added up apart, with fused products. Not inline: see its caller. */
__attribute__((noinline, unused)) static void amx_dot_bf16_rows(int sum, int a, int b)
{
    const int words = amx.shapes.row_bytes[a] / 4;
    for (int m = 0; m < amx.shapes.rows[sum]; m++) {
        float even[16] = {0}, odd[16] = {0};
        for (int k = 0; k < words; k++) {
            const uint32_t x = amx.tile[a][m][k], *y = amx.tile[b][k];
            const float low = amx_float(x << 16), high = amx_float(x & 0xffff0000);
            for (int n = 0; n < 16; n++) {
                even[n] = fmaf(low, amx_float(y[n] << 16), even[n]);
                odd[n] = fmaf(high, amx_float(y[n] & 0xffff0000), odd[n]);
            }
        }
        for (int n = 0; n < 16; n++) {
            const float x = amx_float(amx.tile[sum][m][n]) + (even[n] + odd[n]);
            memcpy(&amx.tile[sum][m][n], &x, sizeof x);
        }
    }
}

static inline void amx_dot_bf16(int sum, int a, int b)
{
    enum { NEAREST = 0x1f80, FLUSH = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    amx_check_dot(sum, a, b);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(NEAREST | FLUSH | DENORMALS_ARE_ZERO);
    amx_dot_bf16_rows(sum, a, b);
    _mm_setcsr(before);
    amx_clear_outside(sum);
}

static inline void amx_dot_bytes(int sum, int a, int b)
{
    amx_check_dot(sum, a, b);
    const int words = amx.shapes.row_bytes[a] / 4;
    for (int m = 0; m < amx.shapes.rows[sum]; m++)
        for (int k = 0; k < words; k++)
            for (int n = 0; n < 16; n++)
                for (int i = 0; i < 32; i += 8) {
                    const int32_t x = (int8_t)(amx.tile[a][m][k] >> i);
                    const int32_t y = (int8_t)(amx.tile[b][k][n] >> i);
                    amx.tile[sum][m][n] += (uint32_t)(x * y);
                }
    amx_clear_outside(sum);
}

#endif
