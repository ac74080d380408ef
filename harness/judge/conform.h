/* SPDX-License-Identifier: MIT */
/* Conformance of one variant on this machine: its fast path against its own definition. */
#ifndef HARNESS_CONFORM_H
#define HARNESS_CONFORM_H

#include "variants/attn.h"

#include <stdio.h>

struct conform_result {
    int passed, failed, refused; /* cases; refused: the variant does not support the shape */
    const char *refusal;         /* the last one's reason, a static string; NULL: none */
};

/*
 * Checks a variant over awkward shapes, masks, grouped heads and thread counts: descriptor
 * honest (supports, cost), output finite and fully written, equal to weights . V within a relative
 * error of 2e-5, causal where it claims so, finite with logits of thousands, the same bits for any
 * number of threads, workspace not overrun, inputs untouched. Prints one line a failure on f,
 * naming case and seed. Runs the variant in this process: call it in a child.
 */
void conform_check(const struct attn_variant *v, uint64_t seed, FILE *f,
                   struct conform_result *result);

#endif
