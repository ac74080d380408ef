/* SPDX-License-Identifier: MIT */
/* See units.h. */
#include "harness/report/units.h"

#include <math.h>
#include <stdio.h>

void units_seconds(char *out, size_t size, double s)
{
    if (isnan(s))
        snprintf(out, size, "-");
    else if (s < 1e-3)
        snprintf(out, size, "%.1f us", s * 1e6);
    else if (s < 1)
        snprintf(out, size, "%.2f ms", s * 1e3);
    else
        snprintf(out, size, "%.2f s", s);
}

void units_bytes(char *out, size_t size, double bytes)
{
    if (isnan(bytes))
        snprintf(out, size, "-");
    else if (bytes < 0x1p20)
        snprintf(out, size, "%.1f KiB", bytes / 0x1p10);
    else
        snprintf(out, size, "%.2f MiB", bytes / 0x1p20);
}

void units_change(char *out, size_t size, double change)
{
    if (isnan(change))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%+.*f %%", fabs(change) < 0.1 ? 2 : 1, 100 * change);
}
