/* SPDX-License-Identifier: MIT */
/* See findings.h. */
#include "harness/analyse/findings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACTLY      1e-6
#define MEMORY_BYTES (4 * 0x1p20)
#define MEMORY_SHARE 0.1
#define ROUNDING     0.25 /* of the error of plain fp32 */

const char *verdict_name(enum verdict v)
{
    static const char *const names[VERDICTS] = {"same", "hidden by noise", "noted", "better",
                                                "worse"};
    return names[v];
}

struct finding *findings_add(struct findings *f, const struct cell *c, const char *quantity,
                             enum verdict verdict)
{
    struct finding *grown = realloc(f->at, (f->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    f->at = grown;
    struct finding *one = &f->at[f->count++];
    *one = (struct finding){.quantity = quantity,
                            .base = NAN,
                            .now = NAN,
                            .change = NAN,
                            .lo = NAN,
                            .hi = NAN,
                            .q = NAN,
                            .cliff = NAN,
                            .floor = NAN,
                            .verdict = verdict};
    cells_method(c, one->method, sizeof one->method);
    cells_problem(c, one->problem, sizeof one->problem);
    return one;
}

size_t findings_count(const struct findings *f, enum verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += f->at[i].verdict == verdict;
    return n;
}

void findings_free(struct findings *f)
{
    free(f->at);
    *f = (struct findings){0};
}

static int judge(struct findings *f, const struct cell *c, const char *quantity, double base,
                 double now, double tolerance, bool either_way)
{
    if (isnan(base) && isnan(now))
        return 0;
    enum verdict v = isnan(base)                             ? VERDICT_NOTED
                     : fabs(now - base) <= tolerance         ? VERDICT_SAME
                     : !either_way && now < base - tolerance ? VERDICT_BETTER
                                                             : VERDICT_WORSE;
    struct finding *one = findings_add(f, c, quantity, v);
    if (!one)
        return -1;
    one->base = base;
    one->now = now;
    one->change = base > 0 ? now / base - 1 : NAN;
    one->floor = base > 0 ? tolerance / base : NAN;
    if (isnan(now))
        snprintf(one->note, sizeof one->note, "no longer reported");
    return 0;
}

static double memory_tolerance(double base)
{
    return fmax(MEMORY_BYTES, MEMORY_SHARE * base);
}

int findings_gate(struct findings *f, const struct cell *base, const struct cell *now)
{
    const bool replaces = strcmp(base->kind, "replaces") == 0;
    const double error = replaces ? base->distance : base->error;
    const double rounding = base->floor >= 0 ? ROUNDING * base->floor : 0;
    const struct {
        const char *quantity;
        double base, now, tolerance;
        bool either_way;
    } all[] = {
        {"flops", base->flops, now->flops, EXACTLY * base->flops, false},
        {"exponentials", base->exps, now->exps, EXACTLY * base->exps, false},
        {"traffic", base->bytes, now->bytes, EXACTLY * base->bytes, false},
        {"workspace", base->workspace, now->workspace, EXACTLY * base->workspace, false},
        {"touched memory", base->tracked, now->tracked, memory_tolerance(base->tracked), false},
        {"peak memory", base->peak, now->peak, memory_tolerance(base->peak), false},
        {replaces ? "distance" : "error", error, replaces ? now->distance : now->error,
         fmax(EXACTLY * error, rounding), replaces},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (judge(f, now, all[i].quantity, all[i].base, all[i].now, all[i].tolerance,
                  all[i].either_way))
            return -1;
    return 0;
}

/* "ok", or "crashed: ended by signal 11". */
static void say(const struct cell *c, char *out, size_t size)
{
    snprintf(out, size, "%s%s%.160s", c->status, *c->reason ? ": " : "", c->reason);
}

int findings_status(struct findings *f, const struct cell *base, const struct cell *now,
                    bool lenient, bool *both)
{
    const struct cell *c = now ? now : base;
    const bool was = base && strcmp(base->status, "ok") == 0,
               is = now && strcmp(now->status, "ok") == 0;
    const bool left_out = !now || strcmp(now->status, "skipped") == 0;
    char before[200] = "", after[200] = "";
    *both = was && is && strcmp(base->inputs, now->inputs) == 0;
    f->compared += *both;
    if (*both || (!was && !is))
        return 0;
    if (base)
        say(base, before, sizeof before);
    if (now)
        say(now, after, sizeof after);
    struct finding *one = findings_add(f, c, "case",
                                       was && is             ? VERDICT_WORSE
                                       : !was                ? VERDICT_NOTED
                                       : left_out && lenient ? VERDICT_NOTED
                                                             : VERDICT_WORSE);
    if (!one)
        return -1;
    if (was && is)
        snprintf(one->note, sizeof one->note,
                 "the inputs differ (checksum %s, now %s): not compared", base->inputs,
                 now->inputs);
    else if (!base)
        snprintf(one->note, sizeof one->note, "new: base has no such case");
    else if (!now)
        snprintf(one->note, sizeof one->note, "vanished: it was %s", before);
    else
        snprintf(one->note, sizeof one->note, "%s; it was %s", after, before);
    return 0;
}
