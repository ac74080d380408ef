/* SPDX-License-Identifier: MIT */
/* Names of statuses and flags, as they stand in tables and in the store. */
#include "harness/case.h"

#include <stdio.h>
#include <string.h>

static const char *const status_names[CASE_STATUSES] = {
    "ok", "unsupported", "skipped", "oom", "timeout", "crashed", "wrong", "failed",
};

const char *case_status_name(enum case_status status)
{
    return status_names[status];
}

int case_status_parse(const char *name)
{
    for (int i = 0; i < CASE_STATUSES; i++)
        if (strcmp(name, status_names[i]) == 0)
            return i;
    return -1;
}

void case_flags_format(unsigned flags, char *out, size_t size)
{
    static const char *const names[] = {"few", "unstable", "mistrusted", "unaccounted"};
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < 4; i++)
        if (flags >> i & 1u)
            used += (size_t)snprintf(out + used, used < size ? size - used : 0, "%s%s",
                                     used ? "," : "", names[i]);
}
