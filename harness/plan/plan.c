/* SPDX-License-Identifier: MIT */
/*
 * Expands a request: parts (of a suite, or the one the options describe) x workloads x
 * lengths x threads x variants x parameter values, then predicts what each case costs.
 */
#include "harness/plan/plan.h"
#include "harness/plan/specs.h"
#include "harness/inputs/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Deliberately modest rates of one thread, in base units a second: a plan is made before the
 * machine's roofs are measured, and must not promise too much.
 */
static const double rate_flops = 25e9, rate_exps = 0.8e9, rate_bytes = 4e9;
/* A worker's start, a process image, and what its libraries hold. */
static const double start_s = 0.06, image_bytes = 96e6;
/* The same of a peer: an interpreter, large libraries, perhaps a compilation. */
static const double peer_start_s = 5, peer_image_bytes = 700e6;

struct builder {
    const struct plan_request *request;
    struct plan *plan;
    size_t capacity;
    char *msg;
};

static bool same_problem(const struct attn_problem *a, const struct attn_problem *b)
{
    return a->heads_q == b->heads_q && a->heads_kv == b->heads_kv && a->n_q == b->n_q &&
           a->n_k == b->n_k && a->d == b->d && a->d_v == b->d_v && a->causal == b->causal &&
           a->dtype == b->dtype && a->threads == b->threads;
}

static int append(struct builder *b, const struct bench_case *c)
{
    for (size_t i = 0; i < b->plan->count; i++) {
        const struct bench_case *o = &b->plan->cases[i];
        if (strcmp(o->variant, c->variant) == 0 && strcmp(o->params, c->params) == 0 &&
            strcmp(o->workload, c->workload) == 0 && same_problem(&o->problem, &c->problem))
            return 0;
    }
    if (b->plan->count == b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 256;
        struct bench_case *grown = realloc(b->plan->cases, b->capacity * sizeof *grown);
        if (!grown) {
            snprintf(b->msg, CASE_MESSAGE, "out of memory for a plan of %zu cases", b->capacity);
            return -1;
        }
        b->plan->cases = grown;
    }
    b->plan->cases[b->plan->count++] = *c;
    return 0;
}

/* Fills cost, predictions, and a refusal where there is one. */
static void predict(const struct builder *b, const struct attn_variant *v, const double *params,
                    struct bench_case *c)
{
    const struct attn_problem *p = &c->problem;
    const char *why = NULL;
    if (c->status != CASE_OK)
        return;
    if (!attn_supports(v, p, params, &why)) {
        c->status = CASE_UNSUPPORTED;
        snprintf(c->reason, sizeof c->reason, "%s", why);
        return;
    }
    v->cost(p, params, &c->cost);
    double threads = p->threads;
    c->start_s = v->worker ? peer_start_s : start_s;
    c->predicted_s = 1e-5 + c->cost.flops / (rate_flops * threads) +
                     c->cost.exps / (rate_exps * threads) + c->cost.bytes / rate_bytes;
    double sampling = fmax(b->plan->max_seconds, c->predicted_s);
    c->predicted_total_s =
        b->plan->rounds * (c->start_s + 4 * c->predicted_s + b->plan->min_warmup_s + sampling);
    c->predicted_bytes =
        (v->worker ? peer_image_bytes : image_bytes) + attn_io_bytes(p) + (double)c->cost.workspace;

    double limit = b->request->memory_limit > 0 ? b->request->memory_limit
                                                : 0.8 * b->request->memory_available;
    if (limit > 0 && c->predicted_bytes > limit) {
        c->status = CASE_SKIPPED;
        snprintf(c->reason, sizeof c->reason,
                 "needs %.2f GiB, more than the limit of %.2f GiB (--memory-limit)",
                 c->predicted_bytes / 0x1p30, limit / 0x1p30);
    }
}

