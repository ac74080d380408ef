/* SPDX-License-Identifier: MIT */
/* One round: starts a worker, sends the case, reads the answer; all trouble becomes a status. */
#include "harness/measure/exchange.h"
#include "harness/measure/peers.h"
#include "harness/measure/threads.h"
#include "variants/registry.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_S     2.0
#define SAMPLES_MAX 100000
/* Address space that an interpreter and its libraries reserve. */
#define PEER_LIBRARIES (8 * 0x1p30)

void measure_defaults(struct measure_options *o)
{
    *o = (struct measure_options){.max_seconds = 20,
                                  .target_ci = 0.02,
                                  .min_samples = 10,
                                  .max_samples = 200,
                                  .min_warmup_s = 0.2};
}

static void write_case(const struct bench_case *c, const struct measure_files *f,
                       const struct measure_options *o, double limit, char *text, size_t size)
{
    const struct attn_problem *p = &c->problem;
    snprintf(
        text, size,
        "attnbench-case 1\nvariant %s\nparams %s\nheads_q %lld\nheads_kv %lld\nn_q %lld\nn_k %lld\n"
        "d %lld\nd_v %lld\ncausal %d\nscale %.17g\nthreads %d\nseed %llu\ndtype %s\nq %s\nk %s\nv "
        "%s\n"
        "output %s\nmin_samples %d\nmax_samples %d\nmax_seconds %.9g\ntarget_ci %.9g\n"
        "min_warmup_s %.9g\nmemory_limit %.0f\nrun\n",
        c->variant, c->params, (long long)p->heads_q, (long long)p->heads_kv, (long long)p->n_q,
        (long long)p->n_k, (long long)p->d, (long long)p->d_v, p->causal, p->scale, p->threads,
        (unsigned long long)p->seed, attn_dtype_name(p->dtype), f->q, f->k, f->v, f->output,
        o->min_samples, o->max_samples, o->max_seconds, o->target_ci, o->min_warmup_s, limit);
}

int exchange_start(struct child *child, const struct measure_options *o,
                   const struct child_limits *limits)
{
    char *argv[80];
    int n = 0;
    if (o->worker) {
        static char command[4200];
        snprintf(command, sizeof command, "exec %s", o->worker);
        argv[n++] = "/bin/sh";
        argv[n++] = "-c";
        argv[n++] = command;
    } else {
        argv[n++] = "/proc/self/exe";
        argv[n++] = "worker";
        for (int i = 0; o->plugins && o->plugins[i] && n < 76; i++) {
            argv[n++] = "--plugin";
            argv[n++] = (char *)(uintptr_t)o->plugins[i];
        }
    }
    argv[n] = NULL;
    return child_start(child, argv, limits);
}

__attribute__((format(printf, 3, 4))) static void
verdict(struct outcome *o, enum case_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    o->status = status;
    vsnprintf(o->reason, sizeof o->reason, format, args);
    va_end(args);
}

static void printable(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; *from && n + 1 < size; from++)
        to[n++] = (unsigned char)*from < 32 || (unsigned char)*from > 126 ? '?' : *from;
    to[n] = '\0';
}

static bool add_sample(struct outcome *o, const char *value)
{
    char *end;
    double t = strtod(value, &end);
    if (end == value || *end || !(t > 0) || !isfinite(t) || o->nsamples == SAMPLES_MAX)
        return false;
    double *grown = realloc(o->samples, ((size_t)o->nsamples + 1) * sizeof *grown);
    if (!grown)
        return false;
    o->samples = grown;
    o->samples[o->nsamples++] = t;
    return true;
}

static void done_line(struct outcome *o, const char *value, const char *output)
{
    static const struct {
        const char *word;
        enum case_status status;
    } ends[] = {{"unsupported ", CASE_UNSUPPORTED}, {"oom ", CASE_OOM}, {"failed ", CASE_FAILED}};
    if (strcmp(value, "ok") == 0) {
        if (!o->nsamples)
            verdict(o, CASE_FAILED, "the worker says ok without a sample");
        else if (access(output, R_OK) != 0)
            verdict(o, CASE_FAILED, "the worker says ok without an output file");
        else
            o->status = CASE_OK;
        return;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strncmp(value, ends[i].word, strlen(ends[i].word)) == 0) {
            verdict(o, ends[i].status, "%.400s", value + strlen(ends[i].word));
            return;
        }
    verdict(o, CASE_FAILED, "the worker ended with 'done %.60s', which is no answer", value);
}

