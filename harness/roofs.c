/* SPDX-License-Identifier: MIT */
/* Names of the roofs, as they stand in the store and in tables. */
#include "harness/roofs.h"

const struct roof_info roof_list[ROOFS] = {
    [ROOF_FP32] = {"fp32", "fp32 FMA", "GFLOP/s", 1e9},
    [ROOF_BF16] = {"bf16", "bf16 dot", "GFLOP/s", 1e9},
    [ROOF_INT8] = {"int8", "int8 dot", "GFLOP/s", 1e9},
    [ROOF_SGEMM] = {"sgemm", "sgemm (OpenBLAS)", "GFLOP/s", 1e9},
    [ROOF_EXP] = {"exp", "exponentials", "G/s", 1e9},
    [ROOF_EXP_BF16] = {"exp_bf16", "exponentials, bf16", "G/s", 1e9},
    [ROOF_L1_READ] = {"l1_read", "read, L1", "GB/s", 1e9},
    [ROOF_L2_READ] = {"l2_read", "read, L2", "GB/s", 1e9},
    [ROOF_LLC_READ] = {"llc_read", "read, LLC", "GB/s", 1e9},
    [ROOF_DRAM_READ] = {"dram_read", "read, DRAM", "GB/s", 1e9},
    [ROOF_L1_TRIAD] = {"l1_triad", "triad, L1", "GB/s", 1e9},
    [ROOF_L2_TRIAD] = {"l2_triad", "triad, L2", "GB/s", 1e9},
    [ROOF_LLC_TRIAD] = {"llc_triad", "triad, LLC", "GB/s", 1e9},
    [ROOF_DRAM_TRIAD] = {"dram_triad", "triad, DRAM", "GB/s", 1e9},
    [ROOF_L1_SIZE] = {"l1_size", "L1, as reported", "KiB", 0x1p10},
    [ROOF_L2_SIZE] = {"l2_size", "L2, as reported", "KiB", 0x1p10},
    [ROOF_LLC_SIZE] = {"llc_size", "LLC, as reported", "KiB", 0x1p10},
    [ROOF_L1_PROBED] = {"l1_probed", "L1, as probed", "KiB", 0x1p10},
    [ROOF_L2_PROBED] = {"l2_probed", "L2, as probed", "KiB", 0x1p10},
    [ROOF_LLC_PROBED] = {"llc_probed", "LLC, as probed", "KiB", 0x1p10},
};
