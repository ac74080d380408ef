/* SPDX-License-Identifier: MIT */
/*
 * slowed: flash, slower by SLOWED_PERCENT of the environment: the regression that comparisons of
 * builds are tested with. Whoever loads it without the variable gets flash.
 */
#include "variants/attn.h"
#include "variants/registry.h"

#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const struct attn_variant *flash(double params[ATTN_MAX_PARAMS])
{
    char msg[ATTN_MESSAGE];
    const struct attn_variant *v = attn_variant_find("flash");
    return v && attn_params_parse(v, "", params, msg) == 0 ? v : NULL;
}

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *cost)
{
    double own[ATTN_MAX_PARAMS];
    const struct attn_variant *v = flash(own);
    (void)params;
    if (v)
        v->cost(p, own, cost);
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    double own[ATTN_MAX_PARAMS];
    const struct attn_variant *v = flash(own);
    const char *percent = getenv("SLOWED_PERCENT");
    (void)params;
    if (!v)
        return ATTN_FAILED;
    const double begun = now();
    enum attn_status status = v->run(p, own, ws, io);
    const double until = now() + (percent ? strtod(percent, NULL) / 100 : 0) * (now() - begun);
    while (now() < until)
        ;
    return status;
}

ATTN_VARIANT(slowed) = {
    .abi = ATTN_ABI_VERSION,
    .name = "slowed",
    .family = ATTN_FULL,
    .kind = ATTN_EXACT,
    .summary = "flash, slower by SLOWED_PERCENT",
    .cite = "none",
    .time_class = "n^2",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
};