/* One line of the answer. True when it was the last, or nonsense. */
static bool answer_line(struct outcome *o, char *line, const char *output)
{
    const struct {
        const char *key;
        double *to;
    } figures[] = {{"prepare_s", &o->prepare_s},
                   {"cold_s", &o->cold_s},
                   {"busy_s", &o->busy_s},
                   {"workspace_bytes", &o->workspace_bytes},
                   {"tracked_bytes", &o->tracked_bytes},
                   {"peak_rss_bytes", &o->peak_rss_bytes},
                   {"lib_bytes", &o->lib_bytes}};
    char shown[64];
    printable(shown, sizeof shown, line);
    char *value = strchr(line, ' ');
    if (value)
        *value++ = '\0';
    else
        value = line + strlen(line);
    if (strcmp(line, "sample") == 0) {
        if (add_sample(o, value))
            return false;
        verdict(o, CASE_FAILED, "the worker answered '%s': not a positive time", shown);
        return true;
    }
    if (strcmp(line, "done") == 0) {
        done_line(o, value, output);
        return true;
    }
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (strcmp(line, figures[i].key) == 0) {
            char *end;
            *figures[i].to = strtod(value, &end);
            if (end != value && !*end && *figures[i].to >= 0 && isfinite(*figures[i].to))
                return false;
            verdict(o, CASE_FAILED, "the worker answered '%s': not a figure", shown);
            return true;
        }
    if (strcmp(line, "isa") == 0) {
        printable(o->isa, sizeof o->isa, value);
    } else if (strcmp(line, "blas_core") == 0) {
        printable(o->blas_core, sizeof o->blas_core, value);
    } else if (strcmp(line, "huge_pages") == 0) {
        printable(o->huge_pages, sizeof o->huge_pages, value);
    } else if (strcmp(line, "numa_nodes") == 0) {
        o->numa_nodes = (int)strtol(value, NULL, 10);
    } else if (strcmp(line, "mxcsr") == 0) {
        o->mxcsr = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(line, "inner") == 0) {
        o->inner = (int)strtol(value, NULL, 10);
    } else if (strcmp(line, "attnbench-worker") == 0 && strncmp(value, "1 ", 2) == 0) {
        printable(o->worker, sizeof o->worker, value + 2);
    } else if (strcmp(line, "flags") == 0) {
        o->flags |= strstr(value, "few") ? CASE_FEW : 0;
        o->flags |= strstr(value, "unstable") ? CASE_UNSTABLE : 0;
        o->flags |= strstr(value, "unaccounted") ? CASE_UNACCOUNTED : 0;
    } else {
        verdict(o, CASE_FAILED, "the worker answered '%s', which the protocol does not know",
                shown);
        return true;
    }
    return false;
}

/* What the end of the process says when it gave no answer. */
static void judge_end(struct outcome *o, int status, const char *said)
{
    const char *colon = *said ? ": " : "";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        verdict(o, CASE_OOM, "killed by the kernel (SIGKILL), most likely out of memory%s%.200s",
                colon, said);
    else if (WIFSIGNALED(status))
        verdict(o, CASE_CRASHED, "ended by signal %d (%s)%s%.200s", WTERMSIG(status),
                strsignal(WTERMSIG(status)), colon, said);
    else
        verdict(o, CASE_FAILED, "exited with status %d without an answer%s%.200s",
                WEXITSTATUS(status), colon, said);
}

void exchange_send(struct child *child, const struct bench_case *c,
                   const struct measure_files *files, const struct measure_options *options)
{
    char text[24576];
    unlink(files->output);
    write_case(c, files, options, fmax(0, options->memory_limit), text, sizeof text);
    child_send(child, text);
}

