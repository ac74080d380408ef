/* SPDX-License-Identifier: MIT */
/* The table of subcommands. */
#include "harness/cmd/cmd.h"
#include "harness/version.h"
#include "variants/kernels/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "measure variants on workloads and store the results", cmd_run},
    {"list", "variants, workloads, suites, or stored runs", cmd_list},
    {"show", "the table of a run", cmd_show},
    {"fit", "growth with n, and where methods overtake exact attention", cmd_fit},
    {"best", "the fastest method within limits on error and memory", cmd_best},
    {"plot", "time, memory, error and trade-off plots of a run", cmd_plot},
    {"export", "a run as csv, jsonl or md", cmd_export},
    {"import", "copy the runs of other databases in", cmd_import},
    {"compare", "what changed from one stored run to another", cmd_compare},
    {"ab", "two builds in turn: is the new one slower, or worse?", cmd_ab},
    {"history", "where times changed from run to run", cmd_history},
    {"tag", "name a run, such as the baseline", cmd_tag},
    {"machine", "topology, measured roofs, fingerprint", cmd_machine},
    {"check", "conformance of variants, and of plugins, on this machine", cmd_check},
    {"worker", "serve measurement cases on standard input", cmd_worker},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
    fputs("Usage: attnbench COMMAND [OPTION...]\n\n"
          "Measures what efficient-attention methods buy and cost on this machine.\n\n",
          f);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`attnbench COMMAND --help` lists a command's options.\n"
          "Exit: 0 ok, 1 regression or failed check, 2 usage, 3 nothing measured, 4 cases failed "
          "unexpectedly,\n"
          "130 interrupted.\n",
          f);
}

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_USAGE;
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return cmd_finish(EXIT_FINE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("attnbench %s (%s, %s)\n", attn_version, attn_commit, attn_compiler);
        return cmd_finish(EXIT_FINE);
    }
    const char *why, *isa = getenv("ATTN_ISA");
    if (attn_isa_select(isa && *isa ? isa : NULL, &why)) {
        fprintf(stderr, "attnbench: ATTN_ISA=%s: %s\n", isa, why);
        return EXIT_USAGE;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            static char name[32];
            snprintf(name, sizeof name, "attnbench %s", commands[i].name);
            argv[1] = name;
            return commands[i].run(argc - 1, argv + 1);
        }
    fprintf(stderr, "attnbench: no command '%s'; the commands are", argv[1]);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(stderr, " %s", commands[i].name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}
