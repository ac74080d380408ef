/* SPDX-License-Identifier: MIT */
/*
 * The run-private folder in memory (tmpfs): inputs as .npy, their reference, the outputs of
 * workers. Inputs are made once per (workload, shape, seed), in a child, and read by every worker.
 */
#ifndef HARNESS_SCRATCH_H
#define HARNESS_SCRATCH_H

#include "harness/case.h"
#include "harness/judge/judge.h"
#include "harness/measure/measure.h"

#define SCRATCH_PATH 512

/* One set of inputs as it lies in the folder. Owned by the scratch. */
struct staged {
    char key[CASE_TEXT + 4096 + 128];
    char q[SCRATCH_PATH], k[SCRATCH_PATH], v[SCRATCH_PATH];
    enum case_status status; /* CASE_OK; or why no case on these inputs can be measured */
    char reason[CASE_MESSAGE];
    uint64_t checksum;
    double scale;
    char note[2048];       /* JSON of the workload: achieved masses, provenance */
    char diagnostics[512]; /* JSON of the exact attention: entropy, sink mass, largest weight */
    struct reference reference;
    int64_t source_rows; /* rows of the source's own output, 0: none */
    int64_t *source_row;
    float *source_o;
};

struct scratch;

/* Makes the folder (removing what killed runs left behind). NULL with one line on failure. */
struct scratch *scratch_open(char msg[CASE_MESSAGE]);

/* Inputs of a case, made on first use. NULL only when the coordinator is out of memory. */
const struct staged *scratch_inputs(struct scratch *s, const struct bench_case *c);

/* Path for a worker's output. */
const char *scratch_output(const struct scratch *s);

/*
 * Judges the output at path that a worker left for c; m is filled when it is ok. What is wrong with
 * it changes the outcome.
 */
void scratch_judge(const struct staged *in, const struct bench_case *c, const char *path,
                   struct outcome *o, struct metrics *m);

/* Removes the folder and frees everything. */
void scratch_close(struct scratch *s);

#endif