enum child_event exchange_receive(struct child *child, const struct measure_files *files,
                                  double timeout_s, struct outcome *out)
{
    const double deadline = child_clock() + timeout_s;
    enum child_event event;
    *out = (struct outcome){.status = CASE_FAILED,
                            .prepare_s = NAN,
                            .cold_s = NAN,
                            .busy_s = NAN,
                            .workspace_bytes = NAN,
                            .tracked_bytes = NAN,
                            .peak_rss_bytes = NAN,
                            .lib_bytes = NAN};
    while ((event = child_next(child, deadline)) == CHILD_LINE)
        if (answer_line(out, child->line, files->output))
            return event;
    if (event == CHILD_LATE)
        verdict(out, CASE_TIMEOUT, "no answer within %.0f s (--case-timeout)", timeout_s);
    else if (event == CHILD_TOO_LONG)
        verdict(out, CASE_FAILED, "the worker printed a line longer than 4,095 bytes");
    return event;
}

void exchange_finish(struct child *child, enum child_event event, struct outcome *out)
{
    const bool answered = event == CHILD_LINE && out->status != CASE_FAILED;
    int status = 0;
    bool killed = child_finish(child,
                               answered             ? child_clock() + GRACE_S
                               : event == CHILD_END ? child_clock() + 0.5
                                                    : 0,
                               &status);
    if (answered && killed)
        verdict(out, CASE_TIMEOUT, "answered, then did not exit within %.0f s", GRACE_S);
    else if (event == CHILD_END && killed)
        verdict(out, CASE_FAILED, "the worker closed its output without an answer, and went on");
    else if (event == CHILD_END)
        judge_end(out, status, child->last);
}

double exchange_timeout(const struct bench_case *c, const struct measure_options *options)
{
    double predicted =
        c->start_s + c->predicted_s * 8 + options->max_seconds + options->min_warmup_s;
    return options->case_timeout_s > 0 ? options->case_timeout_s : fmax(30, 20 * predicted);
}

/* Whether a program of scripts/peers measures the case. */
static bool by_peer(const struct bench_case *c, const struct measure_options *options)
{
    return *c->peer && !options->worker;
}

struct child_limits exchange_limits(const struct bench_case *c,
                                    const struct measure_options *options)
{
    struct child_limits limits = {.threads = c->problem.threads};
    /* Inputs lie in memory twice while they are read; libraries reserve address space a thread. */
    if (options->memory_limit > 0)
        limits.address_space = options->memory_limit + 3 * attn_io_bytes(&c->problem) +
                               192 * 0x1p20 * (c->problem.threads + 2);
    if (by_peer(c, options) && limits.address_space > 0)
        limits.address_space += PEER_LIBRARIES;
    limits.bound = threads_cpus(limits.threads, &limits.cpus) == 0;
    limits.pinned = limits.bound && by_peer(c, options);
    return limits;
}

static int start_peer(struct child *child, struct peer_command *peer,
                      const struct child_limits *limits)
{
    /* -B leaves no compiled files where the programs are installed. */
    char *argv[] = {peer->python, "-B", peer->script, NULL};
    return child_start(child, argv, limits);
}

int measure_round(const struct bench_case *c, const struct measure_files *files,
                  const struct measure_options *options, struct outcome *out)
{
    struct child child;
    const struct child_limits limits = exchange_limits(c, options);
    struct peer_command peer;
    *out = (struct outcome){.status = CASE_UNSUPPORTED};
    if (by_peer(c, options) && peer_locate(c->peer, &peer, out->reason))
        return 0;
    if (by_peer(c, options) ? start_peer(&child, &peer, &limits)
                            : exchange_start(&child, options, &limits)) {
        verdict(out, CASE_FAILED, "cannot start a worker: %s", strerror(errno));
        return 0;
    }
    exchange_send(&child, c, files, options);
    child_close(&child);
    enum child_event event = exchange_receive(&child, files, exchange_timeout(c, options), out);
    exchange_finish(&child, event, out);
    return event == CHILD_INTERRUPTED ? -1 : 0;
}

void outcome_free(struct outcome *out)
{
    free(out->samples);
    out->samples = NULL;
}
