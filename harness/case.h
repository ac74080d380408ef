/* SPDX-License-Identifier: MIT */
/*
 * The words that the stages share: a case, its status, its flags. One case is
 * variant x parameters x problem x workload x threads.
 */
#ifndef HARNESS_CASE_H
#define HARNESS_CASE_H

#include "variants/attn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASE_TEXT    256
#define CASE_MESSAGE 512

/* Outcome of a case or of one round. Anything but ok holds no figures. */
enum case_status {
    CASE_OK,
    CASE_UNSUPPORTED, /* the variant, or the workload, says no, with a reason */
    CASE_SKIPPED,     /* the coordinator says no: predicted memory or time over the limit */
    CASE_OOM,         /* ran out of the memory limit */
    CASE_TIMEOUT,     /* killed after its time */
    CASE_CRASHED,     /* ended by a signal */
    CASE_WRONG,       /* non-finite or unwritten output, or an exact method over its error gate */
    CASE_FAILED,      /* broke the protocol, or reported a failure */
    CASE_STATUSES
};

/* Flags of a measured case. */
enum {
    CASE_FEW = 1 << 0, /* fewer than 10 samples */
    CASE_UNSTABLE =
        1 << 1, /* the interval is wide, or the machine drifted and reruns did not help */
    CASE_MISTRUSTED = 1 << 2,  /* a figure contradicts the machine: above a roof */
    CASE_UNACCOUNTED = 1 << 3, /* memory seen by the kernel, tracked and declared differ */
    CASE_DRIFTED = 1 << 4      /* a round: the machine's speed moved while it ran, also in reruns */
};

/* One case as planned. */
struct bench_case {
    char variant[64];
    char params[CASE_TEXT]; /* canonical "key=value,..." of all parameters */
    char family[16], kind[16];
    char time_class[24], memory_class[24]; /* declared growth in n, "n log n" */
    char workload[CASE_TEXT];    /* canonical "name" or "name:key=value,..." (non-defaults only) */
    char input_file[4096];       /* --input FILE, or "" */
    struct attn_problem problem; /* threads and seed included */
    uint64_t input_seed;
    char phase[16];           /* "prefill", or "decode" when n_q is 1 */
    char peer[32];            /* program of scripts/peers that measures it, or "": ourselves */
    struct attn_cost cost;    /* as declared; zero when unsupported */
    double start_s;           /* until its worker can measure: process, libraries, compilation */
    double predicted_s;       /* one call */
    double predicted_total_s; /* all rounds, warm-up and judging */
    double predicted_bytes;   /* resident memory of its worker */
    enum case_status status;  /* CASE_OK = to be measured; else decided at planning */
    char reason[CASE_MESSAGE];
};

/* What one round measured. Owned memory: samples. */
struct outcome {
    enum case_status status;
    char reason[CASE_MESSAGE];
    unsigned flags; /* CASE_FEW | CASE_UNSTABLE | CASE_UNACCOUNTED */
    int nsamples;
    double *samples; /* seconds a call, in the order taken */
    int inner;       /* calls inside one sample */
    /* Figures from here to lib_bytes are NaN when the worker does not give them. */
    double prepare_s;       /* one prepare() */
    double cold_s;          /* the first run() */
    double busy_s;          /* all calls, warm-up included */
    double workspace_bytes; /* declared by the variant */
    double tracked_bytes; /* workspace actually touched (pages of the arena that became resident) */
    double peak_rss_bytes; /* VmHWM of the measured calls minus the worker's baseline */
    double lib_bytes;      /* what warming the BLAS added before the baseline */
    char isa[32];
    char blas_core[32];
    char huge_pages[16]; /* "never", or the system's setting that was in force */
    int numa_nodes;      /* that inputs and output lay on; 0 unknown */
    unsigned mxcsr;      /* control word seen in every worker thread (0 where there is none) */
    char worker[64];     /* "attnbench 0.1.0", or what an external worker calls itself */
};

/* Error of one output against the reference. NaN = not applicable (NULL in the store). */
struct metrics {
    double rel_l2, rel_l2_p95, max_abs, cosine; /* over all heads and judged rows */
    double rel_l2_worst_head;
    double skill;        /* 1 - e^2 / e_mean^2 against the mean of the visible V */
    double floor_rel_l2; /* the same of plain fp32 exact attention on the same rows */
    double floor_max_abs;
    double mean_v_rel_l2;  /* the trivial baseline itself */
    double capture_rel_l2; /* against the source model's own output rows */
    int64_t rows;          /* judged rows a head */
    double ci_lo, ci_hi;   /* 95 % interval of rel_l2 when rows are sampled, else equal to it */
};

const char *case_status_name(enum case_status status);
/* Parses a status name; -1 when unknown. */
int case_status_parse(const char *name);
/* Comma-separated names into out; "" for none. */
void case_flags_format(unsigned flags, char *out, size_t size);

#endif
