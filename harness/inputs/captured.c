/* SPDX-License-Identifier: MIT */
/*
 * Tensors from files: the capture that comes with the command, and --input. A shape asks for the
 * first n_k tokens and the last n_q queries of them, so lengths are prefixes of one another.
 */
#include "harness/inputs/tensorfile.h"
#include "harness/inputs/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct source {
    struct tensor_file files[3]; /* one file, or q.npy, k.npy, v.npy of a folder */
    int nfiles;
    const struct tensor *q, *k, *v, *o_rows;
    int64_t heads_q, heads_kv, n_q, n_k, d, d_v;
};

static void close_source(struct source *s)
{
    for (int i = 0; i < s->nfiles; i++)
        tensor_file_free(&s->files[i]);
}

/* (H, N, D) of a tensor of rank 2 (one head), 3, or 4 (batch of one). */
static bool dims(const struct tensor *t, int64_t *h, int64_t *n, int64_t *d)
{
    const int64_t *s = t->shape;
    if (t->rank < 2 || t->rank > 4 || (t->rank == 4 && s[0] != 1) || t->count == 0)
        return false;
    *h = t->rank == 2 ? 1 : s[t->rank - 3];
    *n = s[t->rank - 2];
    *d = s[t->rank - 1];
    return true;
}

static int open_files(struct source *s, const char *path, char *msg)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        static const char *const names[] = {"q", "k", "v"};
        const struct tensor **to[] = {&s->q, &s->k, &s->v};
        for (int i = 0; i < 3; i++) {
            char full[4096];
            snprintf(full, sizeof full, "%.4000s/%s.npy", path, names[i]);
            if (tensor_file_read(full, &s->files[i], msg))
                return -1;
            s->nfiles++;
            *to[i] = &s->files[i].tensors[0];
        }
        return 0;
    }
    if (tensor_file_read(path, &s->files[0], msg))
        return -1;
    s->nfiles = 1;
    s->q = tensor_file_find(&s->files[0], "q");
    s->k = tensor_file_find(&s->files[0], "k");
    s->v = tensor_file_find(&s->files[0], "v");
    s->o_rows = tensor_file_find(&s->files[0], "o_rows");
    return 0;
}

static int open_source(struct source *s, const char *path, char *msg)
{
    int64_t hv, nv;
    *s = (struct source){0};
    if (open_files(s, path, msg))
        goto fail;
    if (!s->q || !s->k || !s->v) {
        snprintf(msg, WORKLOAD_MESSAGE,
                 "%.300s: no tensor '%s'; q, k and v are needed (a folder: q.npy k.npy v.npy)",
                 path,
                 !s->q   ? "q"
                 : !s->k ? "k"
                         : "v");
        goto fail;
    }
    if (!dims(s->q, &s->heads_q, &s->n_q, &s->d) || !dims(s->k, &s->heads_kv, &s->n_k, &nv) ||
        nv != s->d || !dims(s->v, &hv, &nv, &s->d_v) || hv != s->heads_kv || nv != s->n_k ||
        s->heads_q % s->heads_kv || s->d > 256 || s->d_v > 256) {
        snprintf(msg, WORKLOAD_MESSAGE,
                 "%.300s: shapes do not fit together: q (H_q, n, d), k (H_kv, n, d), v (H_kv, n, "
                 "d_v), H_kv divides H_q, "
                 "d and d_v at most 256",
                 path);
        goto fail;
    }
    int64_t bad = s->q->nonfinite + s->k->nonfinite + s->v->nonfinite;
    if (bad == 0)
        return 0;
    snprintf(msg, WORKLOAD_MESSAGE, "%.300s: %lld values are NaN or infinite", path,
             (long long)bad);
fail:
    close_source(s);
    return -1;
}

static int find_path(const struct workload *w, const double *params, const char *file, char *out,
                     size_t size, char *msg)
{
    if (strcmp(w->name, "file") == 0) {
        if (!file) {
            snprintf(msg, WORKLOAD_MESSAGE, "workload file needs --input FILE");
            return -1;
        }
        snprintf(out, size, "%s", file);
        return 0;
    }
    char name[64];
    snprintf(name, sizeof name, "captures/smollm2-kjv-L%02d.safetensors", (int)params[0]);
    return data_path(name, out, size, msg);
}

/* The scale that the file records, or 1/sqrt(d). */
static double file_scale(const struct source *s)
{
    const char *text = tensor_file_meta(&s->files[0], "scale");
    double scale = text ? strtod(text, NULL) : 0;
    return scale > 0 && isfinite(scale) ? scale : 1 / sqrt((double)s->d);
}

