/* SPDX-License-Identifier: MIT */
/*
 * Patterns whose rows each see one run of keys: the schedule, the cost and the definition that
 * flash, window, block_local and transformer_xl share. Also the definition of any softmax over
 * selected keys.
 */
#ifndef ATTN_PATTERN_H
#define ATTN_PATTERN_H

#include "variants/kernels/block.h"

/* Keys [*lo, *hi) that query i sees, already cut to the problem's mask; may be empty. */
typedef void attn_span(const struct attn_problem *p, const double *params, int64_t i, int64_t *lo,
                       int64_t *hi);

/* Softmax attention over spans, as the block engine runs it. */
struct attn_span_job {
    attn_span *span;
    enum attn_arith arith;
    int splits; /* ranges of keys worked on apart; 0: none */
};

/* Runs the job. */
enum attn_status attn_span_run(const struct attn_problem *p, const double *params,
                               const struct attn_span_job *job, void *ws, const struct attn_io *io);

/* Its cost. */
void attn_span_cost(const struct attn_problem *p, const double *params,
                    const struct attn_span_job *job, struct attn_cost *cost);

/* Its definition, without rounding: a row of .weights. */
void attn_span_weights(const struct attn_problem *p, const double *params, attn_span *span,
                       const struct attn_io *io, int64_t h, int64_t i, double *w);

/* All keys that the mask lets the query see. */
attn_span attn_span_all;

/* The arithmetic that suits the inputs. */
static inline enum attn_arith attn_arith_of(const struct attn_problem *p)
{
    return p->dtype == ATTN_BF16 ? ATTN_ARITH_BF16 : ATTN_ARITH_FP32;
}

/* The methods cost, run and weights of a variant that is nothing but its span. */
#define ATTN_SPAN_METHODS(span)                                                                    \
    static void cost(const struct attn_problem *p, const double *params, struct attn_cost *out)    \
    {                                                                                              \
        attn_span_cost(p, params, &(struct attn_span_job){span, attn_arith_of(p), 0}, out);        \
    }                                                                                              \
    static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,      \
                                const struct attn_io *io)                                          \
    {                                                                                              \
        return attn_span_run(p, params, &(struct attn_span_job){span, attn_arith_of(p), 0}, ws,    \
                             io);                                                                  \
    }                                                                                              \
    static void weights(const struct attn_problem *p, const double *params,                        \
                        const struct attn_io *io, int64_t h, int64_t i, double *w,                 \
                        double *scratch)                                                           \
    {                                                                                              \
        (void)scratch;                                                                             \
        attn_span_weights(p, params, span, io, h, i, w);                                           \
    }

/* scale q_i . k_j of query head h, in double. */
double attn_score(const struct attn_problem *p, const struct attn_io *io, int64_t h, int64_t i,
                  int64_t j);

/*
 * Softmax in double over w[0, n): scores, -INFINITY where hidden, become weights. All hidden: all
 * zeros.
 */
void attn_softmax_row(double *w, int64_t n);

#endif
