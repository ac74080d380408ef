/* SPDX-License-Identifier: MIT */
/* silent: a variant that misbehaves on purpose: it writes no output. */
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

ATTN_VARIANT(silent) = {
    .abi = ATTN_ABI_VERSION,
    .name = "silent",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "it writes no output",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
