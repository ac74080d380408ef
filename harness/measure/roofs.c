/* SPDX-License-Identifier: MIT */
/*
 * The roofs: what this machine can do at best, measured in a child, on the cores and with the
 * instruction set that the cases use. Each loop runs in all threads at once until repeating it
 * brings nothing more; the best counts, since anything slower was disturbed.
 */
#include "harness/measure/caches.h"
#include "harness/measure/measure.h"
#include "harness/measure/roofs_kernels.h"
#include "harness/measure/sampling.h"
#include "harness/measure/threads.h"
#include "variants/kernels/blas.h"
#include "variants/kernels/isa.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GEMM = 512, REPEATS_MAX = 60, REPEATS_LEFT = 10, REPEATS_BRIEF = 5 };
/* Bytes that a thread walks through: beyond any cache that it can keep to itself. */
#define DRAM_BYTES ((size_t)128 << 20)

struct job {
    int threads;
    bool brief;        /* only what calibrations watch */
    struct roofs *out; /* shared with the parent */
};

/* What is watched between cases: products, exponentials, the private caches, memory beyond them. */
static const enum roof watched[] = {ROOF_FP32, ROOF_EXP, ROOF_L2_TRIAD, ROOF_LLC_TRIAD};
enum { WATCHED = sizeof watched / sizeof *watched };

static const struct roofs_kernels *kernels(void)
{
#ifdef __x86_64__
    static const struct roofs_kernels *const all[] = {&roofs_amx, &roofs_avx512_bf16, &roofs_avx512,
                                                      &roofs_avx2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(attn_isa_name(), all[i]->level) == 0)
            return all[i];
#endif
    return &roofs_portable;
}

/* The loops over memory: within a level, outside of the one above it. */
struct loops {
    size_t floats[4], bytes[4]; /* of L1, L2, LLC, DRAM: one pass, and one timing */
};

/*
 * One thread's share of a loop over its own array; returns the work done, in the roof's unit. Takes
 * about half a millisecond: long against starting a team, short against time slices. From memory it
 * reads all of the array, since the best of its parts is what a last level happened to keep.
 */
static double work(enum roof roof, const struct loops *loops, float *x, size_t *at)
{
    const struct roofs_kernels *k = kernels();
    volatile float sink = 0;
    double done = 0;
    size_t exps;
    switch (roof) {
    case ROOF_FP32:
        return k->fp32(125000);
    case ROOF_BF16:
        return k->bf16(50000);
    case ROOF_INT8:
        return k->int8(50000);
    case ROOF_SGEMM:
        attn_blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, GEMM, GEMM, GEMM, 1, x, GEMM,
                           x + GEMM * GEMM, GEMM, 0, x + 2 * GEMM * GEMM, GEMM);
        return 2.0 * GEMM * GEMM * GEMM;
    case ROOF_EXP:
    case ROOF_EXP_BF16:
        exps = loops->floats[0] / 2;
        while (done < 3e6) {
            (roof == ROOF_EXP ? k->exp : k->exp_bf16)(x + exps, x, exps);
            done += (double)exps;
        }
        return done;
    default:
        break;
    }
    const bool triad = roof >= ROOF_L1_TRIAD;
    const int level = triad ? roof - ROOF_L1_TRIAD : roof - ROOF_L1_READ;
    const size_t n = loops->floats[level], third = n / 3 / 128 * 128;
    while (done < (double)loops->bytes[level]) {
        /* Other memory each time, or a cache would serve it. */
        *at = *at + n <= DRAM_BYTES / sizeof *x - n ? *at + n : 0;
        float *y = level == 3 ? x + *at : x;
        if (triad)
            k->triad(y, y + third, y + 2 * third, third);
        else
            sink = k->read(y, n);
        done += 4 * (double)(triad ? 3 * third : n);
    }
    (void)sink;
    return done;
}

static double once(enum roof roof, const struct loops *loops, int threads, float **x, size_t *next)
{
    double done = 0, begin = 0, end = 0;
#pragma omp parallel num_threads(threads) reduction(+ : done)
    {
        float *mine = x[omp_get_thread_num()];
        size_t at = *next;
#pragma omp barrier
#pragma omp master
        begin = clock_now();
        done = work(roof, loops, mine, &at);
#pragma omp barrier
#pragma omp master
        {
            end = clock_now();
            *next = at;
        }
    }
    return done / (end - begin);
}

/* The best rate of all threads together, once it no longer rises. */
static double best_rate(enum roof roof, const struct loops *loops, int repeats, int threads,
                        float **x)
{
    double best = 0;
    size_t next = 0;
    for (int r = 0, left = repeats; r < REPEATS_MAX && left; r++, left--) {
        double rate = once(roof, loops, threads, x, &next);
        if (rate > 1.005 * best)
            left = repeats + 1;
        best = fmax(best, rate);
    }
    return best;
}

/* A pattern that 2^x takes, and whose sums stay small. */
static void fill(float *x, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        x[i] = -(float)(i & 7) / 4;
}

