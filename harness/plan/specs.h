/* SPDX-License-Identifier: MIT */
/* Specifications as typed: VARIANT[:key=v1,v2]..., WORKLOAD[:key=v]... */
#ifndef HARNESS_SPECS_H
#define HARNESS_SPECS_H

#include "harness/case.h"
#include "harness/inputs/workload.h"
#include "variants/registry.h"

struct variant_spec {
    const struct attn_variant *variant;
    double params[ATTN_MAX_PARAMS];
};

struct workload_spec {
    const struct workload *workload;
    double params[ATTN_MAX_PARAMS];
    char canonical[CASE_TEXT]; /* name, then the parameters that differ from their defaults */
};

/*
 * Resolves texts (each an exact name, a family, or a glob; several may stand in one text,
 * separated by spaces) into *out, allocated, in the order of the registry for one word.
 * Values separated by commas sweep a parameter. Returns the number, or -1 with one line.
 */
int specs_variants(const char *const *texts, int count, struct variant_spec **out,
                   char msg[CASE_MESSAGE]);

/* The same for workloads (no globs); out holds 64. */
int specs_workloads(const char *const *texts, int count, struct workload_spec *out,
                    char msg[CASE_MESSAGE]);

#endif
