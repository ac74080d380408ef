/* SPDX-License-Identifier: MIT */
/*
 * The roofs: what this machine can do at best, measured in a child, on the cores and with the
 * instruction set that the cases use. Each loop runs in all threads at once, several times; the
 * best counts, since anything slower was disturbed.
 */
#include "harness/measure/roofs_kernels.h"
#include "harness/measure/measure.h"
#include "harness/measure/sampling.h"
#include "harness/measure/threads.h"
#include "variants/kernels/isa.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REPEATS = 5, GEMM = 768, L1_FLOATS = 4096, L2_FLOATS = 98304 };
/* Beyond any cache that a thread can keep to itself. */
#define DRAM_FLOATS ((size_t)24 << 20)

struct job {
    int threads;
    struct roofs *out; /* shared with the parent */
};

static const struct roofs_kernels *kernels(void)
{
#ifdef __x86_64__
    if (strcmp(attn_isa_name(), "avx512") == 0)
        return &roofs_avx512;
    if (strcmp(attn_isa_name(), "avx2") == 0)
        return &roofs_avx2;
#endif
    return &roofs_portable;
}

enum loop { LOOP_FMA, LOOP_EXP, LOOP_L1, LOOP_L2, LOOP_DRAM, LOOP_TRIAD };

/* One thread's share of a loop; returns the work done, in the roof's unit. */
static double work(enum loop loop, float *x, volatile float *sink)
{
    const struct roofs_kernels *k = kernels();
    double done = 0;
    switch (loop) {
    case LOOP_FMA:
        return k->fma(800000);
    case LOOP_EXP:
        for (int i = 0; i < 1500; i++)
            done += k->exp(x, L1_FLOATS);
        return done;
    case LOOP_L1:
        for (int i = 0; i < 20000; i++, done += 4.0 * L1_FLOATS)
            *sink = k->read(x, L1_FLOATS);
        return done;
    case LOOP_L2:
        for (int i = 0; i < 500; i++, done += 4.0 * L2_FLOATS)
            *sink = k->read(x, L2_FLOATS);
        return done;
    case LOOP_DRAM:
        *sink = k->read(x, DRAM_FLOATS);
        return 4.0 * (double)DRAM_FLOATS;
    case LOOP_TRIAD: {
        size_t n = DRAM_FLOATS / 3 / 128 * 128;
        k->triad(x, x + n, x + 2 * n, n);
        return 12.0 * (double)n;
    }
    }
    return 0;
}

/* Best rate of all threads together. */
static double rate(enum loop loop, int threads, float **x)
{
    double best = 0;
    for (int r = 0; r < REPEATS; r++) {
        double done = 0, begin = 0, end = 0;
#pragma omp parallel num_threads(threads) reduction(+ : done)
        {
            volatile float sink = 0;
            int me = omp_get_thread_num();
#pragma omp barrier
#pragma omp master
            begin = clock_now();
            done = work(loop, x[me], &sink);
#pragma omp barrier
#pragma omp master
            end = clock_now();
        }
        best = fmax(best, done / (end - begin));
    }
    return best;
}

static double gemm_rate(float *x)
{
    double best = 0;
    float *a = x, *b = a + GEMM * GEMM, *c = b + GEMM * GEMM;
    for (int r = 0; r < REPEATS; r++) {
        double t = clock_now();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, GEMM, GEMM, GEMM, 1, a, GEMM, b,
                    GEMM, 0, c, GEMM);
        best = fmax(best, 2.0 * GEMM * GEMM * GEMM / (clock_now() - t));
    }
    return best;
}

static int measure(void *arg, char msg[CASE_MESSAGE])
{
    struct job *job = arg;
    float **x = calloc((size_t)job->threads, sizeof *x);
    if (!x) {
        snprintf(msg, CASE_MESSAGE, "out of memory for measuring the roofs");
        return 1;
    }
    bool ok = true;
    threads_prepare(job->threads);
#pragma omp parallel num_threads(job->threads)
    {
        int me = omp_get_thread_num();
        x[me] = aligned_alloc(64, DRAM_FLOATS * sizeof **x);
        for (size_t i = 0; x[me] && i < DRAM_FLOATS; i++)
            x[me][i] = -(float)(i % 7);
    }
    for (int i = 0; ok && i < job->threads; i++)
        ok = x[i] != NULL;
    if (!ok) {
        snprintf(msg, CASE_MESSAGE, "out of memory for measuring the roofs");
        return 1;
    }
    *job->out = (struct roofs){.fma_flops = rate(LOOP_FMA, job->threads, x),
                               .l1_bytes = rate(LOOP_L1, job->threads, x),
                               .l2_bytes = rate(LOOP_L2, job->threads, x),
                               .read_bytes = rate(LOOP_DRAM, job->threads, x),
                               .triad_bytes = rate(LOOP_TRIAD, job->threads, x),
                               .exp_per_s = rate(LOOP_EXP, job->threads, x),
                               .gemm_flops = gemm_rate(x[0])};
    for (int i = 0; i < job->threads; i++)
        free(x[i]);
    free(x);
    return 0;
}

int roofs_measure(int threads, struct roofs *out, char msg[CASE_MESSAGE])
{
    struct roofs *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        snprintf(msg, CASE_MESSAGE, "out of memory for measuring the roofs");
        return -1;
    }
    struct job job = {threads, shared};
    char why[CASE_MESSAGE];
    int rc = measure_stage(measure, &job, 120, why);
    *out = *shared;
    munmap(shared, sizeof *shared);
    if (rc)
        snprintf(msg, CASE_MESSAGE, "measuring the roofs: %.400s", why);
    return rc ? -1 : 0;
}
