/* SPDX-License-Identifier: MIT */
/* attnbench history: steps over the runs of a machine. */
#include "harness/cmd/cmd.h"
#include "harness/report/history.h"

#include <string.h>

enum { OPT_ALL = 256, OPT_FLOOR };

struct arguments {
    struct cmd_run_args run;
    const char *format; /* NULL: for people */
    const char *variants[PLAN_LIST];
    int nvariants;
    double floor;
    bool all;
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
    case OPT_ALL:
        a->all = true;
        return 0;
    case OPT_FLOOR:
        a->floor = cmd_percent(state, "floor", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_history(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"variant", 'v', "VARIANT", 0, "Only this name, family or glob; repeats", 0},
        {"format", 'f', "text|csv|jsonl|md", 0, "text has the steps, the others every point", 0},
        {"floor", OPT_FLOOR, "PERCENT", 0, "Smallest change that is a step (default 3)", 0},
        {"all", OPT_ALL, 0, 0, "Also cases without a step", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "[RUN]",
        .doc = "Finds where times changed from one run to the next, over all runs of the machine "
               "of RUN (last), as ratios to the fastest exact method of the same run. A level "
               "counts after three runs. Exit 3: no run has a method and an exact one beside it."};
    struct arguments a = {.floor = 0.03};
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    struct history h;
    int status = EXIT_FINE;
    if (history_load(s, run, a.variants, a.nvariants, a.floor, &h, msg)) {
        status = cmd_fail(EXIT_UNEXPECTED, msg);
    } else if (!h.count) {
        status = cmd_fail(EXIT_NOTHING,
                          "no run of this machine has such a method and an exact one beside it");
    } else if (a.format) {
        report_history_points(&h, &(struct writer){stdout, a.format, false});
    } else {
        report_history(&h, a.all, stdout);
    }
    history_free(&h);
    store_close(s);
    return status ? status : cmd_finish(EXIT_FINE);
}
