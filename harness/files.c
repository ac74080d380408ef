/* SPDX-License-Identifier: MIT */
/* See files.h. */
#include "harness/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool file_beside_command(const char *const *folders, const char *name, char *out, size_t size)
{
    char self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (; *folders; folders++) {
        int used = snprintf(out, size, "%s/%s/%s", self, *folders, name);
        if (used > 0 && (size_t)used < size && access(out, R_OK) == 0)
            return true;
    }
    return false;
}

bool file_executable(const char *program)
{
    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    const char *path = getenv("PATH");
    while (path && *path) {
        char candidate[4096];
        size_t n = strcspn(path, ":");
        int used = snprintf(candidate, sizeof candidate, "%.*s/%s", (int)n, path, program);
        if (used > 0 && (size_t)used < sizeof candidate && access(candidate, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}
