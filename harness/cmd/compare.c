/* SPDX-License-Identifier: MIT */
/* attnbench compare, tag: runs of a database as baselines. */
#include "harness/analyse/compare.h"
#include "harness/cmd/cmd.h"
#include "harness/report/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_ALL = 256, OPT_FLOOR, OPT_LENIENT };

struct arguments {
    const char *db, *what; /* what the two arguments are */
    const char *run[2];
    int runs;
    struct compare_options options;
    enum findings_format format;
    bool all;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    int format;
    switch (key) {
    case 'D':
        a->db = arg;
        return 0;
    case 'f':
        if ((format = findings_format_parse(arg)) < 0)
            argp_error(state, "--format '%s': give text, md or csv", arg);
        a->format = (enum findings_format)format;
        return 0;
    case OPT_ALL:
        a->all = true;
        return 0;
    case OPT_LENIENT:
        a->options.lenient = true;
        return 0;
    case OPT_FLOOR:
        a->options.floor = cmd_percent(state, "floor", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (a->runs == 2)
            argp_error(state, "'%s' is too many: give %s", arg, a->what);
        a->run[a->runs++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->runs < 2)
            argp_error(state, "give %s", a->what);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define DB_OPTION "db", 'D', "FILE", 0, "Database (default " CMD_DB ")", 0

static void headline(const struct cells *c, const char *asked, char *out, size_t size)
{
    const bool alias = strcmp(c->run, asked) != 0;
    snprintf(out, size, "%s%s%s%s, commit %s, %s", alias ? asked : c->run, alias ? " (" : "",
             alias ? c->run : "", alias ? ")" : "", c->commit, c->machine_summary);
}

static int compare(struct store *s, const struct arguments *a, char msg[CASE_MESSAGE])
{
    struct cells cells[2] = {{0}, {0}};
    struct findings found = {0};
    char line[2][512];
    int status = EXIT_USAGE;
    for (int i = 0; i < 2; i++) {
        int64_t run;
        if (store_run_resolve(s, a->run[i], &run, msg) || cells_load(s, run, &cells[i], msg))
            goto end;
        headline(&cells[i], a->run[i], line[i], sizeof line[i]);
    }
    if (compare_runs(&cells[0], &cells[1], &a->options, &found, msg)) {
        status = EXIT_UNEXPECTED;
        goto end;
    }
    report_findings(&found, line[0], line[1], a->format, a->all, stdout);
    if (strcmp(cells[0].machine, cells[1].machine) != 0)
        fputs("the machines differ: times are not judged\n", stderr);
    *msg = '\0';
    status = findings_count(&found, VERDICT_WORSE) ? EXIT_CHECK
             : found.compared                      ? EXIT_FINE
                                                   : EXIT_NOTHING;
    if (status == EXIT_NOTHING)
        snprintf(msg, CASE_MESSAGE, "no case is ok in both runs: nothing was compared");
end:
    findings_free(&found);
    cells_free(&cells[0]);
    cells_free(&cells[1]);
    return status;
}

int cmd_compare(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {DB_OPTION},
        {"format", 'f', "text|md|csv", 0, "md fits a comment on a pull request (default text)", 0},
        {"all", OPT_ALL, 0, 0, "Also what noise may hide, and what is the same", 0},
        {"floor", OPT_FLOOR, "PERCENT", 0, "Least change of time worth a word (default 5)", 0},
        {"lenient", OPT_LENIENT, 0, 0, "Cases that NEW lacks are no failure", 0},
        {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "BASE NEW",
        .doc = "Compares two stored runs (id, name, tag, or last): counts, memory and error "
               "exactly, time beyond the noise of the runs. Exit 1 when anything is worse, or a "
               "case vanished or broke; 3 when nothing could be compared."};
    struct arguments a = {.what = argp.args_doc, .options.floor = 0.05};
    char msg[CASE_MESSAGE] = "";
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct store *s = cmd_open_run(&(struct cmd_run_args){.db = a.db}, NULL);
    int status = compare(s, &a, msg);
    store_close(s);
    return *msg ? cmd_fail(status, msg) : cmd_finish(status);
}

int cmd_tag(int argc, char **argv)
{
    static const struct argp_option options[] = {{DB_OPTION}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = parse,
                                     .args_doc = "RUN NAME",
                                     .doc = "Gives a run a name that stands wherever a RUN does. "
                                            "The name moves when another run has it."};
    struct arguments a = {.what = argp.args_doc};
    char msg[CASE_MESSAGE];
    int64_t run, before;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    /* Not as writable: that would make a database where there is none. */
    struct store *s = cmd_open_run(&(struct cmd_run_args){.db = a.db}, NULL);
    int rc = store_run_resolve(s, a.run[0], &run, msg) || store_tag(s, run, a.run[1], &before, msg);
    store_close(s);
    if (rc)
        return cmd_fail(EXIT_USAGE, msg);
    printf("%s is run %lld", a.run[1], (long long)run);
    if (before > 0 && before != run)
        printf(" (it was run %lld)", (long long)before);
    putchar('\n');
    return cmd_finish(EXIT_FINE);
}
