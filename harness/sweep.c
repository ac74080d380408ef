/* SPDX-License-Identifier: MIT */
/* See sweep.h. */
#include "harness/sweep.h"
#include "harness/progress.h"
#include "harness/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The machine is calibrated before, between and after cases, but not so often that it would cost
 * more than the cases. One that moved by more than the limit, or stayed far below its best, sends
 * what was measured since the calibration before back to be measured again, twice at most, and as
 * long as that takes no more than a quarter of the time.
 */
static const double calibrate_s = 2, drift_max = 0.05, rerun_share = 0.25;
enum { RERUNS_MAX = 2 };

/* A round since the last calibration. */
struct pending {
    size_t index;
    int round, reruns;
};

struct sweep {
    const struct plan *plan;
    const struct measure_options *options;
    struct store *store;
    struct scratch *scratch;
    struct progress progress;
    int64_t run;
    int64_t *case_id; /* one a case of the plan */
    uint64_t *done;   /* rounds that the store holds already, one bit each */
    double deadline;  /* monotonic seconds; INFINITY: none */
    double begun;
    struct roofs best;       /* of all calibrations */
    struct roofs calibrated; /* the last one, at calibrated_s */
    double calibrated_s;
    struct pending *pending; /* room for every case */
    size_t npending;
    double reruns_s;
    struct run_costs costs;
    char *msg;
};

/* Randomises the order within a round, the same way whenever the plan is the same. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void shuffle(size_t *order, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(next_random(&seed) % i), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}

/* Measures, judges and stores one round. 0, 1 when interrupted, -1 on failure. */
static int one_round(struct sweep *s, size_t index, int round)
{
    const struct bench_case *planned = &s->plan->cases[index];
    struct outcome o = {.status = CASE_SKIPPED};
    struct metrics m = {.capture_rel_l2 = NAN};
    progress_at(&s->progress, planned, round);

    double begun = progress_now();
    const struct staged *in = scratch_inputs(s->scratch, planned);
    s->costs.inputs_s += progress_now() - begun;
    begun = progress_now();
    if (!in) {
        snprintf(s->msg, CASE_MESSAGE, "out of memory for the inputs of %s", planned->workload);
        return -1;
    }
    if (in->status == CASE_OK && store_inputs_put(s->store, s->run, planned, in->checksum, in->note,
                                                  in->diagnostics, s->msg))
        return -1;
    if (in->status != CASE_OK) {
        o.status = in->status;
        snprintf(o.reason, sizeof o.reason, "%s", in->reason);
    } else {
        struct bench_case c = *planned;
        c.problem.scale = in->scale;
        struct measure_files files = {in->q, in->k, in->v, scratch_output(s->scratch)};
        if (measure_round(&c, &files, s->options, &o)) {
            outcome_free(&o);
            return 1;
        }
        if (o.status == CASE_OK)
            scratch_judge(in, &c, files.output, &o, &m);
    }
    int rc = store_round_put(s->store, s->case_id[index], round, &o,
                             o.status == CASE_OK ? &m : NULL, s->msg);
    if (o.status == CASE_OK && o.busy_s > 0) {
        s->costs.launches++;
        s->costs.overhead_s += progress_now() - begun - o.busy_s;
    }
    if (in->status == CASE_OK)
        s->pending[s->npending++] = (struct pending){index, round, 0};
    progress_done(&s->progress, planned, &o, planned->predicted_total_s / s->plan->rounds);
    outcome_free(&o);
    return rc;
}

/* Measures the machine now. Without an answer nothing is known about drift, and nothing is said. */
static int calibrate(struct sweep *s)
{
    int threads = 1;
    char why[CASE_MESSAGE];
    const double begun = progress_now();
    for (size_t i = 0; i < s->plan->count; i++)
        if (s->plan->cases[i].problem.threads > threads)
            threads = s->plan->cases[i].problem.threads;
    int rc = 0;
    if (roofs_calibrate(threads, &s->calibrated, why))
        s->calibrated.threads = 0;
    else
        rc = store_calibration_put(s->store, s->run, &s->calibrated, s->msg);
    for (int i = 0; i < ROOFS && s->calibrated.threads; i++)
        s->best.at[i] = fmax(s->best.at[i], s->calibrated.at[i]);
    s->calibrated_s = progress_now();
    s->costs.calibration_s += s->calibrated_s - begun;
    return rc;
}

static bool affordable(const struct sweep *s)
{
    const double now = progress_now();
    return now < s->deadline && s->reruns_s <= rerun_share * (now - s->begun);
}

/* Calibrates, judges the rounds since the calibration before, and measures again where it drifted.
 * 0, 1 when interrupted, -1. */
