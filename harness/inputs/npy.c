/* SPDX-License-Identifier: MIT */
/*
 * .npy: magic, version, header length, a Python dictionary, data. The dictionary is read by hand,
 * exactly three keys; nothing is evaluated.
 */
#include "harness/inputs/readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* numpy's own cap. */
#define HEADER_MAX 10000

struct text {
    const char *at, *end;
};

static void skip(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n'))
        t->at++;
}

static bool take(struct text *t, const char *word)
{
    size_t n = strlen(word);
    skip(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

static bool quoted(struct text *t, char *out, size_t size)
{
    size_t n = 0;
    if (!take(t, "'"))
        return false;
    while (t->at < t->end && *t->at != '\'' && n + 1 < size)
        out[n++] = *t->at++;
    out[n] = '\0';
    return take(t, "'");
}

static bool shape_tuple(struct text *t, int *rank, int64_t *shape)
{
    *rank = 0;
    if (!take(t, "("))
        return false;
    while (!take(t, ")")) {
        int64_t v = 0;
        skip(t);
        if (*rank == TENSOR_MAX_RANK || t->at == t->end || *t->at < '0' || *t->at > '9')
            return false;
        for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
            if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *t->at - '0', &v))
                return false;
        shape[(*rank)++] = v;
        if (!take(t, ",") && !(t->at < t->end && *t->at == ')'))
            return false;
    }
    return true;
}

static int dictionary(struct reader *r, struct text t, char *descr, int *rank, int64_t *shape)
{
    unsigned seen = 0;
    char key[32];
    if (!take(&t, "{"))
        return reader_fail(r, "the .npy header is not a dictionary");
    while (!take(&t, "}")) {
        unsigned bit;
        bool ok;
        if (!quoted(&t, key, sizeof key) || !take(&t, ":"))
            return reader_fail(r, "the .npy header is malformed");
        if (strcmp(key, "descr") == 0) {
            bit = 1;
            ok = quoted(&t, descr, 16);
        } else if (strcmp(key, "fortran_order") == 0) {
            bit = 2;
            ok = take(&t, "False");
            if (!ok && take(&t, "True"))
                return reader_fail(
                    r, "the array is in Fortran order; save numpy.ascontiguousarray of it");
        } else if (strcmp(key, "shape") == 0) {
            bit = 4;
            ok = shape_tuple(&t, rank, shape);
        } else {
            return reader_fail(r, "the .npy header has an unknown key '%s'", key);
        }
        if (!ok)
            return reader_fail(r, "the .npy header's %s is malformed, or not a plain number type",
                               key);
        if (seen & bit)
            return reader_fail(r, "the .npy header gives %s twice", key);
        seen |= bit;
        if (!take(&t, ",")) {
            skip(&t);
            if (t.at == t.end || *t.at != '}')
                return reader_fail(r, "the .npy header is malformed after %s", key);
        }
    }
    skip(&t);
    if (t.at != t.end || seen != 7)
        return reader_fail(
            r, "the .npy header lacks descr, fortran_order or shape, or goes on after them");
    return 0;
}

int npy_parse(struct reader *r, const char *name, const uint8_t *bytes, uint64_t size)
{
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return reader_fail(r, "not a .npy array, or truncated in its header");
    unsigned major = bytes[6], lead = major == 1 ? 10 : 12;
    if (major < 1 || major > 3)
        return reader_fail(r, ".npy version %u; versions 1 to 3 are read", major);
    if (size < lead)
        return reader_fail(r, "truncated in its .npy header");
    uint64_t header = (uint64_t)bytes[8] | (uint64_t)bytes[9] << 8;
    if (major > 1)
        header |= (uint64_t)bytes[10] << 16 | (uint64_t)bytes[11] << 24;
    if (header > HEADER_MAX || lead + header > size)
        return reader_fail(
            r, "the .npy header declares %llu bytes; the file has fewer, or that is above %d",
            (unsigned long long)header, HEADER_MAX);
    struct text t = {(const char *)bytes + lead, (const char *)bytes + lead + header};
    char descr[16] = "";
    int rank = 0;
    int64_t shape[TENSOR_MAX_RANK];
    if (dictionary(r, t, descr, &rank, shape))
        return -1;
    if (strcmp(descr, "<f2") != 0 && strcmp(descr, "<f4") != 0 && strcmp(descr, "<f8") != 0)
        return reader_fail(r, "type '%s' is not read; give <f2, <f4 or <f8%s", descr,
                           descr[0] == '|' ? " (bfloat16: use .safetensors)" : "");
    return reader_add(r, name, descr + 1, rank, shape, bytes + lead + header, size - lead - header);
}

int npy_write(const char *path, int rank, const int64_t *shape, const float *data,
              char msg[TENSOR_MESSAGE])
{
    char header[256] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    size_t used = strlen(header), count = 1;
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(header + used, sizeof header - used, "%lld,%s",
                                 (long long)shape[i], i + 1 < rank ? " " : "");
        count *= (size_t)shape[i];
    }
    used += (size_t)snprintf(header + used, sizeof header - used, "), }");
    size_t total = (10 + used + 1 + 63) / 64 * 64;
    memset(header + used, ' ', total - 10 - used);
    header[total - 10 - 1] = '\n';
    const size_t length = total - 10;
    const uint8_t lead[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)length, (uint8_t)(length >> 8)};
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(lead, 1, sizeof lead, f) == sizeof lead &&
              fwrite(header, 1, length, f) == length &&
              fwrite(data, sizeof *data, count, f) == count;
    int error = errno;
    if (f && fclose(f) != 0) {
        error = ok ? errno : error;
        ok = false;
    }
    if (!ok)
        snprintf(msg, TENSOR_MESSAGE, "%.300s: cannot write: %s", path, strerror(error));
    return ok ? 0 : -1;
}
