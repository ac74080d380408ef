/* SPDX-License-Identifier: MIT */
/* attnbench machine and worker. */
#include "harness/cmd/cmd.h"
#include "harness/measure/measure.h"

#include <stdio.h>

static error_t parse_none(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s': this command takes no argument", arg);
    return ARGP_ERR_UNKNOWN;
}

int cmd_machine(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse_none,
        .doc = "Prints topology, fingerprint, and the roofs measured now with one and all cores."};
    struct machine m;
    struct roofs roofs[2];
    char msg[CASE_MESSAGE];
    argp_parse(&argp, argc, argv, 0, NULL, NULL);
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
