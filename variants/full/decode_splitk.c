/* SPDX-License-Identifier: MIT */
/*
 * decode_splitk: exact attention of a few queries over a long cache. Dao, Haziza, Massa, Sizov
 * 2023, "Flash-Decoding for long-context inference".
 *
 *   keys in s contiguous ranges, each a flash of its own giving (o, log-sum-exp); then
 *   O = sum_s exp(l_s - l) o_s,  l = log sum_s exp(l_s)
 *
 * Time O(n_k) a query, bound by reading the cache once; memory s partial results. Without splits,
 * one query of few heads keeps one core busy. The paper picks s from the number of the GPU's
 * multiprocessors; by default we split so that every range has at least 512 keys and there are 4
 * ranges for each of at most 64 workers, which depends on the problem alone: results do not depend
 * on the number of threads. The query heads of a group share one pass over their keys.
 */
#include "variants/kernels/pattern.h"

static const struct attn_param params[] = {
    {"s", 0, 0, 4096, true, "ranges of keys; 0: by length and heads"},
    {0},
};

enum { RANGES = 256, SHORTEST = 512 };

static struct attn_span_job job_of(const struct attn_problem *p, const double *values)
{
    int64_t splits = (int64_t)values[0];
    if (splits == 0) {
        const int64_t longest = p->n_k / SHORTEST,
                      wanted = (RANGES + p->heads_kv - 1) / p->heads_kv;
        splits = longest < wanted ? longest : wanted;
    }
    return (struct attn_span_job){attn_span_all, attn_arith_of(p), (int)splits};
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    const struct attn_span_job job = job_of(p, values);
    attn_span_cost(p, values, &job, out);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    const struct attn_span_job job = job_of(p, values);
    return attn_span_run(p, values, &job, ws, io);
}

static bool supports(const struct attn_problem *p, const double *values, const char **why)
{
    (void)values;
    *why = "for decoding: at most 16 queries";
    return p->n_q <= 16;
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)scratch;
    attn_span_weights(p, values, attn_span_all, io, h, i, w);
}

ATTN_VARIANT(decode_splitk) = {
    .abi = ATTN_ABI_VERSION,
    .name = "decode_splitk",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "exact, few queries, keys split in ranges",
    .cite = "Dao et al. 2023, Flash-Decoding",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .params = params,
    .supports = supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
