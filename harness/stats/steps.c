/* SPDX-License-Identifier: MIT */
/* See steps.h. */
#include "harness/stats/steps.h"
#include "harness/stats/tests.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define WINDOW   30
#define LEVEL    3 /* fewest points of a level */
#define P_WEAK   0.05
#define P_STRONG 0.001

struct search {
    const double *x;
    size_t n;
    bool *step; /* step[i]: a level begins at i */
};

/*
 * The split of [begin, end) into parts of at least LEVEL points with the largest energy distance
 * a b / (a + b) (2 E|X - Y| - E|X - X'| - E|Y - Y'|); end when it is too short to split.
 */
static size_t best_split(const double *x, size_t begin, size_t end)
{
    double left = 0, right = 0, all = 0, best = -INFINITY;
    size_t at = end;
    for (size_t i = begin; i < end; i++)
        for (size_t j = i + 1; j < end; j++)
            all += fabs(x[i] - x[j]);
    right = all;
    for (size_t t = begin; t < end; t++) {
        const double a = (double)(t - begin), b = (double)(end - t);
        if (t - begin >= LEVEL && end - t >= LEVEL) {
            double across = all - left - right;
            double q =
                a * b / (a + b) *
                (2 * across / (a * b) - 2 * left / (a * (a - 1)) - 2 * right / (b * (b - 1)));
            if (q > best) {
                best = q;
                at = t;
            }
        }
        /* Point t goes from the right part to the left one. */
        for (size_t i = begin; i < end; i++)
            *(i < t ? &left : &right) += (i < t ? 1 : -1) * fabs(x[i] - x[t]);
    }
    return at;
}

static void candidates(struct search *s, size_t begin, size_t end)
{
    size_t at = best_split(s->x, begin, end);
    if (at == end || !(stats_student(s->x + begin, at - begin, s->x + at, end - at) < P_WEAK))
        return;
    s->step[at] = true;
    candidates(s, begin, at);
    candidates(s, at, end);
}

static size_t next_step(const struct search *s, size_t from)
{
    while (from < s->n && !s->step[from])
        from++;
    return from;
}

static double mean(const double *x, size_t begin, size_t end)
{
    double sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += x[i];
    return sum / (double)(end - begin);
}

/* Describes the steps that stand. */
static int describe(const struct search *s, struct stats_step *out)
{
    int count = 0;
    size_t begin = 0;
    for (size_t at = next_step(s, 1), end; at < s->n; begin = at, at = end) {
        end = next_step(s, at + 1);
        bool level = at - begin >= LEVEL && end - at >= LEVEL;
        out[count++] = (struct stats_step){
            at, mean(s->x, begin, at), mean(s->x, at, end),
            level ? stats_student(s->x + begin, at - begin, s->x + at, end - at) : 1};
    }
    return count;
}

/* Drops the least significant step, then the smallest, until all are significant and large. */
static int prune(struct search *s, double min_change, struct stats_step *out)
{
    for (;;) {
        int count = describe(s, out), least = -1, small = -1;
        for (int i = 0; i < count; i++) {
            double change = fabs(out[i].after - out[i].before);
            if (!(out[i].p < P_STRONG) && (least < 0 || out[i].p > out[least].p))
                least = i;
            if (!(change >= min_change) &&
                (small < 0 || change < fabs(out[small].after - out[small].before)))
                small = i;
        }
        if (least < 0 && small < 0)
            return count;
        s->step[out[least >= 0 ? least : small].at] = false;
    }
}

int stats_steps(const double *x, size_t n, double min_change, struct stats_step *out)
{
    struct search s = {x, n, calloc(n + 1, sizeof *s.step)};
    if (!s.step)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) {
            free(s.step);
            return -1;
        }
    for (size_t begin = 0;; begin += WINDOW / 2) {
        size_t end = begin + WINDOW < n ? begin + WINDOW : n;
        candidates(&s, begin, end);
        if (end == n)
            break;
    }
    int count = prune(&s, min_change, out);
    /* A window's edge may have shifted a step: place each between its neighbours, and judge again.
     */
    for (int i = 0; i < count; i++) {
        size_t begin = i ? out[i - 1].at : 0, end = i + 1 < count ? out[i + 1].at : n;
        s.step[out[i].at] = false;
        out[i].at = best_split(x, begin, end);
        s.step[out[i].at] = true;
    }
    count = prune(&s, min_change, out);
    free(s.step);
    return count;
}