static int add_case(struct builder *b, const struct variant_spec *spec,
                    const struct workload_spec *work, const struct inputs_shape *shape,
                    const char *refusal, int threads, double scale)
{
    const struct plan_request *r = b->request;
    struct bench_case c = {.input_seed = r->seed};
    snprintf(c.variant, sizeof c.variant, "%s", spec->variant->name);
    attn_params_format(spec->variant, spec->params, c.params, sizeof c.params);
    snprintf(c.family, sizeof c.family, "%s", attn_family_name(spec->variant->family));
    snprintf(c.kind, sizeof c.kind, "%s", attn_kind_name(spec->variant->kind));
    snprintf(c.time_class, sizeof c.time_class, "%s", spec->variant->time_class);
    snprintf(c.memory_class, sizeof c.memory_class, "%s", spec->variant->memory_class);
    snprintf(c.workload, sizeof c.workload, "%s", work->canonical);
    if (spec->variant->worker)
        snprintf(c.peer, sizeof c.peer, "%s", spec->variant->worker);
    snprintf(c.input_file, sizeof c.input_file, "%s", r->input ? r->input : "");
    snprintf(c.phase, sizeof c.phase, "%s",
             shape->n_q == 1 && shape->n_k > 1 ? "decode" : "prefill");
    c.problem = (struct attn_problem){
        .heads_q = shape->heads_q,
        .heads_kv = shape->heads_kv,
        .n_q = shape->n_q,
        .n_k = shape->n_k,
        .d = shape->d,
        .d_v = shape->d_v,
        .causal = shape->causal,
        .dtype = shape->dtype,
        .threads = threads,
        .scale = scale > 0 ? scale : 1 / sqrt((double)shape->d),
        .seed = r->seed,
    };
    if (refusal) {
        c.status = CASE_UNSUPPORTED;
        snprintf(c.reason, sizeof c.reason, "%s", refusal);
    }
    predict(b, spec->variant, spec->params, &c);
    return append(b, &c);
}

static int add_part(struct builder *b, const struct suite_part *part)
{
    const struct plan_request *r = b->request;
    struct variant_spec *variants = NULL;
    struct workload_spec workloads[PLAN_LIST];
    int64_t lengths[PLAN_LIST], threads[PLAN_LIST];
    int rc = -1;
    int nv = r->nvariants ? specs_variants(r->variants, r->nvariants, &variants, b->msg)
                          : specs_variants(&part->variants, 1, &variants, b->msg);
    const char *from_file = "file";
    const char *const *work = r->nworkloads ? r->workloads
                              : r->input    ? &from_file
                                            : &part->workload;
    int nw = specs_workloads(work, r->nworkloads ? r->nworkloads : 1, workloads, b->msg);
    int nn = plan_lengths(r->lengths ? r->lengths : part->lengths, lengths, PLAN_LIST, b->msg);
    int nt = plan_threads(r->threads      ? r->threads
                          : part->threads ? part->threads
                                          : "all",
                          r->cores, threads, PLAN_LIST, b->msg);
    if (nv < 0 || nw < 0 || nn < 0 || nt < 0)
        goto end;
    for (int w = 0; w < nw; w++)
        for (int n = 0; n < nn; n++) {
            int64_t heads = r->heads      ? r->heads
                            : part->heads ? part->heads
                                          : 8,
                    queries = r->queries ? r->queries : part->queries;
            struct inputs_shape shape = {
                .heads_q = heads,
                .heads_kv = r->kv_heads ? r->kv_heads : heads,
                .n_q = queries ? queries : lengths[n],
                .n_k = lengths[n],
                .d = r->dim      ? r->dim
                     : part->dim ? part->dim
                                 : 64,
                .causal = part->causal || r->causal,
                .dtype = part->dtype,
            };
            if (r->dtype)
                attn_dtype_parse(r->dtype, &shape.dtype);
            shape.d_v = shape.d;
            char refusal[WORKLOAD_MESSAGE];
            double scale = 0;
            int fixed = workload_fix_shape(workloads[w].workload, workloads[w].params, r->input,
                                           &shape, &scale, refusal);
            if (fixed < 0) {
                snprintf(b->msg, CASE_MESSAGE, "%s", refusal);
                goto end;
            }
            for (int t = 0; t < nt; t++)
                for (int v = 0; v < nv; v++)
                    if (add_case(b, &variants[v], &workloads[w], &shape, fixed ? refusal : NULL,
                                 (int)threads[t], scale))
                        goto end;
        }
    rc = 0;
end:
    free(variants);
    return rc;
}

static int by_prediction(const void *a, const void *b)
{
    double x = (*(struct bench_case *const *)a)->predicted_total_s;
    double y = (*(struct bench_case *const *)b)->predicted_total_s;
    return (x > y) - (x < y);
}

