/* SPDX-License-Identifier: MIT */
/* The table of workloads, and what all of them share. */
#include "harness/inputs/workload.h"
#include "harness/files.h"
#include "harness/inputs/composite.h"
#include "harness/inputs/random.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct attn_param gauss_params[] = {
    {"peak", 1, 0, 1e4, false, "factor on Q: at 30 most weights are denormal or zero"},
    {0},
};
static const struct attn_param composite_params[] = {
    {"mode", 0, 0, 1, true,
     "0: constant masses at every length; 1: constant logits, calibrated at 8,192"},
    {0},
};
static const struct attn_param captured_params[] = {
    {"layer", 20, 0, 99, true, "layer of the captured model: 0 (diffuse) or 20 (sinks)"},
    {0},
};

static const struct workload workloads[] = {
    {"gauss", "negative control: independent normals, unlike any model", gauss_params, NULL,
     gauss_make, NULL},
    {"ashape", "sink and local band, as in most heads of large models", composite_params,
     composite_fix, composite_make, &preset_ashape},
    {"vslash", "sink, local band, a slash line, heavy columns", composite_params, composite_fix,
     composite_make, &preset_vslash},
    {"block", "documents: mass in a few related segments", composite_params, composite_fix,
     composite_make, &preset_block},
    {"captured", "real: SmolLM2-135M on the King James Bible, one key head, 8,192 tokens",
     captured_params, captured_fix, captured_make, NULL},
    {"file", "q, k, v of --input", NULL, captured_fix, captured_make, NULL},
};

int workload_count(void)
{
    return (int)(sizeof workloads / sizeof *workloads);
}

const struct workload *workload_at(int i)
{
    return &workloads[i];
}

