/* SPDX-License-Identifier: MIT */
/* Resolves the specifications of variants and workloads, and sweeps their parameters. */
#include "harness/plan/specs.h"
#include "harness/plan/plan.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_TEXT 2048 /* a suite names every method, most with several settings */
#define SWEEP_MAX 4096

struct sweep {
    struct variant_spec *specs; /* owned until handed out */
    int count;
    const char *text; /* of the specification in work, for messages */
    char *msg;
};

/* Adds every combination of the values in "key=v1,v2:key=v3" for one variant. */
static int add_combinations(struct sweep *s, const struct attn_variant *v, char *rest, char *chosen)
{
    char msg[ATTN_MESSAGE];
    if (!rest || !*rest) {
        struct variant_spec spec = {.variant = v};
        if (attn_params_parse(v, chosen, spec.params, msg)) {
            snprintf(s->msg, CASE_MESSAGE, "-v %.150s: %.330s", s->text, msg);
            return -1;
        }
        if (s->count == SWEEP_MAX) {
            snprintf(s->msg, CASE_MESSAGE, "-v %s: more than %d combinations", s->text, SWEEP_MAX);
            return -1;
        }
        s->specs[s->count++] = spec;
        return 0;
    }
    char group[SPEC_TEXT], next[SPEC_TEXT];
    size_t len = strcspn(rest, ":");
    snprintf(group, sizeof group, "%.*s", (int)len, rest);
    snprintf(next, sizeof next, "%s", rest[len] ? rest + len + 1 : "");
    char *values = strchr(group, '=');
    if (!values || values == group || !values[1]) {
        snprintf(s->msg, CASE_MESSAGE, "-v %.200s: '%.100s' is not key=value or key=v1,v2", s->text,
                 group);
        return -1;
    }
    *values++ = '\0';
    for (char *save, *one = strtok_r(values, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        char more[SPEC_TEXT];
        int n = snprintf(more, sizeof more, "%s%s%s=%s", chosen, *chosen ? "," : "", group, one);
        if (n < 0 || (size_t)n >= sizeof more) {
            snprintf(s->msg, CASE_MESSAGE, "-v %s: too long", s->text);
            return -1;
        }
        if (add_combinations(s, v, next, more))
            return -1;
    }
    return 0;
}

static bool matches(const struct attn_variant *v, const char *name, bool exact)
{
    if (exact)
        return strcmp(v->name, name) == 0;
    return strcmp(attn_family_name(v->family), name) == 0 || fnmatch(name, v->name, 0) == 0;
}

static int add_spec(struct sweep *s, const char *text)
{
    char name[SPEC_TEXT];
    s->text = text;
    snprintf(name, sizeof name, "%s", text);
    char *rest = strchr(name, ':');
    if (rest)
        *rest++ = '\0';
    bool exact = attn_variant_find(name) != NULL;
    int found = 0;
    for (int i = 0; i < attn_variant_count(); i++) {
        const struct attn_variant *v = attn_variant_at(i);
        if (!matches(v, name, exact))
            continue;
        found++;
        char none[1] = "";
        if (add_combinations(s, v, rest, none))
            return -1;
    }
    if (found)
        return 0;
    size_t used =
        (size_t)snprintf(s->msg, CASE_MESSAGE,
                         "-v %.100s: no variant, family or glob matches; the variants are", name);
    for (int i = 0; i < attn_variant_count() && used < CASE_MESSAGE; i++)
        used +=
            (size_t)snprintf(s->msg + used, CASE_MESSAGE - used, " %s", attn_variant_at(i)->name);
    return -1;
}

int specs_variants(const char *const *texts, int count, struct variant_spec **out,
                   char msg[CASE_MESSAGE])
{
    struct sweep s = {.specs = calloc(SWEEP_MAX, sizeof *s.specs), .msg = msg};
    *out = s.specs;
    if (!s.specs) {
        snprintf(msg, CASE_MESSAGE, "out of memory");
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char words[SPEC_TEXT];
        if (strlen(texts[i]) >= sizeof words) {
            snprintf(msg, CASE_MESSAGE, "-v: a specification longer than %zu characters",
                     sizeof words);
            return -1;
        }
        memcpy(words, texts[i], strlen(texts[i]) + 1);
        for (char *save, *one = strtok_r(words, " ", &save); one; one = strtok_r(NULL, " ", &save))
            if (add_spec(&s, one))
                return -1;
    }
    if (!s.count)
        snprintf(msg, CASE_MESSAGE, "-v '': give a variant, a family or a glob");
    return s.count ? s.count : -1;
}

int specs_workloads(const char *const *texts, int count, struct workload_spec *out,
                    char msg[CASE_MESSAGE])
{
    for (int i = 0; i < count; i++) {
        char name[SPEC_TEXT], why[WORKLOAD_MESSAGE], params[CASE_TEXT];
        snprintf(name, sizeof name, "%s", texts[i]);
        char *rest = strchr(name, ':');
        if (rest)
            *rest++ = '\0';
        for (char *c = rest; c && *c; c++) /* several keys are separated by ':' here */
            if (*c == ':')
                *c = ',';
        const struct workload *w = workload_find(name);
        if (!w) {
            size_t used = (size_t)snprintf(msg, CASE_MESSAGE,
                                           "-w %.100s: no such workload; the workloads are", name);
            for (int j = 0; j < workload_count() && used < CASE_MESSAGE; j++)
                used +=
                    (size_t)snprintf(msg + used, CASE_MESSAGE - used, " %s", workload_at(j)->name);
            return -1;
        }
        out[i].workload = w;
        if (workload_params_parse(w, rest, out[i].params, why)) {
            snprintf(msg, CASE_MESSAGE, "-w %.100s: %.380s", texts[i], why);
            return -1;
        }
        workload_params_format(w, out[i].params, params, sizeof params);
        snprintf(out[i].canonical, sizeof out[i].canonical, "%.60s%s%.180s", w->name,
                 *params ? ":" : "", params);
    }
    return count;
}
