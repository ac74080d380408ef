/* SPDX-License-Identifier: MIT */
/*
 * linear_elu: linear attention with the feature map elu + 1. Katharopoulos, Vyas, Pappas, Fleuret
 * 2020, arXiv 2006.16236.
 *
 *   w_ij = phi(q_i) . phi(k_j),  phi(x) = elu(x) + 1,  O_i = sum_j w_ij v_j / (sum_j w_ij + 1e-6)
 *
 * Time O(n d d_v), memory O(d d_v) a head. It replaces softmax: untrained inputs make it close to a
 * mean of V. Queries and keys are not scaled, as in the paper. The causal part is chunked
 * (kernels/scan.h) instead of the paper's token-by-token recurrence; the mathematics is the same.
 */
#include "variants/kernels/pattern.h"
#include "variants/kernels/scan.h"

#include <math.h>

#define EPS 1e-6

static struct attn_scan_job job_of(const struct attn_problem *p)
{
    return (struct attn_scan_job){.q_features = attn_features_elu1,
                                  .k_features = attn_features_elu1,
                                  .r = p->d,
                                  .normalise = true,
                                  .eps = (float)EPS};
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    (void)values;
    const struct attn_scan_job job = job_of(p);
    out->flops = attn_scan_flops(p, &job);
    out->exps = (double)(p->heads_q * p->n_q + p->heads_kv * p->n_k) * (double)p->d;
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p);
    out->workspace = attn_scan_workspace(p, &job);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    (void)values;
    const struct attn_scan_job job = job_of(p);
    return attn_scan_run(p, io, &job, ws);
}

static double phi(float x)
{
    return x > 0 ? (double)x + 1 : exp(x);
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)values;
    (void)scratch;
    const float *q = io->q + (h * p->n_q + i) * p->d;
    const float *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    int64_t seen = attn_visible(p, i);
    double sum = EPS;
    for (int64_t j = 0; j < p->n_k; j++) {
        w[j] = 0;
        for (int64_t c = 0; c < p->d && j < seen; c++)
            w[j] += phi(q[c]) * phi(k[j * p->d + c]);
        sum += w[j];
    }
    for (int64_t j = 0; j < seen; j++)
        w[j] /= sum;
}

ATTN_VARIANT(linear_elu) = {
    .abi = ATTN_ABI_VERSION,
    .name = "linear_elu",
    .family = ATTN_LINEAR,
    .kind = ATTN_REPLACES,
    .summary = "linear attention, features elu + 1",
    .cite = "Katharopoulos et al. 2020, arXiv 2006.16236",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
