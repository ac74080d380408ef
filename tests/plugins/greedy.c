/* SPDX-License-Identifier: MIT */
/* greedy: a variant that misbehaves on purpose: it asks for more memory than there is. */
#include "variants/attn.h"

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    (void)params;
    cost->bytes = (double)p->n_q;
    cost->workspace = (size_t)1 << 46;
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

ATTN_VARIANT(greedy) = {
    .abi = ATTN_ABI_VERSION,
    .name = "greedy",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "it asks for more memory than there is",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
