/* SPDX-License-Identifier: MIT */
/* See cells.h. */
#include "harness/analyse/cells.h"
#include "variants/registry.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int describe_run(void *arg, int n, const char *const *names, const char *const *values)
{
    struct cells *c = arg;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"name", c->run, sizeof c->run},
                 {"commit_id", c->commit, sizeof c->commit},
                 {"started", c->started, sizeof c->started},
                 {"machine", c->machine, sizeof c->machine},
                 {"machine_summary", c->machine_summary, sizeof c->machine_summary}};
    for (int i = 0; i < n; i++)
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            if (strcmp(names[i], texts[t].name) == 0)
                snprintf(texts[t].to, texts[t].size, "%s", values[i] ? values[i] : "");
    return 0;
}

static void take(struct cell *c, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"variant", c->variant, sizeof c->variant},
                 {"params", c->params, sizeof c->params},
                 {"family", c->family, sizeof c->family},
                 {"kind", c->kind, sizeof c->kind},
                 {"time_class", c->time_class, sizeof c->time_class},
                 {"memory_class", c->memory_class, sizeof c->memory_class},
                 {"workload", c->workload, sizeof c->workload},
                 {"dtype", c->dtype, sizeof c->dtype},
                 {"status", c->status, sizeof c->status},
                 {"reason", c->reason, sizeof c->reason},
                 {"input_checksum", c->inputs, sizeof c->inputs}};
    const struct {
        const char *name;
        int64_t *to;
    } wholes[] = {{"case_id", &c->id}, {"heads_q", &c->heads_q}, {"heads_kv", &c->heads_kv},
                  {"n_q", &c->n_q},    {"n_k", &c->n_k},         {"d", &c->d},
                  {"d_v", &c->d_v},    {"causal", &c->causal},   {"threads", &c->threads}};
    const struct {
        const char *name;
        double *to;
    } reals[] = {{"median_s", &c->median},
                 {"ci_lo_s", &c->lo},
                 {"ci_hi_s", &c->hi},
                 {"rel_l2_ci_lo", &c->error_lo},
                 {"rel_l2_ci_hi", &c->error_hi},
                 {"skill", &c->skill},
                 {"roof_fp32", &c->fma},
                 {"flops", &c->flops},
                 {"exps", &c->exps},
                 {"bytes", &c->bytes},
                 {"workspace_bytes", &c->workspace},
                 {"tracked_bytes", &c->tracked},
                 {"peak_rss_bytes", &c->peak},
                 {"rel_l2", &c->error},
                 {"softmax_distance", &c->distance},
                 {"floor_rel_l2", &c->floor}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0)
            snprintf(texts[i].to, texts[i].size, "%s", value ? value : "");
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (strcmp(name, wholes[i].name) == 0)
            *wholes[i].to = value ? strtoll(value, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (strcmp(name, reals[i].name) == 0)
            *reals[i].to = value ? strtod(value, NULL) : NAN;
}

static int add_case(void *arg, int n, const char *const *names, const char *const *values)
{
    struct cells *all = arg;
    struct cell *grown = realloc(all->cell, (all->count + 1) * sizeof *grown);
    if (!grown)
        return -1;
    all->cell = grown;
    struct cell *c = &all->cell[all->count++];
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n; i++)
        take(c, names[i], values[i]);
    return 0;
}

/* Samples come case by case and launch by launch, in the order of the cases. */
struct sampler {
    struct cells *all;
    size_t at;
    int64_t round;
};

static int add_sample(void *arg, int64_t case_id, int64_t round, double seconds)
{
    struct sampler *s = arg;
    while (s->at < s->all->count && s->all->cell[s->at].id != case_id) {
        s->at++;
        s->round = -1;
    }
    if (s->at == s->all->count)
        return 0;
    struct cell *c = &s->all->cell[s->at];
    double *x = realloc(c->x, (c->count + 1) * sizeof *x);
    if (!x)
        return -1;
    c->x = x;
    if (round != s->round) {
        size_t *begin = realloc(c->begin, (c->launches + 2) * sizeof *begin);
        if (!begin)
            return -1;
        c->begin = begin;
        c->begin[c->launches++] = c->count;
        s->round = round;
    }
    c->x[c->count++] = seconds;
    c->begin[c->launches] = c->count;
    return 0;
}

int cells_load_summary(struct store *s, int64_t run, struct cells *out, char msg[CASE_MESSAGE])
{
    *out = (struct cells){0};
    snprintf(msg, CASE_MESSAGE, "out of memory");
    if (store_describe_run(s, run, describe_run, out, msg) ||
        store_cases(s, run, add_case, out, msg)) {
        cells_free(out);
        return -1;
    }
    return 0;
}

