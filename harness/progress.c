/* SPDX-License-Identifier: MIT */
/* See progress.h. */
#include "harness/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR 24

double progress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(struct progress *p, size_t total, double work)
{
    *p = (struct progress){
        .terminal = isatty(STDERR_FILENO), .begun = progress_now(), .work = work, .total = total};
}

/* Remaining seconds: predicted work corrected by how the predictions did so far. */
static double remaining(const struct progress *p)
{
    double left = p->work - p->done;
    if (left < 0)
        left = 0;
    return p->done > 0 ? left * (progress_now() - p->begun) / p->done : left;
}

static void clear_line(const struct progress *p)
{
    if (p->terminal)
        fputs("\r\033[K", stderr);
}

void progress_refused(struct progress *p, const struct bench_case *c)
{
    char text[sizeof p->refused];
    snprintf(text, sizeof text, "%.63s: %.500s", c->variant, c->reason);
    if (strcmp(text, p->refused) == 0)
        return;
    memcpy(p->refused, text, sizeof text);
    clear_line(p);
    fprintf(stderr, "%s on %s, n=%lld: %s: %s\n", c->variant, c->workload,
            (long long)c->problem.n_k, case_status_name(c->status), c->reason);
}

void progress_at(struct progress *p, const struct bench_case *c, int round)
{
    if (!p->terminal)
        return;
    char bar[BAR + 1];
    int filled = p->total ? (int)(BAR * p->finished / p->total) : BAR;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    clear_line(p);
    double eta = remaining(p);
    fprintf(stderr, "[%s] %zu/%zu  %d:%02d left  %s %s n=%lld round %d", bar, p->finished, p->total,
            (int)eta / 60, (int)eta % 60, c->variant, c->workload, (long long)c->problem.n_k,
            round + 1);
    fflush(stderr);
}

void progress_done(struct progress *p, const struct bench_case *c, const struct outcome *o,
                   double predicted_s)
{
    p->finished++;
    p->done += predicted_s;
    if (o->status != CASE_OK) {
        clear_line(p);
        fprintf(stderr, "%s on %s, n=%lld: %s: %s\n", c->variant, c->workload,
                (long long)c->problem.n_k, case_status_name(o->status), o->reason);
    } else if (!p->terminal && (p->finished % 25 == 0 || p->finished == p->total)) {
        double eta = remaining(p);
        fprintf(stderr, "%zu of %zu rounds, %d:%02d left\n", p->finished, p->total, (int)eta / 60,
                (int)eta % 60);
    }
}

void progress_end(struct progress *p)
{
    clear_line(p);
}
