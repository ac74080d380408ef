/* SPDX-License-Identifier: MIT */
/* hoarder: a variant that misbehaves on purpose: takes memory that it does not declare, or declares
 * what it does not take. */
#include "variants/attn.h"

#include <stdlib.h>
#include <string.h>

static const struct attn_param params[] = {{"declared", 0, 0, 64, true, "workspace in MiB"},
                                           {"taken", 0, 0, 64, true, "MiB from elsewhere"},
                                           {0}};

static void cost(const struct attn_problem *p, const double *values, struct attn_cost *cost)
{
    cost->bytes = attn_io_bytes(p);
    cost->workspace = ((size_t)values[0] << 20) + 64;
}

static enum attn_status run(const struct attn_problem *p, const double *values, void *ws,
                            const struct attn_io *io)
{
    static char *taken;
    (void)ws;
    const size_t bytes = (size_t)values[1] << 20;
    if (!taken && bytes && (taken = malloc(bytes)))
        memset(taken, 1, bytes);
    memset(io->o, 0, (size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *io->o);
    return ATTN_OK;
}

ATTN_VARIANT(hoarder) = {
    .abi = ATTN_ABI_VERSION,
    .name = "hoarder",
    .family = ATTN_BASELINE,
    .kind = ATTN_REPLACES,
    .summary = "zeros, and memory of its own",
    .cite = "none",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .params = params,
    .cost = cost,
    .run = run,
};
