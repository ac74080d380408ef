/* SPDX-License-Identifier: MIT */
/* See figure.h. */
#include "harness/report/figure.h"
#include "variants/registry.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int figure_folder(const char *dir, char *msg)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", dir);
    for (char *c = path + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            mkdir(path, 0777);
            *c = '/';
        }
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    snprintf(msg, CASE_MESSAGE, "-o %.300s: %s", dir, strerror(errno));
    return -1;
}

void figure_name(struct figure *f, const char *what, const struct row *row)
{
    char workload[128];
    snprintf(workload, sizeof workload, "%.120s", row->workload);
    for (char *c = workload; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *c))
            *c = '-';
    snprintf(f->name, sizeof f->name, "%s-%s-%s-h%ldx%ld-d%ld-%s-t%ld%s", what, workload,
             row->causal ? "causal" : "full", row->heads_q, row->heads_kv, row->d, row->dtype,
             row->threads, row->n_q == row->n_k ? "" : "-cross");
}

FILE *figure_open(const struct figure *f, const char *extension)
{
    char path[4600];
    snprintf(path, sizeof path, "%s/%s.%s", f->dir, f->name, extension);
    FILE *file = fopen(path, "w");
    if (!file)
        snprintf(f->msg, CASE_MESSAGE, "%.300s: %s", path, strerror(errno));
    return file;
}

int figure_close(const struct figure *f, FILE *file)
{
    bool bad = ferror(file);
    if (fclose(file) == 0 && !bad)
        return 0;
    snprintf(f->msg, CASE_MESSAGE, "%.300s: %s", f->dir, strerror(errno));
    return -1;
}

static int run_gnuplot(const struct figure *f)
{
    char script[300];
    snprintf(script, sizeof script, "%s.gp", f->name);
    char *argv[] = {"gnuplot", script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, f->dir);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc) {
        snprintf(f->msg, CASE_MESSAGE,
                 "gnuplot cannot be started: %s; install gnuplot (Debian: gnuplot-nox)",
                 strerror(rc));
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    snprintf(f->msg, CASE_MESSAGE, "gnuplot failed on %s/%s (its own words are above)", f->dir,
             script);
    return -1;
}

int figure_draw(const struct figure *f)
{
    if (run_gnuplot(f))
        return -1;
    fprintf(f->list, "%s/%s.png\n%s/%s.svg\n", f->dir, f->name, f->dir, f->name);
    return 0;
}

const char *figure_colour(const struct rows *rs, const struct row *row)
{
    static const char *const shades[][4] = {
        {"#888888", "#bbbbbb", "#666666", "#aaaaaa"}, {"#000000", "#c0001a", "#ff5a4d", "#7a0010"},
        {"#e07b00", "#f2b134", "#a65a00", "#c99700"}, {"#1a8a2e", "#6cc04a", "#0b5d1e", "#9acd32"},
        {"#1f5fbf", "#4fb3e8", "#0b2f6b", "#2aa6a6"}, {"#8a2be2", "#d070d8", "#54128a", "#b03a8a"},
        {"#8b5a2b", "#c8a165", "#5c3317", "#a0785a"}};
    _Static_assert(sizeof shades / sizeof *shades == ATTN_FAMILIES, "a hue for each family");
    int family = 0, rank = 0;
    for (int i = 0; i < ATTN_FAMILIES; i++)
        if (strcmp(attn_family_name((enum attn_family)i), row->family) == 0)
            family = i;
    for (int i = 0; i < rs->count && strcmp(rs->row[i].variant, row->variant) != 0; i++) {
        bool first = strcmp(rs->row[i].family, row->family) == 0;
        for (int j = 0; j < i && first; j++)
            first = strcmp(rs->row[j].variant, rs->row[i].variant) != 0;
        rank += first;
    }
    return shades[family][rank % 4];
}
