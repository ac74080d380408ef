/* SPDX-License-Identifier: MIT */
/* See ab.h. */
#include "harness/ab.h"
#include "harness/analyse/paired.h"
#include "harness/measure/exchange.h"
#include "harness/progress.h"
#include "harness/scratch.h"
#include "harness/stats/order.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUILDS = 2, BASE = 0, NEW = 1 };

/* One request is a short burst: the less time between the two of a pair, the more they share. */
static const struct measure_options burst = {
    .max_seconds = 0.02, .target_ci = 0.001, .min_samples = 4, .max_samples = 8, .min_warmup_s = 0};

/* A case in both builds. */
struct contender {
    struct bench_case c; /* as planned, with the scale of its inputs */
    const struct staged *in;
    int64_t id;               /* in the store */
    struct cell side[BUILDS]; /* what findings are about */
    bool judged[BUILDS];      /* its output has been */
    bool out;                 /* not ok in one of them: no more pairs */
    double *ratio;            /* (launches x pairs) ln(new / base) of the session */
    size_t *begin;            /* (launches + 1) */
    double *time[BUILDS];     /* (2 x launches x pairs) seconds of all sessions */
    size_t pairs, times;
    struct paired first, again; /* the sessions' verdicts; again.pairs.groups 0: not needed */
};

struct ab {
    struct ab_options *options;
    struct measure_options measure[BUILDS];
    struct child child[BUILDS];
    bool alive[BUILDS];
    struct child_limits limits;
    struct store *store;
    struct scratch *scratch;
    struct progress progress;
    struct contender *all;
    size_t count;
    struct ab_sample *sample; /* of the launch */
    size_t samples, room;
    bool interrupted;
    char *msg;
};

/* ---- workers ------------------------------------------------------------------------------- */

static int start_worker(struct ab *a, int build)
{
    if (exchange_start(&a->child[build], &a->measure[build], &a->limits)) {
        snprintf(a->msg, CASE_MESSAGE, "--%s: cannot start a worker: %s", build ? "new" : "base",
                 strerror(errno));
        return -1;
    }
    a->alive[build] = true;
    child_pause(&a->child[build]);
    return 0;
}

static void end_worker(struct ab *a, int build, enum child_event event, struct outcome *o)
{
    if (!a->alive[build])
        return;
    a->alive[build] = false;
    child_resume(&a->child[build]);
    exchange_finish(&a->child[build], event, o);
}

/* ---- one request --------------------------------------------------------------------------- */

static double least(double a, double b)
{
    return a < b || isnan(b) ? a : b;
}

/* What a request says beside its times. The least memory is what the case needs. */
static void take_figures(struct contender *k, int build, const struct measure_files *files,
                         struct outcome *o)
{
    struct cell *side = &k->side[build];
    struct metrics m = {.rel_l2 = NAN};
    if (o->status == CASE_OK && !k->judged[build]) {
        scratch_judge(k->in, &k->c, files->output, o, &m);
        k->judged[build] = true;
        side->distance = m.rel_l2;
        side->error = strcmp(side->kind, "replaces") == 0 ? NAN : m.rel_l2;
        side->floor = m.floor_rel_l2;
    }
    side->workspace = least(o->workspace_bytes, side->workspace);
    side->tracked = least(o->tracked_bytes, side->tracked);
    side->peak = least(o->peak_rss_bytes, side->peak);
    if (o->status != CASE_OK)
        k->out = true;
    snprintf(side->status, sizeof side->status, "%s", case_status_name(o->status));
    snprintf(side->reason, sizeof side->reason, "%s", o->reason);
}

static int keep_samples(struct ab *a, const struct outcome *o, struct ab_sample s)
{
    if (a->samples + (size_t)o->nsamples > a->room) {
        a->room = 2 * (a->samples + (size_t)o->nsamples);
        struct ab_sample *grown = realloc(a->sample, a->room * sizeof *grown);
        if (!grown)
            return -1;
        a->sample = grown;
    }
    for (s.i = 0; s.i < o->nsamples; s.i++) {
        s.seconds = o->samples[s.i];
        a->sample[a->samples++] = s;
    }
    return 0;
}

