/* SPDX-License-Identifier: MIT */
/* The cases of a stored run with their raw samples: what analyses start from. */
#ifndef HARNESS_ANALYSE_CELLS_H
#define HARNESS_ANALYSE_CELLS_H

#include "harness/stats/resample.h"
#include "harness/store/store.h"

/* NaN where the store has NULL; texts are "" there. */
struct cell {
    int64_t id;
    char variant[64], params[CASE_TEXT], family[16], kind[16], workload[CASE_TEXT], dtype[8];
    char time_class[24], memory_class[24]; /* declared growth in n */
    int64_t heads_q, heads_kv, n_q, n_k, d, d_v, causal, threads;
    char status[16], reason[CASE_MESSAGE], inputs[20]; /* inputs: checksum */
    double median;                                     /* seconds a call, over all launches */
    double flops, exps, bytes;                         /* as the method declares them */
    double workspace, tracked, peak;                   /* bytes */
    double lo, hi;                                     /* 95 % interval of median */
    double error, distance, floor; /* rel_l2; of methods that replace softmax too; of plain fp32 */
    double error_lo, error_hi;     /* 95 % interval of error */
    double skill;
    double fma;             /* flop/s: the fp32 roof of the machine in its run */
    double *x;              /* (count) seconds a call, launch by launch; owned */
    size_t *begin;          /* (launches + 1), as in stats_groups; owned */
    size_t count, launches; /* of rounds that are ok */
};

struct cells {
    struct cell *cell; /* owned, in the order of the summary */
    size_t count;
    char run[64], commit[64], started[32], machine[20], machine_summary[256];
};

/* Loads a run. 0, or -1 with one line. A run without a measured case is no error. */
int cells_load(struct store *s, int64_t run, struct cells *out, char msg[CASE_MESSAGE]);
/* The same without samples. */
int cells_load_summary(struct store *s, int64_t run, struct cells *out, char msg[CASE_MESSAGE]);
void cells_free(struct cells *c);

/* Is its variant one of these names, families or globs? Yes when there are none. */
bool cells_named(const struct cell *c, const char *const *names, int count);

/* The names and the problem of a planned case; all figures NaN. */
void cells_describe(struct cell *out, const struct bench_case *c);

/* Are both the same problem: workload, shape, dtype, threads? And the same method on it? */
bool cells_same_problem(const struct cell *a, const struct cell *b);
bool cells_same_case(const struct cell *a, const struct cell *b);

/*
 * The fastest exact method on the problem of c, c itself left out; NULL when there is none: what a
 * time is divided by when it is to be compared across machines and months.
 */
const struct cell *cells_fastest_exact(const struct cells *all, const struct cell *c);

/* Bytes of inputs, output and touched workspace: what has to fit in a cache. */
double cells_working_set(const struct cell *c);

/* "window w=128" and "vslash, 8/8 heads, d 64, n 4096, causal, 2 threads". */
void cells_method(const struct cell *c, char *out, size_t size);
void cells_problem(const struct cell *c, char *out, size_t size);

#endif
