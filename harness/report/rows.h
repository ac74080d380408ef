/* SPDX-License-Identifier: MIT */
/* A run's summary in memory, and its groups: what is comparable in one table or plot. */
#ifndef HARNESS_REPORT_ROWS_H
#define HARNESS_REPORT_ROWS_H

#include "harness/store/store.h"

struct row {
    char variant[64], params[256], family[16], kind[16], dtype[8], workload[256], status[16],
        reason[512], flags[64];
    char run[64];
    long heads_q, heads_kv, n_q, n_k, d, causal, threads;
    /* NaN where the store has NULL */
    double median, lo, hi, flops, flops_bf16, flops_int8, bytes, gflops, roof, peak, rel_l2, floor,
        skill, mean_v, distance;
    int group;  /* rows with the same number stand in one table */
    int method; /* variant and parameters, numbered in order of appearance */
};

struct rows {
    struct row *row;
    int count, groups, methods;
    bool several[4096]; /* method's variant occurs with several parameter sets: show them */
};

/* Loads a run. 0, or -1 with one line. */
int rows_load(struct store *s, int64_t run, struct rows *out, char msg[CASE_MESSAGE]);
void rows_free(struct rows *r);

/* "window", or "window w=128" when needed to tell methods apart. */
void rows_label(const struct rows *r, const struct row *row, char *out, size_t size);

/* "vslash, 8/8 heads, d 64, fp32, causal, 2 threads" of a group, from one of its rows. */
void rows_title(const struct row *row, char *out, size_t size);

#endif
