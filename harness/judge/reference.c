/* SPDX-License-Identifier: MIT */
/*
 * The exact reference: two passes a row in double, and beside it plain fp32 exact attention (the
 * floor) and the mean of the visible values (the trivial baseline). No BLAS: what judges shares
 * nothing with what is judged.
 */
#include "harness/judge/judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows that share one pass over the keys. */
enum { ROWS = 8 };

/* Compiled for what the CPU has; doubles keep their meaning, only fused products differ. */
#ifdef __x86_64__
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

struct block {
    const struct attn_problem *p;
    const float *q[ROWS], *k, *v;
    int64_t seen[ROWS], longest;
    int rows;
    double *s; /* (ROWS, n_k) scores, then weights */
    float *f;  /* (n_k) scores in fp32 */
};

CLONES static void scores(struct block *b)
{
    const int64_t d = b->p->d, n = b->p->n_k;
    for (int r = 0; r < b->rows; r++)
        for (int64_t j = 0; j < b->seen[r]; j++) {
            double sum = 0;
            const float *q = b->q[r], *k = b->k + j * d;
#pragma omp simd reduction(+ : sum)
            for (int64_t c = 0; c < d; c++)
                sum += (double)q[c] * (double)k[c];
            b->s[r * n + j] = sum * b->p->scale;
        }
}

/* o += w V for every row, and mean += V: V is read once for all rows. */
CLONES static void accumulate(const struct block *b, double *o, double *mean)
{
    const int64_t dv = b->p->d_v, n = b->p->n_k;
    for (int64_t j = 0; j < b->longest; j++)
        for (int r = 0; r < b->rows; r++) {
            if (j >= b->seen[r])
                continue;
            const double w = b->s[r * n + j];
            const float *v = b->v + j * dv;
#pragma omp simd
            for (int64_t c = 0; c < dv; c++) {
                o[r * dv + c] += w * (double)v[c];
                mean[r * dv + c] += (double)v[c];
            }
        }
}

CLONES static void row_fp32(const struct block *b, int r, float *o)
{
    const int64_t d = b->p->d, dv = b->p->d_v, n = b->seen[r];
    float max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        float s = 0;
        const float *q = b->q[r], *k = b->k + j * d;
#pragma omp simd reduction(+ : s)
        for (int64_t c = 0; c < d; c++)
            s += q[c] * k[c];
        b->f[j] = s * (float)b->p->scale;
        max = b->f[j] > max ? b->f[j] : max;
    }
    memset(o, 0, (size_t)dv * sizeof *o);
    for (int64_t j = 0; j < n; j++) {
        const float w = expf(b->f[j] - max);
        const float *v = b->v + j * dv;
        sum += w;
#pragma omp simd
        for (int64_t c = 0; c < dv; c++)
            o[c] += w * v[c];
    }
    for (int64_t c = 0; c < dv && n; c++)
        o[c] /= sum;
}

/* Scores of row r become weights; its diagnostics. */
static void softmax(struct block *b, int r, double *entropy, double *sink, double *top)
{
    double *s = b->s + r * b->p->n_k, max = -INFINITY, sum = 0, lost = 0, weighted = 0;
    const int64_t n = b->seen[r];
    *entropy = *sink = *top = 0;
    for (int64_t j = 0; j < n; j++)
        max = fmax(max, s[j]);
    for (int64_t j = 0; j < n; j++) {
        double x = s[j] - max, w = exp(x), y = w - lost, t = sum + y;
        lost = t - sum - y;
        sum = t;
        weighted += w * x;
        s[j] = w;
    }
    for (int64_t j = 0; j < n; j++)
        s[j] /= sum;
    if (n) {
        *entropy = log(sum) - weighted / sum;
        *sink = s[0];
        *top = 1 / sum;
    }
}

static void one_block(struct reference *ref, const struct attn_problem *p, const struct attn_io *io,
                      int64_t h, int64_t first, struct block *b)
{
    const int64_t count = ref->rows.count, dv = p->d_v, at = h * count + first;
    b->p = p;
    b->rows = (int)(count - first < ROWS ? count - first : ROWS);
    b->k = io->k + attn_kv_head(p, h) * p->n_k * p->d;
    b->v = io->v + attn_kv_head(p, h) * p->n_k * dv;
    b->longest = 0;
    for (int r = 0; r < b->rows; r++) {
        b->q[r] = io->q + (h * p->n_q + ref->rows.row[first + r]) * p->d;
        b->seen[r] = attn_visible(p, ref->rows.row[first + r]);
        b->longest = b->seen[r] > b->longest ? b->seen[r] : b->longest;
    }
    scores(b);
    for (int r = 0; r < b->rows; r++)
        softmax(b, r, &ref->entropy[at + r], &ref->sink[at + r], &ref->top[at + r]);
    accumulate(b, ref->o + at * dv, ref->mean_v + at * dv);
    for (int r = 0; r < b->rows; r++) {
        for (int64_t c = 0; c < dv && b->seen[r]; c++)
            ref->mean_v[(at + r) * dv + c] /= (double)b->seen[r];
        row_fp32(b, r, ref->o_fp32 + (at + r) * dv);
    }
}

