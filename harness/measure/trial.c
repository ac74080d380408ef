/* SPDX-License-Identifier: MIT */
/* See trial.h. */
#include "harness/measure/trial.h"

#include <string.h>

static double call(void *arg, int inner)
{
    const struct trial *t = arg;
    const double begun = clock_now();
    for (int i = 0; i < inner; i++) {
        if (t->v->run(t->p, t->params, t->ws, t->io) != ATTN_OK)
            return -1;
        /* Without it the compiler may carry work from one repetition to the next. */
        __asm__ volatile("" ::: "memory");
    }
    return (clock_now() - begun) / inner;
}

static void negate_values(const struct trial *t)
{
    const struct attn_problem *p = t->p;
    const int64_t count = p->heads_kv * p->n_k * p->d_v;
    if (p->dtype == ATTN_BF16) {
        uint16_t *v = (uint16_t *)(uintptr_t)t->io->v16;
#pragma omp parallel for num_threads(p->threads)
        for (int64_t i = 0; i < count; i++)
            v[i] ^= 0x8000;
    } else {
        float *v = (float *)(uintptr_t)t->io->v;
#pragma omp parallel for num_threads(p->threads)
        for (int64_t i = 0; i < count; i++)
            v[i] = -v[i];
    }
}

static void before_last(void *arg)
{
    const struct trial *t = arg;
    const struct attn_problem *p = t->p;
    negate_values(t);
    memset(t->io->o, 0xff, (size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *t->io->o);
}

static double now(void *arg)
{
    (void)arg;
    return clock_now();
}

const char *trial_sample(struct trial *t, const struct sampling *how, struct sampled *out)
{
    *out = (struct sampled){0};
    negate_values(t);
    double begun = clock_now();
    if (t->v->prepare && t->v->prepare(t->p, t->params, t->ws) != ATTN_OK)
        return "prepare() did not return ATTN_OK";
    t->prepare_s = clock_now() - begun;
    const struct timed timed = {call, before_last, now, t};
    const char *why = sample_calls(&timed, how, out);
    out->busy_s += t->prepare_s;
    return why;
}
