/* SPDX-License-Identifier: MIT */
/*
 * What a comparison found: a list with one entry for each quantity of each case. Whatever compares
 * (two stored runs, two builds) fills one, and one place prints it.
 */
#ifndef HARNESS_ANALYSE_FINDINGS_H
#define HARNESS_ANALYSE_FINDINGS_H

#include "harness/analyse/cells.h"

enum verdict {
    VERDICT_SAME,
    VERDICT_HIDDEN, /* looks changed, but noise as large as this is usual here */
    VERDICT_NOTED,  /* worth a line, not judged: a case that is new, a ratio on another machine */
    VERDICT_BETTER,
    VERDICT_WORSE,
    VERDICTS
};

/* NaN: does not apply. */
struct finding {
    char method[CASE_TEXT], problem[CASE_TEXT + 96];
    const char *quantity; /* "time", "error", "workspace" ..., "case" for what is in note */
    double base, now;     /* base units: seconds, bytes, counts */
    double change;        /* now / base - 1; of time: as estimated, not from base and now */
    double lo, hi;        /* 95 % interval of change */
    double q;             /* p adjusted for the number of cases */
    double cliff;         /* Cliff's delta: P(now > base) - P(now < base) */
    double floor;         /* changes below it are taken for noise */
    enum verdict verdict;
    char note[CASE_MESSAGE];
};

struct findings {
    struct finding *at; /* owned */
    size_t count;
    size_t compared; /* cases that are ok on both sides */
};

const char *verdict_name(enum verdict v);

/* Appends an entry about c, all figures NaN. NULL when out of memory. */
struct finding *findings_add(struct findings *f, const struct cell *c, const char *quantity,
                             enum verdict verdict);
size_t findings_count(const struct findings *f, enum verdict verdict);
void findings_free(struct findings *f);

/*
 * Judges what does not depend on the clock, both cases being ok: declared flops, exponentials,
 * bytes and workspace, and the error with its seed, exactly (1e-6 relative; errors near that of
 * plain fp32 by a quarter of it, because another order of sums is no regression); memory as the
 * kernel saw it by max(4 MiB, 10 %). More is worse; a method that replaces softmax has no better
 * distance to it, so any other distance is worse. A figure that base has and now lacks is worse.
 * 0, or -1 when out of memory.
 */
int findings_gate(struct findings *f, const struct cell *base, const struct cell *now);

/*
 * Judges what became of a case: vanished (now NULL), new (base NULL), broken, mended, inputs that
 * differ. *both tells whether it is ok on both sides, on the same inputs. Lenient: a case that now
 * lacks, or was not measured for want of budget or memory, is noted and not worse. 0 or -1.
 */
int findings_status(struct findings *f, const struct cell *base, const struct cell *now,
                    bool lenient, bool *both);

#endif
