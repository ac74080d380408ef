/* SPDX-License-Identifier: MIT */
/* attnbench check: conformance of variants, each in a child, so that a crash is a result too. */
#include "harness/cmd/cmd.h"
#include "harness/judge/conform.h"
#include "harness/measure/measure.h"
#include "harness/plan/specs.h"
#include "variants/kernels/isa.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK_TIMEOUT_S 300

struct arguments {
    const char *names[64];
    int count;
    uint64_t seed;
};

struct job {
    const struct attn_variant *v;
    uint64_t seed;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    char *end;
    switch (key) {
    case 'p':
        cmd_plugin(arg);
        return 0;
    case 's':
        a->seed = strtoull(arg, &end, 10);
        if (end == arg || *end)
            argp_error(state, "--seed '%s': give a whole number", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (a->count == 64)
            argp_error(state, "more than 64 variants named");
        a->names[a->count++] = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int check(void *arg, char msg[CASE_MESSAGE])
{
    const struct job *job = arg;
    struct conform_result r;
    conform_check(job->v, job->seed, stderr, &r);
    snprintf(msg, CASE_MESSAGE, "%d cases pass, %d fail, %d refused by supports()%s%.300s",
             r.passed, r.failed, r.refused, r.passed || !r.refusal ? "" : ": ",
             r.passed || !r.refusal ? "" : r.refusal);
    return r.failed || !r.passed;
}

int cmd_check(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"plugin", 'p', "FILE.so", 0, "Load a variant from a shared object; repeats", 0},
        {"seed", 's', "N", 0, "Of inputs (default 1)", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[VARIANT...]",
        .doc = "Checks that variants compute what their definitions say, on awkward shapes, and "
               "keep the contract. Exit 1 if one does not."};
    struct arguments a = {.seed = 1};
    char msg[CASE_MESSAGE];
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (!a.count)
        a.names[a.count++] = "*";
    struct variant_spec *specs;
    int n = specs_variants(a.names, a.count, &specs, msg);
    if (n < 0) {
        free(specs);
        return cmd_fail(EXIT_USAGE, msg);
    }
    int failed = 0, skipped = 0;
    for (int i = 0; i < n; i++) {
        struct job job = {specs[i].variant, a.seed};
        if (!job.v->run) {
            printf("%-18s skipped: a peer, which %s measures; `attnbench run` judges it\n",
                   job.v->name, job.v->worker);
            skipped++;
            continue;
        }
        int rc = measure_stage(check, &job, CHECK_TIMEOUT_S, msg);
        printf("%-18s %s  %s\n", job.v->name, rc == 0 ? "ok    " : "FAILED", msg);
        fflush(stdout);
        failed += rc != 0;
    }
    free(specs);
    printf("%d of %d variants conform", n - skipped - failed, n - skipped);
    if (skipped)
        printf(", %d peer%s skipped", skipped, skipped == 1 ? "" : "s");
    printf(" (isa %s, seed %llu)\n", attn_isa_name(), (unsigned long long)a.seed);
    return cmd_finish(failed ? EXIT_CHECK : EXIT_FINE);
}
