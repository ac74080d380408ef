/* SPDX-License-Identifier: MIT */
/* The state-scan engine's driver: chunks, segments, threads. See scan.h. */
#include "variants/kernels/scan.h"
#include "variants/kernels/isa.h"
#include "variants/kernels/scan_kernels.h"

#include <string.h>

/*
 * Few heads are cut into segments of this many keys: local states, a serial scan over them, and a
 * replay, which costs a third more. That is decided by the problem, not by the threads, so that
 * results never depend on the number of threads.
 */
enum { SEGMENT = 4096, MANY_HEADS = 8 };

void attn_features_elu1(const float *x, float *phi, int64_t n)
{
    attn_isa_scan()->elu1(x, phi, n);
}

static int64_t up16(int64_t n)
{
    return (n + 15) / 16 * 16;
}

/* Columns of [V 1], padded. */
static int64_t width(const struct attn_problem *p)
{
    return up16(p->d_v + 1);
}

static int64_t segments(const struct attn_problem *p)
{
    return p->heads_kv < MANY_HEADS ? (p->n_k + SEGMENT - 1) / SEGMENT : 1;
}

/* Per-thread buffers, in floats: phi(k)', [V 1], phi(q), triangle, output, phi(k), running state.
 */
struct buffers {
    float *kt, *v, *q, *a, *o, *k, *state;
};

static size_t buffer_floats(const struct attn_problem *p, int chunk)
{
    int64_t c = up16(chunk), e = width(p);
    return (size_t)(p->d * c + c * e + c * p->d + c * c + c * e + up16(c * p->d) + p->d * e + 16);
}

static struct buffers carve(const struct attn_problem *p, int chunk, float *at)
{
    int64_t c = up16(chunk), e = width(p);
    struct buffers b;
    b.kt = at;
    b.v = b.kt + p->d * c;
    b.o = b.v + c * e;
    b.a = b.o + c * e;
    b.state = b.a + c * c;
    b.q = b.state + p->d * e;
    b.k = b.q + c * p->d;
    return b;
}

size_t attn_scan_workspace(const struct attn_problem *p, int chunk)
{
    size_t states = (size_t)(p->heads_kv * segments(p) * p->d * width(p));
    return (states + (size_t)p->threads * ((buffer_floats(p, chunk) + 15) / 16 * 16)) *
           sizeof(float);
}

double attn_scan_flops(const struct attn_problem *p, int chunk)
{
    double d = (double)p->d, e = (double)p->d_v + 1, hq = (double)p->heads_q,
           hk = (double)p->heads_kv;
    double nq = (double)p->n_q, nk = (double)p->n_k;
    double flops = 2 * hk * nk * d * e + 2 * hq * nq * d * e;
    if (p->causal) {
        flops += hq * nq * chunk * (d + e);
        flops += segments(p) > 1 ? 2 * hk * nk * d * e : 0;
    }
    return flops;
}

/* Packs keys [a, b) of a head: phi(k) transposed, and [V 1]. */
static void pack_keys(const struct attn_problem *p, const struct attn_scan_job *job,
                      const struct attn_io *io, int64_t kv, int64_t a, int64_t b, struct buffers *s)
{
    const int64_t c = up16(job->chunk), e = width(p), n = b - a;
    job->features(io->k + (kv * p->n_k + a) * p->d, s->k, n * p->d);
    for (int64_t f = 0; f < p->d; f++) {
        for (int64_t j = 0; j < n; j++)
            s->kt[f * c + j] = s->k[j * p->d + f];
        for (int64_t j = n; j < up16(n); j++)
            s->kt[f * c + j] = 0;
    }
    for (int64_t j = 0; j < n; j++) {
        float *row = s->v + j * e;
        memcpy(row, io->v + (kv * p->n_k + a + j) * p->d_v, (size_t)p->d_v * sizeof *row);
        row[p->d_v] = 1;
        memset(row + p->d_v + 1, 0, (size_t)(e - p->d_v - 1) * sizeof *row);
    }
}

/* Queries [i0, i1) of head h against the state and, when causal, the chunk that starts at key a. */
static void answer(const struct attn_problem *p, const struct attn_scan_job *job,
                   const struct attn_io *io, int64_t h, int64_t i0, int64_t i1, int64_t a,
                   int64_t b, const float *state, struct buffers *s)
{
    const struct attn_scan_kernels *k = attn_isa_scan();
    const int64_t c = up16(job->chunk), e = width(p), rows = i1 - i0;
    job->features(io->q + (h * p->n_q + i0) * p->d, s->q, rows * p->d);
    memset(s->o, 0, (size_t)(rows * e) * sizeof *s->o);
    k->product(rows, e, p->d, s->q, p->d, state, e, s->o, e);
    if (p->causal) {
        memset(s->a, 0, (size_t)(rows * c) * sizeof *s->a);
        k->product(rows, up16(b - a), p->d, s->q, p->d, s->kt, c, s->a, c);
        for (int64_t r = 0; r < rows; r++) {
            int64_t seen = attn_visible(p, i0 + r) - a;
            memset(s->a + r * c + seen, 0, (size_t)(c - seen) * sizeof *s->a);
        }
        k->product(rows, e, b - a, s->a, c, s->v, e, s->o, e);
    }
    for (int64_t r = 0; r < rows; r++) {
        float inverse = 1 / (s->o[r * e + p->d_v] + job->eps);
        for (int64_t f = 0; f < p->d_v; f++)
            io->o[(h * p->n_q + i0 + r) * p->d_v + f] = s->o[r * e + f] * inverse;
    }
}

