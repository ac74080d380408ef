/* SPDX-License-Identifier: MIT */
/* attnbench ab: two builds in turn. */
#include "harness/ab.h"
#include "harness/cmd/cmd.h"
#include "harness/measure/signals.h"
#include "harness/report/findings.h"
#include "harness/version.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPT_BASE = 256, OPT_NEW, OPT_PAIRS, OPT_LAUNCHES, OPT_FLOOR, OPT_ALL, OPT_DB };

static const struct argp_option options[] = {
    {"base", OPT_BASE, "COMMAND", 0,
     "Worker of the old build, such as 'old/attnbench worker' (default: this build)", 0},
    {"new", OPT_NEW, "COMMAND", 0, "Worker of the new one (default: this build)", 0},
    {"pairs", OPT_PAIRS, "N", 0, "Pairs a case and launch, 1..1000 (default 20)", 0},
    {"launches", OPT_LAUNCHES, "N", 0, "Processes of each build, 1..100 (default 3)", 0},
    {"floor", OPT_FLOOR, "PERCENT", 0, "Least change of time worth a word (default 3)", 0},
    {"all", OPT_ALL, 0, 0, "Also what noise may hide, and what is the same", 0},
    {"format", 'f', "text|md|csv", 0, "md fits a comment on a pull request (default text)", 0},
    {"db", OPT_DB, "FILE", 0, "Database that keeps the samples (default " CMD_DB ")", 0},
    {0},
};

static const struct argp_child children[] = {{&cmd_selection_argp, 0, "Cases:", -1}, {0}};

struct arguments {
    struct cmd_selection selection;
    struct ab_options ab;
    const char *db;
    enum findings_format format;
    bool all;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    int format;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->selection;
        break;
    case OPT_BASE:
        a->ab.worker[0] = arg;
        break;
    case OPT_NEW:
        a->ab.worker[1] = arg;
        break;
    case OPT_PAIRS:
        a->ab.pairs = (int)cmd_whole(state, "pairs", arg, 1, 1000);
        break;
    case OPT_LAUNCHES:
        a->ab.launches = (int)cmd_whole(state, "launches", arg, 1, 100);
        break;
    case OPT_FLOOR:
        a->ab.floor = cmd_percent(state, "floor", arg);
        break;
    case OPT_ALL:
        a->all = true;
        break;
    case 'f':
        if ((format = findings_format_parse(arg)) < 0)
            argp_error(state, "--format '%s': give text, md or csv", arg);
        a->format = (enum findings_format)format;
        break;
    case OPT_DB:
        a->db = arg;
        break;
    case ARGP_KEY_END:
        if (!a->ab.worker[0] && !a->ab.worker[1])
            argp_error(state, "give --base or --new, or both: the worker of another build");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int conclude(const struct arguments *a, const struct findings *found,
                    const struct machine *machine)
{
    char line[2][512];
    for (int i = 0; i < 2; i++)
        snprintf(line[i], sizeof line[i], "%s: %s%s%s", a->ab.info.worker[i],
                 a->ab.worker[i] ? a->ab.worker[i] : "this build", i ? "" : ", on ",
                 i ? "" : machine->summary);
    report_findings(found, line[0], line[1], a->format, a->all, stdout);
    fprintf(stderr, "%d launches of %d pairs; samples are in %s, table ab_sample, ab %lld\n",
            a->ab.launches, a->ab.pairs, a->db, (long long)a->ab.info.id);
    if (findings_count(found, VERDICT_WORSE))
        return cmd_finish(EXIT_CHECK);
    if (!found->compared)
        return cmd_fail(EXIT_NOTHING, "no case is ok in both builds: nothing was compared");
    return cmd_finish(EXIT_FINE);
}

static int measure(struct arguments *a, const struct plan *plan, const struct machine *machine)
{
    char msg[CASE_MESSAGE];
    struct store *s = store_open(a->db, true, msg);
    if (!s)
        return cmd_fail(EXIT_USAGE, msg);
    struct findings found;
    int status;
    measure_install_signals();
    int rc = ab_run(plan, &a->ab, s, &found, msg);
    if (rc < 0)
        status = cmd_fail(EXIT_UNEXPECTED, msg);
    else if (rc > 0)
        status = cmd_fail(EXIT_INTERRUPTED, "interrupted: nothing was judged");
    else
        status = conclude(a, &found, machine);
    findings_free(&found);
    store_close(s);
    return status;
}

int cmd_ab(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .doc = "Compares two builds, whose workers measure the same cases in turn: time by pairs, "
               "counts, memory and error exactly. A change of time has to show twice. Exit 1 when "
               "anything is worse; 3 when nothing could be compared."};
    struct arguments a = {
        .selection.request.seed = PLAN_SEED,
        .ab = {.pairs = 20, .launches = 3, .floor = 0.03},
        .db = CMD_DB,
    };
    char msg[CASE_MESSAGE], command[2048];
    cmd_command_line("ab", argc, argv, command, sizeof command);
    measure_defaults(&a.ab.measure);
    argp_parse(&argp, argc, argv, 0, NULL, &a);

    struct machine machine;
    struct plan plan;
    if (machine_describe(&machine, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.selection.request.cores = machine.cores;
    a.selection.request.memory_available = machine.memory_available;
    if (plan_expand(&a.selection.request, &plan, msg))
        return cmd_fail(EXIT_USAGE, msg);
    a.ab.measure.memory_limit = a.selection.request.memory_limit;
    a.ab.measure.case_timeout_s = a.selection.case_timeout_s;
    a.ab.measure.plugins = cmd_plugins();
    a.ab.seed = a.selection.request.seed;
    a.ab.info = (struct ab_info){.command = command,
                                 .machine_id = machine.id,
                                 .version = attn_version,
                                 .commit = attn_commit,
                                 .pairs = a.ab.pairs,
                                 .launches = a.ab.launches,
                                 .seed = a.ab.seed};
    int status = measure(&a, &plan, &machine);
    plan_free(&plan);
    return status;
}
