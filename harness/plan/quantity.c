/* SPDX-License-Identifier: MIT */
/* Lengths, durations and sizes as people type them. */
#include "harness/plan/plan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST (INT64_C(1) << 27)

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One length with an optional k or M (powers of two); advances *s. */
static bool length(const char **s, int64_t *out)
{
    if (**s < '0' || **s > '9')
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(*s, &end, 10);
    int shift = 0;
    if (*end == 'k' || *end == 'K')
        shift = 10;
    else if (*end == 'M')
        shift = 20;
    end += shift != 0;
    if (errno || v < 1 || v > LONGEST >> shift)
        return false;
    *out = (int64_t)v << shift;
    *s = end;
    return true;
}

int plan_lengths(const char *text, int64_t *out, int max, char msg[CASE_MESSAGE])
{
    int n = 0;
    const char *s = text;
    for (;;) {
        int64_t from, to;
        if (!length(&s, &from))
            goto bad;
        to = from;
        if (strncmp(s, "..", 2) == 0) {
            s += 2;
            if (!length(&s, &to) || to < from)
                goto bad;
        }
        for (int64_t v = from; v <= to; v *= 2) {
            if (n == max) {
                snprintf(msg, CASE_MESSAGE, "lengths '%s': more than %d values", text, max);
                return -1;
            }
            out[n++] = v;
        }
        if (*s == '\0')
            break;
        if (*s++ != ',')
            goto bad;
    }
    qsort(out, (size_t)n, sizeof *out, ascending);
    int unique = 0;
    for (int i = 0; i < n; i++)
        if (unique == 0 || out[unique - 1] != out[i])
            out[unique++] = out[i];
    return unique;
bad:
    snprintf(msg, CASE_MESSAGE,
             "'%s' is not a list of lengths: give e.g. 256..65536 (doubling) or 512,1k,8k, each "
             "between 1 and 128M",
             text);
    return -1;
}

int plan_threads(const char *text, int cores, int64_t *out, int max, char msg[CASE_MESSAGE])
{
    char numbers[256] = "", copy[256];
    size_t used = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *save, *one = strtok_r(copy, ",", &save); one && used < sizeof numbers;
         one = strtok_r(NULL, ",", &save))
        used += (size_t)(strcmp(one, "all") == 0 ? snprintf(numbers + used, sizeof numbers - used,
                                                            "%s%d", used ? "," : "", cores)
                                                 : snprintf(numbers + used, sizeof numbers - used,
                                                            "%s%s", used ? "," : "", one));
    int n = plan_lengths(numbers, out, max, msg);
    if (n < 0) {
        snprintf(msg, CASE_MESSAGE, "-t %.100s: give numbers of threads and 'all', e.g. 1,2,all",
                 text);
        return -1;
    }
    if (out[n - 1] > cores) {
        snprintf(msg, CASE_MESSAGE, "-t %lld: this machine has %d core%s to use",
                 (long long)out[n - 1], cores, cores == 1 ? "" : "s");
        return -1;
    }
    return n;
}

static double scaled(const char *text, const char *units, const double *factors)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || errno || !isfinite(v) || v < 0)
        return -1;
    if (*end == '\0')
        return v;
    const char *unit = strchr(units, *end);
    return unit && end[1] == '\0' ? v * factors[unit - units] : -1;
}

double plan_duration(const char *text)
{
    return scaled(text, "smh", (const double[]){1, 60, 3600});
}

double plan_bytes(const char *text)
{
    return scaled(text, "KMGT", (const double[]){0x1p10, 0x1p20, 0x1p30, 0x1p40});
}
