/* SPDX-License-Identifier: MIT */
/* eater: a variant that misbehaves on purpose: it touches memory that it did not declare, without
 * end. */
#include "variants/attn.h"

#include <stdlib.h>
#include <string.h>

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
    char *more;
    while ((more = malloc((size_t)64 << 20)))
        memset(more, 1, (size_t)64 << 20);
    abort();
}

ATTN_VARIANT(eater) = {
    .abi = ATTN_ABI_VERSION,
    .name = "eater",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "it touches memory that it did not declare, without end",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