const struct workload *workload_find(const char *name)
{
    for (int i = 0; i < workload_count(); i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

static int set_param(const struct workload *w, const char *item, double *values, char *msg)
{
    const char *equal = strchr(item, '=');
    int n = 0;
    for (const struct attn_param *p = w->params; p && p->name; p++, n++) {
        if (!equal || strlen(p->name) != (size_t)(equal - item) ||
            strncmp(p->name, item, strlen(p->name)) != 0)
            continue;
        char *end;
        double x = strtod(equal + 1, &end);
        if (end != equal + 1 && !*end && x >= p->min && x <= p->max &&
            !(p->whole && x != floor(x))) {
            values[n] = x;
            return 0;
        }
        snprintf(msg, WORKLOAD_MESSAGE, "'%.80s': give %s=VALUE, from %g to %g", item, p->name,
                 p->min, p->max);
        return -1;
    }
    size_t used = (size_t)snprintf(msg, WORKLOAD_MESSAGE,
                                   "'%.80s': workload %s has the parameters:", item, w->name);
    for (const struct attn_param *p = w->params; p && p->name && used < WORKLOAD_MESSAGE; p++)
        used += (size_t)snprintf(msg + used, WORKLOAD_MESSAGE - used, " %s", p->name);
    if (!w->params && used < WORKLOAD_MESSAGE)
        snprintf(msg + used, WORKLOAD_MESSAGE - used, " none");
    return -1;
}

int workload_params_parse(const struct workload *w, const char *text,
                          double values[ATTN_MAX_PARAMS], char msg[WORKLOAD_MESSAGE])
{
    char copy[512];
    int n = 0;
    for (const struct attn_param *p = w->params; p && p->name; p++)
        values[n++] = p->value;
    snprintf(copy, sizeof copy, "%s", text ? text : "");
    for (char *save, *item = strtok_r(copy, ",:", &save); item; item = strtok_r(NULL, ",:", &save))
        if (set_param(w, item, values, msg))
            return -1;
    return 0;
}

void workload_params_format(const struct workload *w, const double *values, char *out, size_t size)
{
    size_t used = 0;
    int n = 0;
    out[0] = '\0';
    for (const struct attn_param *p = w->params; p && p->name && used < size; p++, n++)
        if (values[n] != p->value)
            used += (size_t)snprintf(out + used, size - used, "%s%s=%.10g", used ? ":" : "",
                                     p->name, values[n]);
}

int workload_fix_shape(const struct workload *w, const double *params, const char *file,
                       struct inputs_shape *shape, double *scale, char msg[WORKLOAD_MESSAGE])
{
    if (file && w->make == captured_make && strcmp(w->name, "file") != 0)
        file = NULL; /* --input belongs to the workload `file` */
    return w->fix ? w->fix(w, params, file, shape, scale, msg) : 0;
}

/* Eight bytes at a time: tensors are large, and only accidents have to be told apart. */
static uint64_t hash_bytes(uint64_t h, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, bytes - i < 8 ? bytes - i : 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h;
}

static size_t floats(int64_t heads, int64_t n, int64_t d)
{
    return (size_t)heads * (size_t)n * (size_t)d;
}

static void round_to(enum attn_dtype dtype, float *x, size_t n)
{
    for (size_t i = 0; i < n && dtype == ATTN_BF16; i++)
        x[i] = attn_from_bf16(attn_to_bf16(x[i]));
}

int inputs_make(const struct workload *w, const double *params, uint64_t seed,
                const struct inputs_shape *shape, const char *file, struct inputs *out,
                char msg[WORKLOAD_MESSAGE])
{
    const struct inputs_shape *s = shape;
    size_t nq = floats(s->heads_q, s->n_q, s->d), nk = floats(s->heads_kv, s->n_k, s->d);
    size_t nv = floats(s->heads_kv, s->n_k, s->d_v);
    *out = (struct inputs){.shape = *s, .scale = 1 / sqrt((double)s->d), .note = "{}"};
    out->q = aligned_alloc(64, (nq * sizeof *out->q + 127) / 64 * 64);
    out->k = aligned_alloc(64, (nk * sizeof *out->k + 127) / 64 * 64);
    out->v = aligned_alloc(64, (nv * sizeof *out->v + 127) / 64 * 64);
    int rc = -1;
    if (out->q && out->k && out->v)
        rc = w->make(w, params, seed, file, out, msg);
    else
        snprintf(msg, WORKLOAD_MESSAGE, "out of memory for the inputs of %s", w->name);
    if (rc) {
        inputs_free(out);
        return rc;
    }
    round_to(s->dtype, out->q, nq);
    round_to(s->dtype, out->k, nk);
    round_to(s->dtype, out->v, nv);
    out->checksum = hash_bytes(hash_bytes(hash_bytes(nq * 31 + nk, out->q, nq * 4), out->k, nk * 4),
                               out->v, nv * 4);
    return 0;
}

void inputs_free(struct inputs *in)
{
    free(in->q);
    free(in->k);
    free(in->v);
    free(in->rows);
    free(in->o_rows);
    *in = (struct inputs){0};
}

static void normals(uint64_t seed, enum stream stream, int64_t heads, int64_t n, int64_t d,
                    double factor, float *out)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < n; i++) {
            double z[ATTN_D_MAX];
            random_normals(seed, stream, h, i, (int)d, z);
            for (int64_t c = 0; c < d; c++)
                out[(h * n + i) * d + c] = (float)(factor * z[c]);
        }
}

int gauss_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
               struct inputs *out, char *msg)
{
    (void)w;
    (void)file;
    (void)msg;
    const struct inputs_shape *s = &out->shape;
    normals(seed, STREAM_Q, s->heads_q, s->n_q, s->d, params[0], out->q);
    normals(seed, STREAM_K, s->heads_kv, s->n_k, s->d, 1, out->k);
    normals(seed, STREAM_V, s->heads_kv, s->n_k, s->d_v, 1, out->v);
    snprintf(out->note, sizeof out->note, "{\"control\":true}");
    return 0;
}

int data_path(const char *name, char *out, size_t size, char msg[WORKLOAD_MESSAGE])
{
    /* Test programs lie two folders deeper than the command. */
    static const char *const folders[] = {"../results", "../share/attnbench", "../../../results",
                                          NULL};
    const char *set = getenv("ATTN_DATA_DIR");
    if (!set || !*set) {
        if (file_beside_command(folders, name, out, size))
            return 0;
        snprintf(msg, WORKLOAD_MESSAGE,
                 "%.200s is not installed with the command; ATTN_DATA_DIR names the folder of "
                 "captures/",
                 name);
        return -1;
    }
    snprintf(out, size, "%s/%s", set, name);
    if (access(out, R_OK) == 0)
        return 0;
    snprintf(msg, WORKLOAD_MESSAGE, "%.200s: not found in ATTN_DATA_DIR=%.200s", name, set);
    return -1;
}
