/* SPDX-License-Identifier: MIT */
/*
 * copy: the floor. Reads Q, K and V once and writes O: no method that uses its inputs is faster.
 *
 *   o_i = v_(p_i) when causal (0 when it sees nothing), else v_(i mod n_k)
 *
 * Time O(n), memory one cache line a thread.
 */
#include "variants/attn.h"

#include <string.h>

enum { LINE = 16 }; /* floats */

static int64_t source(const struct attn_problem *p, int64_t i)
{
    return p->causal ? attn_position(p, i) : i % p->n_k;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    (void)values;
    out->bytes = attn_io_bytes(p);
    out->dense_flops = attn_dense_flops(p);
    out->workspace = (size_t)p->threads * LINE * sizeof(float);
}

/* Folds n floats into the line, so that reading them cannot be optimised away. */
static void touch(const float *x, int64_t n, float *line)
{
    int64_t whole = n / LINE * LINE;
    for (int64_t i = 0; i < whole; i += LINE)
        for (int j = 0; j < LINE; j++)
            line[j] += x[i + j];
    for (int64_t i = whole; i < n; i++)
        line[0] += x[i];
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    (void)values;
    int worker = 0;
    memset(ws, 0, (size_t)p->threads * LINE * sizeof(float));
#pragma omp parallel num_threads(p->threads)
    {
        int me;
#pragma omp atomic capture
        me = worker++;
        float *line = (float *)ws + me * LINE;
#pragma omp for schedule(static) nowait
        for (int64_t r = 0; r < p->heads_kv * p->n_k; r++) {
            touch(io->k + r * p->d, p->d, line);
            touch(io->v + r * p->d_v, p->d_v, line);
        }
#pragma omp for schedule(static)
        for (int64_t r = 0; r < p->heads_q * p->n_q; r++) {
            int64_t h = r / p->n_q, j = source(p, r % p->n_q);
            float *o = io->o + r * p->d_v;
            touch(io->q + r * p->d, p->d, line);
            if (j < 0)
                memset(o, 0, (size_t)p->d_v * sizeof *o);
            else
                memcpy(o, io->v + (attn_kv_head(p, h) * p->n_k + j) * p->d_v,
                       (size_t)p->d_v * sizeof *o);
        }
    }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)values;
    (void)io;
    (void)h;
    (void)scratch;
    for (int64_t j = 0; j < p->n_k; j++)
        w[j] = j == source(p, i);
}

ATTN_VARIANT(copy) = {
    .abi = ATTN_ABI_VERSION,
    .name = "copy",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "floor: reads Q, K, V and writes one value a row",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