/* With a budget, the cheapest cases that fit are kept: short lengths first, for every method. */
static int fit_budget(struct plan *p, double budget_s)
{
    struct bench_case **order = malloc(p->count * sizeof *order);
    if (!order)
        return -1;
    for (size_t i = 0; i < p->count; i++)
        order[i] = &p->cases[i];
    qsort(order, p->count, sizeof *order, by_prediction);
    double spent = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (order[i]->status != CASE_OK)
            continue;
        if (budget_s > 0 && spent + order[i]->predicted_total_s > budget_s) {
            order[i]->status = CASE_SKIPPED;
            snprintf(order[i]->reason, sizeof order[i]->reason,
                     "predicted %.0f s more than the budget of %.0f s allows (--budget)",
                     spent + order[i]->predicted_total_s - budget_s, budget_s);
            continue;
        }
        spent += order[i]->predicted_total_s;
    }
    p->predicted_s = spent;
    free(order);
    return 0;
}

static void hash_text(uint64_t *h, const char *s)
{
    for (; *s; s++)
        *h = (*h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    *h = (*h ^ 0xff) * UINT64_C(0x100000001b3);
}

static void hash_plan(const struct plan_request *r, struct plan *p)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    char line[512];
    for (size_t i = 0; i < p->count; i++) {
        const struct bench_case *c = &p->cases[i];
        const struct attn_problem *q = &c->problem;
        hash_text(&h, c->variant);
        hash_text(&h, c->params);
        hash_text(&h, c->workload);
        hash_text(&h, c->input_file);
        snprintf(line, sizeof line, "%lld %lld %lld %lld %lld %lld %d %d %d", (long long)q->heads_q,
                 (long long)q->heads_kv, (long long)q->n_q, (long long)q->n_k, (long long)q->d,
                 (long long)q->d_v, q->causal, q->dtype, q->threads);
        hash_text(&h, line);
    }
    snprintf(line, sizeof line, "%d %llu", p->rounds, (unsigned long long)r->seed);
    hash_text(&h, line);
    snprintf(p->hash, sizeof p->hash, "%016llx", (unsigned long long)h);
}

static int check_shape(const struct plan_request *r, char *msg)
{
    int64_t heads = r->heads ? r->heads : 8, kv = r->kv_heads ? r->kv_heads : heads;
    enum attn_dtype dtype;
    if (r->dtype && !attn_dtype_parse(r->dtype, &dtype)) {
        snprintf(msg, CASE_MESSAGE, "--dtype %.60s: give fp32 or bf16", r->dtype);
        return -1;
    }
    if (heads % kv) {
        snprintf(msg, CASE_MESSAGE, "--kv-heads %lld does not divide --heads %lld", (long long)kv,
                 (long long)heads);
        return -1;
    }
    if (r->dim > 256) {
        snprintf(msg, CASE_MESSAGE, "--dim %lld: give 1..256", (long long)r->dim);
        return -1;
    }
    return 0;
}

int plan_expand(const struct plan_request *request, struct plan *out, char msg[CASE_MESSAGE])
{
    /* Without a suite, what the options leave open is one plain sweep; without any option, quick.
     */
    static const struct suite_part plain[] = {
        {.variants = SUITE_OURS, .workload = "vslash", .lengths = "256..4096"}, {0}};
    const struct suite *suite = NULL;
    const char *name = request->suite;
    if (!name && !request->nvariants && !request->nworkloads && !request->lengths &&
        !request->input)
        name = "quick";
    if (name && !(suite = suite_find(name))) {
        int used = snprintf(msg, CASE_MESSAGE, "unknown suite '%s': the suites are", name);
        for (int i = 0; i < suite_count(); i++)
            used += snprintf(msg + used, (size_t)(CASE_MESSAGE - used), " %s", suite_at(i)->name);
        return -1;
    }
    if (check_shape(request, msg))
        return -1;
    *out = (struct plan){
        .rounds = request->rounds ? request->rounds
                  : suite         ? suite->rounds
                                  : 3,
        .max_seconds = suite ? suite->max_seconds : 2,
        .min_warmup_s = suite ? suite->min_warmup_s : 0.1,
    };
    struct builder b = {request, out, 0, msg};
    for (const struct suite_part *part = suite ? suite->parts : plain; part->lengths; part++)
        if (add_part(&b, part)) {
            plan_free(out);
            return -1;
        }
    double budget = request->budget_s > 0 ? request->budget_s : suite ? suite->budget_s : 0;
    if (fit_budget(out, budget)) {
        snprintf(msg, CASE_MESSAGE, "out of memory");
        plan_free(out);
        return -1;
    }
    hash_plan(request, out);
    return 0;
}

void plan_free(struct plan *p)
{
    free(p->cases);
    *p = (struct plan){0};
}
