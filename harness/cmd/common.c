/* SPDX-License-Identifier: MIT */
/* See cmd.h. */
#include "harness/cmd/cmd.h"
#include "variants/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLUGINS 32

static const char *plugins[PLUGINS + 1];
static int nplugins;

int cmd_fail(int status, const char *message)
{
    fprintf(stderr, "attnbench: %s\n", message);
    return status;
}

void cmd_plugin(const char *path)
{
    char msg[ATTN_MESSAGE];
    if (nplugins == PLUGINS)
        exit(cmd_fail(EXIT_USAGE, "--plugin: more than 32 plugins"));
    if (attn_plugin_load(path, msg))
        exit(cmd_fail(EXIT_USAGE, msg));
    plugins[nplugins++] = path;
}

const char *const *cmd_plugins(void)
{
    return plugins;
}

void cmd_command_line(const char *name, int argc, char **argv, char *out, size_t size)
{
    int used = snprintf(out, size, "attnbench %s", name);
    for (int i = 1; i < argc && used < (int)size; i++)
        used += snprintf(out + used, size - (size_t)used, " %s", argv[i]);
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
    struct cmd_run_args *args = state->input;
    switch (key) {
    case 'D':
        args->db = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (args->run)
            argp_error(state, "one RUN at a time: '%s' is too many", arg);
        args->run = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option run_options[] = {
    {"db", 'D', "FILE", 0, "Database to read (default " CMD_DB ")", 0},
    {0},
};

const struct argp cmd_run_argp = {.options = run_options, .parser = parse_run};

struct store *cmd_open_run(const struct cmd_run_args *args, int64_t *run)
{
    char msg[CASE_MESSAGE];
    struct store *s = store_open(args->db ? args->db : CMD_DB, false, msg);
    if (!s)
        exit(cmd_fail(EXIT_USAGE, msg));
    if (run && store_run_resolve(s, args->run, run, msg)) {
        store_close(s);
        exit(cmd_fail(EXIT_USAGE, msg));
    }
    return s;
}

int cmd_finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "attnbench: standard output: %s\n", strerror(errno));
    return EXIT_UNEXPECTED;
}
