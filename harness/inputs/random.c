/* SPDX-License-Identifier: MIT */
/* See random.h. Compiled without contraction: a fused product would change bits between machines.
 */
#include "harness/inputs/random.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int r = 0; r < 10; r++) {
        uint64_t a = (uint64_t)0xD2511F53 * c0, b = (uint64_t)0xCD9E8D57 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static void draw(uint64_t seed, enum stream stream, int64_t head, int64_t row, int64_t block,
                 uint32_t out[4])
{
    /* Stream and the high part of the row share a word: rows stay far below 2^56. */
    const uint32_t counter[4] = {(uint32_t)stream | (uint32_t)((uint64_t)row >> 32 << 8),
                                 (uint32_t)head, (uint32_t)row, (uint32_t)block};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    philox4x32(counter, key, out);
}

/*
 * The functions below have no branches, calls or conversions, so that compilers do several at once.
 */
static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Of a positive normal number. */
static inline double log_of(double x)
{
    const uint64_t bits = bits_of(x);
    /* The exponent, as the low bits of 2^52. */
    double e = from_bits(bits >> 52 | UINT64_C(0x433) << 52) - (0x1p52 + 1022);
    double m = from_bits((bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1022) << 52);
    const bool low = m < 0.70710678118654752;
    m = low ? m * 2 : m;
    e = low ? e - 1 : e;
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int k = 21; k >= 1; k -= 2)
        sum = sum * s2 + 1.0 / k;
    return e * 0.69314718055994531 + 2 * s * sum;
}

double fixed_log(double x)
{
    return log_of(x);
}

static inline double exp_of(double x)
{
    /* Added to a small number it leaves the nearest whole one in the low bits. */
    const double shift = 0x1.8p52;
    const double at = x > -700 ? (x < 709 ? x : 709) : -700;
    const double shifted = at * 1.4426950408889634 + shift, n = shifted - shift;
    const double r = at - n * 0.69314718036912382 - n * 1.9082149292705877e-10;
    double sum = 1;
    for (int k = 13; k >= 1; k--)
        sum = 1 + sum * r / k;
    const double y = sum * from_bits((bits_of(shifted) + 1023) << 52);
    return x > -700 ? y : 0;
}

double fixed_exp(double x)
{
    return exp_of(x);
}

void fixed_exps(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = exp_of(x[i]);
}

/* The largest whole number up to x, for |x| < 2^51. */
static inline double floor_of(double x)
{
    const double shift = 0x1.8p52, nearest = x + shift - shift;
    return nearest > x ? nearest - 1 : nearest;
}

static inline void sincos_of(double turns, double *sine, double *cosine)
{
    const double t = turns - floor_of(turns), quadrant = floor_of(t * 4 + 0.5);
    double x = (t - quadrant * 0.25) * 6.283185307179586, x2 = x * x, s = 1, c = 1;
    for (int k = 15; k >= 3; k -= 2)
        s = 1 - s * x2 / (k * (k - 1));
    for (int k = 16; k >= 2; k -= 2)
        c = 1 - c * x2 / (k * (k - 1));
    s *= x;
    /* The quadrant, in low bits: odd ones swap the two, and two in four turn a sign. */
    const uint64_t q = bits_of(quadrant + 0x1p52), swap = -(q & 1);
    const uint64_t a = bits_of(s) ^ ((bits_of(s) ^ bits_of(c)) & swap);
    const uint64_t b = bits_of(c) ^ ((bits_of(s) ^ bits_of(c)) & swap);
    *sine = from_bits(a ^ (q & 2) << 62);
    *cosine = from_bits(b ^ ((q + 1) & 2) << 62);
}

void fixed_sincos(const double *turns, double times, int n, double *sine, double *cosine)
{
    for (int i = 0; i < n; i++)
        sincos_of(turns[i] * times, &sine[i], &cosine[i]);
}

static double unit(uint32_t x)
{
    return ((double)x + 0.5) * 0x1p-32;
}

double random_uniform(uint64_t seed, enum stream stream, int64_t head, int64_t row, int64_t index)
{
    uint32_t x[4];
    draw(seed, stream, head, row, index, x);
    return unit(x[0]);
}

void random_normals(uint64_t seed, enum stream stream, int64_t head, int64_t row, int n,
                    double *out)
{
    enum { PAIRS = 32 };
    for (int i = 0; i < n; i += 2 * PAIRS) {
        const int count = n - i < 2 * PAIRS ? n - i : 2 * PAIRS, pairs = (count + 3) / 4 * 2;
        double radius[PAIRS], turns[PAIRS], s[PAIRS], c[PAIRS], z[2 * PAIRS];
        for (int p = 0; p < pairs; p += 2) {
            uint32_t x[4];
            draw(seed, stream, head, row, (i + 2 * p) / 4, x);
            for (int h = 0; h < 2; h++) {
                radius[p + h] = unit(x[2 * h]);
                turns[p + h] = unit(x[2 * h + 1]);
            }
        }
        for (int p = 0; p < pairs; p++)
            radius[p] = sqrt(-2 * log_of(radius[p]));
        fixed_sincos(turns, 1, pairs, s, c);
        for (int p = 0; p < pairs; p++) {
            z[2 * p] = radius[p] * c[p];
            z[2 * p + 1] = radius[p] * s[p];
        }
        memcpy(out + i, z, (size_t)count * sizeof *z);
    }
}
