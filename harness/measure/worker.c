/* SPDX-License-Identifier: MIT */
/* The C side of the worker protocol: reads cases, prepares threads and memory, answers. */
#include "harness/inputs/tensorfile.h"
#include "harness/measure/arena.h"
#include "harness/measure/measure.h"
#include "harness/measure/threads.h"
#include "harness/measure/trial.h"
#include "harness/version.h"
#include "variants/kernels/blas.h"
#include "variants/kernels/isa.h"
#include "variants/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 4096

struct request {
    struct attn_problem p;
    char variant[64], params[CASE_TEXT], q[LINE], k[LINE], v[LINE], output[LINE];
    struct sampling sampling;
    char dtype[16];
    double memory_limit;
};

static void set_text(char *to, size_t size, const char *value)
{
    snprintf(to, size, "%s", value);
}

/* Takes one line of a case. Unknown keys are ignored. */
static void set_key(struct request *r, const char *key, const char *value)
{
    const struct {
        const char *key;
        int64_t *to;
    } wholes[] = {{"heads_q", &r->p.heads_q},
                  {"heads_kv", &r->p.heads_kv},
                  {"n_q", &r->p.n_q},
                  {"n_k", &r->p.n_k},
                  {"d", &r->p.d},
                  {"d_v", &r->p.d_v}};
    const struct {
        const char *key;
        double *to;
    } reals[] = {{"scale", &r->p.scale},
                 {"target_ci", &r->sampling.target_ci},
                 {"max_seconds", &r->sampling.max_seconds},
                 {"min_warmup_s", &r->sampling.min_warmup_s},
                 {"memory_limit", &r->memory_limit}};
    const struct {
        const char *key;
        char *to;
        size_t size;
    } texts[] = {{"variant", r->variant, sizeof r->variant},
                 {"params", r->params, sizeof r->params},
                 {"dtype", r->dtype, sizeof r->dtype},
                 {"q", r->q, LINE},
                 {"k", r->k, LINE},
                 {"v", r->v, LINE},
                 {"output", r->output, LINE}};
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (strcmp(key, wholes[i].key) == 0)
            *wholes[i].to = strtoll(value, NULL, 10);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (strcmp(key, reals[i].key) == 0)
            *reals[i].to = strtod(value, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(key, texts[i].key) == 0)
            set_text(texts[i].to, texts[i].size, value);
    if (strcmp(key, "causal") == 0)
        r->p.causal = strtol(value, NULL, 10) != 0;
    else if (strcmp(key, "threads") == 0)
        r->p.threads = (int)strtol(value, NULL, 10);
    else if (strcmp(key, "seed") == 0)
        r->p.seed = strtoull(value, NULL, 10);
    else if (strcmp(key, "min_samples") == 0)
        r->sampling.min_samples = (int)strtol(value, NULL, 10);
    else if (strcmp(key, "max_samples") == 0)
        r->sampling.max_samples = (int)strtol(value, NULL, 10);
}

static bool valid(const struct request *r)
{
    const struct attn_problem *p = &r->p;
    return p->heads_q > 0 && p->heads_kv > 0 && p->heads_q % p->heads_kv == 0 && p->n_q > 0 &&
           p->n_k > 0 && p->d > 0 && p->d <= 256 && p->d_v > 0 && p->d_v <= 256 && p->threads > 0 &&
           p->threads <= 4096 && p->scale > 0 && r->sampling.min_samples > 0 &&
           r->sampling.max_samples >= r->sampling.min_samples && r->sampling.max_seconds > 0;
}

