/* SPDX-License-Identifier: MIT */
/*
 * .npz: a zip of .npy members, found by the central directory (ZIP64 too). Stored, or deflated
 * with the declared size as the cap; no encryption, no duplicates, no paths.
 */
#include "harness/inputs/readers.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* More than any machine that this is for can hold; a bomb declares more. */
#define INFLATED_MAX (UINT64_C(1) << 36)

static uint64_t le(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

struct member {
    char name[TENSOR_NAME];
    unsigned flags, method, crc;
    uint64_t packed, size, offset;
};

/* The directory's place and number of entries, from the end record or its ZIP64 form. */
static int find_directory(struct reader *r, const uint8_t *b, uint64_t size, uint64_t *at,
                          uint64_t *length, uint64_t *entries)
{
    if (size < 22)
        return reader_fail(r, "too short for a zip archive");
    uint64_t end = size - 22, stop = size > 22 + 65535 ? size - 22 - 65535 : 0;
    while (memcmp(b + end, "PK\5\6", 4) != 0)
        if (end-- == stop)
            return reader_fail(r, "no end of the zip directory: truncated");
    *entries = le(b + end + 10, 2);
    *length = le(b + end + 12, 4);
    *at = le(b + end + 16, 4);
    if (*at == 0xffffffff || *entries == 0xffff || *length == 0xffffffff) {
        if (end < 20 || memcmp(b + end - 20, "PK\6\7", 4) != 0)
            return reader_fail(r, "the ZIP64 locator is missing");
        uint64_t z = le(b + end - 12, 8);
        if (z > size || size - z < 56 || memcmp(b + z, "PK\6\6", 4) != 0)
            return reader_fail(r, "the ZIP64 directory lies outside the file");
        *entries = le(b + z + 32, 8);
        *length = le(b + z + 40, 8);
        *at = le(b + z + 48, 8);
    }
    if (*at > size || *length > size - *at)
        return reader_fail(r, "the zip directory lies outside the file");
    return 0;
}

/* ZIP64 extra field: 8-byte values for those that are all ones, in a fixed order. */
static bool widen(struct member *m, const uint8_t *extra, uint64_t n)
{
    uint64_t *wide[] = {&m->size, &m->packed, &m->offset};
    while (n >= 4) {
        uint64_t id = le(extra, 2), len = le(extra + 2, 2);
        if (len > n - 4)
            return false;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*wide[i] != 0xffffffff)
                continue;
            if (len < 8)
                return false;
            *wide[i] = le(extra + 4, 8);
            extra += 8;
            n -= 8;
            len -= 8;
        }
        extra += 4 + len;
        n -= 4 + len;
    }
    return true;
}

/* Reads the entry at *at of the directory and moves on. */
static int read_entry(struct reader *r, const uint8_t **at, uint64_t *left, struct member *m)
{
    const uint8_t *p = *at;
    if (*left < 46 || memcmp(p, "PK\1\2", 4) != 0)
        return reader_fail(r, "the zip directory is malformed");
    uint64_t name = le(p + 28, 2), extra = le(p + 30, 2), whole = 46 + name + extra + le(p + 32, 2);
    *m = (struct member){.flags = (unsigned)le(p + 8, 2),
                         .method = (unsigned)le(p + 10, 2),
                         .crc = (unsigned)le(p + 16, 4),
                         .packed = le(p + 20, 4),
                         .size = le(p + 24, 4),
                         .offset = le(p + 42, 4)};
    if (whole > *left || name < 5 || name >= TENSOR_NAME || memchr(p + 46, 0, name))
        return reader_fail(r, "a member's name is malformed, or longer than %d", TENSOR_NAME - 1);
    memcpy(m->name, p + 46, name);
    if (!widen(m, p + 46 + name, extra))
        return reader_fail(r, "'%.60s': malformed ZIP64 sizes", m->name);
    *at += whole;
    *left -= whole;
    if (m->name[0] == '/' || strstr(m->name, "..") || strchr(m->name, '\\'))
        return reader_fail(r, "'%.60s': a path is no name of an array", m->name);
    if (strcmp(m->name + name - 4, ".npy") != 0)
        return reader_fail(r, "'%.60s' is not a .npy member", m->name);
    m->name[name - 4] = '\0';
    if (m->flags & 1)
        return reader_fail(r, "'%.60s' is encrypted", m->name);
    return 0;
}

