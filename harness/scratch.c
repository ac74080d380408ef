/* SPDX-License-Identifier: MIT */
/* Staging of inputs and references; see scratch.h. */
#include "harness/scratch.h"
#include "harness/inputs/tensorfile.h"
#include "harness/inputs/workload.h"
#include "harness/measure/threads.h"
#include "harness/plan/specs.h"
#include "variants/registry.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "attnbench-"
/* Exact methods above this relative error are wrong. */
static const double gates[ATTN_DTYPES] = {[ATTN_FP32] = 1e-5, [ATTN_BF16] = 1e-2};

struct scratch {
    char dir[128];
    char output[SCRATCH_PATH];
    struct staged **sets;
    size_t count;
};

/* What the child hands to the coordinator beside the tensors. */
struct staged_meta {
    uint64_t checksum;
    double scale;
    int64_t source_rows;
    char note[sizeof((struct staged *)0)->note];
    char diagnostics[sizeof((struct staged *)0)->diagnostics];
};

struct stage_job {
    const struct bench_case *c;
    const struct workload_spec *work;
    const struct staged *to;
    const char *meta, *reference;
};

static void remove_folder(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(dir);
}

/* A killed run cannot clean up; its folder names its process. */
static void remove_stale(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        char *end;
        long pid = strtol(e->d_name + sizeof PREFIX - 1, &end, 10);
        if (*end != '-' || pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", parent, e->d_name);
        remove_folder(path);
    }
    closedir(d);
}

struct scratch *scratch_open(char msg[CASE_MESSAGE])
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    if (!parent)
        parent = "/tmp";
    struct scratch *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(msg, CASE_MESSAGE, "out of memory");
        return NULL;
    }
    remove_stale(parent);
    inputs_remember();
    int n = snprintf(s->dir, sizeof s->dir, "%s/" PREFIX "%ld-XXXXXX", parent, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof s->dir || !mkdtemp(s->dir)) {
        snprintf(msg, CASE_MESSAGE, "%s: cannot make a folder for inputs: %s", parent,
                 strerror(errno));
        free(s);
        return NULL;
    }
    snprintf(s->output, sizeof s->output, "%s/output.npy", s->dir);
    return s;
}

static int write_all(const char *path, const void *head, size_t nhead, const void *rows,
                     size_t nrows, const void *values, size_t nvalues)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    bool ok = fwrite(head, 1, nhead, f) == nhead &&
              (!nrows || fwrite(rows, 1, nrows, f) == nrows) &&
              (!nvalues || fwrite(values, 1, nvalues, f) == nvalues);
    return fclose(f) == 0 && ok ? 0 : -1;
}

static double mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : 0;
}

/* The child: makes inputs and reference, writes them. 1: refused, with reason. */
static int stage(void *arg, char msg[CASE_MESSAGE])
{
    struct stage_job *job = arg;
    const struct attn_problem *p = &job->c->problem;
    struct inputs_shape shape = {p->heads_q, p->heads_kv, p->n_q,    p->n_k,
                                 p->d,       p->d_v,      p->causal, p->dtype};
    const char *file = *job->c->input_file ? job->c->input_file : NULL;
    struct inputs in;
    /* Small ones are made in the time that a team takes to start. */
    threads_bind(p->n_q < 256 && p->n_k < 256 ? 1 : threads_cores());
    int rc = inputs_make(job->work->workload, job->work->params, job->c->input_seed, &shape, file,
                         &in, msg);
    if (rc)
        return rc < 0 ? 2 : 1;
    const int64_t sq[] = {p->heads_q, p->n_q, p->d}, sk[] = {p->heads_kv, p->n_k, p->d},
                  sv[] = {p->heads_kv, p->n_k, p->d_v};
    if (npy_write(job->to->q, 3, sq, in.q, msg) || npy_write(job->to->k, 3, sk, in.k, msg) ||
        npy_write(job->to->v, 3, sv, in.v, msg))
        return 2;

    struct attn_problem scaled = *p;
    scaled.scale = in.scale;
    struct attn_io io = {.q = in.q, .k = in.k, .v = in.v};
    struct reference ref;
    if (reference_compute(&scaled, &io, job->c->input_seed, &ref, msg) ||
        reference_write(&ref, job->reference, msg))
        return 2;
    struct staged_meta meta = {in.checksum, in.scale, in.nrows, "", ""};
    snprintf(meta.note, sizeof meta.note, "%s", in.note);
    int64_t rows = ref.heads * ref.rows.count;
    snprintf(meta.diagnostics, sizeof meta.diagnostics,
             "{\"entropy_nats\":%.4f,\"sink_mass\":%.4f,\"largest_weight\":%.4f,"
             "\"mean_v_rel_l2\":%.6g,\"floor_rel_l2\":%.6g}",
             mean(ref.entropy, rows), mean(ref.sink, rows), mean(ref.top, rows), ref.mean_v_rel_l2,
             ref.floor_rel_l2);
    if (write_all(job->meta, &meta, sizeof meta, in.rows, (size_t)in.nrows * sizeof *in.rows,
                  in.o_rows, (size_t)(in.nrows * p->heads_q * p->d_v) * sizeof *in.o_rows)) {
        snprintf(msg, CASE_MESSAGE, "%s: %s", job->meta, strerror(errno));
        return 2;
    }
    return 0;
}