/* state += phi(k)' [V 1] over keys [from, to). */
static void absorb(const struct attn_problem *p, const struct attn_scan_job *job,
                   const struct attn_io *io, int64_t kv, int64_t from, int64_t to, float *state,
                   struct buffers *s)
{
    for (int64_t a = from; a < to; a += job->chunk) {
        int64_t b = a + job->chunk < to ? a + job->chunk : to;
        pack_keys(p, job, io, kv, a, b, s);
        attn_isa_scan()->product(p->d, width(p), b - a, s->kt, up16(job->chunk), s->v, width(p),
                                 state, width(p));
    }
}

/* The causal pass over keys [from, to): answers the queries that stand there, carries the state. */
static void replay(const struct attn_problem *p, const struct attn_scan_job *job,
                   const struct attn_io *io, int64_t kv, int64_t from, int64_t to,
                   const float *initial, struct buffers *s)
{
    const int64_t group = p->heads_q / p->heads_kv, shift = p->n_k - p->n_q, e = width(p);
    memcpy(s->state, initial, (size_t)(p->d * e) * sizeof *s->state);
    for (int64_t a = from; a < to; a += job->chunk) {
        int64_t b = a + job->chunk < to ? a + job->chunk : to;
        int64_t i0 = a - shift > 0 ? a - shift : 0, i1 = b - shift < p->n_q ? b - shift : p->n_q;
        pack_keys(p, job, io, kv, a, b, s);
        for (int64_t h = kv * group; h < (kv + 1) * group && i0 < i1; h++)
            answer(p, job, io, h, i0, i1, a, b, s->state, s);
        attn_isa_scan()->product(p->d, e, b - a, s->kt, up16(job->chunk), s->v, e, s->state, e);
    }
}

static void zero_empty_rows(const struct attn_problem *p, const struct attn_io *io)
{
    int64_t empty = p->causal && p->n_q > p->n_k ? p->n_q - p->n_k : 0;
    for (int64_t h = 0; h < p->heads_q && empty; h++)
        memset(io->o + h * p->n_q * p->d_v, 0, (size_t)(empty * p->d_v) * sizeof *io->o);
}

/* Turns local states into the states before each segment (causal), or their total (slot 0). */
static void scan_states(const struct attn_problem *p, float *states, int64_t kv)
{
    const int64_t n = segments(p), size = p->d * width(p);
    float *s = states + kv * n * size;
    for (int64_t f = 0; f < size; f++) {
        float sum = 0;
        for (int64_t t = 0; t < n; t++) {
            float local = s[t * size + f];
            s[t * size + f] = sum;
            sum += local;
        }
        if (!p->causal)
            s[f] = sum;
    }
}

enum attn_status attn_scan_run(const struct attn_problem *p, const struct attn_io *io,
                               const struct attn_scan_job *job, void *ws)
{
    const int64_t n = segments(p), size = p->d * width(p), group = p->heads_q / p->heads_kv;
    const int64_t stretch = n > 1 ? SEGMENT : p->n_k,
                  answers = (p->n_q + job->chunk - 1) / job->chunk;
    float *states = ws, *buffers = states + p->heads_kv * n * size;
    const size_t one = (buffer_floats(p, job->chunk) + 15) / 16 * 16;
    int worker = 0;
    zero_empty_rows(p, io);
    memset(states, 0, (size_t)(p->heads_kv * n * size) * sizeof *states);
#pragma omp parallel num_threads(p->threads)
    {
        int me;
#pragma omp atomic capture
        me = worker++;
        struct buffers s = carve(p, job->chunk, buffers + (size_t)me * one);
        if (!p->causal || n > 1) {
#pragma omp for schedule(dynamic)
            for (int64_t u = 0; u < p->heads_kv * n; u++) {
                int64_t from = u % n * stretch,
                        to = from + stretch < p->n_k ? from + stretch : p->n_k;
                absorb(p, job, io, u / n, from, to, states + u * size, &s);
            }
#pragma omp for schedule(static)
            for (int64_t kv = 0; kv < p->heads_kv; kv++)
                scan_states(p, states, kv);
        }
        if (p->causal) {
#pragma omp for schedule(dynamic)
            for (int64_t u = 0; u < p->heads_kv * n; u++) {
                int64_t from = u % n * stretch,
                        to = from + stretch < p->n_k ? from + stretch : p->n_k;
                replay(p, job, io, u / n, from, to, states + u * size, &s);
            }
        } else {
#pragma omp for schedule(dynamic, 8)
            for (int64_t u = 0; u < p->heads_q * answers; u++) {
                int64_t h = u / answers, i0 = u % answers * job->chunk;
                int64_t i1 = i0 + job->chunk < p->n_q ? i0 + job->chunk : p->n_q;
                answer(p, job, io, h, i0, i1, 0, 0, states + h / group * n * size, &s);
            }
        }
    }
    return ATTN_OK;
}
