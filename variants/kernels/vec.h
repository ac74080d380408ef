/* SPDX-License-Identifier: MIT */
/*
 * Vectors of VL floats for the kernels that are compiled once an instruction set. The ISA file
 * decides by its compiler flags; arithmetic is GCC's vector extension, and only what that cannot
 * say (max, floor, scaling by powers of two) is an intrinsic.
 */
#ifndef ATTN_VEC_H
#define ATTN_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VL 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define VL 8
#else
#define VL 4
#endif

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * VL)));
typedef float vf_any __attribute__((vector_size(4 * VL), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef int32_t vi_any __attribute__((vector_size(4 * VL), aligned(4), may_alias));

INLINE vf vf_load(const float *p)
{
    return *(const vf_any *)p;
}

INLINE void vf_store(float *p, vf x)
{
    *(vf_any *)p = x;
}

INLINE vi vi_load(const int32_t *p)
{
    return *(const vi_any *)p;
}

INLINE vf vf_set(float x)
{
    return x - (vf){0};
}

/* Second operand when either is NaN. */
INLINE vf vf_max(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    vi greater = a > b;
    return (vf)((greater & (vi)a) | (~greater & (vi)b));
#endif
}

INLINE vf vf_from_int(vi x)
{
    return __builtin_convertvector(x, vf);
}

/* Sum of the lanes. */
INLINE float vf_sum(vf x)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)x);
#elif defined(__AVX2__)
    __m128 a = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
#else
    return (x[0] + x[1]) + (x[2] + x[3]);
#endif
}

/* Lanes of a pair of rows, `step` apart, that a transposition leaves and exchanges. */
#if VL == 16
#define LOW1  0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define LOW2  0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW4  0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW8  0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#elif VL == 8
#define LOW1  0, 8, 2, 10, 4, 12, 6, 14
#define HIGH1 1, 9, 3, 11, 5, 13, 7, 15
#define LOW2  0, 1, 8, 9, 4, 5, 12, 13
#define HIGH2 2, 3, 10, 11, 6, 7, 14, 15
#define LOW4  0, 1, 2, 3, 8, 9, 10, 11
#define HIGH4 4, 5, 6, 7, 12, 13, 14, 15
#else
#define LOW1  0, 4, 2, 6
#define HIGH1 1, 5, 3, 7
#define LOW2  0, 1, 4, 5
#define HIGH2 2, 3, 6, 7
#endif

#define EXCHANGE(r, step)                                                                          \
    UNROLL for (int i = 0; i < VL; i++) if (!(i & step))                                           \
    {                                                                                              \
        const vf a = r[i], b = r[i + step];                                                        \
        r[i] = __builtin_shufflevector(a, b, LOW##step);                                           \
        r[i + step] = __builtin_shufflevector(a, b, HIGH##step);                                   \
    }

/* Transposes VL rows in place. */
INLINE void vf_transpose(vf r[VL])
{
    EXCHANGE(r, 1)
    EXCHANGE(r, 2)
#if VL >= 8
    EXCHANGE(r, 4)
#endif
#if VL >= 16
    EXCHANGE(r, 8)
#endif
}

/* Adding it rounds to an integer, which then stands in the lowest bits. */
#define VF_MAGIC 0x1.8p23f

/*
 * 2^x for x <= 0: within 2 ulp down to 2^-126, an absolute error below that, exactly 0 for
 * -infinity; NaN stays NaN. Minimax polynomial of 2^f in relative error on [-1/2, 1/2], degree 6;
 * the integer part goes straight into the exponent, which is 0 for the lowest x.
 */
INLINE vf vf_exp2(vf x)
{
#if defined(__AVX512F__)
    /* Not VREDUCEPS, which would take -infinity: it stalls Zen 4, for a quarter of the rate. */
    x = vf_max(vf_set(-200.0f), x);
    const vf f = x - (vf)_mm512_floor_ps((__m512)x);
    vf p = vf_set(0x1.c72118p-13f);
    p = p * f + vf_set(0x1.461954p-10f);
    p = p * f + vf_set(0x1.3d2800p-7f);
    p = p * f + vf_set(0x1.c68500p-5f);
    p = p * f + vf_set(0x1.ebfd9ep-3f);
    p = p * f + vf_set(0x1.62e42ap-1f);
#else
    x = vf_max(vf_set(-127.0f), x);
    const vf shifted = x + vf_set(VF_MAGIC), f = x - (shifted - vf_set(VF_MAGIC));
    vf p = vf_set(0x1.41d334p-13f);
    p = p * f + vf_set(0x1.5f456ap-10f);
    p = p * f + vf_set(0x1.3b2dbcp-7f);
    p = p * f + vf_set(0x1.c6aed4p-5f);
    p = p * f + vf_set(0x1.ebfbdap-3f);
    p = p * f + vf_set(0x1.62e430p-1f);
#endif
    p = p * f + vf_set(1.0f);
#if defined(__AVX512F__)
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)x);
#else
    return (vf)((vi)p + ((vi)shifted << 23));
#endif
}

/*
 * 2^(x + 1/2) within 8e-5, plus half an ulp of bfloat16: cutting off the lower half of the result
 * rounds to nearest. A denormal for -infinity: products of bfloat16 take that for 0. Anything from
 * x = 127 on: integers wrap, as who guesses a maximum finds out afterwards that it was too low.
 */
INLINE vf vf_exp2_for_bf16(vf x)
{
    x = vf_max(vf_set(-127.0f), x);
    const vf shifted = x + vf_set(VF_MAGIC), f = x - (shifted - vf_set(VF_MAGIC));
    vf p = vf_set(0x1.3f96a4p-4f);
    p = p * f + vf_set(0x1.5f56a4p-2f);
    p = p * f + vf_set(0x1.f5f97ep-1f);
    p = p * f + vf_set(0x1.6a033cp+0f + 0x1p-8f);
    return (vf)((vu)p + ((vu)shifted << 23));
}

#endif