static int inflate_exactly(struct reader *r, const struct member *m, const uint8_t *data,
                           uint8_t *to)
{
    z_stream z = {0};
    uint64_t in = 0, out = 0;
    int rc = inflateInit2(&z, -MAX_WBITS);
    while (rc == Z_OK) {
        const uint64_t step = UINT64_C(1) << 30;
        if (!z.avail_in) {
            z.avail_in = (uInt)(m->packed - in < step ? m->packed - in : step);
            z.next_in = (Bytef *)(uintptr_t)(data + in);
            in += z.avail_in;
        }
        if (!z.avail_out) {
            z.avail_out = (uInt)(m->size - out < step ? m->size - out : step);
            z.next_out = to + out;
            out += z.avail_out;
        }
        uInt before_in = z.avail_in, before_out = z.avail_out;
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc == Z_OK && before_in == z.avail_in && before_out == z.avail_out)
            rc = Z_BUF_ERROR;
    }
    bool whole = rc == Z_STREAM_END && out - z.avail_out == m->size && in - z.avail_in == m->packed;
    inflateEnd(&z);
    return whole ? 0
                 : reader_fail(r,
                               "'%.60s': the deflated data is damaged, or not of the declared size",
                               m->name);
}

static int read_member(struct reader *r, const uint8_t *b, uint64_t size, const struct member *m)
{
    if (m->offset > size || size - m->offset < 30 || memcmp(b + m->offset, "PK\3\4", 4) != 0)
        return reader_fail(r, "'%.60s' lies outside the file", m->name);
    uint64_t start = m->offset + 30 + le(b + m->offset + 26, 2) + le(b + m->offset + 28, 2);
    if (start > size || m->packed > size - start)
        return reader_fail(r, "'%.60s' is truncated", m->name);
    const uint8_t *data = b + start;
    uint8_t *inflated = NULL;
    int rc = -1;
    if (m->method == 0) {
        if (m->packed != m->size)
            return reader_fail(r, "'%.60s': stored with two different sizes", m->name);
    } else if (m->method != 8) {
        return reader_fail(r, "'%.60s': compression method %u; stored or deflated is read", m->name,
                           m->method);
    } else {
        /* Deflate cannot shrink by more than about 1,032; a larger claim is a bomb. */
        if (m->size > INFLATED_MAX || m->size / 1040 > m->packed ||
            !(inflated = malloc(m->size + 1)))
            return reader_fail(
                r, "'%.60s' declares %llu bytes, more than its data can hold, or than fits",
                m->name, (unsigned long long)m->size);
        if (inflate_exactly(r, m, data, inflated))
            goto end;
        data = inflated;
    }
    uLong crc = crc32_z(crc32_z(0, NULL, 0), data, m->size);
    rc = crc == m->crc ? npy_parse(r, m->name, data, m->size)
                       : reader_fail(r, "'%.60s': wrong checksum; the file is damaged", m->name);
end:
    free(inflated);
    return rc;
}

int npz_parse(struct reader *r, const uint8_t *bytes, uint64_t size)
{
    uint64_t at = 0, length = 0, entries = 0;
    if (find_directory(r, bytes, size, &at, &length, &entries))
        return -1;
    const uint8_t *p = bytes + at;
    for (uint64_t i = 0; i < entries; i++) {
        struct member m = {0};
        if (read_entry(r, &p, &length, &m) || read_member(r, bytes, size, &m))
            return -1;
    }
    return entries ? 0 : reader_fail(r, "the archive is empty");
}
