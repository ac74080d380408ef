/* SPDX-License-Identifier: MIT */
/* See machinetext.h. */
#include "harness/measure/machinetext.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at + t->used, t->size - t->used, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < t->size - t->used)
        t->used += (size_t)n;
    else
        t->at[t->used] = '\0';
}

void text_string(struct text *t, const char *key, const char *value)
{
    char clean[2048];
    size_t n = 0;
    for (; *value && n + 1 < sizeof clean; value++)
        clean[n++] = *value == '"' || *value == '\\' || (unsigned char)*value < 32 ? ' ' : *value;
    clean[n] = '\0';
    text_add(t, "%s\"%s\":\"%s\"", t->used > 1 ? "," : "", key, clean);
}

bool text_first_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    bool ok = f && fgets(out, (int)size, f);
    if (f)
        fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok;
}

void text_file(struct text *t, const char *key, const char *path)
{
    char line[1024];
    if (text_first_line(path, line, sizeof line))
        text_string(t, key, line);
}

bool text_keyed(const char *path, const char *key, char *out, size_t size)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(out, size, "%s", colon);
        found = true;
    }
    if (f)
        fclose(f);
    return found;
}
