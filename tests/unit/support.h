/* SPDX-License-Identifier: MIT */
/*
 * What the tests of kernels and variants share: draws that are a function of a seed, memory
 * between unreadable pages, a back end chosen by ATTN_ISA.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include "variants/kernels/isa.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* One of three numbers: for whole tests, quick ones, and those in an emulator (ATTN_TEST_QUICK). */
static inline double by_haste(double whole, double quick, double emulated)
{
    const char *haste = getenv("ATTN_TEST_QUICK");
    return !haste ? whole : atoi(haste) < 2 ? quick : emulated;
}

static uint64_t test_seed = 20240607; /* ATTN_TEST_SEED */
static int only_case = -1;            /* ATTN_TEST_CASE */
static const char *program = "";

/*
 * Reads ATTN_ISA, ATTN_TEST_SEED, ATTN_TEST_CASE and CMOCKA_TEST_FILTER, and says what it found. 0,
 * or the status to exit with.
 */
static int begin_tests(char **argv)
{
    const char *why = "", *isa = getenv("ATTN_ISA"), *seed = getenv("ATTN_TEST_SEED");
    const char *one = getenv("ATTN_TEST_CASE"), *filter = getenv("CMOCKA_TEST_FILTER");
    program = argv[0];
    if (attn_isa_select(isa, &why) != 0) {
        fprintf(stderr, "ATTN_ISA=%s: %s\n", isa, why);
        return 2;
    }
    if (seed)
        test_seed = strtoull(seed, NULL, 10);
    if (one)
        only_case = atoi(one);
    if (filter)
        cmocka_set_test_filter(filter);
    printf("ISA %s, ATTN_TEST_SEED=%llu\n", attn_isa_name(), (unsigned long long)test_seed);
    fflush(stdout);
    return 0;
}

static inline uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* A stream of draws. */
static inline uint64_t draw(uint64_t *state)
{
    return mix((*state)++);
}

static inline int64_t pick(uint64_t *state, const int64_t *from, size_t n)
{
    return from[draw(state) % n];
}
#define PICK(state, ...)                                                                           \
    pick(state, (const int64_t[]){__VA_ARGS__},                                                    \
         sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Roughly normal, variance one: the sum of four uniforms. */
static inline void fill(float *x, size_t n, double amplitude, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t r = mix(seed + i * 0x632be59bd9b4e019u);
        double sum = 0;
        for (int part = 0; part < 4; part++)
            sum += (double)((r >> (16 * part)) & 0xffff) / 65536.0 - 0.5;
        x[i] = (float)(amplitude * sum * 1.7320508);
    }
}

/* Largest absolute difference of n floats; infinite when one is not a number. */
static inline double distance(const float *x, const float *y, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double diff = fabs((double)x[i] - (double)y[i]);
        if (!(diff <= most))
            most = isnan(diff) ? INFINITY : diff;
    }
    return most;
}

/* x rounded to bfloat16, to nearest, ties to even. */
static inline float round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

enum { CANARY = 0xFF }; /* as floats: NaN, so that a use of it shows too */

/*
 * `size` bytes, 64-byte aligned, between two unreadable pages: starting right behind the first, or
 * ending as close to the second as alignment allows.
 */
struct guarded {
    unsigned char *map, *at;
    size_t body, size;
};

static inline size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static inline struct guarded guard(size_t size, bool at_start)
{
    const size_t page = page_size();
    struct guarded g = {.size = size, .body = (size + 64 + page - 1) / page * page};
    g.map = mmap(NULL, g.body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect(g.map + page, g.body, PROT_READ | PROT_WRITE), 0);
    memset(g.map + page, CANARY, g.body);
    g.at = g.map + page + (at_start ? 0 : (g.body - size) / 64 * 64);
    return g;
}

/* PROT_READ: writing stops the program; PROT_READ | PROT_WRITE: as it was made. */
static inline void protect(const struct guarded *g, int protection)
{
    assert_int_equal(mprotect(g->map + page_size(), g->body, protection), 0);
}

/* Nothing outside [at, at + size) was written. */
static inline bool intact(const struct guarded *g)
{
    const unsigned char *start = g->map + page_size();
    for (const unsigned char *b = start; b < start + g->body; b++)
        if ((b < g->at || b >= g->at + g->size) && *b != CANARY)
            return false;
    return true;
}

static inline void release(struct guarded *g)
{
    munmap(g->map, g->body + 2 * page_size());
}

static inline float *floats(const struct guarded *g)
{
    return (float *)(void *)g->at;
}

#endif
