/* SPDX-License-Identifier: MIT */
/* See peers.h. */
#include "harness/measure/peers.h"
#include "harness/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

int peer_locate(const char *program, struct peer_command *out, char msg[CASE_MESSAGE])
{
    static const char *const folders[] = {"../scripts/peers", "../share/attnbench/peers",
                                          "../../../scripts/peers", NULL};
    const char *folder = set("ATTN_PEERS_DIR"), *python = set("ATTN_PEERS_PYTHON");
    if (folder) {
        int n = snprintf(out->script, sizeof out->script, "%s/%s", folder, program);
        if (n < 0 || (size_t)n >= sizeof out->script || access(out->script, R_OK) != 0) {
            snprintf(msg, CASE_MESSAGE, "ATTN_PEERS_DIR=%.300s: it has no %s", folder, program);
            return -1;
        }
    } else if (!file_beside_command(folders, program, out->script, sizeof out->script)) {
        snprintf(msg, CASE_MESSAGE,
                 "%s is not installed with the command; ATTN_PEERS_DIR names its folder", program);
        return 1;
    }
    if (python) {
        snprintf(out->python, sizeof out->python, "%s", python);
        if (file_executable(out->python))
            return 0;
        snprintf(msg, CASE_MESSAGE, "ATTN_PEERS_PYTHON=%.300s: no such program", python);
        return -1;
    }
    int folder_length = (int)(strrchr(out->script, '/') - out->script);
    int n = snprintf(out->python, sizeof out->python, "%.*s/venv/bin/python3", folder_length,
                     out->script);
    if (n > 0 && (size_t)n < sizeof out->python && file_executable(out->python))
        return 0;
    snprintf(out->python, sizeof out->python, "python3");
    if (file_executable(out->python))
        return 0;
    snprintf(msg, CASE_MESSAGE, "peers need python3, which is not installed");
    return 1;
}
