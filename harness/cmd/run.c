/* SPDX-License-Identifier: MIT */
/* attnbench run: plan, measure, store; a short account at the end. */
#include "harness/cmd/cmd.h"
#include "harness/measure/peers.h"
#include "harness/measure/signals.h"
#include "harness/sweep.h"
#include "harness/version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_BUDGET = 256, OPT_ROUNDS, OPT_DB, OPT_PLAN, OPT_RESUME, OPT_WORKER, OPT_NAME };

static const struct argp_option options[] = {
    {"budget", OPT_BUDGET, "TIME", 0, "Stop beginning rounds after 90s, 10m, 2h", 0},
    {"rounds", OPT_ROUNDS, "N", 0,
     "Processes a case is measured in, 1..64 (default 3, or the suite's)", 0},
    {"db", OPT_DB, "FILE", 0, "Database (default " CMD_DB ")", 0},
    {"name", OPT_NAME, "NAME", 0, "Name of the run (default: its time)", 0},
    {"plan", OPT_PLAN, 0, 0, "Print the cases with predicted time and memory; measure nothing", 0},
    {"resume", OPT_RESUME, 0, 0, "Go on with the unfinished run of the same command", 0},
    {"worker", OPT_WORKER, "COMMAND", 0,
     "Measure with another program that speaks the worker protocol", 0},
    {0},
};

static const struct argp_child children[] = {{&cmd_selection_argp, 0, "Cases:", -1}, {0}};

