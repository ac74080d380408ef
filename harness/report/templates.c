/* SPDX-License-Identifier: MIT */
/* See templates.h. The assembler includes the files, so they are found from the root of the tree.
 */
#include "harness/report/templates.h"

#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n.globl " #symbol "\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n"  \
            ".previous\n")

EMBED(template_scaling, "scripts/plots/scaling.gp");
EMBED(template_tradeoff, "scripts/plots/tradeoff.gp");
EMBED(template_roofline, "scripts/plots/roofline.gp");
