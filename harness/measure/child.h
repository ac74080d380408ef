/* SPDX-License-Identifier: MIT */
/* A worker as a process: started in a group of its own under limits, read line by line, killed
 * whole. */
#ifndef HARNESS_CHILD_H
#define HARNESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sched.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int in, out, err; /* our ends of its pipes; -1 when closed */
    char line[4096];  /* of its standard output, in the making */
    size_t used;
    char pending[4096]; /* read, and no line yet: from `at` to `got` */
    size_t at, got;
    char last[256]; /* last line of its standard error */
};

struct child_limits {
    double address_space; /* bytes; <= 0: none */
    int threads;
    bool bound;  /* it runs on `cpus` */
    bool pinned; /* OpenMP binds its threads, one a CPU; else it sees to that itself */
    cpu_set_t cpus;
};

enum child_event { CHILD_LINE, CHILD_END, CHILD_LATE, CHILD_TOO_LONG, CHILD_INTERRUPTED };

/* argv[0] is executed. 0, or -1 with errno. */
int child_start(struct child *c, char *const argv[], const struct child_limits *limits);

/* Writes text to its input. Errors show later, as the end of its output. */
void child_send(struct child *c, const char *text);

/* Closes its input: there will be no more. */
void child_close(struct child *c);

/* Stops its whole group, threads that wait in a loop included, and lets it go on. */
void child_pause(struct child *c);
void child_resume(struct child *c);

/* Waits for the next line of output (in c->line, without its end), until `deadline`. */
enum child_event child_next(struct child *c, double deadline);

/* Waits for its end until `deadline`, then kills the whole group. True if it had to be killed. */
bool child_finish(struct child *c, double deadline, int *status);

double child_clock(void);

#endif
