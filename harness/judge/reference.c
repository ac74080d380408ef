/* SPDX-License-Identifier: MIT */
/*
 * The exact reference: two passes a row in double, and beside it plain fp32 exact attention (the
 * floor) and the mean of the visible values (the trivial baseline). No BLAS: what judges shares
 * nothing with what is judged.
 */
#include "harness/judge/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows that share one pass over the keys: the doubles of the widest vectors. */
enum { ROWS = 8, D_MAX = 256 };
typedef double lanes __attribute__((vector_size(ROWS * sizeof(double))));
typedef float lanes_fp32 __attribute__((vector_size(ROWS * sizeof(float))));

/* Compiled for what the CPU has; without fused products, the same bits everywhere. */
#ifdef __x86_64__
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

struct block {
    const struct attn_problem *p;
    const float *q[ROWS], *k, *v;          /* lanes without a row have the first one's */
    int64_t seen[ROWS], shortest, longest; /* keys that each row sees; longest: any row */
    int rows;
    double (*s)[ROWS]; /* (n_k, ROWS) scores, then weights */
    float (*f)[ROWS];  /* the same in fp32 */
    float sum[ROWS];   /* that weights in fp32 are to be divided by */
};

/* Scores of all rows with every key that one of them sees; a lane is a row. */
CLONES static void scores(struct block *b)
{
    enum { KEYS = 4 };
    const int64_t d = b->p->d;
    lanes q[D_MAX];
    lanes_fp32 f[D_MAX];
    for (int64_t c = 0; c < d; c++)
        for (int r = 0; r < ROWS; r++) {
            f[c][r] = b->q[r][c];
            q[c][r] = (double)f[c][r];
        }
    for (int64_t j = 0; j < b->longest; j += KEYS) {
        const int64_t keys = b->longest - j < KEYS ? b->longest - j : KEYS;
        lanes sum[KEYS] = {{0}};
        lanes_fp32 plain[KEYS] = {{0}};
        const float *k[KEYS];
        double wide[KEYS][D_MAX];
        for (int64_t i = 0; i < KEYS; i++) {
            k[i] = b->k + (j + (i < keys ? i : 0)) * d;
            for (int64_t c = 0; c < d; c++)
                wide[i][c] = (double)k[i][c];
        }
        for (int64_t c = 0; c < d; c++)
            for (int i = 0; i < KEYS; i++) {
                sum[i] += q[c] * wide[i][c];
                plain[i] += f[c] * k[i][c];
            }
        for (int64_t i = 0; i < keys; i++) {
            sum[i] *= b->p->scale;
            plain[i] *= (float)b->p->scale;
            memcpy(b->s[j + i], &sum[i], sizeof sum[i]);
            memcpy(b->f[j + i], &plain[i], sizeof plain[i]);
        }
    }
}

/* O += w V over keys that all rows see, for channels c on; a lane is a channel. */
CLONES static void accumulate_lanes(const struct block *b, int64_t c, double *o, float *o_fp32)
{
    const int64_t dv = b->p->d_v;
    lanes sum[ROWS] = {{0}};
    lanes_fp32 plain[ROWS] = {{0}};
    for (int64_t j = 0; j < b->shortest; j++) {
        lanes_fp32 v;
        memcpy(&v, b->v + j * dv + c, sizeof v);
        const lanes wide = __builtin_convertvector(v, lanes);
        for (int r = 0; r < ROWS; r++) {
            sum[r] += b->s[j][r] * wide;
            plain[r] += b->f[j][r] * v;
        }
    }
    for (int r = 0; r < b->rows; r++) {
        memcpy(o + r * dv + c, &sum[r], sizeof sum[r]);
        memcpy(o_fp32 + r * dv + c, &plain[r], sizeof plain[r]);
    }
}

static void accumulate(const struct block *b, double *o, float *o_fp32)
{
    const int64_t dv = b->p->d_v, whole = dv / ROWS * ROWS;
    for (int64_t c = 0; c < whole; c += ROWS)
        accumulate_lanes(b, c, o, o_fp32);
    for (int r = 0; r < b->rows; r++)
        for (int64_t j = 0; j < b->seen[r]; j++)
            for (int64_t c = j < b->shortest ? whole : 0; c < dv; c++) {
                o[r * dv + c] += b->s[j][r] * (double)b->v[j * dv + c];
                o_fp32[r * dv + c] += b->f[j][r] * b->v[j * dv + c];
            }
    for (int r = 0; r < b->rows; r++)
        for (int64_t c = 0; c < dv && b->seen[r]; c++)
            o_fp32[r * dv + c] /= b->sum[r];
}

/* The mean of the values that each row sees; rows see ever more. */
static void means(const struct block *b, double *mean)
{
    const int64_t dv = b->p->d_v;
    double sum[D_MAX] = {0};
    for (int64_t r = 0, j = 0; r < b->rows; r++) {
        for (; j < b->seen[r]; j++)
            for (int64_t c = 0; c < dv; c++)
                sum[c] += (double)b->v[j * dv + c];
        for (int64_t c = 0; c < dv && b->seen[r]; c++)
            mean[r * dv + c] = sum[c] / (double)b->seen[r];
    }
}

