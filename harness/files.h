/* SPDX-License-Identifier: MIT */
/* Finding what is installed with the command, or lies in the tree it was built in. */
#ifndef HARNESS_FILES_H
#define HARNESS_FILES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Path of a readable file: `name` in the first of `folders` that has it, each relative to the
 * folder of this executable ("../share/attnbench"); NULL ends the list. False when none has it.
 */
bool file_beside_command(const char *const *folders, const char *name, char *out, size_t size);

/* Whether a program can be executed: a path, or a name that PATH finds. */
bool file_executable(const char *program);

#endif