/* Reads the next case. 1 read, 0 end of input, -1 malformed. */
static int read_case(FILE *in, struct request *r)
{
    char line[LINE];
    *r = (struct request){.dtype = "fp32", .sampling = {0.02, 20, 0.2, 10, 200}};
    if (!fgets(line, sizeof line, in))
        return 0;
    if (strcmp(line, "attnbench-case 1\n") != 0)
        return -1;
    while (fgets(line, sizeof line, in)) {
        size_t n = strlen(line);
        if (n == 0 || line[n - 1] != '\n')
            return -1;
        line[n - 1] = '\0';
        if (strcmp(line, "run") == 0)
            return valid(r) ? 1 : -1;
        char *value = strchr(line, ' ');
        if (value)
            *value++ = '\0';
        set_key(r, line, value ? value : "");
    }
    return -1;
}

/*
 * Copies a tensor, in the type that the case asks for, into memory that the measuring threads touch
 * first. Values of 16 bits travel as fp32.
 */
static void *load(const char *path, const struct attn_problem *p, int64_t heads, int64_t n,
                  int64_t d, struct arena *arena, char *msg)
{
    struct tensor_file f;
    if (tensor_file_read(path, &f, msg))
        return NULL;
    const struct tensor *t = &f.tensors[0];
    const size_t count = (size_t)t->count, width = p->dtype == ATTN_BF16 ? 2 : 4;
    void *to = NULL;
    if (t->rank != 3 || t->shape[0] != heads || t->shape[1] != n || t->shape[2] != d)
        snprintf(msg, CASE_MESSAGE, "%.200s: the shape is not (%lld, %lld, %lld)", path,
                 (long long)heads, (long long)n, (long long)d);
    else if (!(to = arena_map_huge(arena, count * width)))
        snprintf(msg, CASE_MESSAGE, "oom");
    else if (p->dtype == ATTN_BF16)
#pragma omp parallel for num_threads(p->threads) schedule(static)
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)to)[i] = attn_to_bf16(t->data[i]);
    else
        first_touch(to, t->data, count * width, p->threads);
    tensor_file_free(&f);
    return to;
}

/* What the BLAS keeps for itself must not be charged to the method. */
static double warm_blas(const struct attn_blas *blas)
{
    double before = memory_now();
    enum { N = 256 };
    float *a = calloc(3 * N * N, sizeof *a);
    if (a)
        blas->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, N, N, N, 1, a, N, a + N * N, N, 0,
                    a + 2 * N * N, N);
    free(a);
    return memory_now() - before;
}

static void print_result(FILE *out, const struct trial *t, const struct sampled *s,
                         const struct worker_memory *m, double lib, unsigned mxcsr)
{
    const struct attn_blas *blas = attn_blas_loaded();
    fprintf(out, "isa %s\nblas_core %s\nmxcsr %u\nlib_bytes %.0f\n", attn_isa_name(),
            blas ? blas->core : "", mxcsr, lib);
    fprintf(out, "huge_pages %s\nnuma_nodes %d\n", memory_huge_pages(), m->nodes);
    fprintf(out, "prepare_s %.9g\ncold_s %.9g\nbusy_s %.9g\ninner %d\n", t->prepare_s, s->cold_s,
            s->busy_s, s->inner);
    fprintf(out, "workspace_bytes %.0f\ntracked_bytes %.0f\npeak_rss_bytes %.0f\n", m->declared,
            m->tracked, m->peak);
    for (int i = 0; i < s->count; i++)
        fprintf(out, "sample %.9g\n", s->samples[i]);
    char flags[64];
    case_flags_format(s->flags | m->flags, flags, sizeof flags);
    if (*flags)
        fprintf(out, "flags %s\n", flags);
    fputs("done ok\n", out);
}

/* Measures a supported case; every mapping lies in the arena, which the caller frees. */
static void measure(const struct request *r, const struct attn_variant *v, const double *params,
                    struct arena *arena, FILE *out)
{
    const struct attn_problem *p = &r->p;
    struct attn_cost cost = {0};
    char msg[CASE_MESSAGE] = "";
    v->cost(p, params, &cost);
    unsigned mxcsr = threads_prepare(p->threads);
    /* A method that needs it has said so: its supports() loads it. */
    const struct attn_blas *blas = attn_blas_loaded();
    const double lib = blas ? warm_blas(blas) : 0;

