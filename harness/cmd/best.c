/* SPDX-License-Identifier: MIT */
/* attnbench best: the fastest method within limits, from a stored run. */
#include "harness/cmd/cmd.h"
#include "harness/plan/plan.h"
#include "harness/report/best.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_ERROR = 256, OPT_MEMORY, OPT_CAUSAL, OPT_REPLACEMENTS };

struct arguments {
    struct cmd_run_args run;
    struct best_limits limits;
    const char *format; /* NULL: for people */
};

static const struct argp_child children[] = {{&cmd_run_argp, 0, NULL, 0}, {0}};

static int64_t one(struct argp_state *state, const char *option, const char *arg)
{
    int64_t value;
    char msg[CASE_MESSAGE];
    if (plan_lengths(arg, &value, 1, msg) != 1)
        argp_error(state, "%s '%s': give one number, such as 8192 or 8k", option, arg);
    return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct best_limits *l = &a->limits;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->run;
        return 0;
    case 'n':
        l->n = one(state, "-n", arg);
        return 0;
    case OPT_ERROR:
        l->error = strtod(arg, &end);
        if (end == arg || *end || !(l->error > 0 && isfinite(l->error)))
            argp_error(state, "--error '%s': give a relative error above 0, such as 0.05", arg);
        return 0;
    case OPT_MEMORY:
        l->memory = plan_bytes(arg);
        if (!(l->memory > 0))
            argp_error(state, "--memory '%s': give a size such as 512M or 8G", arg);
        return 0;
    case 'w':
        l->workload = arg;
        return 0;
    case 't':
        l->threads = one(state, "-t", arg);
        return 0;
    case OPT_CAUSAL:
        l->causal = true;
        return 0;
    case OPT_REPLACEMENTS:
        l->replacements = true;
        return 0;
    case 'f':
        if (!writer_knows(arg) && strcmp(arg, "text") != 0)
            argp_error(state, "--format '%s': give text, " WRITER_FORMATS, arg);
        a->format = strcmp(arg, "text") == 0 ? NULL : arg;
        return 0;
    case ARGP_KEY_END:
        if (l->n == 0 || isnan(l->error))
            argp_error(state, "give -n and --error, such as -n 8192 --error 0.05");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Says what the run has instead. */
static int nothing(const struct cells *cells, const struct best_limits *l)
{
    fprintf(stderr, "attnbench: nothing was measured at n = %lld%s%s%s; this run has",
            (long long)l->n, l->workload ? " on " : "", l->workload ? l->workload : "",
            l->causal ? ", causal" : "");
    for (size_t i = 0, printed = 0; i < cells->count && printed < 20; i++) {
        const struct cell *c = &cells->cell[i];
        bool known = strcmp(c->status, "ok") != 0 || c->n_q != c->n_k;
        for (size_t j = 0; j < i && !known; j++)
            known = strcmp(cells->cell[j].status, "ok") == 0 && cells->cell[j].n_k == c->n_k &&
                    cells->cell[j].causal == c->causal &&
                    strcmp(cells->cell[j].workload, c->workload) == 0;
        if (known)
            continue;
        fprintf(stderr, "%s %s n = %lld%s", printed++ ? "," : "", c->workload, (long long)c->n_k,
                c->causal ? " causal" : "");
    }
    fputc('\n', stderr);
    return EXIT_NOTHING;
}

static int print(const struct cells *cells, const struct arguments *a)
{
    struct contest *all;
    struct writer w = {stdout, a->format, false};
    const int count = best_find(cells, &a->limits, &all);
    size_t measured = 0;
    bool lost = false;
    if (count < 0)
        return cmd_fail(EXIT_UNEXPECTED, "out of memory");
    for (int i = 0; i < count; i++)
        measured += all[i].measured;
    for (int i = 0; i < count; i++) {
        if (a->format)
            report_candidates(&all[i], &w);
        else if (measured)
            report_contest(&all[i], &a->limits, stdout);
        lost |= all[i].within == 0;
        contest_free(&all[i]);
    }
    free(all);
    if (!measured)
        return nothing(cells, &a->limits);
    return cmd_finish(lost ? EXIT_CHECK : EXIT_FINE);
}

int cmd_best(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"lengths", 'n', "N", 0, "Keys, and as many queries; required", 0},
        {"error", OPT_ERROR, "E", 0, "Largest relative error against exact attention; required", 0},
        {"memory", OPT_MEMORY, "SIZE", 0, "Largest memory above inputs and output, e.g. 1G", 0},
        {"workload", 'w', "WORKLOAD", 0, "Only on these inputs (default: on each of the run)", 0},
        {"causal", OPT_CAUSAL, 0, 0, "Only causal problems", 0},
        {"threads", 't', "N", 0, "Only with this many threads", 0},
        {"replacements", OPT_REPLACEMENTS, 0, 0,
         "Also methods that replace softmax, whose error does not apply", 0},
        {"format", 'f', "text|csv|jsonl|md", 0, "Format (default text)", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "[RUN]",
        .doc = "Names the fastest method and parameters within limits on error and memory, those "
               "that may be as fast (their intervals overlap), the slower ones, and why the others "
               "are out, for each problem of the run that matches.\v"
               "Exit 1: on one of the problems nothing meets the limits. Exit 3: nothing that "
               "matches was measured."};
    struct arguments a = {.limits = {.error = NAN, .memory = INFINITY}};
    struct cells cells;
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    int status =
        cells_load(s, run, &cells, msg) ? cmd_fail(EXIT_UNEXPECTED, msg) : print(&cells, &a);
    cells_free(&cells);
    store_close(s);
    return status;
}
