/* SPDX-License-Identifier: MIT */
/*
 * mutant: exact attention with a fault that the environment variable MUTANT names; without it,
 * correct. Checks that let a fault pass are not worth running.
 */
#include "variants/attn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *fault = "";

static bool is(const char *name)
{
    return strcmp(fault, name) == 0;
}

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->flops = cost->dense_flops = attn_dense_flops(p);
    cost->bytes = attn_io_bytes(p);
    cost->workspace = (size_t)p->n_k * sizeof(double);
}

/* Keys that query i sees, right or wrong. */
static int64_t visible(const struct attn_problem *p, int64_t i)
{
    int64_t n = attn_visible(p, i);
    if (is("mask_off_by_one"))
        n += 1;
    if (is("mask_top_left") && p->causal)
        n = i + 1;
    if (is("last_key"))
        n -= n == p->n_k;
    return n < 0 ? 0 : n > p->n_k ? p->n_k : n;
}

/* Weights of row i of head h over the keys of head kv. */
static void row(const struct attn_problem *p, const struct attn_io *io, int64_t h, int64_t kv,
                int64_t i, int64_t n, double *w)
{
    const double scale = p->scale * (is("scale") ? 1.001 : 1);
    double max = is("no_max") ? 0 : -INFINITY, sum = 0;
    memset(w, 0, (size_t)p->n_k * sizeof *w);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t c = 0; c < p->d; c++)
            w[j] += scale * (double)io->q[(h * p->n_q + i) * p->d + c] *
                    (double)io->k[(kv * p->n_k + j) * p->d + c];
        if (!is("no_max"))
            max = fmax(max, w[j]);
    }
    for (int64_t j = 0; j < n; j++)
        sum += w[j] = exp(w[j] - max);
    for (int64_t j = 0; j < n; j++)
        w[j] /= sum;
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    double *w = ws;
    (void)params;
    fault = getenv("MUTANT") ? getenv("MUTANT") : "";
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t i = 0; i < p->n_q; i++) {
            const int64_t n = visible(p, i);
            const int64_t kv = is("heads") ? h % p->heads_kv : attn_kv_head(p, h);
            float *o = io->o + (h * p->n_q + i) * p->d_v;
            row(p, io, h, kv, i, n, w);
            for (int64_t e = 0; e < p->d_v; e++) {
                double sum = 0;
                for (int64_t j = 0; j < n; j++)
                    sum += w[j] * (double)io->v[(kv * p->n_k + j) * p->d_v + e];
                if (!is("unwritten") || i + 1 < p->n_q)
                    o[e] = (float)sum;
                if (is("threads") && p->threads > 1)
                    o[e] = nextafterf(o[e], INFINITY);
            }
            if (is("empty_rows") && n == 0)
                o[0] = 1;
        }
    if (is("workspace"))
        w[p->n_k] = 0;
    if (is("inputs"))
        ((float *)io->v)[0] = 0;
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *params, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)params;
    (void)scratch;
    const int64_t n = attn_visible(p, i), kv = attn_kv_head(p, h);
    double sum = 0, max = -INFINITY;
    for (int64_t j = 0; j < p->n_k; j++) {
        w[j] = 0;
        for (int64_t c = 0; j < n && c < p->d; c++)
            w[j] += p->scale * (double)io->q[(h * p->n_q + i) * p->d + c] *
                    (double)io->k[(kv * p->n_k + j) * p->d + c];
        max = j < n ? fmax(max, w[j]) : max;
    }
    for (int64_t j = 0; j < n; j++)
        sum += w[j] = exp(w[j] - max);
    for (int64_t j = 0; j < n; j++)
        w[j] /= sum;
}

ATTN_VARIANT(mutant) = {
    .abi = ATTN_ABI_VERSION,
    .name = "mutant",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, but for a fault chosen by MUTANT",
    .cite = "none",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