    const void *in[3]; /* q, k, v */
    float *o = NULL;
    if ((in[0] = load(r->q, p, p->heads_q, p->n_q, p->d, arena, msg)) &&
        (in[1] = load(r->k, p, p->heads_kv, p->n_k, p->d, arena, msg)) &&
        (in[2] = load(r->v, p, p->heads_kv, p->n_k, p->d_v, arena, msg)))
        o = arena_map(arena, (size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *o);
    if (!o) {
        if (*msg && strcmp(msg, "oom") != 0)
            fprintf(out, "done failed %s\n", msg);
        else
            fputs("done oom inputs and output do not fit the memory limit\n", out);
        return;
    }
    const struct attn_io io =
        p->dtype == ATTN_BF16 ? (struct attn_io){.q16 = in[0], .k16 = in[1], .v16 = in[2], .o = o}
                              : (struct attn_io){.q = in[0], .k = in[1], .v = in[2], .o = o};
    const size_t bytes = (size_t)(p->heads_q * p->n_q * p->d_v) * sizeof *o;
    first_touch(o, NULL, bytes, p->threads);
    void *ws = NULL;
    if (r->memory_limit > 0 && (double)cost.workspace > r->memory_limit)
        msg[0] = '\0';
    else
        ws = arena_map_guarded(arena, cost.workspace);
    if (!ws) {
        fprintf(out, "done oom a workspace of %.0f bytes does not fit the memory limit\n",
                (double)cost.workspace);
        return;
    }
    struct worker_memory m = {.declared = (double)cost.workspace};
    struct sampled s;
    memory_baseline(&m);
    struct trial trial = {v, p, params, ws, &io, 0};
    const char *why = trial_sample(&trial, &r->sampling, &s);
    memory_peak(&m, ws, cost.workspace);
    m.nodes = memory_nodes(arena);
    const int64_t shape[] = {p->heads_q, p->n_q, p->d_v};
    if (why)
        fprintf(out, "done failed %s\n", why);
    else if (npy_write(r->output, 3, shape, o, msg))
        fprintf(out, "done failed %s\n", msg);
    else
        print_result(out, &trial, &s, &m, lib, mxcsr);
    free(s.samples);
}

static void serve_case(struct request *r, FILE *out)
{
    char msg[ATTN_MESSAGE];
    const char *why = "";
    double params[ATTN_MAX_PARAMS];
    const struct attn_variant *v = attn_variant_find(r->variant);
    if (!v)
        fprintf(out, "done unsupported this worker has no variant '%s'\n", r->variant);
    else if (!v->run)
        fprintf(out, "done unsupported %s is a peer, which %s measures\n", v->name, v->worker);
    else if (!attn_dtype_parse(r->dtype, &r->p.dtype))
        fprintf(out, "done unsupported this worker takes no dtype '%s'\n", r->dtype);
    else if (attn_params_parse(v, r->params, params, msg))
        fprintf(out, "done failed %s\n", msg);
    else if (!attn_supports(v, &r->p, params, &why))
        fprintf(out, "done unsupported %s\n", why);
    else {
        struct arena arena = {0};
        measure(r, v, params, &arena, out);
        arena_free(&arena);
    }
}

int worker_serve(FILE *in, FILE *out)
{
    struct request *r = malloc(sizeof *r);
    int rc = r ? 1 : -1;
    while (r && (rc = read_case(in, r)) > 0) {
        fprintf(out, "attnbench-worker 1 attnbench %s (%s)\n", attn_version, attn_commit);
        serve_case(r, out);
        if (fflush(out))
            break;
    }
    free(r);
    if (rc < 0)
        fputs("attnbench worker: a malformed case; see harness/measure/protocol.md\n", stderr);
    return rc < 0 ? 2 : 0;
}
