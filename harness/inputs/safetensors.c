/* SPDX-License-Identifier: MIT */
/*
 * .safetensors: length, a JSON header, data. The header's grammar is small, so it is parsed here,
 * strictly: known keys only, whole numbers, no duplicates, and ranges that tile the data exactly.
 */
#include "harness/inputs/readers.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MAX  (UINT64_C(1) << 20)
#define TENSORS_MAX 1024

struct entry {
    char name[TENSOR_NAME], dtype[8];
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    uint64_t begin, end;
};

struct json {
    struct reader *r;
    const char *at, *end;
    struct entry *entries;
    int count;
    char *meta; /* cursor in out->meta */
};

static char peek(struct json *j)
{
    while (j->at < j->end && strchr(" \t\r\n", *j->at) && *j->at)
        j->at++;
    return j->at < j->end ? *j->at : '\0';
}

static int expect(struct json *j, char c)
{
    if (peek(j) != c)
        return reader_fail(j->r, "the safetensors header: '%c' expected, %ld bytes before its end",
                           c, (long)(j->end - j->at));
    j->at++;
    return 0;
}

static int hex4(struct json *j, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        const char *digits = "0123456789abcdef", *d;
        if (j->at == j->end || !*j->at || !(d = strchr(digits, *j->at | 32)))
            return reader_fail(j->r, "the safetensors header: malformed \\u escape");
        *out = *out << 4 | (unsigned)(d - digits);
    }
    return 0;
}

/* A string into out, UTF-8; escapes above the basic plane are kept as '?'. */
static int string(struct json *j, char *out, size_t size)
{
    size_t n = 0;
    if (expect(j, '"'))
        return -1;
    while (j->at < j->end && *j->at != '"') {
        unsigned char c = (unsigned char)*j->at++;
        unsigned code = c;
        if (c < 32)
            return reader_fail(j->r, "the safetensors header: control character in a string");
        if (c == '\\') {
            static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
            const char *e;
            if (j->at == j->end)
                break;
            c = (unsigned char)*j->at++;
            if (c == 'u') {
                if (hex4(j, &code))
                    return -1;
                code = code == 0 || (code >= 0xd800 && code < 0xe000) ? '?' : code;
            } else if (c && (e = strchr(from, c))) {
                code = (unsigned char)to[e - from];
            } else {
                return reader_fail(j->r, "the safetensors header: unknown escape");
            }
        }
        char utf[3];
        size_t len = 1;
        if (c != 'u' || code < 0x80) {
            utf[0] = (char)code;
        } else if (code < 0x800) {
            utf[0] = (char)(0xc0 | code >> 6);
            utf[1] = (char)(0x80 | (code & 63));
            len = 2;
        } else {
            utf[0] = (char)(0xe0 | code >> 12);
            utf[1] = (char)(0x80 | (code >> 6 & 63));
            utf[2] = (char)(0x80 | (code & 63));
            len = 3;
        }
        if (n + len >= size)
            return reader_fail(j->r, "the safetensors header: a string is longer than %zu",
                               size - 1);
        memcpy(out + n, utf, len);
        n += len;
    }
    out[n] = '\0';
    return expect(j, '"');
}

static int whole(struct json *j, uint64_t *out)
{
    char c = peek(j);
    if (c < '0' || c > '9')
        return reader_fail(j->r, "the safetensors header: a whole number expected");
    for (*out = 0; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*j->at - '0'), out))
            return reader_fail(j->r, "the safetensors header: a number overflows");
    c = j->at < j->end ? *j->at : '\0';
    return c == '.' || c == 'e' || c == 'E'
               ? reader_fail(j->r, "the safetensors header: a fraction")
               : 0;
}

/* Items of an array of at most max numbers. */
static int numbers(struct json *j, uint64_t *out, int max, int *count)
{
    *count = 0;
    if (expect(j, '['))
        return -1;
    while (peek(j) != ']') {
        if (*count == max)
            return reader_fail(j->r, "the safetensors header: more than %d numbers in an array",
                               max);
        if ((*count && expect(j, ',')) || whole(j, &out[*count]))
            return -1;
        ++*count;
    }
    return expect(j, ']');
}

static int metadata(struct json *j)
{
    if (j->r->out->meta)
        return reader_fail(j->r, "the safetensors header: two __metadata__");
    j->r->out->meta = j->meta = calloc(1, (size_t)(j->end - j->at) + 2);
    if (!j->meta)
        return reader_fail(j->r, "out of memory");
    const size_t room = (size_t)(j->end - j->at) + 1;
    if (expect(j, '{'))
        return -1;
    for (bool first = true; peek(j) != '}'; first = false) {
        char key[256] = "";
        if ((!first && expect(j, ',')) || string(j, key, sizeof key) || expect(j, ':'))
            return -1;
        if (!*key || tensor_file_meta(j->r->out, key))
            return reader_fail(
                j->r, "the safetensors header: metadata '%.60s' is empty or given twice", key);
        /* The text in memory is never longer than in the header, quotes and all. */
        char *value = j->meta + strlen(key) + 1;
        if (string(j, value, room - (size_t)(value - j->r->out->meta)))
            return -1;
        memcpy(j->meta, key, strlen(key) + 1);
        j->meta = value + strlen(value) + 1;
    }
    return expect(j, '}');
}

