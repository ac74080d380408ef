/* SPDX-License-Identifier: MIT */
/*
 * han: two levels, sentence and document. After Yang et al. 2016, Hierarchical Attention Networks,
 * NAACL N16-1174.
 *
 *   summary of segment s:  a_t = softmax_(t in s)(scale q'_s . k_t),  K^_s = sum a_t k_t,
 *                          V^_s = sum a_t v_t,  q'_s the mean query of the segment
 *   token i: one softmax over the tokens of its own segment (logit scale q_i . k_t) and the
 *            summaries of the others (logit scale q_i . K^_s + ln |s|)
 *
 * Causal: its own segment up to itself, and strictly earlier segments. Time O(n^1.5) with segments
 * of sqrt(n) tokens, memory O(sqrt(n) d) a head. The paper learns the context vector that q'_s
 * stands for, and has no parameter-free form: the adaptation is ours. A segment without queries is
 * pooled with equal weights.
 */
#include "variants/kernels/pattern.h"

#include <math.h>

static const struct attn_param params[] = {
    {"seg", 0, 0, 1 << 27, true, "tokens a segment; 0: the square root of n_k, rounded up"},
    {"pool", 1, 0, 1, true, "summaries by 1: attention of the mean query, 0: equal weights"},
    {0},
};

struct plan {
    const double *values;
    int64_t len, count;
    float *k, *v; /* (H_q, count, D), (H_q, count, D_v) summaries */
    float *bias;  /* (count) ln |s| */
};

static int64_t segment_length(const struct attn_problem *p, const double *values)
{
    return values[0] > 0 ? (int64_t)values[0] : (int64_t)ceil(sqrt((double)p->n_k));
}

static struct plan make_plan(const struct attn_problem *p, const double *values, void *ws)
{
    struct plan s = {.values = values, .len = segment_length(p, values)};
    s.count = (p->n_k + s.len - 1) / s.len;
    s.k = (float *)((char *)ws + attn_block_workspace(p, ATTN_ARITH_FP32, 0));
    s.v = s.k + p->heads_q * s.count * p->d;
    s.bias = s.v + p->heads_q * s.count * p->d_v;
    return s;
}

static bool supports(const struct attn_problem *p, const double *values, const char **why)
{
    (void)values;
    if (p->causal || p->n_q <= p->n_k)
        return true;
    *why = "without a mask, queries before the first key have no segment (n_q > n_k)";
    return false;
}

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *out)
{
    struct plan s = make_plan(p, values, NULL);
    double pairs = 0, d = (double)(p->d + p->d_v);
    for (int64_t i = 0; i < p->n_q; i++) {
        int64_t at = attn_position(p, i), own = at / s.len, seen = attn_visible(p, i);
        if (at < 0)
            continue;
        int64_t end = (own + 1) * s.len < seen ? (own + 1) * s.len : seen;
        pairs += (double)(end - own * s.len + (p->causal ? own : s.count - 1));
    }
    out->exps = (double)p->heads_q * (pairs + (double)p->n_k);
    out->flops = (double)p->heads_q * (2 * d * pairs + (double)p->n_k * 2 * (d + (double)p->d));
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p) + 8 * (double)p->heads_q * (double)s.count * d;
    out->workspace = attn_block_workspace(p, ATTN_ARITH_FP32, 0) +
                     (size_t)(s.count * (p->heads_q * (p->d + p->d_v) + 1)) * sizeof(float);
}

/* Queries [*i0, *i1) that stand in segment s. */
static void queries_of(const struct attn_problem *p, int64_t len, int64_t s, int64_t *i0,
                       int64_t *i1)
{
    int64_t shift = p->n_k - p->n_q;
    *i0 = s * len - shift > 0 ? s * len - shift : 0;
    *i1 = (s + 1) * len - shift < p->n_q ? (s + 1) * len - shift : p->n_q;
}

/* Weights of the tokens [a, b) in the summary of their segment, streamed: k and v accumulate. */
static void summarise(const struct attn_problem *p, const struct attn_io *io,
                      const struct plan *plan, int64_t h, int64_t s)
{
    const int64_t a = s * plan->len, b = a + plan->len < p->n_k ? a + plan->len : p->n_k;
    const float *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    const float *v = io->v + attn_kv_head(p, h) * p->n_k * p->d_v;
    float *ks = plan->k + (h * plan->count + s) * p->d,
          *vs = plan->v + (h * plan->count + s) * p->d_v;
    float mean[256] = {0}, kacc[256] = {0}, vacc[256] = {0};
    int64_t i0, i1;
    queries_of(p, plan->len, s, &i0, &i1);
    const bool attend = plan->values[1] > 0 && i1 > i0;
    for (int64_t i = i0; attend && i < i1; i++)
        for (int64_t c = 0; c < p->d; c++)
            mean[c] += io->q[(h * p->n_q + i) * p->d + c];
    const float factor = attend ? (float)(p->scale / (double)(i1 - i0)) : 0;
    float max = -INFINITY, sum = 0;
    for (int64_t j = a; j < b; j++) {
        float score = 0;
        for (int64_t c = 0; attend && c < p->d; c++)
            score += mean[c] * k[j * p->d + c];
        score *= factor;
        float old = score > max ? expf(max - score) : 1, w = score > max ? 1 : expf(score - max);
        max = score > max ? score : max;
        sum = sum * old + w;
        for (int64_t c = 0; c < p->d; c++)
            kacc[c] = kacc[c] * old + w * k[j * p->d + c];
        for (int64_t c = 0; c < p->d_v; c++)
            vacc[c] = vacc[c] * old + w * v[j * p->d_v + c];
    }
    for (int64_t c = 0; c < p->d; c++)
        ks[c] = kacc[c] / sum;
    for (int64_t c = 0; c < p->d_v; c++)
        vs[c] = vacc[c] / sum;
    plan->bias[s] = logf((float)(b - a));
}

