/* SPDX-License-Identifier: MIT */
/* What the three readers share. */
#ifndef HARNESS_READERS_H
#define HARNESS_READERS_H

#include "harness/inputs/tensorfile.h"

#include <stdbool.h>
#include <stddef.h>

struct reader {
    const char *label; /* the file, in messages */
    struct tensor_file *out;
    char *msg;
};

/* Formats a message behind the label; returns -1. */
__attribute__((format(printf, 2, 3))) int reader_fail(struct reader *r, const char *format, ...);

/*
 * Appends a tensor of the given shape whose values start at bytes, `available` of them, in a
 * storage of "f2", "bf2", "f4", "f8". Checks size against what is available. 0 or -1.
 */
int reader_add(struct reader *r, const char *name, const char *storage, int rank,
               const int64_t *shape, const uint8_t *bytes, uint64_t available);

/* Product of a shape and the element size; false on overflow or a negative extent. */
bool reader_bytes(int rank, const int64_t *shape, unsigned element, uint64_t *bytes);

int npy_parse(struct reader *r, const char *name, const uint8_t *bytes, uint64_t size);
int npz_parse(struct reader *r, const uint8_t *bytes, uint64_t size);
int safetensors_parse(struct reader *r, const uint8_t *bytes, uint64_t size);

#endif
