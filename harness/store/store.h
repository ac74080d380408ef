/* SPDX-License-Identifier: MIT */
/*
 * The store: SQLite in WAL mode. Tables run, machine, inputs, case, round, sample, metric;
 * the view `summary` has the export columns for people. One transaction a finished round.
 */
#ifndef HARNESS_STORE_H
#define HARNESS_STORE_H

#include "harness/case.h"
#include "harness/roofs.h"

struct store;

/* Opens (creating directories' last level, file and schema when writable). 0, or -1 with one line.
 */
struct store *store_open(const char *path, bool writable, char msg[CASE_MESSAGE]);
void store_close(struct store *s);

/* Numbers of threads that a run has roofs for. */
#define RUN_ROOFS 16

/* Describes a run. */
struct run_info {
    int64_t id;
    char name[64];         /* unique; "2026-11-24T12:00:00Z-1234" unless the user gives one */
    const char *command;   /* the command line as typed */
    const char *plan_hash; /* hash of all planned cases and rounds: --resume matches on it */
    const char *version, *commit, *compiler, *flags;
    const char *machine_id, *machine_summary, *machine_fingerprint, *machine_covariates; /* text */
    struct roofs roofs[RUN_ROOFS]; /* one set a number of threads */
    int nroofs;
    int rounds;
};

/* Begins a run and stores the machine. 0 (info->id set), or -1. */
int store_run_begin(struct store *s, struct run_info *info, char msg[CASE_MESSAGE]);
/* Finds the newest unfinished run with this plan hash: 1 found (id, name set), 0 none, -1 error. */
int store_run_find_unfinished(struct store *s, const char *plan_hash, struct run_info *info,
                              char msg[CASE_MESSAGE]);
/* What a run took beside its calls. A resumed run adds to what it took before. */
struct run_costs {
    int launches;         /* worker processes that said how long their calls took */
    double overhead_s;    /* of those, from start to stored row, outside the calls */
    double inputs_s;      /* making inputs and references */
    double calibration_s; /* calibrations between cases */
};
int store_run_costs(struct store *s, int64_t run, const struct run_costs *costs,
                    char msg[CASE_MESSAGE]);

/* Marks a run complete (all rounds stored); covariates as JSON text. */
int store_run_finish(struct store *s, int64_t run, const char *covariates, char msg[CASE_MESSAGE]);

/* Stores one calibration of a run. */
int store_calibration_put(struct store *s, int64_t run, const struct roofs *rates,
                          char msg[CASE_MESSAGE]);

/* Fills intervals across launches (hierarchical bootstrap) and counts of outliers, for all cases.
 */
int store_spread(struct store *s, int64_t run, char msg[CASE_MESSAGE]);
/* Resolves RUN text: "last" or NULL, a number, a name, or a tag. 0, or -1 with one line. */
int store_run_resolve(struct store *s, const char *text, int64_t *run, char msg[CASE_MESSAGE]);

/* Records inputs once per (run, workload, shape, seed); checksum must agree when present. */
int store_inputs_put(struct store *s, int64_t run, const struct bench_case *c, uint64_t checksum,
                     const char *note_json, const char *diagnostics_json, char msg[CASE_MESSAGE]);

/* Inserts or finds the case; *id. A case decided at planning is stored with status and reason. */
int store_case_put(struct store *s, int64_t run, const struct bench_case *c, int64_t *id,
                   char msg[CASE_MESSAGE]);

/* Rounds already stored of a case: bit r set when round r is there (r < 64). */
int store_rounds_done(struct store *s, int64_t case_id, uint64_t *done, char msg[CASE_MESSAGE]);

/* Stores one finished round with its samples and metrics (may be NULL) in one transaction. */
int store_round_put(struct store *s, int64_t case_id, int round, const struct outcome *o,
                    const struct metrics *m, char msg[CASE_MESSAGE]);

/* Records how far the machine drifted around a round, and whether that makes the case unstable. */
int store_round_drift(struct store *s, int64_t case_id, int round, double drift, int reruns,
                      bool unstable, char msg[CASE_MESSAGE]);
/* Forgets a round, to measure it again. */
int store_round_drop(struct store *s, int64_t case_id, int round, char msg[CASE_MESSAGE]);

/* One row of the summary view, columns by name in the order of columns.def. NULL = SQL NULL. */
typedef int store_row_fn(void *arg, int ncols, const char *const *names, const char *const *values);
int store_summary(struct store *s, int64_t run, store_row_fn *fn, void *arg,
                  char msg[CASE_MESSAGE]);

/* The same with the columns run_id and case_id in front. */
int store_cases(struct store *s, int64_t run, store_row_fn *fn, void *arg, char msg[CASE_MESSAGE]);
/* The row of the run itself, and machine_summary. */
int store_describe_run(struct store *s, int64_t run, store_row_fn *fn, void *arg,
                       char msg[CASE_MESSAGE]);
/* Raw samples of a run's rounds that are ok: by case, round, and in the order taken. */
typedef int store_sample_fn(void *arg, int64_t case_id, int64_t round, double seconds);
int store_samples(struct store *s, int64_t run, store_sample_fn *fn, void *arg,
                  char msg[CASE_MESSAGE]);

/* Caches that one core of a run's machine finds, in bytes, as they were probed; NaN: unknown. */
int store_caches(struct store *s, int64_t run, double *l2, double *llc, char msg[CASE_MESSAGE]);

/* Roofs of a run with a number of threads; NaN: not measured. 0 or -1. */
int store_roofs(struct store *s, int64_t run, int threads, struct roofs *out,
                char msg[CASE_MESSAGE]);

/*
 * Gives a run a name beside its own; a name that stood for another run moves, *before is that run
 * (0: none). 0, or -1 with one line: "last", numbers and names of runs mean something already.
 */
int store_tag(struct store *s, int64_t run, const char *name, int64_t *before,
              char msg[CASE_MESSAGE]);

/* Copies all runs of another database in (skipping runs that are here already); counts them. */
int store_import(struct store *s, const char *path, int *added, int *present,
                 char msg[CASE_MESSAGE]);
/* The runs of the machine of `run`, itself among them, oldest first; *ids is the caller's. */
int store_runs_beside(struct store *s, int64_t run, int64_t **ids, size_t *count,
                      char msg[CASE_MESSAGE]);
/* Lists runs: id, name, started, state, cases, tags, machine. */
int store_list_runs(struct store *s, store_row_fn *fn, void *arg, char msg[CASE_MESSAGE]);

/* A comparison of two builds (attnbench ab): its samples are kept, its findings follow from them.
 */
struct ab_info {
    int64_t id;
    const char *command, *machine_id, *version, *commit; /* of the coordinator */
    char worker[2][64];                                  /* what base and new call themselves */
    int pairs, launches;
    uint64_t seed;
};

struct ab_sample {
    int64_t case_id;
    int launch, pair; /* launches of the second session go on counting */
    int build;        /* 0 base, 1 new */
    int i;            /* of the samples of one request */
    int turn;         /* 0 first in its pair, 1 second */
    double seconds;
};

/* Begins (info->id set), names the workers and ends. 0, or -1 with one line, as all of these. */
int store_ab_begin(struct store *s, struct ab_info *info, char msg[CASE_MESSAGE]);
int store_ab_finish(struct store *s, const struct ab_info *info, char msg[CASE_MESSAGE]);
int store_ab_case(struct store *s, int64_t ab, const struct bench_case *c, int64_t *id,
                  char msg[CASE_MESSAGE]);
/* One transaction. */
int store_ab_samples(struct store *s, const struct ab_sample *x, size_t n, char msg[CASE_MESSAGE]);

#endif
