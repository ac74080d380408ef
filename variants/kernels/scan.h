/* SPDX-License-Identifier: MIT */
/*
 * The state-scan engine: chunked linear attention (Katharopoulos et al. 2020, arXiv 2006.16236).
 *
 *   causal:     S_t = e^(g_t) S_(t-1) + phi(k_t)' v_t,  o_t = phi(q_t) S_t
 *   no mask:    o_i = phi(q_i) S_n
 *
 * and, when normalised, o is divided by the same expression with 1 for v. Work is matrix products
 * over chunks of keys; a chunk's own part is a lower triangle. Bottom-right alignment: keys before
 * the first query enter the state first. Any map to features, any number of them.
 */
#ifndef ATTN_SCAN_H
#define ATTN_SCAN_H

#include "variants/attn.h"

/*
 * Writes the features of consecutive rows of Q or K: x (rows, d) to phi (rows, r). A row's features
 * depend on that row alone. Called by several threads at once.
 */
typedef void attn_features(const void *context, const float *x, int64_t rows, int64_t d,
                           float *phi);

/* elu(x) + 1, that is x + 1 above 0 and exp(x) below: r = d, no context. */
attn_features attn_features_elu1;

struct attn_scan_job {
    attn_features *q_features, *k_features;
    const void *context; /* of both */
    int64_t r;           /* features a row, >= 1 */
    const float *decay;  /* g (heads_kv, n_k), <= 0, only when causal; NULL: no decay */
    bool normalise;
    float eps; /* added to the denominator */
    int chunk; /* keys a chunk, 1..256, or 0: the engine's choice; changes speed, not results */
};

/* Workspace bytes of attn_scan_run. */
size_t attn_scan_workspace(const struct attn_problem *p, const struct attn_scan_job *job);

/* Flops of the products, all heads: of visible pairs only, without those of the features. */
double attn_scan_flops(const struct attn_problem *p, const struct attn_scan_job *job);

/*
 * Writes io->o. The bits do not depend on the number of threads. ATTN_UNSUPPORTED for decay without
 * a causal mask.
 */
enum attn_status attn_scan_run(const struct attn_problem *p, const struct attn_io *io,
                               const struct attn_scan_job *job, void *ws);

#endif
