/* SPDX-License-Identifier: MIT */
/* The plot scripts of scripts/plots/, embedded: an installed command has no tree to look into. */
#ifndef HARNESS_TEMPLATES_H
#define HARNESS_TEMPLATES_H

extern const char template_scaling[];
extern const char template_tradeoff[];
extern const char template_roofline[];

#endif
