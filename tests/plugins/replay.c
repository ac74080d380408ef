/* SPDX-License-Identifier: MIT */
/* replay: a variant that misbehaves on purpose: computes once, and hands that out ever after. */
#include "variants/attn.h"

#include <math.h>
#include <string.h>

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->flops = cost->dense_flops = attn_dense_flops(p);
    cost->exps = (double)p->heads_q * attn_pairs(p);
    cost->bytes = attn_io_bytes(p);
    cost->workspace = 64;
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    static float kept[1 << 20];
    static bool known;
    (void)params;
    (void)ws;
    const size_t count = (size_t)(p->heads_q * p->n_q * p->d_v);
    if (count > sizeof kept / sizeof *kept)
        return ATTN_FAILED;
    for (int64_t r = 0; !known && r < p->heads_q * p->n_q; r++) {
        const int64_t h = r / p->n_q, kv = attn_kv_head(p, h), n = attn_visible(p, r % p->n_q);
        float *o = kept + r * p->d_v, sum = 0;
        memset(o, 0, (size_t)p->d_v * sizeof *o);
        for (int64_t j = 0; j < n; j++) {
            double s = 0;
            for (int64_t c = 0; c < p->d; c++)
                s += (double)io->q[r * p->d + c] * (double)io->k[(kv * p->n_k + j) * p->d + c];
            const float w = (float)exp(p->scale * s);
            sum += w;
            for (int64_t c = 0; c < p->d_v; c++)
                o[c] += w * io->v[(kv * p->n_k + j) * p->d_v + c];
        }
        for (int64_t c = 0; n && c < p->d_v; c++)
            o[c] /= sum;
    }
    known = true;
    memcpy(io->o, kept, count * sizeof *kept);
    return ATTN_OK;
}

ATTN_VARIANT(replay) = {
    .abi = ATTN_ABI_VERSION,
    .name = "replay",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, once",
    .cite = "none",
    .time_class = "n^2",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
