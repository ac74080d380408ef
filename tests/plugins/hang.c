/* SPDX-License-Identifier: MIT */
/* hang: a variant that misbehaves on purpose: it never returns. */
#include "variants/attn.h"

#include <unistd.h>

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->bytes = (double)p->n_q;
    cost->workspace = 64;
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    (void)p;
    (void)params;
    (void)ws;
    (void)io;
    while (pause() != 1)
        ;
    return ATTN_OK;
}

ATTN_VARIANT(hang) = {
    .abi = ATTN_ABI_VERSION,
    .name = "hang",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "it never returns",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
