/* SPDX-License-Identifier: MIT */
/* See registry.h. */
#include "variants/registry.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS_MAX 256

#define VARIANT(id) extern const struct attn_variant attn_variant_##id;
#include "variants/variants.def"
#undef VARIANT

#define VARIANT(id) &attn_variant_##id,
static const struct attn_variant *variants[VARIANTS_MAX] = {
#include "variants/variants.def"
};
#undef VARIANT

#define VARIANT(id) +1
static int count = 0
#include "variants/variants.def"
    ;
#undef VARIANT

static const char *const families[ATTN_FAMILIES] = {
    "baseline", "full", "sparse", "linear", "longrange", "hierarchical", "peer",
};

int attn_variant_count(void)
{
    return count;
}

const struct attn_variant *attn_variant_at(int i)
{
    return variants[i];
}

const struct attn_variant *attn_variant_find(const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(variants[i]->name, name) == 0)
            return variants[i];
    return NULL;
}

const char *attn_family_name(enum attn_family family)
{
    return families[family];
}

const char *attn_kind_name(enum attn_kind kind)
{
    static const char *const names[] = {"exact", "approximates", "replaces"};
    return names[kind];
}

static const char *const dtypes[ATTN_DTYPES] = {"fp32", "bf16"};

const char *attn_dtype_name(enum attn_dtype dtype)
{
    return dtypes[dtype];
}

bool attn_dtype_parse(const char *name, enum attn_dtype *out)
{
    for (int i = 0; i < ATTN_DTYPES; i++)
        if (strcmp(name, dtypes[i]) == 0) {
            *out = (enum attn_dtype)i;
            return true;
        }
    return false;
}

static bool good_name(const char *s, const char *allowed)
{
    return s && *s && s[strspn(s, allowed)] == '\0' && strlen(s) < 48;
}

/* What is wrong with a descriptor, or NULL. */
static const char *defect(const struct attn_variant *v)
{
    if (!good_name(v->name, "abcdefghijklmnopqrstuvwxyz0123456789_"))
        return "its name is not of a-z, 0-9 and _, at most 47 characters";
    if ((unsigned)v->family >= ATTN_FAMILIES || (unsigned)v->kind > ATTN_REPLACES)
        return "its family or kind is not one of attn.h";
    if (!v->summary || !v->cite || !v->time_class || !v->memory_class)
        return "summary, cite, time_class and memory_class must be set";
    if (!v->cost || !v->run == !v->worker)
        return "cost must be set, and either run or worker";
    if (!v->worker != (v->family != ATTN_PEER))
        return "a worker makes a peer: family must be ATTN_PEER, and only then";
    if (!(v->caps & (ATTN_CAUSAL | ATTN_NONCAUSAL)))
        return "caps allow neither causal nor non-causal problems";
    int n = 0;
    for (const struct attn_param *p = v->params; p && p->name; p++, n++) {
        if (n == ATTN_MAX_PARAMS)
            return "it has more than 8 parameters";
        if (!good_name(p->name, "abcdefghijklmnopqrstuvwxyz_") || !p->doc)
            return "a parameter has no doc, or a name not of a-z and _";
        if (!(p->min <= p->value && p->value <= p->max) ||
            (p->whole && p->value != floor(p->value)))
            return "a parameter's default is outside its range";
    }
    return NULL;
}

int attn_plugin_load(const char *path, char msg[ATTN_MESSAGE])
{
    /* Without a slash dlopen searches the system's folders, not the one the user means. */
    char *full = realpath(path, NULL);
    if (!full) {
        snprintf(msg, ATTN_MESSAGE, "--plugin %s: %s", path, strerror(errno));
        return -1;
    }
    void *so = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    free(full);
    if (!so) {
        snprintf(msg, ATTN_MESSAGE, "--plugin %s: not a loadable shared object: %.300s", path,
                 dlerror());
        return -1;
    }
    const struct attn_variant *const *entry = dlsym(so, "attn_plugin");
    const char *why = NULL;
    if (!entry || !*entry) {
        snprintf(msg, ATTN_MESSAGE,
                 "--plugin %s: no symbol attn_plugin; build it with -DATTN_PLUGIN and define the "
                 "variant with ATTN_VARIANT",
                 path);
    } else if ((*entry)->abi != ATTN_ABI_VERSION) {
        snprintf(msg, ATTN_MESSAGE,
                 "--plugin %s: built for ABI version %u, this attnbench has %d: rebuild it with "
                 "this attn.h",
                 path, (*entry)->abi, ATTN_ABI_VERSION);
    } else if ((why = defect(*entry))) {
        snprintf(msg, ATTN_MESSAGE, "--plugin %s: %s", path, why);
    } else if (attn_variant_find((*entry)->name)) {
        snprintf(msg, ATTN_MESSAGE, "--plugin %s: there is a variant '%s' already; rename it", path,
                 (*entry)->name);
    } else if (count == VARIANTS_MAX) {
        snprintf(msg, ATTN_MESSAGE, "--plugin %s: more than %d variants", path, VARIANTS_MAX);
    } else {
        variants[count++] = *entry;
        return 0;
    }
    dlclose(so);
    return -1;
}

