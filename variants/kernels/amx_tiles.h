/* SPDX-License-Identifier: MIT */
/*
 * Intel AMX, the instructions that the block engine uses. Tiles are numbered 0 to 7; a number must
 * be a literal. Loads, stores and products stay in program order, and the memory around a load or
 * a store is up to date: the intrinsics of GCC 12 do not promise that of loads.
 *
 * Tests put an emulation of the same interface in front of this header (tests/emulation).
 */
#ifndef ATTN_AMX_TILES_H
#define ATTN_AMX_TILES_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Whether the CPU has AMX with bfloat16 and int8 products and the system lets this process use it:
 * Linux gives out the tiles on request only, once a process.
 */
static inline bool amx_available(void)
{
    enum { LEAF = 7, BF16 = 1 << 22, TILE = 1 << 24, INT8 = 1 << 25, ALL = BF16 | TILE | INT8 };
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    return __get_cpuid_count(LEAF, 0, &a, &b, &c, &d) && (d & ALL) == ALL &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* The operand of amx_configure: palette 1, and the shape of each tile. */
struct amx_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16]; /* of tiles 0 to 7, at most 64; then zeros */
    uint8_t rows[16];       /* of tiles 0 to 7, at most 16; then zeros */
};

/* Eight tiles of 16 rows of 64 bytes. */
static const struct amx_shapes amx_whole = {.palette = 1,
                                            .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                                            .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* Gives the tiles of this thread their shapes, and zeros to hold. */
static inline void amx_configure(const struct amx_shapes *shapes)
{
    __asm__ volatile("ldtilecfg %0" ::"m"(*shapes));
}

/* Gives the tiles of this thread back. */
static inline void amx_release(void)
{
    __asm__ volatile("tilerelease");
}

/* Rows of a tile lie `stride` bytes apart in memory. */
#define amx_load(tile, from, stride)                                                               \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"((int64_t)(stride))        \
                     : "memory")
#define amx_store(tile, to, stride)                                                                \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"((int64_t)(stride))      \
                     : "memory")
#define amx_zero(tile) __asm__ volatile("tilezero %tmm" #tile)

/* sum[m][n] += a[m][k] . b[k][n], words of two bfloat16; fp32 sums, denormals are zero. */
#define amx_dot_bf16(sum, a, b) __asm__ volatile("tdpbf16ps %tmm" #b ", %tmm" #a ", %tmm" #sum)
/* The same, words of four signed bytes; integer sums. */
#define amx_dot_bytes(sum, a, b) __asm__ volatile("tdpbssd %tmm" #b ", %tmm" #a ", %tmm" #sum)

#endif
