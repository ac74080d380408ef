/* SPDX-License-Identifier: MIT */
/* Adaptive timing of one variant. */
#ifndef HARNESS_SAMPLING_H
#define HARNESS_SAMPLING_H

#include "variants/attn.h"

struct sampling {
    double target_ci;   /* half-width of the 95 % interval of the median, relative */
    double max_seconds; /* of sampling */
    double min_warmup_s;
    int min_samples, max_samples;
};

struct sampled {
    double *samples; /* seconds a call; owned by the caller, also on failure */
    int count, inner;
    double prepare_s, cold_s;
    unsigned flags; /* CASE_FEW | CASE_UNSTABLE */
};

/* Seconds of the raw monotonic clock. */
double clock_now(void);

/*
 * Times prepare(), the first run(), then runs until the interval of the median is narrow at two
 * successive checkpoints, or samples or seconds are used up. Poisons the output before the last
 * sample, so that what is checked is what was timed. NULL, or what failed (a static string).
 */
const char *sample_calls(const struct attn_variant *v, const struct attn_problem *p,
                         const double *params, void *ws, const struct attn_io *io,
                         size_t output_bytes, const struct sampling *how, struct sampled *out);

#endif