struct arguments {
    struct cmd_selection selection;
    struct measure_options measure;
    const char *db, *name;
    bool plan, resume;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct plan_request *r = &a->selection.request;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->selection;
        break;
    case OPT_BUDGET:
        r->budget_s = cmd_quantity(state, "budget", arg, false);
        break;
    case OPT_ROUNDS:
        r->rounds = (int)cmd_whole(state, "rounds", arg, 1, 64);
        break;
    case OPT_DB:
        a->db = arg;
        break;
    case OPT_NAME:
        a->name = arg;
        break;
    case OPT_PLAN:
        a->plan = true;
        break;
    case OPT_RESUME:
        a->resume = true;
        break;
    case OPT_WORKER:
        a->measure.worker = arg;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int print_plan(const struct plan *p)
{
    size_t measured = 0;
    printf("%-16s %-24s %-20s %8s %8s %7s %10s %10s  %s\n", "variant", "params", "workload", "n_q",
           "n_k", "threads", "call", "memory", "status");
    for (size_t i = 0; i < p->count; i++) {
        const struct bench_case *c = &p->cases[i];
        printf("%-16s %-24s %-20s %8lld %8lld %7d ", c->variant, c->params, c->workload,
               (long long)c->problem.n_q, (long long)c->problem.n_k, c->problem.threads);
        if (c->predicted_bytes > 0)
            printf("%8.3g s %6.0f MiB  ", c->predicted_s, c->predicted_bytes / 0x1p20);
        else
            printf("%10s %10s  ", "-", "-");
        printf("%s%s%s\n", c->status == CASE_OK ? "to measure" : case_status_name(c->status),
               c->status == CASE_OK ? "" : ": ", c->reason);
        measured += c->status == CASE_OK;
    }
    printf("%zu cases, %zu to measure in %d rounds each, about %.0f s\n", p->count, measured,
           p->rounds, p->predicted_s);
    return cmd_finish(EXIT_FINE);
}

/* Describes this run: build, machine, roofs. */
static int begin_run(struct store *s, const struct arguments *a, const struct plan *p,
                     const char *command, struct machine *machine, struct run_info *info,
                     char msg[CASE_MESSAGE])
{
    *info = (struct run_info){
        .command = command,
        .plan_hash = p->hash,
        .version = attn_version,
        .commit = attn_commit,
        .compiler = attn_compiler,
        .flags = attn_cflags,
        .machine_id = machine->id,
        .machine_summary = machine->summary,
        .machine_fingerprint = machine->fingerprint,
        .machine_covariates = machine->covariates,
        .rounds = p->rounds,
    };
    if (a->name)
        snprintf(info->name, sizeof info->name, "%s", a->name);
    fprintf(stderr, "measuring the roofs of this machine\n");
    for (size_t i = 0; i < p->count; i++) {
        const int threads = p->cases[i].problem.threads;
        int known = 0;
        while (known < info->nroofs && info->roofs[known].threads != threads)
            known++;
        if (known < info->nroofs || known == RUN_ROOFS)
            continue;
        if (roofs_measure(threads, &info->roofs[known], msg))
            return -1;
        info->nroofs++;
    }
    return store_run_begin(s, info, msg);
}

static int conclude(const struct sweep_result *r, const char *db, const struct run_info *info)
{
    fprintf(stderr, "run %lld (%s) in %s: %zu ok, %zu unsupported, %zu skipped, %zu failed\n",
            (long long)info->id, info->name, db, r->ok, r->unsupported, r->skipped, r->unexpected);
    if (r->costs.launches)
        fprintf(stderr,
                "outside the measured calls: %.1f ms a launch (%d launches); inputs and references "
                "%.1f s; calibration %.1f s\n",
                1e3 * r->costs.overhead_s / r->costs.launches, r->costs.launches, r->costs.inputs_s,
                r->costs.calibration_s);
    if (r->interrupted) {
        fputs("attnbench: interrupted; the same command with --resume goes on\n", stderr);
        return EXIT_INTERRUPTED;
    }
    return r->unexpected ? EXIT_UNEXPECTED : r->ok ? EXIT_FINE : EXIT_NOTHING;
}

/* An environment that names something that is not there is a mistake, not a missing package. */
static int check_peers(const struct plan *p, char msg[CASE_MESSAGE])
{
    struct peer_command command;
    for (size_t i = 0; i < p->count; i++)
        if (*p->cases[i].peer && peer_locate(p->cases[i].peer, &command, msg) < 0)
            return -1;
    return 0;
}

static int measure(const struct arguments *a, const struct plan *p, const char *command,
                   struct machine *machine)
{
    char msg[CASE_MESSAGE];
    const char *db = a->db ? a->db : CMD_DB;
    struct store *s = store_open(db, true, msg);
    if (!s)
        return cmd_fail(EXIT_USAGE, msg);
    struct run_info info = {0};
    int status = EXIT_UNEXPECTED, found = 0;
    if (check_peers(p, msg)) {
        store_close(s);
        return cmd_fail(EXIT_USAGE, msg);
    }
    if (a->resume && (found = store_run_find_unfinished(s, p->hash, &info, msg)) == 0)
        fputs("no unfinished run of this plan: starting a new one\n", stderr);
    if (found < 0 || (found == 0 && begin_run(s, a, p, command, machine, &info, msg))) {
        status = cmd_fail(EXIT_UNEXPECTED, msg);
    } else {
        struct sweep_result result;
        measure_install_signals();
        if (sweep_run(p, &a->measure, a->selection.request.budget_s, s, info.id, &result, msg))
            status = cmd_fail(EXIT_UNEXPECTED, msg);
        else
            status = conclude(&result, db, &info);
    }
    store_close(s);
    return status;
}

int cmd_run(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .doc = "Measures variants on workloads: time, memory, and error against exact attention. "
               "Without any option it runs the suite quick."};
    struct arguments a = {.selection.request.seed = PLAN_SEED};
    char msg[CASE_MESSAGE], command[2048];
    cmd_command_line("run", argc, argv, command, sizeof command);
    measure_defaults(&a.measure);
    argp_parse(&argp, argc, argv, 0, NULL, &a);

    struct machine machine;
    struct plan plan;
    if (machine_describe(&machine, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.selection.request.cores = machine.cores;
    a.selection.request.memory_available = machine.memory_available;
    if (plan_expand(&a.selection.request, &plan, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.measure.case_timeout_s = a.selection.case_timeout_s;
    a.measure.memory_limit = a.selection.request.memory_limit;
    a.measure.max_seconds = plan.max_seconds;
    a.measure.min_warmup_s = plan.min_warmup_s;
    a.measure.plugins = cmd_plugins();
    int status;
    if (a.plan)
        status = print_plan(&plan);
    else if (attn_sanitized && !a.db)
        status =
            cmd_fail(EXIT_USAGE, "this is a sanitizer build: its times mean nothing; give --db "
                                 "to keep them out of " CMD_DB);
    else
        status = measure(&a, &plan, command, &machine);
    plan_free(&plan);
    return status;
}