/* Median time of one request, NaN when it did not end well. 0, or -1. */
static int ask(struct ab *a, struct contender *k, struct ab_sample where, double *seconds)
{
    const int build = where.build;
    struct measure_files files = {k->in->q, k->in->k, k->in->v, scratch_output(a->scratch)};
    struct measure_options how = burst;
    struct outcome o;
    how.case_timeout_s = a->options->measure.case_timeout_s;
    how.memory_limit = a->options->measure.memory_limit;
    if (!a->alive[build] && start_worker(a, build))
        return -1;
    child_resume(&a->child[build]);
    exchange_send(&a->child[build], &k->c, &files, &how);
    enum child_event event =
        exchange_receive(&a->child[build], &files, exchange_timeout(&k->c, &how), &o);
    child_pause(&a->child[build]);
    a->interrupted |= event == CHILD_INTERRUPTED;
    if (event != CHILD_LINE || o.status == CASE_FAILED)
        end_worker(a, build, event, &o);
    take_figures(k, build, &files, &o);
    if (*o.worker)
        snprintf(a->options->info.worker[build], sizeof o.worker, "%s", o.worker);
    *seconds = o.status == CASE_OK ? stats_median(o.samples, (size_t)o.nsamples) : NAN;
    int rc = o.status == CASE_OK ? keep_samples(a, &o, where) : 0;
    if (rc)
        snprintf(a->msg, CASE_MESSAGE, "out of memory");
    outcome_free(&o);
    return rc;
}

static int one_pair(struct ab *a, struct contender *k, int launch, int pair, struct stats_rng *r)
{
    double seconds[BUILDS] = {NAN, NAN};
    const int first = (int)stats_rng_below(r, BUILDS);
    /* Both, whatever the first says: that one build alone fails is what has to be seen. */
    for (int turn = 0; turn < BUILDS && !a->interrupted; turn++) {
        struct ab_sample where = {k->id, launch, pair, turn ? !first : first, 0, turn, 0};
        if (ask(a, k, where, &seconds[where.build]))
            return -1;
    }
    if (k->out || a->interrupted)
        return 0;
    k->ratio[k->pairs++] = log(seconds[NEW] / seconds[BASE]);
    for (int b = 0; b < BUILDS; b++)
        k->time[b][k->times] = seconds[b];
    k->times++;
    return 0;
}

/* ---- sessions ------------------------------------------------------------------------------ */

static void shuffle(struct contender **which, size_t n, struct stats_rng *r)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = stats_rng_below(r, i);
        struct contender *t = which[i - 1];
        which[i - 1] = which[j];
        which[j] = t;
    }
}

static int one_launch(struct ab *a, struct contender **which, size_t n, int launch,
                      struct stats_rng *r)
{
    const struct outcome fine = {.status = CASE_OK};
    int rc = 0;
    for (int b = 0; b < BUILDS && rc == 0; b++)
        rc = start_worker(a, b);
    for (int pair = 0; pair < a->options->pairs && rc == 0; pair++) {
        shuffle(which, n, r);
        for (size_t i = 0; i < n && rc == 0 && !a->interrupted; i++) {
            progress_at(&a->progress, &which[i]->c, launch);
            if (!which[i]->out)
                rc = one_pair(a, which[i], launch, pair, r);
        }
        if (n)
            progress_done(&a->progress, &which[0]->c, &fine, 1);
    }
    for (int b = 0; b < BUILDS; b++) {
        struct outcome ignored = {.status = CASE_OK};
        end_worker(a, b, CHILD_LINE, &ignored);
    }
    if (rc == 0)
        rc = store_ab_samples(a->store, a->sample, a->samples, a->msg);
    a->samples = 0;
    return rc;
}

