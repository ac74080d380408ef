/* SPDX-License-Identifier: MIT */
/* attnbench fit: growth with n of a stored run. */
#include "harness/cmd/cmd.h"
#include "harness/plan/plan.h"
#include "harness/report/growth.h"

#include <string.h>

enum { OPT_CROSSOVER = 256 };

struct arguments {
    struct cmd_run_args run;
    const char *format; /* NULL: for people */
    const char *variants[PLAN_LIST];
    int nvariants;
    bool crossover;
};

static const struct argp_child children[] = {{&cmd_run_argp, 0, NULL, 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->run;
        return 0;
    case 'v':
        if (a->nvariants == PLAN_LIST)
            argp_error(state, "'%s': more than %d of this option", arg, PLAN_LIST);
        a->variants[a->nvariants++] = arg;
        return 0;
    case 'f':
        if (!writer_knows(arg) && strcmp(arg, "text") != 0)
            argp_error(state, "--format '%s': give text, " WRITER_FORMATS, arg);
        a->format = strcmp(arg, "text") == 0 ? NULL : arg;
        return 0;
    case OPT_CROSSOVER:
        a->crossover = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int print(const struct growth *g, const struct arguments *a)
{
    struct writer w = {stdout, a->format, false};
    const size_t rows = !a->format     ? report_growth(g, true, stdout)
                        : a->crossover ? report_crossovers(g, &w)
                                       : report_exponents(g, &w);
    if (rows == 0)
        return cmd_fail(EXIT_NOTHING,
                        a->crossover ? "nothing to compare: a crossover needs a method and an "
                                       "exact one at two common lengths"
                                     : "nothing to fit: no method was measured at two lengths");
    fflush(stdout);
    return cmd_finish(report_excess(g, stderr) ? EXIT_CHECK : EXIT_FINE);
}

int cmd_fit(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"variant", 'v', "VARIANT", 0, "Only this name, family or glob; repeats", 0},
        {"format", 'f', "text|csv|jsonl|md", 0, "Format (default text, both tables)", 0},
        {"crossover", OPT_CROSSOVER, 0, 0,
         "With csv, jsonl or md: the table of crossovers, not that of exponents", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "[RUN]",
        .doc = "Fits how time and memory grow with n, checks that against what each method "
               "declares, and finds from which n on it is faster than exact attention.\v"
               "Exit 1: a growth is above the declared one for certain: its interval, over all "
               "lengths and over the last two octaves, by more than 0.15. Exit 3: no method was "
               "measured at two lengths."};
    struct arguments a = {0};
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    struct growth g = {.variants = a.variants, .nvariants = a.nvariants, .least = 2};
    int status = growth_load(s, run, &g, msg) ? cmd_fail(EXIT_UNEXPECTED, msg) : print(&g, &a);
    growth_free(&g);
    store_close(s);
    return status;
}
