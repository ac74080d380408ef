/* SPDX-License-Identifier: MIT */
/* Which instruction-set levels exist, and which of them run here. See isa.h. */
#include "variants/kernels/isa.h"
#include "variants/kernels/block_state.h"
#include "variants/kernels/scan_kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#ifdef __x86_64__
#include "variants/kernels/amx_tiles.h"
#endif

struct level {
    const char *name;
    bool (*runs_here)(void);
    const struct attn_block_kernels *block;
    const struct attn_scan_kernels *scan;
};

static bool always(void)
{
    return true;
}

#ifdef __x86_64__
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

/* bfloat16 and int8 dot products. */
static bool has_avx512_bf16(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512bf16") &&
           __builtin_cpu_supports("avx512vnni");
}

static bool has_amx(void)
{
    return has_avx512_bf16() && amx_available();
}
#endif

/* Best first. */
static const struct level levels[] = {
#ifdef __x86_64__
    {"amx", has_amx, &attn_block_amx, &attn_scan_avx512},
    {"avx512_bf16", has_avx512_bf16, &attn_block_avx512_bf16, &attn_scan_avx512},
    {"avx512", has_avx512, &attn_block_avx512, &attn_scan_avx512},
    {"avx2", has_avx2, &attn_block_avx2, &attn_scan_avx2},
#endif
    {"portable", always, &attn_block_portable, &attn_scan_portable},
};
enum { LEVELS = sizeof levels / sizeof *levels };

static const struct level *selected = &levels[LEVELS - 1];

int attn_isa_select(const char *name, const char **why)
{
#ifdef __x86_64__
    __builtin_cpu_init();
#endif
    for (int i = 0; i < LEVELS; i++) {
        if (name && strcmp(name, levels[i].name) != 0)
            continue;
        if (levels[i].runs_here()) {
            selected = &levels[i];
            return 0;
        }
        if (name) {
            *why = "this CPU does not have it";
            return -1;
        }
    }
    *why = "no such instruction-set level; give portable, avx2, avx512, avx512_bf16 or amx";
    return -1;
}

const char *attn_isa_name(void)
{
    return selected->name;
}

const struct attn_block_kernels *attn_isa_block(void)
{
    return selected->block;
}

const struct attn_scan_kernels *attn_isa_scan(void)
{
    return selected->scan;
}
