/* SPDX-License-Identifier: MIT */
/* Where the programs of peers and their Python interpreter are. */
#ifndef HARNESS_PEERS_H
#define HARNESS_PEERS_H

#include "harness/case.h"

struct peer_command {
    char python[4096], script[4096];
};

/*
 * Finds what measures a peer. The folder of the programs is ATTN_PEERS_DIR, else the one that is
 * installed with the command or lies in its tree; the interpreter is ATTN_PEERS_PYTHON, else that
 * of the environment venv/ in this folder (scripts/peers/setup.sh makes it), else python3. Returns
 * 0; 1 when this machine has no such thing, msg says what; -1 when the environment names something
 * that is not there.
 */
int peer_locate(const char *program, struct peer_command *out, char msg[CASE_MESSAGE]);

#endif
