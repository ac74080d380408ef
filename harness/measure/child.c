/* SPDX-License-Identifier: MIT */
/* See child.h. */
#include "harness/measure/child.h"
#include "harness/measure/arena.h"
#include "harness/measure/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t measure_interrupted;

static void on_signal(int number)
{
    measure_interrupted = number;
}

void measure_install_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

double child_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Where stacks begin moves times by a few per cent: another place in each launch, and the launches
 * show how much that is. */
static void pad_environment(void)
{
    char padding[4096];
    unsigned length = 0;
    if (getrandom(&length, sizeof length, 0) < 0)
        return;
    length %= sizeof padding;
    memset(padding, 'x', length);
    padding[length] = '\0';
    setenv("ATTN_PADDING", padding, 1);
}

/*
 * Memory is what was touched, with the same pages for every method, peers included: huge ones only
 * where inputs ask for them. Kernels before 6.18 cannot say that; they can forbid all, which
 * matters where everything would get them.
 */
static void pages_as_touched(void)
{
    enum { EXCEPT_ADVISED = 2 };
    if (prctl(PR_SET_THP_DISABLE, 1, EXCEPT_ADVISED, 0, 0) &&
        strcmp(memory_huge_pages(), "always") == 0)
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static void become(char *const argv[], const struct child_limits *limits, int in, int out, int err)
{
    char text[16];
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (limits->address_space > 0)
        setrlimit(RLIMIT_AS,
                  &(struct rlimit){(rlim_t)limits->address_space, (rlim_t)limits->address_space});
    int adjust = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (adjust >= 0) {
        /* If the machine runs out of memory, the worker dies and not the coordinator. */
        if (write(adjust, "1000", 4) < 0)
            errno = 0;
        close(adjust);
    }
    pages_as_touched();
    pad_environment();
    snprintf(text, sizeof text, "%d", limits->threads);
    setenv("OMP_NUM_THREADS", text, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (limits->bound)
        sched_setaffinity(0, sizeof limits->cpus, &limits->cpus);
    /* Ours must see all their CPUs: OpenMP would leave the first thread only its own. */
    setenv("OMP_PROC_BIND", limits->pinned ? "true" : "false", 1);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int child_start(struct child *c, char *const argv[], const struct child_limits *limits)
{
    int fd[6];
    *c = (struct child){.in = -1, .out = -1, .err = -1};
    for (int i = 0; i < 3; i++)
        if (pipe2(fd + 2 * i, O_CLOEXEC)) {
            while (i-- > 0) {
                close(fd[2 * i]);
                close(fd[2 * i + 1]);
            }
            return -1;
        }
    fflush(NULL);
    c->pid = fork();
    if (c->pid == 0)
        become(argv, limits, fd[0], fd[3], fd[5]);
    setpgid(c->pid, c->pid);
    close(fd[0]);
    close(fd[3]);
    close(fd[5]);
    c->in = fd[1];
    c->out = fd[2];
    c->err = fd[4];
    fcntl(c->out, F_SETFL, O_NONBLOCK);
    fcntl(c->err, F_SETFL, O_NONBLOCK);
    return c->pid < 0 ? -1 : 0;
}

void child_send(struct child *c, const char *text)
{
    /* A case is smaller than a pipe's buffer, so this cannot block. */
    if (write(c->in, text, strlen(text)) < 0)
        errno = 0;
}

void child_close(struct child *c)
{
    if (c->in >= 0)
        close(c->in);
    c->in = -1;
}

void child_pause(struct child *c)
{
    kill(-c->pid, SIGSTOP);
}

void child_resume(struct child *c)
{
    kill(-c->pid, SIGCONT);
}

/* Keeps the last line of what it says on standard error. */
static bool drain_errors(struct child *c)
{
    char text[512];
    ssize_t n = read(c->err, text, sizeof text - 1);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    text[n] = '\0';
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        snprintf(c->last, sizeof c->last, "%s", line);
    for (char *s = c->last; *s; s++)
        *s = (unsigned char)*s < 32 ? '?' : *s;
    return true;
}

/* An event, or -1 when there is no whole line yet. */
static int take_line(struct child *c)
{
    for (;;) {
        if (c->at == c->got) {
            const ssize_t n = read(c->out, c->pending, sizeof c->pending);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return -1;
            if (n <= 0)
                return CHILD_END;
            c->at = 0;
            c->got = (size_t)n;
        }
        const char ch = c->pending[c->at++];
        const bool full = c->used + 1 == sizeof c->line;
        if (ch != '\n' && !full) {
            c->line[c->used++] = ch;
            continue;
        }
        c->line[c->used] = '\0';
        c->used = 0;
        return ch == '\n' ? CHILD_LINE : CHILD_TOO_LONG;
    }
}

enum child_event child_next(struct child *c, double deadline)
{
    for (;;) {
        int event = take_line(c);
        if (event >= 0)
            return (enum child_event)event;
        double left = deadline - child_clock();
        if (measure_interrupted)
            return CHILD_INTERRUPTED;
        if (left <= 0)
            return CHILD_LATE;
        struct pollfd p[2] = {{c->out, POLLIN, 0}, {c->err, POLLIN, 0}};
        poll(p, c->err >= 0 ? 2 : 1, (int)(left < 1 ? left * 1e3 + 1 : 1000));
        if (c->err >= 0 && p[1].revents && !drain_errors(c)) {
            close(c->err);
            c->err = -1;
        }
    }
}

/* True when the process ended by then; it is left to be waited for. */
static bool ends_by(pid_t pid, double deadline)
{
    const int end = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {end, POLLIN, 0};
    siginfo_t info = {0};
    double left;
    do {
        left = fmax(0, deadline - child_clock());
        /* Old kernels and strict sandboxes have no such descriptor: then it is asked often. */
        poll(&p, end >= 0, end >= 0 ? (int)ceil(left * 1e3) : left > 0);
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (info.si_pid == 0 && left > 0);
    if (end >= 0)
        close(end);
    return info.si_pid != 0;
}

bool child_finish(struct child *c, double deadline, int *status)
{
    child_close(c);
    const bool killed = !ends_by(c->pid, deadline);
    /* With it, what it may have left behind in its group. */
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
        ;
    if (c->err >= 0) {
        drain_errors(c);
        close(c->err);
    }
    close(c->out);
    return killed;
}