/* Pairs of a case in a session. */
static size_t all_pairs(const struct ab *a)
{
    return (size_t)a->options->launches * (size_t)a->options->pairs;
}

/* All launches of one session over some cases; leaves their ratios. 0, 1 interrupted, -1. */
static int session(struct ab *a, struct contender **which, size_t n, int begin)
{
    const int launches = a->options->launches;
    for (size_t i = 0; i < n; i++)
        which[i]->pairs = 0;
    for (int l = 0; l < launches; l++) {
        struct stats_rng r = stats_rng(a->options->seed, (uint64_t)begin + (uint64_t)l);
        for (size_t i = 0; i < n; i++)
            which[i]->begin[l] = which[i]->pairs;
        if (one_launch(a, which, n, begin + l, &r))
            return -1;
        if (a->interrupted)
            return 1;
    }
    for (size_t i = 0; i < n; i++)
        which[i]->begin[launches] = which[i]->pairs;
    return 0;
}

/* Judges the cases of a session and puts the answers where `again` says. */
static int judge_session(struct ab *a, struct contender **which, size_t n, bool again)
{
    struct paired *p = malloc((n + 1) * sizeof *p);
    size_t m = 0;
    for (size_t i = 0; p && i < n; i++)
        if (!which[i]->out)
            p[m++] = (struct paired){
                .pairs = {which[i]->ratio, which[i]->begin, (size_t)a->options->launches},
                .floor = again ? which[i]->first.floor : a->options->floor};
    int rc = p ? paired_judge(p, m, again, a->options->seed + again) : -1;
    if (rc)
        snprintf(a->msg, CASE_MESSAGE, "out of memory");
    m = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!which[i]->out)
            *(again ? &which[i]->again : &which[i]->first) = p[m++];
    free(p);
    return rc;
}

static int both_sessions(struct ab *a)
{
    struct contender **which = malloc((a->count + 1) * sizeof *which);
    size_t n = 0;
    int rc = -1;
    if (!which)
        goto end;
    for (size_t i = 0; i < a->count; i++)
        if (!a->all[i].out)
            which[n++] = &a->all[i];
    progress_begin(&a->progress, all_pairs(a), (double)all_pairs(a));
    if ((rc = session(a, which, n, 0)) || (rc = judge_session(a, which, n, false)))
        goto end;
    size_t suspects = 0;
    for (size_t i = 0; i < n; i++)
        if (!which[i]->out && which[i]->first.verdict >= VERDICT_BETTER)
            which[suspects++] = which[i];
    if (!suspects)
        goto end;
    progress_end(&a->progress);
    fprintf(stderr, "measuring %zu case%s that may have changed once more\n", suspects,
            suspects == 1 ? "" : "s");
    progress_begin(&a->progress, all_pairs(a), (double)all_pairs(a));
    if ((rc = session(a, which, suspects, a->options->launches)) == 0)
        rc = judge_session(a, which, suspects, true);
end:
    progress_end(&a->progress);
    free(which);
    return rc;
}

/* ---- before and after ---------------------------------------------------------------------- */

/* Why a planned case takes no part, in c; its inputs are made. 0, or -1 when out of memory. */
static int stage(struct ab *a, struct contender *k)
{
    if (k->c.status == CASE_OK && *k->c.peer) {
        k->c.status = CASE_UNSUPPORTED;
        snprintf(k->c.reason, sizeof k->c.reason, "a peer is no build: measure it with run");
    }
    if (k->c.status == CASE_OK) {
        if (!(k->in = scratch_inputs(a->scratch, &k->c)))
            return -1;
        k->c.status = k->in->status;
        k->c.problem.scale = k->in->scale;
        if (k->in->status != CASE_OK)
            snprintf(k->c.reason, sizeof k->c.reason, "%s", k->in->reason);
    }
    if (k->c.status != CASE_OK)
        progress_refused(&a->progress, &k->c);
    k->out = k->c.status != CASE_OK;
    return 0;
}

