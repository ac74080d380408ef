/* SPDX-License-Identifier: MIT */
/* Writing what the system says about itself as members of a JSON object. */
#ifndef HARNESS_MACHINETEXT_H
#define HARNESS_MACHINETEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A growing text; what does not fit is left out whole. */
struct text {
    char *at;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);

/* "key":"value" with what JSON cannot hold replaced, after a comma where one is needed. */
void text_string(struct text *t, const char *key, const char *value);

/* The first line of a file as such a member; nothing when there is none. */
void text_file(struct text *t, const char *key, const char *path);

/* The first line of a file, without its end. */
bool text_first_line(const char *path, char *out, size_t size);

/* The first value of a key in /proc/cpuinfo or the like: "key : value". */
bool text_keyed(const char *path, const char *key, char *out, size_t size);

#endif
