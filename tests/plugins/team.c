/* SPDX-License-Identifier: MIT */
/* team: zeros, if every thread of the team is bound to a CPU of its own; else a failure. */
#include "variants/attn.h"

#include <sched.h>
#include <string.h>

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->bytes = 8.0 * (double)(p->heads_q * p->n_q * p->d_v);
}

/* Threads that are bound to one CPU, if no two share one; else 0. */
static int bound_apart(int threads)
{
    cpu_set_t taken;
    int bound = 0;
    CPU_ZERO(&taken);
#pragma omp parallel num_threads(threads)
#pragma omp critical
    {
        cpu_set_t own;
        sched_getaffinity(0, sizeof own, &own);
        bound += CPU_COUNT(&own) == 1;
        CPU_OR(&taken, &taken, &own);
    }
    return CPU_COUNT(&taken) == threads ? bound : 0;
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    (void)params;
    (void)ws;
    memset(io->o, 0, (size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *io->o);
    return bound_apart(p->threads) == p->threads ? ATTN_OK : ATTN_FAILED;
}

ATTN_VARIANT(team) = {
    .abi = ATTN_ABI_VERSION,
    .name = "team",
    .family = ATTN_SPARSE,
    .kind = ATTN_REPLACES,
    .summary = "zeros from threads that are bound apart",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
