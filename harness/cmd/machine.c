/* SPDX-License-Identifier: MIT */
/* attnbench machine and worker. */
#include "harness/cmd/cmd.h"
#include "harness/measure/measure.h"
#include "harness/report/report.h"

#include <stdio.h>

struct arguments {
    struct cmd_run_args run;
    const char *out;
};

static const struct argp_child children[] = {{&cmd_run_argp, 0, NULL, 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->run;
        return 0;
    case 'o':
        a->out = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->out && (a->run.run || a->run.db))
            argp_error(state, "a run is drawn: say where with -o DIR");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int draw(const struct arguments *a)
{
    int64_t run;
    char msg[CASE_MESSAGE];
    struct store *s = cmd_open_run(&a->run, &run);
    const int figures = report_rooflines(s, run, a->out, stdout, msg);
    store_close(s);
    if (figures < 0)
        return cmd_fail(EXIT_UNEXPECTED, msg);
    if (figures == 0)
        return cmd_fail(EXIT_NOTHING, "the run has no roofs with methods below them to draw");
    return cmd_finish(EXIT_FINE);
}

int cmd_machine(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"output", 'o', "DIR", 0, "Draw the roofs of RUN with its methods into this folder", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "[RUN]",
        .doc = "Prints topology, fingerprint, and the roofs measured now with one and all cores; "
               "or draws the roofline of a run."};
    struct arguments a = {0};
    struct machine m;
    struct roofs roofs[2];
    char msg[CASE_MESSAGE];
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.out)
        return draw(&a);
    if (machine_describe(&m, msg))
        return cmd_fail(EXIT_UNEXPECTED, msg);
    const int count = m.cores > 1 ? 2 : 1;
    for (int i = 0; i < count; i++)
        if (roofs_measure(i ? m.cores : 1, &roofs[i], msg))
            return cmd_fail(EXIT_UNEXPECTED, msg);
    machine_print(stdout, &m, roofs, count);
    return cmd_finish(EXIT_FINE);
}

static error_t parse_worker(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'p':
        cmd_plugin(arg);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': the worker reads its cases from standard input", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_worker(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"plugin", 'p', "FILE.so", 0, "Load a variant from a shared object; repeats", 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse_worker,
        .doc =
            "Serves cases of the worker protocol (harness/measure/protocol.md) on standard input."};
    argp_parse(&argp, argc, argv, 0, NULL, NULL);
    return worker_serve(stdin, stdout);
}