int captured_fix(const struct workload *w, const double *params, const char *file,
                 struct inputs_shape *shape, double *scale, char *msg)
{
    char path[4096];
    struct source s;
    if (find_path(w, params, file, path, sizeof path, msg) || open_source(&s, path, msg))
        return -1;
    shape->heads_q = s.heads_q;
    shape->heads_kv = s.heads_kv;
    shape->d = s.d;
    shape->d_v = s.d_v;
    *scale = file_scale(&s);
    int rc = shape->n_q > s.n_q || shape->n_k > s.n_k;
    if (rc)
        snprintf(msg, WORKLOAD_MESSAGE, "the capture has %lld tokens",
                 (long long)(s.n_k < s.n_q ? s.n_k : s.n_q));
    else if (s.n_q == s.n_k && shape->n_q > shape->n_k) {
        rc = 1;
        snprintf(msg, WORKLOAD_MESSAGE,
                 "the capture is of self-attention: it has no more queries than keys");
    }
    close_source(&s);
    return rc;
}

/* Rows of the source's own output that lie in the wanted queries; comparable only when causal. */
static bool source_rows(const struct source *s, struct inputs *in, int64_t first)
{
    const char *text = tensor_file_meta(&s->files[0], "output_rows");
    const char *causal = tensor_file_meta(&s->files[0], "causal");
    int64_t all[4096], count = 0, stored = 0;
    if (!text || !s->o_rows || s->o_rows->rank != 3 || !in->shape.causal || !causal ||
        strcmp(causal, "1") != 0)
        return true;
    for (const char *p = text; *p && stored < 4096;) {
        char *end;
        if (*p < '0' || *p > '9') {
            p++;
            continue;
        }
        all[stored++] = strtoll(p, &end, 10);
        p = end;
    }
    const int64_t *shape = s->o_rows->shape;
    if (shape[0] != s->heads_q || shape[1] != stored || shape[2] != s->d_v)
        return true;
    in->rows = calloc((size_t)stored + 1, sizeof *in->rows);
    in->o_rows = calloc((size_t)(s->heads_q * (stored + 1) * s->d_v), sizeof *in->o_rows);
    if (!in->rows || !in->o_rows)
        return false;
    for (int64_t r = 0; r < stored; r++)
        if (all[r] >= first && all[r] < first + in->shape.n_q)
            in->rows[count++] = all[r] - first;
    for (int64_t h = 0; h < s->heads_q; h++)
        for (int64_t r = 0, kept = 0; r < stored; r++)
            if (all[r] >= first && all[r] < first + in->shape.n_q)
                memcpy(in->o_rows + (h * count + kept++) * s->d_v,
                       s->o_rows->data + (h * stored + r) * s->d_v,
                       (size_t)s->d_v * sizeof *in->o_rows);
    in->nrows = count;
    return true;
}

static void copy_rows(float *to, const struct tensor *from, int64_t heads, int64_t n_from,
                      int64_t first, int64_t n, int64_t d)
{
    for (int64_t h = 0; h < heads; h++)
        memcpy(to + h * n * d, from->data + (h * n_from + first) * d, (size_t)(n * d) * sizeof *to);
}

int captured_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
                  struct inputs *in, char *msg)
{
    char path[4096];
    struct source s;
    (void)seed;
    if (find_path(w, params, file, path, sizeof path, msg) || open_source(&s, path, msg))
        return -1;
    const struct inputs_shape *want = &in->shape;
    if (want->heads_q != s.heads_q || want->heads_kv != s.heads_kv || want->d != s.d ||
        want->d_v != s.d_v || want->n_q > s.n_q || want->n_k > s.n_k) {
        snprintf(msg, WORKLOAD_MESSAGE, "%.300s changed while the sweep ran", path);
        close_source(&s);
        return -1;
    }
    /* Self-attention: the last queries of the prefix. Cross-attention: the first ones. */
    int64_t first = s.n_q == s.n_k ? want->n_k - want->n_q : 0;
    copy_rows(in->q, s.q, s.heads_q, s.n_q, first, want->n_q, s.d);
    copy_rows(in->k, s.k, s.heads_kv, s.n_k, 0, want->n_k, s.d);
    copy_rows(in->v, s.v, s.heads_kv, s.n_k, 0, want->n_k, s.d_v);
    in->scale = file_scale(&s);
    const char *model = tensor_file_meta(&s.files[0], "model"),
               *text = tensor_file_meta(&s.files[0], "text");
    const char *layer = tensor_file_meta(&s.files[0], "layer");
    snprintf(in->note, sizeof in->note,
             "{\"model\":\"%.100s\",\"layer\":\"%.20s\",\"text\":\"%.200s\"}",
             model ? model : "unknown", layer ? layer : "unknown", text ? text : "unknown");
    for (char *c = in->note; *c; c++)
        if (*c == '\\' || (unsigned char)*c < 32)
            *c = ' ';
    bool ok = source_rows(&s, in, first);
    close_source(&s);
    if (!ok)
        snprintf(msg, WORKLOAD_MESSAGE, "out of memory");
    return ok ? 0 : -1;
}
