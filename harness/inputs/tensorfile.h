/* SPDX-License-Identifier: MIT */
/*
 * Files of tensors: .npy, .npz, .safetensors, recognised by content. The readers trust nothing:
 * every size is checked against the bytes that are there before memory is taken.
 */
#ifndef HARNESS_TENSORFILE_H
#define HARNESS_TENSORFILE_H

#include <stdint.h>

#define TENSOR_MAX_RANK 8
#define TENSOR_NAME     128
#define TENSOR_MESSAGE  512

/* One array, widened (or rounded once, from double) to float. */
struct tensor {
    char name[TENSOR_NAME]; /* "" in a .npy */
    char storage[8];        /* "f2", "bf2", "f4", "f8": what the file holds */
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    int64_t count;     /* product of the shape */
    float *data;       /* C order, 64-byte aligned, owned by the file */
    int64_t nonfinite; /* values that are NaN or infinite */
};

struct tensor_file {
    struct tensor *tensors; /* owned */
    int count;
    char *meta; /* safetensors: "key\0value\0...\0", owned; NULL otherwise */
};

/* Reads a file. 0; or -1 with one line naming the file, what is wrong, and what would be right. */
int tensor_file_read(const char *path, struct tensor_file *out, char msg[TENSOR_MESSAGE]);

/* The same from memory; label stands for the file in messages. */
int tensor_file_parse(const uint8_t *bytes, uint64_t size, const char *label,
                      struct tensor_file *out, char msg[TENSOR_MESSAGE]);

void tensor_file_free(struct tensor_file *f);

/* A tensor by name, or NULL. */
const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name);

/* A value of the metadata, or NULL. */
const char *tensor_file_meta(const struct tensor_file *f, const char *key);

/* Writes float data as .npy (version 1, '<f4', C order, data 64-byte aligned). 0, or -1. */
int npy_write(const char *path, int rank, const int64_t *shape, const float *data,
              char msg[TENSOR_MESSAGE]);

#endif