static int set_param(const struct attn_variant *v, const char *item, double *values,
                     unsigned *given, char *msg)
{
    const char *equal = strchr(item, '=');
    size_t len = equal ? (size_t)(equal - item) : strlen(item);
    int n = 0;
    const struct attn_param *p = v->params;
    for (; p && p->name; p++, n++)
        if (strlen(p->name) == len && strncmp(p->name, item, len) == 0)
            break;
    if (!p || !p->name) {
        size_t used = (size_t)snprintf(msg, ATTN_MESSAGE, "%s has no parameter '%.*s'; it has",
                                       v->name, (int)(len > 60 ? 60 : len), item);
        for (p = v->params; p && p->name && used < ATTN_MESSAGE; p++)
            used += (size_t)snprintf(msg + used, ATTN_MESSAGE - used, " %s", p->name);
        if (!v->params && used < ATTN_MESSAGE)
            snprintf(msg + used, ATTN_MESSAGE - used, " none");
        return -1;
    }
    char *end = NULL;
    double x = equal ? strtod(equal + 1, &end) : 0;
    if (!equal || end == equal + 1 || *end || !(x >= p->min && x <= p->max) ||
        (p->whole && x != floor(x))) {
        snprintf(msg, ATTN_MESSAGE, "'%.80s': give %s=VALUE, a %s from %g to %g", item, p->name,
                 p->whole ? "whole number" : "number", p->min, p->max);
        return -1;
    }
    if (*given >> n & 1) {
        snprintf(msg, ATTN_MESSAGE, "%s is given twice", p->name);
        return -1;
    }
    *given |= 1u << n;
    values[n] = x;
    return 0;
}

int attn_params_parse(const struct attn_variant *v, const char *text,
                      double values[ATTN_MAX_PARAMS], char msg[ATTN_MESSAGE])
{
    unsigned given = 0;
    int n = 0;
    for (const struct attn_param *p = v->params; p && p->name; p++)
        values[n++] = p->value;
    char copy[1024];
    if (!text || !*text)
        return 0;
    if (strlen(text) >= sizeof copy) {
        snprintf(msg, ATTN_MESSAGE, "parameters longer than %zu characters", sizeof copy);
        return -1;
    }
    memcpy(copy, text, strlen(text) + 1);
    for (char *save, *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save))
        if (set_param(v, item, values, &given, msg))
            return -1;
    return 0;
}

void attn_params_format(const struct attn_variant *v, const double *values, char *out, size_t size)
{
    size_t used = 0;
    int n = 0;
    out[0] = '\0';
    for (const struct attn_param *p = v->params; p && p->name && used < size; p++, n++)
        used += (size_t)snprintf(out + used, size - used, "%s%s=%.10g", n ? "," : "", p->name,
                                 values[n]);
}

bool attn_supports(const struct attn_variant *v, const struct attn_problem *p, const double *params,
                   const char **why)
{
    if (p->causal && !(v->caps & ATTN_CAUSAL))
        *why = "not defined for causal attention";
    else if (!p->causal && !(v->caps & ATTN_NONCAUSAL))
        *why = "defined for causal attention only";
    else if (p->n_q != p->n_k && !(v->caps & ATTN_CROSS))
        *why = "needs as many queries as keys";
    else if (p->heads_q != p->heads_kv && !(v->caps & ATTN_GQA))
        *why = "needs a key head for each query head";
    else if (p->d != p->d_v && !(v->caps & ATTN_DV))
        *why = "needs d_v = d";
    else if (p->dtype == ATTN_BF16 && !(v->caps & ATTN_TAKES_BF16))
        *why = "takes inputs in fp32 only";
    else
        return v->supports ? v->supports(p, params, why) : true;
    return false;
}
