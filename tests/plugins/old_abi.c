/* SPDX-License-Identifier: MIT */
/* old_abi: a variant that misbehaves on purpose: built for another ABI version. */
#include "variants/attn.h"

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
    return ATTN_OK;
}

ATTN_VARIANT(old_abi) = {
    .abi = ATTN_ABI_VERSION + 1,
    .name = "old_abi",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "built for another ABI version",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
