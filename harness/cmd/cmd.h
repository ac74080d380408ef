/* SPDX-License-Identifier: MIT */
/* The subcommands and what they share. A subcommand parses arguments, calls, prints. */
#ifndef HARNESS_CMD_H
#define HARNESS_CMD_H

#include "harness/case.h"
#include "harness/plan/plan.h"
#include "harness/store/store.h"

#include <argp.h>

/* Exit codes of the command; README documents them. */
enum {
    EXIT_FINE = 0,
    EXIT_CHECK = 1,      /* a regression, or a failed check */
    EXIT_USAGE = 2,      /* bad option, argument, file or environment */
    EXIT_NOTHING = 3,    /* nothing was measured */
    EXIT_UNEXPECTED = 4, /* some cases failed unexpectedly, or the store did */
    EXIT_INTERRUPTED = 130
};

#define CMD_DB "results/attnbench.db"

int cmd_run(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_fit(int argc, char **argv);
int cmd_best(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_tag(int argc, char **argv);
int cmd_ab(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_machine(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_worker(int argc, char **argv);

/* Prints "attnbench: message" on stderr and returns status. */
int cmd_fail(int status, const char *message);

/* Loads a plugin or leaves with EXIT_USAGE; remembers its path for workers. */
void cmd_plugin(const char *path);
/* NULL-ended paths of the plugins loaded so far. */
const char *const *cmd_plugins(void);

/* The command line as typed, "attnbench NAME ARGUMENT...", cut at size. */
void cmd_command_line(const char *name, int argc, char **argv, char *out, size_t size);

/* Values of options: leave with one line that says what would be right. */
long cmd_whole(struct argp_state *state, const char *option, const char *text, long min, long max);
double cmd_quantity(struct argp_state *state, const char *option, const char *text, bool bytes);
/* A percentage above 0, as a share. */
double cmd_percent(struct argp_state *state, const char *option, const char *text);

/* What cases a command is about: the options that run and ab have in common. */
struct cmd_selection {
    struct plan_request request;
    double case_timeout_s; /* 0: by prediction */
};
/* argp child for them. Its input is a struct cmd_selection. */
extern const struct argp cmd_selection_argp;

/* Arguments shared by the commands that read a run: [RUN] and --db. */
struct cmd_run_args {
    const char *run; /* NULL: last */
    const char *db;
};
/* argp child for --db and [RUN]. Its input is a struct cmd_run_args. */
extern const struct argp cmd_run_argp;

/* Opens args->db for reading and resolves args->run; leaves with EXIT_USAGE on failure. */
struct store *cmd_open_run(const struct cmd_run_args *args, int64_t *run);

/* Flushes stdout; EXIT_UNEXPECTED with a message when it could not be written (full disk, closed
 * pipe), else status. */
int cmd_finish(int status);

#endif
