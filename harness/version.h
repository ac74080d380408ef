/* SPDX-License-Identifier: MIT */
/* What this binary is: set by the Makefile, stored with every run. */
#ifndef HARNESS_VERSION_H
#define HARNESS_VERSION_H

extern const char attn_version[];  /* "0.1.0" */
extern const char attn_commit[];   /* git description of the tree, "-dirty" when changed */
extern const char attn_compiler[]; /* compiler and its version */
extern const char attn_cflags[];   /* optimisation flags */
extern const int attn_sanitized;   /* non-zero in a sanitizer build, whose times mean nothing */

#endif
