/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM stop a sweep between rounds; the round in flight is killed. */
#ifndef HARNESS_SIGNALS_H
#define HARNESS_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t measure_interrupted;

void measure_install_signals(void);

#endif
