/* SPDX-License-Identifier: MIT */
/* Reading of whole files, recognition of formats, conversion to float. See tensorfile.h. */
#include "harness/inputs/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int reader_fail(struct reader *r, const char *format, ...)
{
    va_list args;
    int used = snprintf(r->msg, TENSOR_MESSAGE, "%.200s: ", r->label);
    va_start(args, format);
    vsnprintf(r->msg + used, TENSOR_MESSAGE - (size_t)used, format, args);
    va_end(args);
    return -1;
}

bool reader_bytes(int rank, const int64_t *shape, unsigned element, uint64_t *bytes)
{
    uint64_t n = element;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(n, (uint64_t)shape[i], &n))
            return false;
    *bytes = n;
    return n <= INT64_MAX;
}

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023,
             bits;
    float f;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_bfloat(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void convert(struct tensor *t, const uint8_t *bytes)
{
    for (int64_t i = 0; i < t->count; i++) {
        uint16_t h;
        double d;
        if (strcmp(t->storage, "f4") == 0) {
            memcpy(&t->data[i], bytes + 4 * i, 4);
        } else if (strcmp(t->storage, "f8") == 0) {
            memcpy(&d, bytes + 8 * i, 8);
            t->data[i] = (float)d;
        } else {
            memcpy(&h, bytes + 2 * i, 2);
            t->data[i] = t->storage[0] == 'b' ? from_bfloat(h) : from_half(h);
        }
        t->nonfinite += !isfinite(t->data[i]);
    }
}

int reader_add(struct reader *r, const char *name, const char *storage, int rank,
               const int64_t *shape, const uint8_t *bytes, uint64_t available)
{
    unsigned element = strcmp(storage, "f8") == 0 ? 8 : strcmp(storage, "f4") == 0 ? 4 : 2;
    uint64_t size;
    if (rank > TENSOR_MAX_RANK)
        return reader_fail(r, "'%.60s' has rank %d; at most %d is read", name, rank,
                           TENSOR_MAX_RANK);
    if (!reader_bytes(rank, shape, element, &size) || size > available)
        return reader_fail(
            r, "'%.60s' declares more data than the file holds: truncated, or not honest", name);
    if (size != available)
        return reader_fail(r, "'%.60s' declares %llu bytes of data and holds %llu", name,
                           (unsigned long long)size, (unsigned long long)available);
    if (strlen(name) >= TENSOR_NAME)
        return reader_fail(r, "a tensor's name is longer than %d characters", TENSOR_NAME - 1);
    if (tensor_file_find(r->out, name))
        return reader_fail(r, "two tensors are called '%.60s'", name);
    struct tensor *grown =
        realloc(r->out->tensors, ((size_t)r->out->count + 1) * sizeof *r->out->tensors);
    if (!grown)
        return reader_fail(r, "out of memory");
    r->out->tensors = grown;
    struct tensor *t = &grown[r->out->count];
    *t = (struct tensor){.rank = rank, .count = (int64_t)(size / element)};
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->storage, sizeof t->storage, "%s", storage);
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    t->data = aligned_alloc(64, ((size_t)t->count * sizeof *t->data + 127) / 64 * 64);
    if (!t->data)
        return reader_fail(r, "out of memory for %lld values", (long long)t->count);
    r->out->count++;
    convert(t, bytes);
    return 0;
}

int tensor_file_parse(const uint8_t *bytes, uint64_t size, const char *label,
                      struct tensor_file *out, char msg[TENSOR_MESSAGE])
{
    struct reader r = {label, out, msg};
    int rc;
    *out = (struct tensor_file){0};
    if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        rc = npy_parse(&r, "", bytes, size);
    else if (size >= 4 && memcmp(bytes, "PK", 2) == 0)
        rc = npz_parse(&r, bytes, size);
    else if (size > 8 && bytes[8] == '{')
        rc = safetensors_parse(&r, bytes, size);
    else
        rc = reader_fail(&r, "neither .npy, .npz nor .safetensors (%llu bytes)",
                         (unsigned long long)size);
    if (rc)
        tensor_file_free(out);
    return rc;
}

/* Whole file into memory: timing on a mapped file would fault, and a truncation would kill us. */
static uint8_t *slurp(const char *path, uint64_t *size, char *msg)
{
    struct stat st;
    uint8_t *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st)) {
        snprintf(msg, TENSOR_MESSAGE, "%.300s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        snprintf(msg, TENSOR_MESSAGE, "%.300s: not a regular file", path);
    } else if (!(bytes = malloc((size_t)st.st_size + 1))) {
        snprintf(msg, TENSOR_MESSAGE, "%.300s: out of memory for %lld bytes", path,
                 (long long)st.st_size);
    } else {
        ssize_t got = 1;
        for (*size = 0; got > 0 && *size<(uint64_t)st.st_size; *size += got> 0 ? (uint64_t)got : 0)
            got = read(fd, bytes + *size, (size_t)((uint64_t)st.st_size - *size));
        if (*size != (uint64_t)st.st_size) {
            snprintf(msg, TENSOR_MESSAGE, "%.300s: %s", path,
                     got < 0 ? strerror(errno) : "shrank while it was read");
            free(bytes);
            bytes = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

int tensor_file_read(const char *path, struct tensor_file *out, char msg[TENSOR_MESSAGE])
{
    uint64_t size = 0;
    *out = (struct tensor_file){0};
    uint8_t *bytes = slurp(path, &size, msg);
    int rc = bytes ? tensor_file_parse(bytes, size, path, out, msg) : -1;
    free(bytes);
    return rc;
}

void tensor_file_free(struct tensor_file *f)
{
    for (int i = 0; i < f->count; i++)
        free(f->tensors[i].data);
    free(f->tensors);
    free(f->meta);
    *f = (struct tensor_file){0};
}

const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    return NULL;
}

const char *tensor_file_meta(const struct tensor_file *f, const char *key)
{
    for (const char *s = f->meta; s && *s;) {
        const char *value = s + strlen(s) + 1;
        if (strcmp(s, key) == 0)
            return value;
        s = value + strlen(value) + 1;
    }
    return NULL;
}
