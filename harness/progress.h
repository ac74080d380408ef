/* SPDX-License-Identifier: MIT */
/* Progress on stderr: a bar with the remaining time on a terminal, plain lines otherwise. */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include "harness/case.h"

struct progress {
    bool terminal;
    double begun;                    /* seconds, monotonic */
    double work, done;               /* predicted seconds of everything, and of what is finished */
    size_t total, finished;          /* rounds */
    char refused[64 + CASE_MESSAGE]; /* the last refusal said */
};

double progress_now(void);
void progress_begin(struct progress *p, size_t total, double work);
/* Names a case that the plan refuses, once for a variant and reason. */
void progress_refused(struct progress *p, const struct bench_case *c);
/* Shows what is about to run. */
void progress_at(struct progress *p, const struct bench_case *c, int round);
/* Counts a finished round; anything but ok gets a line of its own. */
void progress_done(struct progress *p, const struct bench_case *c, const struct outcome *o,
                   double predicted_s);
void progress_end(struct progress *p);

#endif
