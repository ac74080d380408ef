/* SPDX-License-Identifier: MIT */
/*
 * The roofs of a machine: what it can do at best with a number of threads, measured in each run.
 * In base units: flop/s, exponentials/s, bytes/s, bytes.
 */
#ifndef HARNESS_ROOFS_H
#define HARNESS_ROOFS_H

enum roof {
    ROOF_FP32, /* fused multiply-adds from registers, at the selected instruction-set level */
    ROOF_BF16, /* products of bfloat16 pairs, sums in fp32; that of fp32 where there are none */
    ROOF_INT8, /* products of bytes, sums in 32 bits; that of fp32 where there are none */
    ROOF_SGEMM,
    ROOF_EXP,      /* the engines' vector exponential */
    ROOF_EXP_BF16, /* the shorter one that comes before products of bfloat16 */
    ROOF_L1_READ,
    ROOF_L2_READ,
    ROOF_LLC_READ,
    ROOF_DRAM_READ,
    ROOF_L1_TRIAD, /* a = b + s c, three streams counted */
    ROOF_L2_TRIAD,
    ROOF_LLC_TRIAD,
    ROOF_DRAM_TRIAD,
    ROOF_L1_SIZE, /* as the machine reports: LLC what all cores share, or what there is below */
    ROOF_L2_SIZE,
    ROOF_LLC_SIZE,
    ROOF_L1_PROBED, /* as one core finds: guests share, and may be told more than they get */
    ROOF_L2_PROBED,
    ROOF_LLC_PROBED,
    ROOFS
};

struct roofs {
    int threads;
    double at[ROOFS];
};

struct roof_info {
    const char *name;  /* in the store */
    const char *label; /* for people */
    const char *unit;  /* of value / scale */
    double scale;
};

extern const struct roof_info roof_list[ROOFS];

#endif
