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

INLINE vf vf_load(const float *p)
{
    return *(const vf_any *)p;
}

INLINE void vf_store(float *p, vf x)
{
    *(vf_any *)p = x;
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

/*
 * 2^x for x <= 0, |relative error| < 1.3e-7, exactly 0 below the smallest normal and for
 * -infinity; NaN stays NaN. Polynomial: minimax of 2^f, degree 6, on [0, 1) or [-1/2, 1/2].
 */
INLINE vf vf_exp2(vf x)
{
#if defined(__AVX512F__)
    /* 2^-200 is below the smallest denormal: scalef returns exactly zero for it. */
    x = vf_max(vf_set(-200.0f), x);
    vf n = (vf)_mm512_roundscale_ps((__m512)x, 0);
    vf f = x - n;
#else
    /* Exponent -127 makes an all-zero bit pattern below. */
    x = vf_max(vf_set(-127.0f), x);
    const vf magic = vf_set(0x1.8p23f);
    vf shifted = x + magic;
    vf n = shifted - magic;
    vf f = x - n;
#endif
    vf p = vf_set(1.5403530e-4f);
    p = p * f + vf_set(1.3333558e-3f);
    p = p * f + vf_set(9.6181291e-3f);
    p = p * f + vf_set(5.5504109e-2f);
    p = p * f + vf_set(2.4022651e-1f);
    p = p * f + vf_set(6.9314718e-1f);
    p = p * f + vf_set(1.0f);
#if defined(__AVX512F__)
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    vi bits = ((vi)shifted - (vi)magic + 127) << 23;
    return p * (vf)bits;
#endif
}

#endif