static bool read_meta(struct staged *s, const char *path, const struct attn_problem *p)
{
    struct staged_meta meta;
    FILE *f = fopen(path, "rb");
    bool ok = f && fread(&meta, sizeof meta, 1, f) == 1;
    if (ok && meta.source_rows > 0) {
        size_t rows = (size_t)meta.source_rows, values = rows * (size_t)(p->heads_q * p->d_v);
        s->source_row = malloc(rows * sizeof *s->source_row);
        s->source_o = malloc(values * sizeof *s->source_o);
        ok = s->source_row && s->source_o &&
             fread(s->source_row, sizeof *s->source_row, rows, f) == rows &&
             fread(s->source_o, sizeof *s->source_o, values, f) == values;
    }
    if (f)
        fclose(f);
    if (!ok)
        return false;
    s->checksum = meta.checksum;
    s->scale = meta.scale;
    s->source_rows = meta.source_rows;
    memcpy(s->note, meta.note, sizeof s->note);
    memcpy(s->diagnostics, meta.diagnostics, sizeof s->diagnostics);
    return true;
}

static void make(struct scratch *s, struct staged *set, const struct bench_case *c)
{
    char meta[SCRATCH_PATH], reference[SCRATCH_PATH];
    const size_t id = s->count;
    snprintf(set->q, sizeof set->q, "%s/q%zu.npy", s->dir, id);
    snprintf(set->k, sizeof set->k, "%s/k%zu.npy", s->dir, id);
    snprintf(set->v, sizeof set->v, "%s/v%zu.npy", s->dir, id);
    snprintf(meta, sizeof meta, "%s/meta%zu", s->dir, id);
    snprintf(reference, sizeof reference, "%s/reference%zu", s->dir, id);

    struct workload_spec work;
    const char *text = c->workload;
    if (specs_workloads(&text, 1, &work, set->reason) != 1) {
        set->status = CASE_FAILED;
        return;
    }
    struct stage_job job = {c, &work, set, meta, reference};
    int rc = measure_stage(stage, &job, 1800, set->reason);
    set->status = rc == 0 ? CASE_OK : rc == 1 ? CASE_UNSUPPORTED : CASE_FAILED;
    if (rc == 0 && (!read_meta(set, meta, &c->problem) ||
                    reference_read(reference, &set->reference, set->reason))) {
        set->status = CASE_FAILED;
        snprintf(set->reason, sizeof set->reason, "the staged inputs could not be read back");
    }
    unlink(meta);
    unlink(reference);
}

const struct staged *scratch_inputs(struct scratch *s, const struct bench_case *c)
{
    const struct attn_problem *p = &c->problem;
    struct staged *set = calloc(1, sizeof *set);
    struct staged **grown = realloc(s->sets, (s->count + 1) * sizeof *grown);
    if (grown)
        s->sets = grown;
    if (!set || !grown) {
        free(set);
        return NULL;
    }
    snprintf(set->key, sizeof set->key, "%s|%s|%lld %lld %lld %lld %lld %lld %d %s|%llu",
             c->workload, c->input_file, (long long)p->heads_q, (long long)p->heads_kv,
             (long long)p->n_q, (long long)p->n_k, (long long)p->d, (long long)p->d_v, p->causal,
             attn_dtype_name(p->dtype), (unsigned long long)c->input_seed);
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->sets[i]->key, set->key) == 0) {
            free(set);
            return s->sets[i];
        }
    make(s, set, c);
    s->sets[s->count++] = set;
    return set;
}

void scratch_judge(const struct staged *in, const struct bench_case *c, const char *path,
                   struct outcome *o, struct metrics *m)
{
    const struct attn_problem *p = &c->problem;
    struct tensor_file file;
    if (tensor_file_read(path, &file, o->reason)) {
        o->status = CASE_FAILED;
        return;
    }
    const struct tensor *t = &file.tensors[0];
    if (t->rank != 3 || t->shape[0] != p->heads_q || t->shape[1] != p->n_q ||
        t->shape[2] != p->d_v) {
        o->status = CASE_FAILED;
        snprintf(o->reason, sizeof o->reason,
                 "the worker's output has not the shape (%lld, %lld, %lld)", (long long)p->heads_q,
                 (long long)p->n_q, (long long)p->d_v);
    } else {
        double gate = strcmp(c->kind, "exact") == 0 ? gates[p->dtype] : 0;
        o->status = judge_output(&in->reference, t->data, gate, m, o->reason);
        if (o->status == CASE_OK && in->source_rows)
            m->capture_rel_l2 = judge_capture(t->data, p->heads_q, p->n_q, p->d_v, in->source_row,
                                              in->source_rows, in->source_o);
    }
    tensor_file_free(&file);
}

const char *scratch_output(const struct scratch *s)
{
    return s->output;
}

void scratch_close(struct scratch *s)
{
    if (!s)
        return;
    remove_folder(s->dir);
    for (size_t i = 0; i < s->count; i++) {
        if (s->sets[i]->status == CASE_OK)
            reference_free(&s->sets[i]->reference);
        free(s->sets[i]->source_row);
        free(s->sets[i]->source_o);
        free(s->sets[i]);
    }
    free(s->sets);
    free(s);
}