static int settle(struct sweep *s)
{
    while (s->npending) {
        const struct roofs before = s->calibrated;
        if (calibrate(s))
            return -1;
        const size_t n = s->npending;
        const double begun = progress_now();
        s->npending = 0;
        for (size_t i = 0; i < n; i++) {
            struct pending p = s->pending[i];
            const int64_t id = s->case_id[p.index];
            const double drift =
                before.threads && s->calibrated.threads
                    ? roofs_drift(&s->best, &before, &s->calibrated, &s->plan->cases[p.index].cost)
                    : NAN;
            const bool again = drift > drift_max && p.reruns < RERUNS_MAX && affordable(s);
            if (store_round_drift(s->store, id, p.round, drift, p.reruns,
                                  drift > drift_max && !again, s->msg))
                return -1;
            if (again) {
                p.reruns++;
                s->pending[s->npending++] = p;
            }
        }
        const size_t again = s->npending;
        for (size_t i = 0; i < again; i++) {
            const struct pending p = s->pending[i];
            if (store_round_drop(s->store, s->case_id[p.index], p.round, s->msg))
                return -1;
            /* It takes the place of the one that it repeats. */
            s->npending = i;
            int rc = one_round(s, p.index, p.round);
            if (rc)
                return rc;
            s->pending[i] = p;
        }
        s->npending = again;
        s->reruns_s += again ? progress_now() - begun : 0;
    }
    return 0;
}

/* What the budget left unmeasured gets a row that says so. */
static int skip_round(struct sweep *s, size_t index)
{
    struct outcome o = {.status = CASE_SKIPPED};
    snprintf(o.reason, sizeof o.reason, "the budget was spent before this case's turn (--budget)");
    return store_round_put(s->store, s->case_id[index], 0, &o, NULL, s->msg);
}

static int all_rounds(struct sweep *s, bool *interrupted)
{
    size_t n = s->plan->count;
    size_t *order = malloc((n + 1) * sizeof *order);
    int rc = order ? calibrate(s) : -1;
    for (int round = 0; round < s->plan->rounds && rc == 0; round++) {
        shuffle(order, n, (uint64_t)round + 1);
        for (size_t i = 0; i < n && rc == 0; i++) {
            size_t k = order[i];
            if (s->plan->cases[k].status != CASE_OK || s->done[k] >> round & 1)
                continue;
            if (progress_now() < s->deadline)
                rc = one_round(s, k, round);
            else if (!s->done[k])
                rc = skip_round(s, k);
            s->done[k] |= UINT64_C(1) << round;
            if (rc == 0 && progress_now() - s->calibrated_s > calibrate_s)
                rc = settle(s);
        }
        if (rc == 0)
            rc = settle(s);
    }
    free(order);
    *interrupted = rc == 1;
    return rc < 0 ? -1 : 0;
}

static int register_cases(struct sweep *s)
{
    double work = 0;
    size_t total = 0;
    for (size_t i = 0; i < s->plan->count; i++) {
        const struct bench_case *c = &s->plan->cases[i];
        if (store_case_put(s->store, s->run, c, &s->case_id[i], s->msg) ||
            store_rounds_done(s->store, s->case_id[i], &s->done[i], s->msg))
            return -1;
        if (c->status != CASE_OK) {
            progress_refused(&s->progress, c);
            continue;
        }
        int left = s->plan->rounds - __builtin_popcountll(s->done[i]);
        total += (size_t)left;
        work += left * c->predicted_total_s / s->plan->rounds;
    }
    progress_begin(&s->progress, total, work);
    return 0;
}

/* Cases by the status that the store shows for them. */
static int count_row(void *arg, int ncols, const char *const *names, const char *const *values)
{
    struct sweep_result *r = arg;
    for (int i = 0; i < ncols; i++) {
        if (strcmp(names[i], "status") != 0 || !values[i])
            continue;
        int status = case_status_parse(values[i]);
        if (status == CASE_OK)
            r->ok++;
        else if (status == CASE_UNSUPPORTED)
            r->unsupported++;
        else if (status == CASE_SKIPPED)
            r->skipped++;
        else
            r->unexpected++;
    }
    return 0;
}

int sweep_run(const struct plan *plan, const struct measure_options *options, double budget_s,
              struct store *store, int64_t run, struct sweep_result *result, char msg[CASE_MESSAGE])
{
    struct sweep s = {.plan = plan, .options = options, .store = store, .run = run, .msg = msg};
    int rc = -1;
    *result = (struct sweep_result){0};
    snprintf(msg, CASE_MESSAGE, "out of memory");
    s.case_id = calloc(plan->count + 1, sizeof *s.case_id);
    s.done = calloc(plan->count + 1, sizeof *s.done);
    s.pending = calloc(plan->count + 1, sizeof *s.pending);
    s.begun = progress_now();
    s.deadline = budget_s > 0 ? s.begun + budget_s : INFINITY;
    if (!s.case_id || !s.done || !s.pending || !(s.scratch = scratch_open(msg)))
        goto end;
    if (register_cases(&s) || all_rounds(&s, &result->interrupted) ||
        store_run_costs(store, run, &s.costs, msg) || store_spread(store, run, msg))
        goto end;
    char covariates[2048];
    machine_covariates(covariates, sizeof covariates);
    if (!result->interrupted && store_run_finish(store, run, covariates, msg))
        goto end;
    result->costs = s.costs;
    rc = store_summary(store, run, count_row, result, msg);
end:
    progress_end(&s.progress);
    scratch_close(s.scratch);
    free(s.case_id);
    free(s.done);
    free(s.pending);
    return rc;
}
