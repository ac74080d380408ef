/* SPDX-License-Identifier: MIT */
/* The suites: named sweeps. A suite is data; adding one is adding a table. */
#include "harness/plan/plan.h"

#include <string.h>

static const struct suite_part quick[] = {
    {.variants = SUITE_OURS, .workload = "captured", .lengths = "512..8192", .causal = true},
    {.variants = SUITE_OURS, .workload = "vslash", .lengths = "2048,8192", .causal = true},
    {.variants = SUITE_OURS, .workload = "gauss", .lengths = "2048"},
    {0},
};

static const struct suite_part scaling[] = {
    {.variants = SUITE_OURS, .workload = "vslash", .lengths = "256..65536", .causal = true},
    {0},
};

/*
 * Every method at several settings of what it trades accuracy for time by, so that it has a curve
 * and not a point. A method without a line here takes part with its defaults.
 */
#define CURVES                                                                                     \
    SUITE_OURS " window:w=64,128,256,512,1024,2048"                                                \
               " bigbird:b=64:r=0,1,2,4,8,16 bigbird:b=16,32,128,256"                              \
               " block_local:b=64,128,256,512,1024,2048"                                           \
               " transformer_xl:s=256:m=0,64,128,256,512,1024"                                     \
               " han:seg=16,32,64,128,256,512:pool=0,1"                                            \
               " hmat:nr=4,8,16,32,64,128,256"

static const struct suite_part accuracy[] = {
    {.variants = CURVES, .workload = "captured", .lengths = "2048,8192", .causal = true},
    {.variants = CURVES, .workload = "vslash", .lengths = "2048,8192", .causal = true},
    {.variants = CURVES, .workload = "block", .lengths = "2048,8192", .causal = true},
    {.variants = CURVES, .workload = "ashape", .lengths = "2048,8192", .causal = true},
    {0},
};

#define LENGTHS "512..8192"

static const struct suite_part full[] = {
    {.variants = CURVES, .workload = "captured", .lengths = LENGTHS, .causal = true},
    {.variants = CURVES, .workload = "vslash", .lengths = "256..65536", .causal = true},
    {.variants = CURVES, .workload = "block", .lengths = LENGTHS, .causal = true},
    {.variants = CURVES, .workload = "ashape", .lengths = LENGTHS, .causal = true},
    {.variants = CURVES, .workload = "vslash", .lengths = LENGTHS},
    {.variants = SUITE_OURS, .workload = "gauss", .lengths = LENGTHS},
    {.variants = SUITE_OURS, .workload = "gauss:peak=30", .lengths = "2048"},
    {.variants = SUITE_OURS, .workload = "gauss:peak=100", .lengths = "2048"},
    {.variants = SUITE_OURS,
     .workload = "vslash",
     .lengths = LENGTHS,
     .threads = "1",
     .causal = true},
    {.variants = SUITE_OURS,
     .workload = "vslash",
     .lengths = "1024..65536",
     .queries = 1,
     .causal = true},
    {0},
};

/* Ours and theirs: exact attention in both types, and one window. */
#define EXACT   "naive rowblock flash torch_sdpa torch_flex ort_mha ort_attention"
#define EXACT16 "flash flash_bf16 torch_sdpa torch_flex"
#define WINDOWS "flash window:w=256 torch_flex_window:w=256"
#define SIDE_BY_SIDE(who, dimension)                                                               \
    .variants = who, .workload = "vslash", .lengths = "512..16384", .threads = "1,all",            \
    .dim = dimension

static const struct suite_part peers[] = {
    {SIDE_BY_SIDE(EXACT, 64)},
    {SIDE_BY_SIDE(EXACT " ort_gqa", 64), .causal = true},
    {SIDE_BY_SIDE(EXACT, 128)},
    {SIDE_BY_SIDE(EXACT " ort_gqa", 128), .causal = true},
    {SIDE_BY_SIDE(EXACT16, 64), .dtype = ATTN_BF16},
    {SIDE_BY_SIDE(EXACT16, 64), .dtype = ATTN_BF16, .causal = true},
    {SIDE_BY_SIDE(EXACT16, 128), .dtype = ATTN_BF16},
    {SIDE_BY_SIDE(EXACT16, 128), .dtype = ATTN_BF16, .causal = true},
    {.variants = WINDOWS,
     .workload = "vslash",
     .lengths = "2048..32768",
     .threads = "1,all",
     .causal = true},
    {0},
};

static const struct suite suites[] = {
    {.name = "quick",
     .summary = "every variant on real, structured and Gaussian inputs, in three minutes",
     .parts = quick,
     .rounds = 2,
     .max_seconds = 0.3,
     .min_warmup_s = 0.03,
     .budget_s = 0},
    {.name = "scaling",
     .summary = "every variant over lengths to 65,536, as far as the budget (30m) goes",
     .parts = scaling,
     .rounds = 3,
     .max_seconds = 20,
     .min_warmup_s = 0.2,
     .budget_s = 1800},
    {.name = "accuracy",
     .summary = "every method at several settings, error against time, as far as 30m go",
     .parts = accuracy,
     .rounds = 2,
     .max_seconds = 0.5,
     .min_warmup_s = 0.05,
     .budget_s = 1800},
    {.name = "full",
     .summary = "accuracy at every length, also without mask, decoding, one thread: 8h at most",
     .parts = full,
     .rounds = 3,
     .max_seconds = 5,
     .min_warmup_s = 0.2,
     .budget_s = 28800},
    {.name = "peers",
     .summary = "ours beside PyTorch and ONNX Runtime (make peers-setup), as far as 2h go",
     .parts = peers,
     .rounds = 3,
     .max_seconds = 1,
     .min_warmup_s = 0.1,
     .budget_s = 7200},
};

int suite_count(void)
{
    return (int)(sizeof suites / sizeof *suites);
}

const struct suite *suite_at(int i)
{
    return &suites[i];
}

const struct suite *suite_find(const char *name)
{
    for (int i = 0; i < suite_count(); i++)
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    return NULL;
}
