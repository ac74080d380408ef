/* SPDX-License-Identifier: MIT */
/*
 * The state-scan engine: chunked linear attention (Katharopoulos et al. 2020, arXiv 2006.16236).
 *
 *   causal:     S_t = S_(t-1) + phi(k_t) [v_t 1],  o_t = phi(q_t) S_t, last column the denominator
 *   no mask:    o_i = phi(q_i) S_n
 *
 * Work is matrix products over chunks of keys; a chunk's own part is a lower triangle. Bottom-right
 * alignment: keys before the first query enter the state first.
 */
#ifndef ATTN_SCAN_H
#define ATTN_SCAN_H

#include "variants/attn.h"

/* Maps n values of Q or K, element by element, to features >= 0. */
typedef void attn_features(const float *x, float *phi, int64_t n);

/* elu(x) + 1: x + 1 above 0, exp(x) below. */
attn_features attn_features_elu1;

struct attn_scan_job {
    attn_features *features;
    int chunk; /* keys a chunk, 1..256 */
    float eps; /* added to the denominator */
};

/* Workspace bytes of attn_scan_run. */
size_t attn_scan_workspace(const struct attn_problem *p, int chunk);

/* Flops that it executes, all heads. */
double attn_scan_flops(const struct attn_problem *p, int chunk);

/* Writes io->o. The result does not depend on the number of threads. */
enum attn_status attn_scan_run(const struct attn_problem *p, const struct attn_io *io,
                               const struct attn_scan_job *job, void *ws);

#endif
