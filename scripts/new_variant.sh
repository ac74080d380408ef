#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the skeleton of a variant and its line in variants.def:
#   sh scripts/new_variant.sh my_method sparse
set -eu
cd "$(dirname "$0")/.."
name=${1:-} family=${2:-}
case $name in
'' | *[!a-z0-9_]* | [0-9]*)
    echo "new-variant: NAME='$name': give a name of a-z, 0-9 and _ (make new-variant NAME=my_method FAMILY=sparse)" >&2
    exit 2 ;;
esac
case $family in
full | sparse | linear | longrange | hierarchical | baseline) ;;
*)
    echo "new-variant: FAMILY='$family': give full, sparse, linear, longrange, hierarchical or baseline" >&2
    exit 2 ;;
esac
file=variants/$family/$name.c
if [ -e "$file" ] || grep -q "^VARIANT($name)$" variants/variants.def; then
    echo "new-variant: '$name' exists already ($file or its line in variants/variants.def)" >&2
    exit 2
fi
upper=$(echo "$family" | tr a-z A-Z)
cat > "$file" <<END
/* SPDX-License-Identifier: MIT */
/*
 * $name: AUTHORS YEAR, arXiv NUMBER.
 *
 *   o_i = sum_j w_ij v_j,  w_ij = ...
 *
 * Time O(n), memory O(1). What differs from the paper, and why: nothing yet. This skeleton
 * attends to the sixteen newest visible keys; replace pattern, weights() and cost().
 */
#include "variants/attn.h"
#include "variants/kernels/block.h"

#include <math.h>

enum { REACH = 16 };

static int64_t first_key(const struct attn_problem *p, int64_t i)
{
    int64_t first = attn_visible(p, i) - REACH;
    return first > 0 ? first : 0;
}

/* The definition: row i of the attention matrix, in double, the obvious way. */
static void weights(const struct attn_problem *p, const double *params, const struct attn_io *io,
                    int64_t h, int64_t i, double *w, double *scratch)
{
    (void)params;
    (void)scratch;
    const float *q = io->q + (h * p->n_q + i) * p->d;
    const float *k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    int64_t lo = first_key(p, i), hi = attn_visible(p, i);
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < p->n_k; j++)
        w[j] = 0;
    for (int64_t j = lo; j < hi; j++) {
        double s = 0;
        for (int64_t c = 0; c < p->d; c++)
            s += (double)q[c] * k[j * p->d + c];
        w[j] = p->scale * s;
        max = fmax(max, w[j]);
    }
    for (int64_t j = lo; j < hi; j++)
        sum += w[j] = exp(w[j] - max);
    for (int64_t j = lo; j < hi; j++)
        w[j] /= sum;
}

/* The schedule: which keys a tile of queries sees. */
static void feed(const void *ctx, const struct attn_problem *p, const struct attn_io *io,
                 struct attn_tile *t)
{
    (void)ctx;
    int64_t lo[ATTN_TILE], hi[ATTN_TILE];
    for (int64_t i = t->q0; i < t->q1; i++) {
        lo[i - t->q0] = first_key(p, i);
        hi[i - t->q0] = attn_visible(p, i);
    }
    attn_tile_keys(t, io->k + t->kv_head * p->n_k * p->d, io->v + t->kv_head * p->n_k * p->d_v,
                   lo[0], hi[t->q1 - 1 - t->q0], lo, hi, NULL);
}

static void cost(const struct attn_problem *p, const double *params, struct attn_cost *out)
{
    (void)params;
    for (int64_t i = 0; i < p->n_q; i++)
        out->exps += (double)p->heads_q * (double)(attn_visible(p, i) - first_key(p, i));
    out->flops = 2.0 * (double)(p->d + p->d_v) * out->exps;
    out->dense_flops = attn_dense_flops(p);
    out->bytes = attn_io_bytes(p);
    out->workspace = attn_block_workspace(p);
}

static enum attn_status run(const struct attn_problem *p, const double *params, void *ws,
                            const struct attn_io *io)
{
    (void)params;
    struct attn_block_job job = {.feed = feed, .tile = ATTN_TILE};
    return attn_block_run(p, io, &job, ws);
}

ATTN_VARIANT($name) = {
    .abi = ATTN_ABI_VERSION,
    .name = "$name",
    .family = ATTN_$upper,
    .kind = ATTN_APPROXIMATES,
    .summary = "one line",
    .cite = "Authors YEAR, arXiv NUMBER",
    .time_class = "n",
    .memory_class = "1",
    .caps = ATTN_ANY,
    .cost = cost,
    .run = run,
    .weights = weights,
};
END
echo "VARIANT($name)" >> variants/variants.def
echo "wrote $file and its line in variants/variants.def"
echo "next: make && build/attnbench check $name"