static int tensor_entry(struct json *j, const char *name)
{
    if (j->count == TENSORS_MAX)
        return reader_fail(j->r, "more than %d tensors", TENSORS_MAX);
    struct entry *e = &j->entries[j->count];
    unsigned seen = 0;
    *e = (struct entry){0};
    if (strlen(name) >= sizeof e->name)
        return reader_fail(j->r, "a tensor's name is longer than %zu", sizeof e->name - 1);
    memcpy(e->name, name, strlen(name) + 1);
    for (int i = 0; i < j->count; i++)
        if (strcmp(j->entries[i].name, name) == 0)
            return reader_fail(j->r, "tensor '%.60s' is given twice", name);
    if (expect(j, '{'))
        return -1;
    for (bool first = true; peek(j) != '}'; first = false) {
        char key[32];
        uint64_t v[TENSOR_MAX_RANK] = {0};
        int n = 0;
        unsigned bit;
        if ((!first && expect(j, ',')) || string(j, key, sizeof key) || expect(j, ':'))
            return -1;
        if (strcmp(key, "dtype") == 0) {
            bit = 1;
            if (string(j, e->dtype, sizeof e->dtype))
                return -1;
        } else if (strcmp(key, "shape") == 0) {
            bit = 2;
            if (numbers(j, v, TENSOR_MAX_RANK, &n))
                return -1;
            e->rank = n;
            for (int i = 0; i < n; i++)
                e->shape[i] = v[i] > INT64_MAX ? -1 : (int64_t)v[i];
        } else if (strcmp(key, "data_offsets") == 0) {
            bit = 4;
            if (numbers(j, v, 2, &n))
                return -1;
            if (n != 2)
                return reader_fail(j->r, "'%.60s': data_offsets are two numbers", name);
            e->begin = v[0];
            e->end = v[1];
        } else {
            return reader_fail(j->r, "'%.60s': unknown key '%s'", name, key);
        }
        if (seen & bit)
            return reader_fail(j->r, "'%.60s': %s is given twice", name, key);
        seen |= bit;
    }
    if (seen != 7)
        return reader_fail(j->r, "'%.60s' lacks dtype, shape or data_offsets", name);
    j->count++;
    return expect(j, '}');
}

static int header(struct json *j)
{
    if (expect(j, '{'))
        return -1;
    for (bool first = true; peek(j) != '}'; first = false) {
        char name[256];
        if ((!first && expect(j, ',')) || string(j, name, sizeof name) || expect(j, ':'))
            return -1;
        if (strcmp(name, "__metadata__") == 0 ? metadata(j) : tensor_entry(j, name))
            return -1;
    }
    if (expect(j, '}'))
        return -1;
    while (j->at < j->end)
        if (*j->at++ != ' ')
            return reader_fail(j->r, "the safetensors header goes on after its object");
    return j->count ? 0 : reader_fail(j->r, "no tensors in it");
}

static int by_begin(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                                : (x->end > y->end) - (x->end < y->end);
}

static int add_entries(struct reader *r, struct entry *e, int count, const uint8_t *data,
                       uint64_t size)
{
    static const char *const dtypes[][2] = {
        {"F16", "f2"}, {"BF16", "bf2"}, {"F32", "f4"}, {"F64", "f8"}};
    uint64_t expected = 0;
    qsort(e, (size_t)count, sizeof *e, by_begin);
    for (int i = 0; i < count; i++) {
        if (e[i].begin != expected || e[i].end < e[i].begin || e[i].end > size)
            return reader_fail(
                r, "'%.60s': its data overlaps, leaves a hole, or lies outside the file",
                e[i].name);
        expected = e[i].end;
    }
    if (expected != size)
        return reader_fail(r, "%llu bytes of data are declared, %llu are there",
                           (unsigned long long)expected, (unsigned long long)size);
    for (int i = 0; i < count; i++) {
        const char *storage = NULL;
        for (size_t t = 0; t < sizeof dtypes / sizeof *dtypes; t++)
            if (strcmp(dtypes[t][0], e[i].dtype) == 0)
                storage = dtypes[t][1];
        if (!storage)
            return reader_fail(r, "'%.60s': type %s is not read; give F16, BF16, F32 or F64",
                               e[i].name, e[i].dtype);
        if (reader_add(r, e[i].name, storage, e[i].rank, e[i].shape, data + e[i].begin,
                       e[i].end - e[i].begin))
            return -1;
    }
    return 0;
}

int safetensors_parse(struct reader *r, const uint8_t *bytes, uint64_t size)
{
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > HEADER_MAX || length > size - 8)
        return reader_fail(
            r,
            "the safetensors header declares %llu bytes; the file has fewer, or that is above %llu",
            (unsigned long long)length, (unsigned long long)HEADER_MAX);
    const char *text = (const char *)bytes + 8;
    struct json j = {.r = r, .at = text, .end = text + length};
    j.entries = malloc(TENSORS_MAX * sizeof *j.entries);
    int rc = !j.entries ? reader_fail(r, "out of memory") : header(&j);
    if (rc == 0)
        rc = add_entries(r, j.entries, j.count, bytes + 8 + length, size - 8 - length);
    free(j.entries);
    return rc;
}
