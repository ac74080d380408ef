/* SPDX-License-Identifier: MIT */
/* See pool.h. All of it is bound by memory, so the baseline vectors of the machine do. */
#include "variants/kernels/pool.h"

#include "variants/kernels/vec.h"

#include <math.h>

/* out = a x + b y */
static void combine(const float *x, float a, const float *y, float b, int64_t width, float *out)
{
    int64_t c = 0;
    for (; c + VL <= width; c += VL)
        vf_store(out + c, vf_load(x + c) * a + vf_load(y + c) * b);
    for (; c < width; c++)
        out[c] = x[c] * a + y[c] * b;
}

static float dot(const float *x, const float *y, int64_t width)
{
    vf even = {0}, odd = {0};
    int64_t c = 0;
    for (; c + 2 * VL <= width; c += 2 * VL) {
        even += vf_load(x + c) * vf_load(y + c);
        odd += vf_load(x + c + VL) * vf_load(y + c + VL);
    }
    even += odd;
    float sum = 0;
    for (int l = 0; l < VL; l++)
        sum += even[l];
    for (; c < width; c++)
        sum += x[c] * y[c];
    return sum;
}

void attn_pool_mean(const float *x, int64_t n, int64_t width, float *out)
{
    memset(out, 0, (size_t)width * sizeof *out);
    for (int64_t t = 0; t < n; t++)
        combine(out, 1, x + t * width, 1, width, out);
    combine(out, 1 / (float)n, out, 0, width, out);
}

void attn_pool_pairs(const float *x, int64_t heads, int64_t n, int64_t width, double last,
                     float *out, int threads)
{
    const int64_t half = (n + 1) / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t task = 0; task < heads * half; task++) {
        int64_t j = 2 * (task % half);
        const float *a = x + (task / half * n + j) * width;
        float *mean = out + task * width;
        /* Shares of the two rows in their mean. */
        double second = j + 1 == n ? 0 : j + 2 == n ? last / (1 + last) : 0.5;
        if (second == 0)
            memcpy(mean, a, (size_t)width * sizeof *mean);
        else
            combine(a, (float)(1 - second), a + width, (float)second, width, mean);
    }
}

void attn_pool_first(const float *x, int64_t heads, int64_t n, int64_t width, float *out,
                     int threads)
{
    const int64_t half = (n + 1) / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t task = 0; task < heads * half; task++)
        memcpy(out + task * width, x + (task / half * n + 2 * (task % half)) * width,
               (size_t)width * sizeof *out);
}

void attn_pool_attend(const float *q, const float *k, const float *v, int64_t n, int64_t d,
                      int64_t d_v, double scale, float *a, float *k_out, float *v_out)
{
    float max = -INFINITY, sum = 0;
    for (int64_t t = 0; t < n; t++) {
        a[t] = (float)scale * dot(q, k + t * d, d);
        max = a[t] > max ? a[t] : max;
    }
    for (int64_t t = 0; t < n; t++)
        sum += a[t] = expf(a[t] - max);
    memset(k_out, 0, (size_t)d * sizeof *k_out);
    memset(v_out, 0, (size_t)d_v * sizeof *v_out);
    for (int64_t t = 0; t < n; t++) {
        float share = a[t] / sum;
        combine(k_out, 1, k + t * d, share, d, k_out);
        combine(v_out, 1, v + t * d_v, share, d_v, v_out);
    }
}
