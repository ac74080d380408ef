/* SPDX-License-Identifier: MIT */
/* Prints what a comparison found. */
#ifndef HARNESS_REPORT_FINDINGS_H
#define HARNESS_REPORT_FINDINGS_H

#include "harness/analyse/findings.h"

#include <stdio.h>

enum findings_format { FINDINGS_TEXT, FINDINGS_MARKDOWN, FINDINGS_CSV };

/* Parses "text", "md" or "csv"; -1: none of them. */
int findings_format_parse(const char *name);

/*
 * Worse first, then better, then what is only noted; with all, also what noise may hide and what is
 * the same (CSV always has everything). `base` and `now` are lines that say what was compared.
 * Markdown fits a comment on a pull request.
 */
void report_findings(const struct findings *f, const char *base, const char *now,
                     enum findings_format format, bool all, FILE *out);

#endif
