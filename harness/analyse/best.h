/* SPDX-License-Identifier: MIT */
/* The fastest method within limits on error and memory, and why the others are not. */
#ifndef HARNESS_ANALYSE_BEST_H
#define HARNESS_ANALYSE_BEST_H

#include "harness/analyse/cells.h"

struct best_limits {
    int64_t n;            /* keys, and as many queries */
    double error;         /* largest rel_l2 */
    double memory;        /* largest peak above inputs and output, bytes; infinity: any */
    const char *workload; /* canonical, or its name alone; NULL: any */
    bool causal;          /* only causal problems */
    int64_t threads;      /* 0: any */
    bool replacements;    /* methods that replace softmax take part, whatever their distance */
};

enum best_place {
    BEST_FIRST,
    BEST_TIE, /* the intervals of its time and of the first's overlap */
    BEST_SLOWER,
    BEST_OUT
};

struct candidate {
    const struct cell *cell;
    enum best_place place;
    char remark[CASE_MESSAGE]; /* why it is out; or what to know */
};

/* All cases of one problem, those within the limits first, each part by time. */
struct contest {
    struct candidate *at; /* owned */
    size_t count, within, measured;
};

/* Memory that is held against the limit: what was tracked or what the kernel saw, if more. */
double best_memory(const struct cell *c);

/*
 * Contests of all problems that match, into *out, allocated; each to be freed with contest_free,
 * then the array. Returns their number, 0 when no case matches, or -1 when out of memory.
 */
int best_find(const struct cells *cells, const struct best_limits *limits, struct contest **out);
void contest_free(struct contest *c);

const char *best_place_name(enum best_place p);

#endif
