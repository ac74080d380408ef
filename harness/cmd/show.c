/* SPDX-License-Identifier: MIT */
/* attnbench show, plot, export, import: what reads a database. */
#include "harness/cmd/cmd.h"
#include "harness/report/growth.h"
#include "harness/report/report.h"
#include "harness/report/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct cmd_run_args run;
    const char *out, *format;
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
    case 'f':
        if (!writer_knows(arg))
            argp_error(state, "--format '%s': give " WRITER_FORMATS, arg);
        a->format = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_show(int argc, char **argv)
{
    static const struct argp argp = {.parser = parse,
                                     .children = children,
                                     .args_doc = "[RUN]",
                                     .doc = "Prints the table of a run (id, name, or last)."};
    struct arguments a = {0};
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    struct growth g = {.least = 3};
    int status = EXIT_FINE;
    if (report_table(s, run, stdout, msg))
        status = cmd_fail(EXIT_NOTHING, msg);
    else if (growth_load(s, run, &g, msg))
        status = cmd_fail(EXIT_UNEXPECTED, msg);
    else
        report_growth(&g, false, stdout);
    growth_free(&g);
    store_close(s);
    status = status ? status : cmd_finish(EXIT_FINE);
    return status;
}

int cmd_plot(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"output", 'o', "DIR", 0, "Folder for .svg, .png, .gp and .dat (default results/plots)", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "[RUN]",
        .doc = "Draws time, memory, error, growth, trade-off and roofline of a run."};
    struct arguments a = {.out = "results/plots"};
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    int status = report_plots(s, run, a.out, stdout, msg) ? cmd_fail(EXIT_UNEXPECTED, msg)
                                                          : cmd_finish(EXIT_FINE);
    store_close(s);
    return status;
}

int cmd_export(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"format", 'f', "csv|jsonl|md", 0, "Format (default csv)", 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .children = children,
                                     .args_doc = "[RUN]",
                                     .doc =
                                         "Writes a run to standard output, in seconds and bytes."};
    struct arguments a = {.format = "csv"};
    char msg[CASE_MESSAGE];
    int64_t run;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&a.run, &run);
    struct writer w = {stdout, a.format, false};
    int status = store_summary(s, run, writer_row, &w, msg) ? cmd_fail(EXIT_UNEXPECTED, msg)
                                                            : cmd_finish(EXIT_FINE);
    store_close(s);
    return status;
}

struct import_arguments {
    const char *db;
    char **files;
    int count;
};

static error_t parse_import(int key, char *arg, struct argp_state *state)
{
    struct import_arguments *a = state->input;
    switch (key) {
    case 'D':
        a->db = arg;
        return 0;
    case ARGP_KEY_ARGS:
        a->files = state->argv + state->next;
        a->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "give the database files to import");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_import(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"db", 'D', "FILE", 0, "Database to import into (default " CMD_DB ")", 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse_import,
                                     .args_doc = "FILE...",
                                     .doc =
                                         "Copies the runs of other databases in; known runs stay."};
    struct import_arguments a = {.db = CMD_DB};
    char msg[CASE_MESSAGE];
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = store_open(a.db, true, msg);
    if (!s)
        return cmd_fail(EXIT_USAGE, msg);
    int status = EXIT_FINE;
    for (int i = 0; i < a.count && status == EXIT_FINE; i++) {
        int added, present;
        if (store_import(s, a.files[i], &added, &present, msg))
            status = cmd_fail(EXIT_USAGE, msg);
        else
            printf("%s: %d runs added, %d were here already\n", a.files[i], added, present);
    }
    store_close(s);
    return status == EXIT_FINE ? cmd_finish(status) : status;
}