static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    const struct plan *s = ctx;
    (void)io;
    const int64_t rows = t->q1 - t->q0;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE], after[ATTN_TILE], first = s->count, last = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = attn_position(p, t->q0 + r), own = at < 0 ? 0 : at / s->len;
        int64_t seen = attn_visible(p, t->q0 + r);
        lo[r] = own * s->len;
        hi[r] = lo[r] + s->len < seen ? lo[r] + s->len : seen;
        first = own < first ? own : first;
        last = own > last ? own : last;
    }
    int64_t end = (last + 1) * s->len < p->n_k ? (last + 1) * s->len : p->n_k;
    attn_tile_keys(t, t->keys, first * s->len, end, lo, hi, NULL);
    const struct attn_keys summaries = {.k = s->k + t->head * s->count * p->d,
                                        .v = s->v + t->head * s->count * p->d_v};
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = attn_position(p, t->q0 + r), own = at < 0 ? 0 : at / s->len;
        hi[r] = own;
        after[r] = own + 1;
    }
    attn_tile_keys(t, &summaries, 0, last, NULL, hi, s->bias);
    if (!p->causal)
        attn_tile_keys(t, &summaries, first + 1, s->count, after, NULL, s->bias);
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    struct plan plan = make_plan(p, values, ws);
#pragma omp parallel for collapse(2) num_threads(p->threads) schedule(static)
    for (int64_t h = 0; h < p->heads_q; h++)
        for (int64_t s = 0; s < plan.count; s++)
            summarise(p, io, &plan, h, s);
    /* A tile that spans several segments computes pairs that it then hides. */
    int tile = plan.len < 32 ? 16 : plan.len < 128 ? 32 : 64;
    struct attn_block_job job = {.feed = feed, .ctx = &plan, .tile = tile};
    return attn_block_run(p, io, &job, ws);
}

/* Pooling weights of segment s for head h into a[0 .. |s|). */
static void pooling(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t s, int64_t len, double *a)
{
    int64_t begin = s * len, n = begin + len < p->n_k ? len : p->n_k - begin, i0, i1;
    queries_of(p, len, s, &i0, &i1);
    for (int64_t t = 0; t < n; t++) {
        a[t] = 0;
        for (int64_t i = i0; values[1] > 0 && i < i1; i++)
            a[t] += attn_score(p, io, h, i, begin + t) / (double)(i1 - i0);
    }
    attn_softmax_row(a, n);
}

static void weights(const struct attn_problem *p, const double *values, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    const int64_t len = segment_length(p, values), at = attn_position(p, i),
                  seen = attn_visible(p, i);
    double *a = scratch;
    for (int64_t j = 0; j < p->n_k; j++)
        w[j] = -INFINITY;
    if (seen > 0)
        for (int64_t s = 0; s * len < (p->causal ? at + 1 : p->n_k); s++) {
            int64_t begin = s * len, n = begin + len < p->n_k ? len : p->n_k - begin;
            if (s == at / len) {
                for (int64_t j = begin; j < begin + n && j < seen; j++)
                    w[j] = attn_score(p, io, h, i, j);
                continue;
            }
            /* The summary's logit; token t then carries |s| e^logit a_t. */
            double logit = log((double)n);
            pooling(p, values, io, h, s, len, a);
            for (int64_t t = 0; t < n; t++)
                logit += a[t] * attn_score(p, io, h, i, begin + t);
            for (int64_t t = 0; t < n; t++)
                w[begin + t] = logit + log(a[t]);
        }
    attn_softmax_row(w, p->n_k);
}

ATTN_VARIANT(han) = {
    .abi = ATTN_ABI_VERSION,
    .name = "han",
    .family = ATTN_HIERARCHICAL,
    .kind = ATTN_APPROXIMATES,
    .summary = "own segment exactly, the others by their summaries",
    .cite = "after Yang et al. 2016, NAACL N16-1174",
    .time_class = "n^1.5",
    .memory_class = "n^0.5",
    .caps = ATTN_ANY,
    .params = params,
    .supports = supports,
    .cost = cost,
    .run = run,
    .weights = weights,
};
