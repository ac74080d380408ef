/* SPDX-License-Identifier: MIT */
/*
 * Workloads: named ways to make or load Q, K, V. The same (workload, parameters, shape, seed) gives
 * the same bytes on every machine and for any number of threads; row j of a head does not depend on
 * how many rows there are, except through the calibration of mode 0.
 */
#ifndef HARNESS_WORKLOAD_H
#define HARNESS_WORKLOAD_H

#include "variants/attn.h"

#define WORKLOAD_MESSAGE 512

struct inputs_shape {
    int64_t heads_q, heads_kv, n_q, n_k, d, d_v;
    bool causal;
    enum attn_dtype dtype; /* every value is rounded to it, once */
};

struct inputs {
    struct inputs_shape shape;
    double scale;      /* multiplies q.k */
    float *q, *k, *v;  /* (H_q, n_q, d), (H_kv, n_k, d), (H_kv, n_k, d_v); owned, 64-byte aligned;
                          fp32 whatever the dtype */
    uint64_t checksum; /* of the bytes, as rounded, and the shape */
    char note[2048];   /* a JSON object: achieved masses, or where a capture comes from */
    int64_t nrows;     /* rows of the source's own output; 0: none, or not comparable */
    int64_t *rows;     /* (nrows) query indices; owned */
    float *o_rows;     /* (H_q, nrows, d_v); owned */
};

struct workload {
    const char *name, *summary;
    const struct attn_param *params;
    /* Corrects or refuses a wanted shape; see workload_fix_shape. NULL: any shape. */
    int (*fix)(const struct workload *w, const double *params, const char *file,
               struct inputs_shape *shape, double *scale, char *msg);
    /* Fills tensors, scale, note and rows; shape is set. See inputs_make. */
    int (*make)(const struct workload *w, const double *params, uint64_t seed, const char *file,
                struct inputs *out, char *msg);
    const void *preset; /* of the composite generator */
};

int workload_count(void);
const struct workload *workload_at(int i);
const struct workload *workload_find(const char *name);

/* Parses "key=value,..." (NULL or "" : defaults). 0, or -1 with one line. */
int workload_params_parse(const struct workload *w, const char *text,
                          double values[ATTN_MAX_PARAMS], char msg[WORKLOAD_MESSAGE]);

/* The parameters that differ from their defaults, "key=value:key=value". */
void workload_params_format(const struct workload *w, const double *values, char *out, size_t size);

/*
 * Makes a wanted shape one that the workload has: captures fix heads, channels and scale (which is
 * left alone otherwise). 0; 1 refused, msg says why; -1 error (no such file ...).
 */
int workload_fix_shape(const struct workload *w, const double *params, const char *file,
                       struct inputs_shape *shape, double *scale, char msg[WORKLOAD_MESSAGE]);

/*
 * Makes the tensors. Uses OpenMP: call it in a child. 0; 1 refused (a preset that misses its
 * masses); -1 error. *out is to be freed after 0 only.
 */
int inputs_make(const struct workload *w, const double *params, uint64_t seed,
                const struct inputs_shape *shape, const char *file, struct inputs *out,
                char msg[WORKLOAD_MESSAGE]);
void inputs_free(struct inputs *in);

/* From here on, what one forked process finds out about a workload serves all forked after it, one
 * at a time: calibrating takes longer than making short inputs. */
void inputs_remember(void);

/* Path of a data file that is installed with the command, or lies in its tree: ATTN_DATA_DIR, then
 * beside the executable. 0, or -1 with one line. */
int data_path(const char *name, char *out, size_t size, char msg[WORKLOAD_MESSAGE]);

/* The makers, for the table in workload.c. */
int gauss_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
               struct inputs *out, char *msg);
int composite_fix(const struct workload *w, const double *params, const char *file,
                  struct inputs_shape *shape, double *scale, char *msg);
int composite_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
                   struct inputs *out, char *msg);
int captured_fix(const struct workload *w, const double *params, const char *file,
                 struct inputs_shape *shape, double *scale, char *msg);
int captured_make(const struct workload *w, const double *params, uint64_t seed, const char *file,
                  struct inputs *out, char *msg);

#endif
