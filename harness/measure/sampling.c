/* SPDX-License-Identifier: MIT */
/* See sampling.h. */
#include "harness/measure/sampling.h"
#include "harness/case.h"
#include "harness/stats/order.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* A sample is at least this long, so that the clock's step does not show. */
#define SAMPLE_S 1e-3

static const char failed[] = "run() did not return ATTN_OK";

double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_cost(void)
{
    enum { TRIES = 20, READINGS = 1000 };
    double best = INFINITY;
    for (int t = 0; t < TRIES; t++) {
        const double begun = clock_now();
        double last = begun;
        for (int i = 0; i < READINGS; i++)
            last = clock_now();
        best = fmin(best, (last - begun) / READINGS);
    }
    return best;
}

static double timing(const struct timed *t, int inner, struct sampled *s)
{
    double one = t->call(t->arg, inner);
    s->busy_s += one > 0 ? one * inner : 0;
    return one;
}

static int calls_a_sample(double one)
{
    return one < SAMPLE_S ? (int)fmin(1e6, ceil(SAMPLE_S / fmax(one, 1e-9))) : 1;
}

/* Seconds of a warm call, in samples as long as those that count; negative when a call failed. */
static double warm_up(const struct timed *t, const struct sampling *how, struct sampled *s)
{
    enum { KEEP = 9, STEP = 3 };
    double last[KEEP], previous[2] = {INFINITY, INFINITY}, begun = t->now(t->arg);
    for (int n = 0;; n++) {
        const double one = timing(t, s->inner, s);
        if (one < 0)
            return -1;
        s->inner = calls_a_sample(one);
        last[n % KEEP] = one;
        const double spent = t->now(t->arg) - begun;
        if (n % STEP == STEP - 1) {
            double m = stats_median(last, n < KEEP ? (size_t)n + 1 : KEEP);
            bool steady = fabs(m - previous[0]) <= 0.02 * m && fabs(m - previous[1]) <= 0.02 * m;
            previous[1] = previous[0];
            previous[0] = m;
            if (spent >= how->min_warmup_s && (steady || spent > 4 * how->min_warmup_s))
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

static const char *collect(const struct timed *t, const struct sampling *how, struct sampled *s)
{
    const double begun = t->now(t->arg);
    double checkpoint = how->min_samples * M_SQRT2;
    for (int narrow_before = 0; s->count < how->max_samples;) {
        const double spent = t->now(t->arg) - begun, next = s->count ? spent / s->count : 0;
        const bool last = s->count + 1 == how->max_samples || spent + 2 * next > how->max_seconds ||
                          narrow_before == 2;
        if (last)
            t->before_last(t->arg);
        const double one = timing(t, s->inner, s);
        if (one < 0)
            return failed;
        s->samples[s->count++] = one;
        if (last)
            break;
        if (s->count >= (int)lround(checkpoint)) {
            narrow_before = narrow(s, how->target_ci) ? narrow_before + 1 : 0;
            checkpoint *= M_SQRT2;
        }
    }
    s->flags |= s->count < how->min_samples ? CASE_FEW : 0;
    s->flags |= narrow(s, how->target_ci) ? 0 : CASE_UNSTABLE;
    return NULL;
}

const char *sample_calls(const struct timed *t, const struct sampling *how, struct sampled *out)
{
    *out = (struct sampled){.inner = 1};
    out->samples = malloc((size_t)how->max_samples * sizeof *out->samples);
    if (!out->samples)
        return "out of memory for the samples";
    out->cold_s = timing(t, 1, out);
    const double usual = out->cold_s < 0 ? -1 : warm_up(t, how, out);
    if (usual < 0)
        return failed;
    out->inner = calls_a_sample(usual);
    return collect(t, how, out);
}