int cells_load(struct store *s, int64_t run, struct cells *out, char msg[CASE_MESSAGE])
{
    struct sampler sampler = {out, 0, -1};
    if (cells_load_summary(s, run, out, msg))
        return -1;
    snprintf(msg, CASE_MESSAGE, "out of memory");
    if (store_samples(s, run, add_sample, &sampler, msg) == 0)
        return 0;
    cells_free(out);
    return -1;
}

void cells_free(struct cells *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->cell[i].x);
        free(c->cell[i].begin);
    }
    free(c->cell);
    *c = (struct cells){0};
}

void cells_describe(struct cell *out, const struct bench_case *c)
{
    const struct attn_problem *p = &c->problem;
    *out = (struct cell){.heads_q = p->heads_q,
                         .heads_kv = p->heads_kv,
                         .n_q = p->n_q,
                         .n_k = p->n_k,
                         .d = p->d,
                         .d_v = p->d_v,
                         .causal = p->causal,
                         .threads = p->threads};
    snprintf(out->variant, sizeof out->variant, "%s", c->variant);
    snprintf(out->params, sizeof out->params, "%s", c->params);
    snprintf(out->kind, sizeof out->kind, "%s", c->kind);
    snprintf(out->workload, sizeof out->workload, "%s", c->workload);
    snprintf(out->dtype, sizeof out->dtype, "%s", attn_dtype_name(p->dtype));
    double *const figures[] = {&out->median,    &out->flops,    &out->exps,     &out->bytes,
                               &out->workspace, &out->tracked,  &out->peak,     &out->lo,
                               &out->hi,        &out->error,    &out->distance, &out->floor,
                               &out->error_lo,  &out->error_hi, &out->skill,    &out->fma};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        *figures[i] = NAN;
}

bool cells_named(const struct cell *c, const char *const *names, int count)
{
    bool found = count == 0;
    for (int i = 0; i < count; i++)
        found |= strcmp(names[i], c->family) == 0 || fnmatch(names[i], c->variant, 0) == 0;
    return found;
}

bool cells_same_problem(const struct cell *a, const struct cell *b)
{
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           a->heads_q == b->heads_q && a->heads_kv == b->heads_kv && a->n_q == b->n_q &&
           a->n_k == b->n_k && a->d == b->d && a->d_v == b->d_v && a->causal == b->causal &&
           a->threads == b->threads;
}

bool cells_same_case(const struct cell *a, const struct cell *b)
{
    return strcmp(a->variant, b->variant) == 0 && strcmp(a->params, b->params) == 0 &&
           cells_same_problem(a, b);
}

const struct cell *cells_fastest_exact(const struct cells *all, const struct cell *c)
{
    const struct cell *best = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct cell *o = &all->cell[i];
        if (strcmp(o->kind, "exact") == 0 && o->median > 0 && cells_same_problem(o, c) &&
            !cells_same_case(o, c) && (!best || o->median < best->median))
            best = o;
    }
    return best;
}

double cells_working_set(const struct cell *c)
{
    const double element = strcmp(c->dtype, "bf16") == 0 ? 2 : 4, d = (double)c->d,
                 d_v = (double)c->d_v;
    const double queries = (double)(c->heads_q * c->n_q), keys = (double)(c->heads_kv * c->n_k);
    return element * (queries * d + keys * (d + d_v)) + 4 * queries * d_v + fmax(c->tracked, 0);
}

void cells_method(const struct cell *c, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", c->variant, *c->params ? " " : "", c->params);
}

void cells_problem(const struct cell *c, char *out, size_t size)
{
    char queries[32] = "";
    if (c->n_q != c->n_k)
        snprintf(queries, sizeof queries, ", %lld quer%s", (long long)c->n_q,
                 c->n_q == 1 ? "y" : "ies");
    snprintf(out, size, "%s, %lld/%lld heads, d %lld, n %lld%s%s%s%s, %lld thread%s", c->workload,
             (long long)c->heads_q, (long long)c->heads_kv, (long long)c->d, (long long)c->n_k,
             queries, c->causal ? ", causal" : "", strcmp(c->dtype, "fp32") != 0 ? ", " : "",
             strcmp(c->dtype, "fp32") != 0 ? c->dtype : "", (long long)c->threads,
             c->threads == 1 ? "" : "s");
}