static int prepare_one(struct ab *a, struct contender *k)
{
    const size_t pairs = all_pairs(a);
    for (int b = 0; b < BUILDS; b++) {
        cells_describe(&k->side[b], &k->c);
        k->time[b] = malloc(2 * pairs * sizeof *k->time[b]);
    }
    k->ratio = malloc(pairs * sizeof *k->ratio);
    k->begin = malloc((size_t)(a->options->launches + 1) * sizeof *k->begin);
    if (!k->ratio || !k->begin || !k->time[BASE] || !k->time[NEW] || stage(a, k))
        return -1;
    if (k->out)
        return 0;
    struct child_limits needed = exchange_limits(&k->c, &a->options->measure);
    a->limits.threads = needed.threads > a->limits.threads ? needed.threads : a->limits.threads;
    a->limits.address_space = fmax(needed.address_space, a->limits.address_space);
    return store_ab_case(a->store, a->options->info.id, &k->c, &k->id, a->msg);
}

static int prepare(struct ab *a, const struct plan *plan)
{
    a->all = calloc(plan->count + 1, sizeof *a->all);
    if (!a->all)
        return -1;
    a->count = plan->count;
    for (size_t i = 0; i < a->count; i++)
        a->all[i].c = plan->cases[i];
    for (size_t i = 0; i < a->count; i++) /* NOLINT(clang-analyzer-unix.Malloc): release() frees */
        if (prepare_one(a, &a->all[i]))
            return -1;
    return 0;
}

static int report_time(const struct contender *k, struct findings *out)
{
    struct finding *f = findings_add(out, &k->side[NEW], "time", k->first.verdict);
    if (!f)
        return -1;
    const bool twice = k->again.pairs.groups > 0;
    const struct paired *shown = twice ? &k->again : &k->first;
    f->base = stats_median(k->time[BASE], k->times);
    f->now = stats_median(k->time[NEW], k->times);
    f->change = shown->at;
    f->lo = shown->lo;
    f->hi = shown->hi;
    f->q = fmax(shown->q, k->first.q);
    f->floor = shown->floor;
    if (twice && (f->verdict = paired_confirm(&k->first, &k->again)) == VERDICT_HIDDEN)
        snprintf(f->note, sizeof f->note, "not repeated: %+.1f %%, then %+.1f %% [%+.1f, %+.1f]",
                 100 * k->first.at, 100 * k->again.at, 100 * k->again.lo, 100 * k->again.hi);
    return 0;
}

static int report(const struct ab *a, struct findings *out)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct contender *k = &a->all[i];
        bool both;
        if (findings_status(out, &k->side[BASE], &k->side[NEW], false, &both))
            return -1;
        if (both && (findings_gate(out, &k->side[BASE], &k->side[NEW]) || report_time(k, out)))
            return -1;
    }
    return 0;
}

static void release(struct ab *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->all[i].ratio);
        free(a->all[i].begin);
        free(a->all[i].time[BASE]);
        free(a->all[i].time[NEW]);
    }
    free(a->all);
    free(a->sample);
    scratch_close(a->scratch);
}

int ab_run(const struct plan *plan, struct ab_options *options, struct store *store,
           struct findings *out, char msg[CASE_MESSAGE])
{
    struct ab a = {.options = options, .store = store, .msg = msg};
    int rc = -1;
    *out = (struct findings){0};
    for (int b = 0; b < BUILDS; b++) {
        a.measure[b] = options->measure;
        a.measure[b].worker = options->worker[b];
    }
    snprintf(msg, CASE_MESSAGE, "out of memory");
    if (store_ab_begin(store, &options->info, msg) == 0 && (a.scratch = scratch_open(msg)) &&
        prepare(&a, plan) == 0 && (rc = both_sessions(&a)) == 0)
        rc = store_ab_finish(store, &options->info, msg) || report(&a, out) ? -1 : 0;
    release(&a);
    return rc;
}
