/* SPDX-License-Identifier: MIT */
/*
 * toy: a worked plugin. Every query copies the first visible key's value: w_i0 = 1.
 *   cc -O2 -shared -fPIC -DATTN_PLUGIN -I include/attnbench toy.c -o toy.so
 */
#include "variants/attn.h"

#include <string.h>

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->bytes = 8.0 * (double)(p->heads_q * p->n_q * p->d_v);
    cost->dense_flops = 0;
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    (void)params;
    (void)ws;
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t i = 0; i < p->n_q; i++) {
            float *o = io->o + (h * p->n_q + i) * p->d_v;
            if (attn_visible(p, i))
                memcpy(o, io->v + attn_kv_head(p, h) * p->n_k * p->d_v, (size_t)p->d_v * sizeof *o);
            else
                memset(o, 0, (size_t)p->d_v * sizeof *o);
        }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *params, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)params;
    (void)io;
    (void)h;
    (void)scratch;
    memset(w, 0, (size_t)p->n_k * sizeof *w);
    w[0] = attn_visible(p, i) > 0;
}

ATTN_VARIANT(toy) = {
    .abi = ATTN_ABI_VERSION,
    .name = "toy",
    .family = ATTN_SPARSE,
    .kind = ATTN_REPLACES,
    .summary = "the first key's value",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
