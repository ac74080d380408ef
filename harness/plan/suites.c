/* SPDX-License-Identifier: MIT */
/* The suites: named sweeps. A suite is data; adding one is adding a table. */
#include "harness/plan/plan.h"

#include <string.h>

#define EVERY "*"

static const struct suite_part quick[] = {
    {EVERY, "captured", "512..8192", 0, true},
    {EVERY, "vslash", "512..8192", 0, true},
    {EVERY, "gauss", "512,2048", 0, false},
    {0},
};

static const struct suite_part scaling[] = {
    {EVERY, "vslash", "256..65536", 0, true},
    {0},
};

static const struct suite suites[] = {
    {.name = "quick",
     .summary = "every variant on real, structured and Gaussian inputs, in three minutes",
     .parts = quick,
     .rounds = 2,
     .max_seconds = 0.3,
     .min_warmup_s = 0.03,
     .budget_s = 0},
    {.name = "scaling",
     .summary = "every variant over lengths to 65,536, as far as the budget (30m) goes",
     .parts = scaling,
     .rounds = 3,
     .max_seconds = 20,
     .min_warmup_s = 0.2,
     .budget_s = 1800},
};

int suite_count(void)
{
    return (int)(sizeof suites / sizeof *suites);
}

const struct suite *suite_at(int i)
{
    return &suites[i];
}

const struct suite *suite_find(const char *name)
{
    for (int i = 0; i < suite_count(); i++)
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    return NULL;
}
