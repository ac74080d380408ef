/* SPDX-License-Identifier: MIT */
/* Runs a function in a forked child: it may use OpenMP, take memory, and crash. */
#include "harness/measure/measure.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Exit statuses of the child; smaller ones are those of libraries that end the process. */
enum { GAVE_UP = 128, ANSWERED };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int measure_stage(int (*fn)(void *arg, char msg[CASE_MESSAGE]), void *arg, double timeout_s,
                  char msg[CASE_MESSAGE])
{
    int fd[2], status;
    char text[CASE_MESSAGE] = "";
    size_t got = 0;
    fflush(NULL);
    if (pipe(fd)) {
        snprintf(msg, CASE_MESSAGE, "pipe: %s", strerror(errno));
        return -1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        snprintf(msg, CASE_MESSAGE, "fork: %s", strerror(errno));
        close(fd[0]);
        close(fd[1]);
        return -1;
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fd[0]);
        int rc = fn(arg, text);
        text[CASE_MESSAGE - 1] = '\0';
        bool sent = write(fd[1], text, strlen(text)) == (ssize_t)strlen(text);
        fflush(NULL);
        _exit(sent && rc >= 0 ? ANSWERED + rc : GAVE_UP);
    }
    close(fd[1]);
    double deadline = now() + timeout_s;
    bool late = false;
    for (ssize_t n = 1; n > 0;) {
        double left = deadline - now();
        struct pollfd p = {fd[0], POLLIN, 0};
        if (left <= 0 || poll(&p, 1, (int)(left * 1e3) + 1) == 0) {
            late = true;
            kill(pid, SIGKILL);
            break;
        }
        n = read(fd[0], text + got, sizeof text - 1 - got);
        if (n < 0 && errno == EINTR)
            n = 1;
        else
            got += n > 0 ? (size_t)n : 0;
    }
    text[got] = '\0';
    close(fd[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (late)
        snprintf(msg, CASE_MESSAGE, "did not finish within %.0f s", timeout_s);
    else if (WIFSIGNALED(status))
        snprintf(msg, CASE_MESSAGE, "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) < GAVE_UP)
        snprintf(msg, CASE_MESSAGE, "exited with status %d without an answer", WEXITSTATUS(status));
    else
        memcpy(msg, text, sizeof text);
    return !late && WIFEXITED(status) && WEXITSTATUS(status) >= ANSWERED
               ? WEXITSTATUS(status) - ANSWERED
               : -1;
}
