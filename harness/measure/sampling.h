/* SPDX-License-Identifier: MIT */
/*
 * Adaptive timing: how many calls, and when to stop. Knows neither variants nor the clock, so that
 * it can be tested on invented times.
 */
#ifndef HARNESS_SAMPLING_H
#define HARNESS_SAMPLING_H

struct sampling {
    double target_ci;   /* half-width of the 95 % interval of the median, relative */
    double max_seconds; /* of sampling */
    double min_warmup_s;
    int min_samples, max_samples;
};

/* What is timed, and the clock. */
struct timed {
    /* Calls `inner` times and returns seconds a call, or a negative number when a call failed. */
    double (*call)(void *arg, int inner);
    /* Before the last timing, whose output is the one that is checked. */
    void (*before_last)(void *arg);
    double (*now)(void *arg); /* seconds */
    void *arg;
};

struct sampled {
    double *samples; /* seconds a call; owned by the caller, also on failure */
    int count, inner;
    double cold_s;  /* the first call */
    double busy_s;  /* spent in all calls, warm-up included */
    unsigned flags; /* CASE_FEW | CASE_UNSTABLE */
};

/* Seconds of the raw monotonic clock. */
double clock_now(void);

/* Seconds that a reading of it takes: the least of some tries. A sample, which needs two, takes
 * a millisecond or more. */
double clock_cost(void);

/*
 * Times the first call, then warms up: at least three calls and min_warmup_s, until three
 * successive medians agree within 2 %, or four times min_warmup_s are over. Then samples, each of
 * as many calls as fill a millisecond: min_samples at least, until at two successive checkpoints
 * (14, 20, 28, 40 ... samples) the 95 % interval of the median is as narrow as asked, or samples or
 * seconds are used up. Every sample is kept. NULL, or what failed (a static string).
 */
const char *sample_calls(const struct timed *t, const struct sampling *how, struct sampled *out);

#endif
