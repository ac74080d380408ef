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

enum {
    OPT_HEADS = 256,
    OPT_KV_HEADS,
    OPT_DIM,
    OPT_QUERIES,
    OPT_CAUSAL,
    OPT_DTYPE,
    OPT_INPUT,
    OPT_BUDGET,
    OPT_CASE_TIMEOUT,
    OPT_MEMORY_LIMIT,
    OPT_ROUNDS,
    OPT_SEED,
    OPT_DB,
    OPT_PLAN,
    OPT_RESUME,
    OPT_PLUGIN,
    OPT_WORKER,
    OPT_NAME
};

static const struct argp_option options[] = {
    {"suite", 's', "NAME", 0, "Named sweep: see `attnbench list suites`", 0},
    {"variant", 'v', "VARIANT[:key=v1,v2]", 0,
     "Name, glob or family; values sweep a parameter; repeats", 0},
    {"length", 'n', "LENGTHS", 0, "Keys: 256..65536 doubles, 512,1k,8k lists", 0},
    {"workload", 'w', "WORKLOAD[:key=v]", 0, "Inputs: see `attnbench list workloads`; repeats", 0},
    {"threads", 't', "LIST", 0, "Threads, e.g. 1,2 or 1,all (default all: one a physical core)", 0},
    {"heads", OPT_HEADS, "N", 0, "Query heads (default 8)", 0},
    {"kv-heads", OPT_KV_HEADS, "N", 0, "Key/value heads (default: as many as query heads)", 0},
    {"dim", OPT_DIM, "N", 0, "Channels a head (default 64)", 0},
    {"queries", OPT_QUERIES, "N", 0, "Queries (default: as many as keys); 1 is decoding", 0},
    {"causal", OPT_CAUSAL, 0, 0, "Mask later keys, bottom-right aligned", 0},
    {"dtype", OPT_DTYPE, "fp32|bf16", 0, "Type of the inputs (default fp32)", 0},
    {"input", OPT_INPUT, "FILE", 0, "q, k, v from .safetensors, .npz, or a folder of .npy", 0},
    {"budget", OPT_BUDGET, "TIME", 0, "Stop beginning rounds after 90s, 10m, 2h", 0},
    {"case-timeout", OPT_CASE_TIMEOUT, "TIME", 0,
     "Kill a round after this (default: max(30s, 20 x prediction))", 0},
    {"memory-limit", OPT_MEMORY_LIMIT, "SIZE", 0,
     "Memory of a worker, e.g. 8G (default: 80 % of what is available)", 0},
    {"rounds", OPT_ROUNDS, "N", 0,
     "Processes a case is measured in, 1..64 (default 3, or the suite's)", 0},
    {"seed", OPT_SEED, "N", 0, "Of inputs and random patterns (default 42)", 0},
    {"db", OPT_DB, "FILE", 0, "Database (default " CMD_DB ")", 0},
    {"name", OPT_NAME, "NAME", 0, "Name of the run (default: its time)", 0},
    {"plan", OPT_PLAN, 0, 0, "Print the cases with predicted time and memory; measure nothing", 0},
    {"resume", OPT_RESUME, 0, 0, "Go on with the unfinished run of the same command", 0},
    {"plugin", OPT_PLUGIN, "FILE.so", 0, "Load a variant from a shared object; repeats", 0},
    {"worker", OPT_WORKER, "COMMAND", 0,
     "Measure with another program that speaks the worker protocol", 0},
    {0},
};

struct arguments {
    struct plan_request request;
    struct measure_options measure;
    const char *db, *name;
    bool plan, resume;
};

static long whole(struct argp_state *state, const char *option, const char *text, long min,
                  long max)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < min || v > max)
        argp_error(state, "--%s '%s': give a whole number from %ld to %ld", option, text, min, max);
    return v;
}

static double quantity(struct argp_state *state, const char *option, const char *text, bool bytes)
{
    double v = bytes ? plan_bytes(text) : plan_duration(text);
    if (!(v > 0))
        argp_error(state, "--%s '%s': give %s", option, text,
                   bytes ? "a size such as 512M or 8G" : "a time such as 60s, 10m or 2h");
    return v;
}

static void collect(struct argp_state *state, const char **list, int *count, const char *arg)
{
    if (*count == PLAN_LIST)
        argp_error(state, "'%s': more than %d of this option", arg, PLAN_LIST);
    list[(*count)++] = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct plan_request *r = &a->request;
    switch (key) {
    case 's':
        r->suite = arg;
        break;
    case 'v':
        collect(state, r->variants, &r->nvariants, arg);
        break;
    case 'w':
        collect(state, r->workloads, &r->nworkloads, arg);
        break;
    case 'n':
        r->lengths = arg;
        break;
    case 't':
        r->threads = arg;
        break;
    case OPT_HEADS:
        r->heads = whole(state, "heads", arg, 1, 4096);
        break;
    case OPT_KV_HEADS:
        r->kv_heads = whole(state, "kv-heads", arg, 1, 4096);
        break;
    case OPT_DIM:
        r->dim = whole(state, "dim", arg, 1, 256);
        break;
    case OPT_QUERIES:
        r->queries = whole(state, "queries", arg, 1, 1L << 27);
        break;
    case OPT_CAUSAL:
        r->causal = 1;
        break;
    case OPT_DTYPE:
        r->dtype = arg;
        break;
    case OPT_INPUT:
        r->input = arg;
        break;
    case OPT_BUDGET:
        r->budget_s = quantity(state, "budget", arg, false);
        break;
    case OPT_CASE_TIMEOUT:
        a->measure.case_timeout_s = quantity(state, "case-timeout", arg, false);
        break;
    case OPT_MEMORY_LIMIT:
        r->memory_limit = quantity(state, "memory-limit", arg, true);
        break;
    case OPT_ROUNDS:
        r->rounds = (int)whole(state, "rounds", arg, 1, 64);
        break;
    case OPT_SEED:
        r->seed = (uint64_t)whole(state, "seed", arg, 0, INT32_MAX);
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
    case OPT_PLUGIN:
        cmd_plugin(arg);
        break;
    case OPT_WORKER:
        a->measure.worker = arg;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is no option; variants are given with -v", arg);
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
        if (sweep_run(p, &a->measure, a->request.budget_s, s, info.id, &result, msg))
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
        .doc = "Measures variants on workloads: time, memory, and error against exact attention. "
               "Without any option it runs the suite quick."};
    struct arguments a = {.request = {.seed = PLAN_SEED}};
    char msg[CASE_MESSAGE], command[2048] = "attnbench run";
    for (int i = 1, used = (int)strlen(command); i < argc && used < (int)sizeof command; i++)
        used += snprintf(command + used, sizeof command - (size_t)used, " %s", argv[i]);
    measure_defaults(&a.measure);
    argp_parse(&argp, argc, argv, 0, NULL, &a);

    struct machine machine;
    struct plan plan;
    if (machine_describe(&machine, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.request.cores = machine.cores;
    a.request.memory_available = machine.memory_available;
    if (plan_expand(&a.request, &plan, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.measure.memory_limit = a.request.memory_limit;
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
