/* SPDX-License-Identifier: MIT */
/* Planning: from what the user asked to the list of cases, with predicted time and memory. */
#ifndef HARNESS_PLAN_H
#define HARNESS_PLAN_H

#include "harness/case.h"

#include <stdint.h>

#define PLAN_LIST 64
#define PLAN_SEED 42

/* What was asked. Zeros, NULLs and empty lists mean "as the suite says, or the default". */
struct plan_request {
    const char *suite;
    const char *variants[PLAN_LIST]; /* "window:w=128,256", "full", "h*" */
    int nvariants;
    const char *workloads[PLAN_LIST]; /* "vslash", "captured:layer=0" */
    int nworkloads;
    const char *lengths; /* "256..65536", "512,1k,8k" */
    const char *threads; /* "1,2"; "all" is one a core */
    const char *dtype;   /* "fp32", "bf16" */
    const char *input;   /* file or folder of the workload `file` */
    int64_t queries;     /* n_q; 0: as many as keys */
    int64_t heads, kv_heads, dim;
    int causal; /* 1, or 0: as the suite says */
    int rounds;
    uint64_t seed;
    double budget_s;         /* 0: none */
    double memory_limit;     /* bytes a worker may use; 0: 80 % of what is available */
    int cores;               /* physical cores of this machine */
    double memory_available; /* bytes */
};

struct plan {
    struct bench_case *cases; /* owned */
    size_t count;
    int rounds;
    double max_seconds; /* sampling time a round */
    double min_warmup_s;
    double predicted_s; /* the whole sweep */
    char hash[17];      /* of cases, rounds and seed: what --resume matches on */
};

/* One axis-aligned part of a suite. Zero and NULL take what a request without options takes. */
struct suite_part {
    const char *variants; /* specifications, separated by spaces */
    const char *workload; /* one specification */
    const char *lengths;
    const char *threads; /* as in a request */
    int64_t queries, heads, dim;
    bool causal;
    enum attn_dtype dtype;
};

/* Every variant but the peers, whose packages may be absent. */
#define SUITE_OURS "baseline full sparse linear longrange hierarchical"

struct suite {
    const char *name, *summary;
    const struct suite_part *parts; /* ends with NULL lengths */
    int rounds;
    double max_seconds, min_warmup_s;
    double budget_s; /* default budget; 0: none */
};

int suite_count(void);
const struct suite *suite_at(int i);
const struct suite *suite_find(const char *name);

/*
 * Expands a request. Returns 0; or -1 with one line that names the option at fault and what
 * would be right. Refused cases stay in the plan with status and reason.
 */
int plan_expand(const struct plan_request *request, struct plan *out, char msg[CASE_MESSAGE]);
void plan_free(struct plan *p);

/*
 * Parses "256..4096" (doubling), "512,1k,8k", or a mixture, into ascending unique values.
 * Returns their number, or -1 with one line.
 */
int plan_lengths(const char *text, int64_t *out, int max, char msg[CASE_MESSAGE]);

/*
 * Parses "1,2,all" into ascending unique numbers of threads, at most `cores`. Returns how many, or
 * -1 with one line.
 */
int plan_threads(const char *text, int cores, int64_t *out, int max, char msg[CASE_MESSAGE]);

/* Parses "90", "60s", "10m", "2h" into seconds, and "8G", "512M" into bytes; -1 when malformed. */
double plan_duration(const char *text);
double plan_bytes(const char *text);

#endif
