/* SPDX-License-Identifier: MIT */
/* Figures as people read them; "-" for NaN. */
#ifndef HARNESS_REPORT_UNITS_H
#define HARNESS_REPORT_UNITS_H

#include <stddef.h>

void units_seconds(char *out, size_t size, double s);
void units_bytes(char *out, size_t size, double bytes);
/* A relative change: 0.05 is "+5.0 %". */
void units_change(char *out, size_t size, double change);

#endif
