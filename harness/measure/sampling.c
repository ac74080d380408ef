/* SPDX-License-Identifier: MIT */
/* See sampling.h. */
#include "harness/measure/sampling.h"
#include "harness/case.h"
#include "harness/stats/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A sample is at least this long, so that the clock's step does not show. */
#define SAMPLE_S 1e-3

double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct call {
    const struct attn_variant *v;
    const struct attn_problem *p;
    const double *params;
    void *ws;
    const struct attn_io *io;
};

/* Seconds a call over `inner` calls; negative when one failed. */
static double timed(const struct call *c, int inner)
{
    double t = clock_now();
    for (int i = 0; i < inner; i++) {
        if (c->v->run(c->p, c->params, c->ws, c->io) != ATTN_OK)
            return -1;
        /* Without it the compiler may carry work from one repetition to the next. */
        __asm__ volatile("" ::: "memory");
    }
    return (clock_now() - t) / inner;
}

/* At least three calls and the asked time, until three medians agree; bounded by the budget. */
static double warm_up(const struct call *c, const struct sampling *how, double first)
{
    enum { KEEP = 9 };
    double last[KEEP], begun = clock_now(), previous[2] = {INFINITY, INFINITY}, one = first;
    for (int n = 0;; n++) {
        one = timed(c, 1);
        if (one < 0)
            return -1;
        last[n % KEEP] = one;
        double spent = clock_now() - begun;
        if (n % 3 == 2) {
            double m = stats_median(last, n < KEEP ? (size_t)n + 1 : KEEP);
            bool steady = fabs(m - previous[0]) <= 0.02 * m && fabs(m - previous[1]) <= 0.02 * m;
            previous[1] = previous[0];
            previous[0] = m;
            if (spent >= how->min_warmup_s && (steady || spent > 2 * how->min_warmup_s))
                return m;
        }
        /* Calls of seconds need no more warming than the first one gave. */
        if (one > how->max_seconds / 4 || spent > how->max_seconds)
            return one;
    }
}

static bool narrow(const struct sampled *s, double target)
{
    double lo, hi, median = stats_median(s->samples, (size_t)s->count);
    if (stats_median_interval(s->samples, (size_t)s->count, 0.95, &lo, &hi))
        return false;
    return (hi - lo) / 2 <= target * median;
}

static const char *collect(const struct call *c, const struct sampling *how, size_t output_bytes,
                           struct sampled *s)
{
    double begun = clock_now();
    int checkpoint = how->min_samples, narrow_before = 0;
    while (s->count < how->max_samples) {
        double spent = clock_now() - begun, next = s->count ? spent / s->count : 0;
        bool last = s->count + 1 == how->max_samples || spent + 2 * next > how->max_seconds;
        if (last)
            memset(c->io->o, 0xff, output_bytes);
        double t = timed(c, s->inner);
        if (t < 0)
            return "run() did not return ATTN_OK";
        s->samples[s->count++] = t;
        if (s->count >= checkpoint) {
            narrow_before = narrow(s, how->target_ci) ? narrow_before + 1 : 0;
            checkpoint = (int)(checkpoint * 1.42);
        }
        if (last)
            break;
        if (narrow_before >= 2) {
            /* One more, on poisoned output. */
            memset(c->io->o, 0xff, output_bytes);
            if ((t = timed(c, s->inner)) < 0)
                return "run() did not return ATTN_OK";
            s->samples[s->count++] = t;
            return NULL;
        }
    }
    if (s->count < 10)
        s->flags |= CASE_FEW;
    if (!narrow(s, how->target_ci))
        s->flags |= CASE_UNSTABLE;
    return NULL;
}

const char *sample_calls(const struct attn_variant *v, const struct attn_problem *p,
                         const double *params, void *ws, const struct attn_io *io,
                         size_t output_bytes, const struct sampling *how, struct sampled *out)
{
    struct call c = {v, p, params, ws, io};
    *out = (struct sampled){.inner = 1};
    out->samples = malloc((size_t)(how->max_samples + 1) * sizeof *out->samples);
    if (!out->samples)
        return "out of memory for the samples";
    double t = clock_now();
    if (v->prepare && v->prepare(p, params, ws) != ATTN_OK)
        return "prepare() did not return ATTN_OK";
    out->prepare_s = clock_now() - t;
    out->cold_s = timed(&c, 1);
    double usual = out->cold_s < 0 ? -1 : warm_up(&c, how, out->cold_s);
    if (usual < 0)
        return "run() did not return ATTN_OK";
    out->inner = usual < SAMPLE_S ? (int)fmin(1e6, ceil(SAMPLE_S / fmax(usual, 1e-9))) : 1;
    return collect(&c, how, output_bytes, out);
}