static bool allocate(struct reference *r)
{
    size_t rows = (size_t)(r->heads * r->rows.count), n = rows * (size_t)r->d_v;
    r->o = calloc(n, sizeof *r->o);
    r->mean_v = calloc(n, sizeof *r->mean_v);
    r->o_fp32 = calloc(n, sizeof *r->o_fp32);
    r->entropy = calloc(rows, sizeof *r->entropy);
    r->sink = calloc(rows, sizeof *r->sink);
    r->top = calloc(rows, sizeof *r->top);
    return r->o && r->mean_v && r->o_fp32 && r->entropy && r->sink && r->top;
}

static void compare_baselines(struct reference *r)
{
    const int64_t n = r->heads * r->rows.count * r->d_v;
    double e = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        e += (r->mean_v[i] - r->o[i]) * (r->mean_v[i] - r->o[i]);
        norm += r->o[i] * r->o[i];
        r->floor_max_abs = fmax(r->floor_max_abs, fabs(r->o_fp32[i] - r->o[i]));
    }
    r->mean_v_rel_l2 = norm > 0 ? sqrt(e / norm) : e > 0 ? INFINITY : 0;
    r->floor_rel_l2 = judge_rel_l2(r->o_fp32, r->o, n);
}

int reference_compute(const struct attn_problem *p, const struct attn_io *io, uint64_t seed,
                      struct reference *out, char msg[CASE_MESSAGE])
{
    *out = (struct reference){.heads = p->heads_q, .d_v = p->d_v};
    bool ok = judge_rows_choose(p->n_q, seed, &out->rows) == 0 && allocate(out);
    const int64_t blocks = ok ? (out->rows.count + ROWS - 1) / ROWS : 0;
#pragma omp parallel num_threads(p->threads) if (ok)
    {
        struct block b = {.s = malloc((size_t)(ROWS * p->n_k) * sizeof *b.s),
                          .f = malloc((size_t)p->n_k * sizeof *b.f)};
        if (!b.s || !b.f) {
#pragma omp atomic write
            ok = false;
        }
        /* Longest rows first. */
#pragma omp for schedule(dynamic)
        for (int64_t u = p->heads_q * blocks - 1; u >= 0; u--)
            if (b.s && b.f)
                one_block(out, p, io, u % p->heads_q, u / p->heads_q * ROWS, &b);
        free(b.s);
        free(b.f);
    }
    if (!ok) {
        snprintf(msg, CASE_MESSAGE, "out of memory for the reference of %lld queries",
                 (long long)p->n_q);
        reference_free(out);
        return -1;
    }
    compare_baselines(out);
    return 0;
}

void reference_free(struct reference *r)
{
    free(r->rows.row);
    free(r->o);
    free(r->mean_v);
    free(r->o_fp32);
    free(r->entropy);
    free(r->sink);
    free(r->top);
    *r = (struct reference){0};
}

/* Moves one array to or from the file, and allocates it when reading. */
static bool move(FILE *f, bool write, void **array, size_t size, size_t n)
{
    if (write)
        return fwrite(*array, size, n, f) == n;
    *array = malloc(n * size + 1);
    return *array && fread(*array, size, n, f) == n;
}

static bool move_all(FILE *f, bool write, struct reference *r)
{
    size_t rows = (size_t)(r->heads * r->rows.count), n = rows * (size_t)r->d_v;
    return move(f, write, (void **)&r->rows.row, sizeof *r->rows.row, (size_t)r->rows.count) &&
           move(f, write, (void **)&r->o, sizeof *r->o, n) &&
           move(f, write, (void **)&r->mean_v, sizeof *r->mean_v, n) &&
           move(f, write, (void **)&r->o_fp32, sizeof *r->o_fp32, n) &&
           move(f, write, (void **)&r->entropy, sizeof *r->entropy, rows) &&
           move(f, write, (void **)&r->sink, sizeof *r->sink, rows) &&
           move(f, write, (void **)&r->top, sizeof *r->top, rows);
}

int reference_write(const struct reference *r, const char *path, char msg[CASE_MESSAGE])
{
    struct reference copy = *r;
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(&copy, sizeof copy, 1, f) == 1 && move_all(f, true, &copy);
    ok = (!f || fclose(f) == 0) && ok;
    if (!ok)
        snprintf(msg, CASE_MESSAGE, "%s: cannot write: %s", path, strerror(errno));
    return ok ? 0 : -1;
}

int reference_read(const char *path, struct reference *out, char msg[CASE_MESSAGE])
{
    FILE *f = fopen(path, "rb");
    bool ok = f && fread(out, sizeof *out, 1, f) == 1;
    if (ok) {
        out->rows.row = NULL;
        out->o = out->mean_v = out->entropy = out->sink = out->top = NULL;
        out->o_fp32 = NULL;
        ok = move_all(f, false, out);
        if (!ok)
            reference_free(out);
    }
    if (f)
        fclose(f);
    if (!ok)
        snprintf(msg, CASE_MESSAGE, "%s: cannot read back: %s", path, strerror(errno));
    return ok ? 0 : -1;
}
