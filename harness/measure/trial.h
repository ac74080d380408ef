/* SPDX-License-Identifier: MIT */
/* One variant on one set of inputs, as something to be timed. */
#ifndef HARNESS_TRIAL_H
#define HARNESS_TRIAL_H

#include "harness/measure/sampling.h"
#include "variants/attn.h"

struct trial {
    const struct attn_variant *v;
    const struct attn_problem *p;
    const double *params;
    void *ws;
    const struct attn_io *io; /* its tensors may be written to between calls */
    double prepare_s;         /* out: one prepare() */
};

/*
 * Prepares and samples. Every call but those of the last sample reads -V, and the output is filled
 * with NaN before that sample: what is checked was timed, and could not have been kept from before.
 * NULL, or what failed (a static string); out->samples is owned by the caller either way.
 */
const char *trial_sample(struct trial *t, const struct sampling *how, struct sampled *out);

#endif