static void softmax_fp32(struct block *b, int r)
{
    float max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < b->seen[r]; j++)
        max = b->f[j][r] > max ? b->f[j][r] : max;
    for (int64_t j = 0; j < b->seen[r]; j++) {
        b->f[j][r] = expf(b->f[j][r] - max);
        sum += b->f[j][r];
    }
    b->sum[r] = sum;
}

/* Scores of row r become weights; its diagnostics. */
static void softmax(struct block *b, int r, double *entropy, double *sink, double *top)
{
    double max = -INFINITY, sum = 0, lost = 0, weighted = 0;
    const int64_t n = b->seen[r];
    *entropy = *sink = *top = 0;
    for (int64_t j = 0; j < n; j++)
        max = fmax(max, b->s[j][r]);
    for (int64_t j = 0; j < n; j++) {
        double x = b->s[j][r] - max, w = exp(x), y = w - lost, t = sum + y;
        lost = t - sum - y;
        sum = t;
        weighted += w * x;
        b->s[j][r] = w;
    }
    for (int64_t j = 0; j < n; j++)
        b->s[j][r] /= sum;
    if (n) {
        *entropy = log(sum) - weighted / sum;
        *sink = b->s[0][r];
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
    for (int r = 0; r < ROWS; r++) {
        const int64_t row = ref->rows.row[first + (r < b->rows ? r : 0)];
        b->q[r] = io->q + (h * p->n_q + row) * p->d;
        b->seen[r] = attn_visible(p, row);
    }
    b->shortest = b->seen[0];
    b->longest = b->seen[b->rows - 1];
    scores(b);
    for (int r = 0; r < b->rows; r++) {
        softmax(b, r, &ref->entropy[at + r], &ref->sink[at + r], &ref->top[at + r]);
        softmax_fp32(b, r);
    }
    accumulate(b, ref->o + at * dv, ref->o_fp32 + at * dv);
    means(b, ref->mean_v + at * dv);
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
#pragma omp parallel if (ok)
    {
        struct block b = {.s = malloc((size_t)p->n_k * sizeof *b.s),
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

/* The arrays in the order of the file, doubles before floats. */
enum { ARRAYS = 7 };
struct array {
    void **at;
    size_t bytes;
};

static void arrays_of(struct reference *r, struct array out[ARRAYS])
{
    const size_t rows = (size_t)(r->heads * r->rows.count), n = rows * (size_t)r->d_v;
    const struct array all[ARRAYS] = {
        {(void **)&r->rows.row, (size_t)r->rows.count * sizeof *r->rows.row},
        {(void **)&r->o, n * sizeof *r->o},
        {(void **)&r->mean_v, n * sizeof *r->mean_v},
        {(void **)&r->entropy, rows * sizeof *r->entropy},
        {(void **)&r->sink, rows * sizeof *r->sink},
        {(void **)&r->top, rows * sizeof *r->top},
        {(void **)&r->o_fp32, n * sizeof *r->o_fp32},
    };
    memcpy(out, all, sizeof all);
}

void reference_free(struct reference *r)
{
    struct array a[ARRAYS];
    arrays_of(r, a);
    for (int i = 0; i < ARRAYS && !r->map; i++)
        free(*a[i].at);
    if (r->map)
        munmap(r->map, r->map_bytes);
    *r = (struct reference){0};
}

int reference_write(const struct reference *r, const char *path, char msg[CASE_MESSAGE])
{
    struct reference copy = *r;
    struct array a[ARRAYS];
    arrays_of(&copy, a);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(&copy, sizeof copy, 1, f) == 1;
    for (int i = 0; i < ARRAYS && ok; i++)
        ok = fwrite(*a[i].at, 1, a[i].bytes, f) == a[i].bytes;
    ok = (!f || fclose(f) == 0) && ok;
    if (!ok)
        snprintf(msg, CASE_MESSAGE, "%s: cannot write: %s", path, strerror(errno));
    return ok ? 0 : -1;
}

int reference_read(const char *path, struct reference *out, char msg[CASE_MESSAGE])
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool sized = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof *out;
    const size_t bytes = sized ? (size_t)st.st_size : 0;
    char *map = sized ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    *out = (struct reference){0};
    if (map != MAP_FAILED) {
        struct array a[ARRAYS];
        size_t at = sizeof *out;
        memcpy(out, map, sizeof *out);
        out->map = map;
        out->map_bytes = bytes;
        arrays_of(out, a);
        for (int i = 0; i < ARRAYS; at += a[i++].bytes)
            *a[i].at = map + at;
        if (at == bytes)
            return 0;
        reference_free(out);
        errno = EIO;
    }
    snprintf(msg, CASE_MESSAGE, "%s: cannot read back: %s", path, strerror(errno));
    return -1;
}
