/* SPDX-License-Identifier: MIT */
/* The coordinator's side of the protocol, a case at a time: for whoever keeps a worker alive. */
#ifndef HARNESS_EXCHANGE_H
#define HARNESS_EXCHANGE_H

#include "harness/measure/child.h"
#include "harness/measure/measure.h"

/* Starts options->worker, or ourselves with the plugins. 0, or -1 with errno. */
int exchange_start(struct child *child, const struct measure_options *options,
                   const struct child_limits *limits);

/* Limits under which a worker that measures c runs, and how long its answer may take. */
struct child_limits exchange_limits(const struct bench_case *c,
                                    const struct measure_options *options);
double exchange_timeout(const struct bench_case *c, const struct measure_options *options);

/* Sends a case; what lay at files->output is removed. Errors show as the end of the output. */
void exchange_send(struct child *child, const struct bench_case *c,
                   const struct measure_files *files, const struct measure_options *options);

/*
 * Reads the answer into *out (samples are the caller's). CHILD_LINE: it came, out->status says what
 * it is. After any other event, or CASE_FAILED, the worker is of no more use.
 */
enum child_event exchange_receive(struct child *child, const struct measure_files *files,
                                  double timeout_s, struct outcome *out);

/*
 * Ends the worker after the event of its last answer; one that gave none, or does not end, changes
 * the outcome accordingly.
 */
void exchange_finish(struct child *child, enum child_event event, struct outcome *out);

#endif
