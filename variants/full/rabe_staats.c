/* SPDX-License-Identifier: MIT */
/*
 * rabe_staats: exact attention in chunks of queries and keys. Rabe and Staats 2021, arXiv
 * 2112.05682.
 *
 *   for a chunk of queries, each chunk of keys gives m = row maxima of S, sums of exp(S - m), and
 *   exp(S - m) V by itself; then M = max m, each summary times exp(m - M), added up and divided
 *
 * Time O(n^2), memory O(sqrt(n)) with chunks of that size; the defaults are those of the paper's
 * code. Two phases instead of flash's running rescaling, and products large enough for a BLAS;
 * threads share the rows of a chunk. Chunks that the mask hides whole are skipped. No epsilon.
 */
#include "variants/kernels/blas.h"
#include "variants/kernels/pattern.h"
#include "variants/kernels/softmax.h"

#include <math.h>

static const struct attn_param params[] = {
    {"qc", 1024, 1, 1 << 20, true, "queries a chunk"},
    {"kc", 4096, 1, 1 << 20, true, "keys a chunk"},
    {0},
};

/* Rows that a thread works on at once: the same for any number of threads, and so are the bits. */
#define SHARE 128

/* Sizes of the chunks, and where the parts of the workspace lie. */
struct chunks {
    int64_t q, k, count;
    float *s;         /* (q, k) scores */
    float *max, *sum; /* (count, q) */
    float *part;      /* (count, q, D_v) */
};

static struct chunks chunks_of(const struct attn_problem *p, const double *values, void *ws)
{
    struct chunks c = {.q = (int64_t)fmin(values[0], (double)p->n_q),
                       .k = (int64_t)fmin(values[1], (double)p->n_k)};
    c.count = (p->n_k + c.k - 1) / c.k;
    c.s = ws;
    c.max = c.s + c.q * c.k;
    c.sum = c.max + c.count * c.q;
    c.part = c.sum + c.count * c.q;
    return c;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    const struct chunks c = chunks_of(p, values, NULL);
    double pairs = 0;
    for (int64_t i = 0; i < p->n_q; i += c.q) {
        const int64_t end = i + c.q < p->n_q ? i + c.q : p->n_q, seen = attn_visible(p, end - 1);
        pairs += (double)(end - i) * (double)seen;
    }
    out->flops = 2.0 * (double)(p->d + p->d_v) * (double)p->heads_q * pairs;
    out->exps = (double)p->heads_q * attn_pairs(p);
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p);
    out->workspace = (size_t)(c.q * c.k + c.count * c.q * (p->d_v + 2)) * sizeof(float);
}

/* The rows of c from `from` on. */
static struct chunks share(struct chunks c, int64_t from, int64_t dv)
{
    c.s += from * c.k;
    c.max += from;
    c.sum += from;
    c.part += from * dv;
    return c;
}

/* Summaries of all chunks of keys for queries [i, i + rows) of one head. */
static int64_t summarise(const struct attn_problem *p, const struct chunks *c, int64_t i, int rows,
                         const float *q, const float *k, const float *v)
{
    const int d = (int)p->d, dv = (int)p->d_v;
    const int64_t seen = attn_visible(p, i + rows - 1);
    int64_t n = 0;
    for (int64_t j = 0; j < seen; j += c->k, n++) {
        const int keys = (int)(j + c->k < seen ? c->k : seen - j);
        attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, keys, d, 1, q, d,
                           k + j * d, d, 0, c->s, keys);
        attn_exp_rows(p, i, rows, j, keys, c->s, c->max + n * c->q, c->sum + n * c->q);
        attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, dv, keys, 1, c->s, keys,
                           v + j * dv, dv, 0, c->part + n * c->q * dv, dv);
    }
    return n;
}

/* Adds up the n summaries of row r. */
static void combine(const struct attn_problem *p, const struct chunks *c, int64_t n, int64_t r,
                    float *o)
{
    float max = -INFINITY, sum = 0;
    for (int64_t m = 0; m < n; m++)
        max = fmaxf(max, c->max[m * c->q + r]);
    for (int64_t f = 0; f < p->d_v; f++)
        o[f] = 0;
    for (int64_t m = 0; m < n && max > -INFINITY; m++) {
        const float w = expf(c->max[m * c->q + r] - max);
        const float *part = c->part + (m * c->q + r) * p->d_v;
        sum += w * c->sum[m * c->q + r];
        for (int64_t f = 0; f < p->d_v; f++)
            o[f] += w * part[f];
    }
    for (int64_t f = 0; f < p->d_v && sum > 0; f++)
        o[f] /= sum;
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    const struct chunks c = chunks_of(p, values, ws);
#pragma omp parallel for num_threads(p->threads) schedule(static)
    for (int64_t from = 0; from < c.q; from += SHARE) {
        const int64_t to = from + SHARE < c.q ? from + SHARE : c.q;
        const struct chunks mine = share(c, from, p->d_v);
        for (int64_t h = 0; h < p->heads_q; h++)
            for (int64_t i = from; i < p->n_q; i += c.q) {
                const int64_t rows = i + to - from < p->n_q ? to - from : p->n_q - i;
                const int64_t kv = attn_kv_head(p, h), first = h * p->n_q + i;
                const int64_t n =
                    summarise(p, &mine, i, (int)rows, io->q + first * p->d,
                              io->k + kv * p->n_k * p->d, io->v + kv * p->n_k * p->d_v);
                for (int64_t r = 0; r < rows; r++)
                    combine(p, &mine, n, r, io->o + (first + r) * p->d_v);
            }
    }
    return ATTN_OK;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)scratch;
    attn_span_weights(p, values, attn_span_all, io, h, i, w);
}

ATTN_VARIANT(rabe_staats) = {
    .abi = ATTN_ABI_VERSION,
    .name = "rabe_staats",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, chunks of keys summarised apart, BLAS products",
    .cite = "Rabe and Staats 2021, arXiv 2112.05682",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY,
    .params = params,
    .supports = attn_blas_supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
