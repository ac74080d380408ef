/* SPDX-License-Identifier: MIT */
/* The list of variants: the compiled-in ones of variants.def, then plugins in load order. */
#ifndef ATTN_REGISTRY_H
#define ATTN_REGISTRY_H

#include "variants/attn.h"

#define ATTN_MESSAGE 512

/* Number of variants known now. */
int attn_variant_count(void);

/* Variant number i, 0 <= i < attn_variant_count(); owned by the registry. */
const struct attn_variant *attn_variant_at(int i);

/* Finds a variant by its exact name, or NULL. */
const struct attn_variant *attn_variant_find(const char *name);

/*
 * Loads a plugin and appends its variant. Returns 0, or -1 with one line in msg (file
 * unreadable, symbol missing, other ABI version, broken descriptor, name already taken).
 */
int attn_plugin_load(const char *path, char msg[ATTN_MESSAGE]);

/*
 * "full", "sparse" ...; kind: "exact", "approximates", "replaces"; dtype: "fp32", "bf16". Static
 * strings.
 */
const char *attn_family_name(enum attn_family family);
const char *attn_kind_name(enum attn_kind kind);
const char *attn_dtype_name(enum attn_dtype dtype);

/* Finds a dtype by its name. False when there is none of it. */
bool attn_dtype_parse(const char *name, enum attn_dtype *out);

/*
 * Fills values[] with defaults, then applies text "key=value,key=value" (may be empty or
 * NULL). Returns 0, or -1 with one line naming the key or range at fault.
 */
int attn_params_parse(const struct attn_variant *v, const char *text,
                      double values[ATTN_MAX_PARAMS], char msg[ATTN_MESSAGE]);

/* Writes all parameters canonically, "b=64,r=3", in declared order; "" when there are none. */
void attn_params_format(const struct attn_variant *v, const double *values, char *out, size_t size);

/* Checks caps, then supports(). Returns true, or false with *why a static string. */
bool attn_supports(const struct attn_variant *v, const struct attn_problem *p, const double *params,
                   const char **why);

#endif