static void measure_loops(const struct job *job, const struct caches *caches, float **x)
{
    const struct roofs_kernels *k = kernels();
    double *at = job->out->at;
    /* Where no last level holds it, the LLC loop runs from memory, and that is then its roof. */
    const size_t quantum = 128 * sizeof(float), dram = DRAM_BYTES / sizeof **x;
    const size_t llc = caches->l2 / quantum * 128 * 4;
    const struct loops loops = {{caches->l1 / 2 / quantum * 128, caches->l2 * 3 / 8 / quantum * 128,
                                 llc < dram ? llc : dram, ((size_t)8 << 20) / sizeof **x},
                                {(size_t)96 << 20, (size_t)64 << 20, (size_t)16 << 20, DRAM_BYTES}};
    if (job->brief) {
        for (int i = 0; i < WATCHED; i++)
            at[watched[i]] = best_rate(watched[i], &loops, REPEATS_BRIEF, job->threads, x);
        return;
    }
    for (enum roof r = 0; r <= ROOF_DRAM_TRIAD; r++) {
        if (r == ROOF_SGEMM && !attn_blas())
            continue;
        if ((r == ROOF_BF16 && !k->bf16) || (r == ROOF_INT8 && !k->int8))
            at[r] = at[ROOF_FP32];
        else
            at[r] = best_rate(r, &loops, REPEATS_LEFT, job->threads, x);
    }
}

static int measure(void *arg, char msg[CASE_MESSAGE])
{
    const struct job *job = arg;
    struct caches caches, probed;
    caches_reported(&caches);
    size_t bytes = job->brief ? 4 * caches.l2 : DRAM_BYTES;
    bytes = bytes < DRAM_BYTES ? bytes : DRAM_BYTES;
    float **x = calloc((size_t)job->threads, sizeof *x);
    bool ok = x != NULL;
    threads_prepare(job->threads);
    if (ok) {
#pragma omp parallel num_threads(job->threads)
        {
            float *mine =
                aligned_alloc((size_t)2 << 20, (bytes + ((size_t)2 << 20) - 1) >> 21 << 21);
            if (mine) {
                /* At best: without the cost of looking up small pages. */
                madvise(mine, bytes, MADV_HUGEPAGE);
                fill(mine, bytes);
            }
            x[omp_get_thread_num()] = mine;
        }
        for (int i = 0; i < job->threads; i++)
            ok = ok && x[i];
    }
    if (ok && !job->brief) {
        const size_t found[] = {caches.l1, caches.l2, caches.llc};
        caches_probe(x[0], bytes, &probed);
        fill(x[0], bytes);
        const size_t again[] = {probed.l1, probed.l2, probed.llc};
        for (int i = 0; i < 3; i++) {
            job->out->at[ROOF_L1_SIZE + i] = (double)found[i];
            job->out->at[ROOF_L1_PROBED + i] = (double)again[i];
        }
    }
    if (ok)
        measure_loops(job, &caches, x);
    else
        snprintf(msg, CASE_MESSAGE, "out of memory");
    for (int i = 0; x && i < job->threads; i++)
        free(x[i]);
    free(x);
    return ok ? 0 : 1;
}

static int in_child(int threads, bool brief, struct roofs *out, char msg[CASE_MESSAGE])
{
    struct roofs *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        snprintf(msg, CASE_MESSAGE, "out of memory for measuring the roofs");
        return -1;
    }
    *shared = (struct roofs){.threads = threads};
    for (int i = 0; i < ROOFS; i++)
        shared->at[i] = NAN;
    struct job job = {threads, brief, shared};
    char why[CASE_MESSAGE];
    int rc = measure_stage(measure, &job, 120, why);
    *out = *shared;
    munmap(shared, sizeof *shared);
    if (rc)
        snprintf(msg, CASE_MESSAGE, "measuring the roofs: %.400s", why);
    return rc ? -1 : 0;
}

int roofs_measure(int threads, struct roofs *out, char msg[CASE_MESSAGE])
{
    return in_child(threads, false, out, msg);
}

int roofs_calibrate(int threads, struct roofs *out, char msg[CASE_MESSAGE])
{
    return in_child(threads, true, out, msg);
}

static double change(enum roof r, const struct roofs *before, const struct roofs *after)
{
    return fabs(log(after->at[r] / before->at[r]));
}

/* Of the loop that binds a case, and of the private caches. */
static double apart(const struct roofs *before, const struct roofs *after,
                    const struct attn_cost *cost)
{
    const double products = cost->flops / before->at[ROOF_FP32];
    const double exps = cost->exps / before->at[ROOF_EXP];
    const double bytes = cost->bytes / before->at[ROOF_LLC_TRIAD];
    if (bytes > products && bytes > exps)
        return change(ROOF_LLC_TRIAD, before, after);
    return fmax(change(products > exps ? ROOF_FP32 : ROOF_EXP, before, after),
                change(ROOF_L2_TRIAD, before, after));
}

double roofs_drift(const struct roofs *best, const struct roofs *before, const struct roofs *after,
                   const struct attn_cost *cost)
{
    /* The best of many readings lies above the usual ones. */
    const double below_max = 0.2;
    const double below = fmin(apart(best, before, cost), apart(best, after, cost));
    return fmax(apart(before, after, cost), below > below_max ? below : 0);
}
