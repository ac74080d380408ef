/* SPDX-License-Identifier: MIT */
/*
 * Measuring: one child process a case and round, spoken to in the worker protocol
 * (protocol.md). Also the machine: topology, fingerprint, roofs.
 *
 * The coordinator's side never enters an OpenMP region and never calls BLAS.
 */
#ifndef HARNESS_MEASURE_H
#define HARNESS_MEASURE_H

#include "harness/case.h"
#include "harness/roofs.h"

#include <stdio.h>

/* How a round is measured. */
struct measure_options {
    const char *worker; /* command that serves every case (run by /bin/sh -c exec ...), or NULL:
                           ourselves, and the programs of peers */
    const char *const *plugins; /* NULL-ended paths for our own worker, may be NULL */
    double case_timeout_s;      /* wall limit of one round; <= 0: max(30, 20 x prediction) */
    double
        memory_limit; /* bytes a worker may use beyond its libraries; <= 0: 80 % of MemAvailable */
    double max_seconds;           /* sampling stops after this (default 20) */
    double target_ci;             /* half-width of the 95 % interval, relative (default 0.02) */
    int min_samples, max_samples; /* 10, 200 */
    double min_warmup_s;          /* 0.2 */
};

/* The files of one case: inputs as written by the inputs stage, output as written by the worker. */
struct measure_files {
    const char *q, *k, *v; /* .npy */
    const char *output;    /* .npy to be written; removed beforehand by measure_round */
};

/* Defaults as above. */
void measure_defaults(struct measure_options *options);

/*
 * Runs one round of a case in a child of its own process group. Always fills *out (samples
 * owned by the caller, outcome_free); trouble of any kind becomes status and reason. Returns
 * 0, or -1 when the coordinator itself was interrupted (SIGINT, SIGTERM) and must stop.
 */
int measure_round(const struct bench_case *c, const struct measure_files *files,
                  const struct measure_options *options, struct outcome *out);
void outcome_free(struct outcome *out);

/*
 * Runs fn(arg, msg) in a forked child (so that it may use OpenMP, and crash); copies its
 * message line. Returns fn's value (0..100), or -1 if it died, msg then says how.
 */
int measure_stage(int (*fn)(void *arg, char msg[CASE_MESSAGE]), void *arg, double timeout_s,
                  char msg[CASE_MESSAGE]);

/* The worker's side: serves cases from in until it closes. Returns the process's exit status. */
int worker_serve(FILE *in, FILE *out);

/* Measures roofs in a forked, pinned child; one to two seconds. 0 or -1 with msg. */
int roofs_measure(int threads, struct roofs *out, char msg[CASE_MESSAGE]);

/* Measures again, in 20 ms, what is watched between cases; the other roofs are NaN. 0 or -1. */
int roofs_calibrate(int threads, struct roofs *out, char msg[CASE_MESSAGE]);

/*
 * How far the loop that binds a case, and the private caches, moved: |ln(after / before)|; or how
 * far they stayed below the best that was seen, if that is more than 0.2: a machine of which a
 * neighbour takes half does not move.
 */
double roofs_drift(const struct roofs *best, const struct roofs *before, const struct roofs *after,
                   const struct attn_cost *cost);

/* The machine as text: JSON object of the fingerprint (stable) and of covariates (load, steal ...).
 */
struct machine {
    char id[17];             /* 64-bit hash of the stable part, hex */
    char summary[256];       /* one line for people: CPU, cores, memory */
    char fingerprint[8192];  /* JSON: cpu, caches, isa, kernel, libc, compiler, flags, BLAS ... */
    char covariates[2048];   /* JSON: load, steal, available memory, THP ... now */
    int cores;               /* physical cores this process may use */
    double memory_available; /* bytes */
    double memory_total;     /* bytes */
};
int machine_describe(struct machine *out, char msg[CASE_MESSAGE]);
/* Bytes that /proc/meminfo gives for a key; those to be had now, less where a group is limited. */
double machine_memory(const char *key);
double machine_memory_available(void);
/* Covariates now, as in struct machine. */
void machine_covariates(char *out, size_t size);
/* Prints topology, fingerprint and `count` sets of roofs (attnbench machine). */
void machine_print(FILE *f, const struct machine *m, const struct roofs *roofs, int count);

#endif
