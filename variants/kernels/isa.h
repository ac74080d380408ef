/* SPDX-License-Identifier: MIT */
/*
 * Instruction-set levels. The kernels of the engines are compiled once a level, and one level is
 * chosen when the program starts: the best that the CPU has, or the one that the user forces.
 */
#ifndef ATTN_ISA_H
#define ATTN_ISA_H

/* Name of the level in use: one of "portable", "avx2", "avx512", "avx512_bf16", "amx". */
const char *attn_isa_name(void);

/*
 * Selects a level: name is NULL (the best one the CPU has) or one of the names above. Returns 0,
 * or -1 with a static reason in *why. Call once, before any run.
 */
int attn_isa_select(const char *name, const char **why);

struct attn_block_kernels;
struct attn_scan_kernels;

/* The tables of the selected level; for the engines. */
const struct attn_block_kernels *attn_isa_block(void);
const struct attn_scan_kernels *attn_isa_scan(void);

#endif
