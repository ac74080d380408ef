/* SPDX-License-Identifier: MIT */
/*
 * Peers: exact and windowed attention as PyTorch and ONNX Runtime compute it on the CPU. Each is
 * the description of a program of scripts/peers, which measures it; its work and its definition
 * are those of our variant of the same method, so that both are judged alike. Their packages are
 * optional (make peers-setup); without them a case is unsupported, and says so.
 *
 * Shapes that only the program can tell are refused there. Workspaces are theirs and not declared;
 * the kernel's view of their memory is.
 */
#include "variants/attn.h"

/* Cost and definition of the variant `ours`, whose parameters the peer repeats. */
#define SAME_AS(ours)                                                                              \
    extern const struct attn_variant attn_variant_##ours;                                          \
    static void ours##_cost(const struct attn_problem *p, const double *params,                    \
                            struct attn_cost *cost)                                                \
    {                                                                                              \
        attn_variant_##ours.cost(p, params, cost);                                                 \
        cost->workspace = 0;                                                                       \
    }                                                                                              \
    static void ours##_weights(const struct attn_problem *p, const double *params,                 \
                               const struct attn_io *io, int64_t h, int64_t i, double *w,          \
                               double *scratch)                                                    \
    {                                                                                              \
        attn_variant_##ours.weights(p, params, io, h, i, w, scratch);                              \
    }

SAME_AS(flash)
SAME_AS(window)
SAME_AS(block_local)

static const struct attn_param window_params[] = {
    {"w", 0, 0, 1 << 27, true,
     "keys on each side, or in all when causal; 0: 256, or 1024 when causal"},
    {0},
};

static const struct attn_param block_params[] = {
    {"b", 256, 1, 1 << 27, true, "keys a block"},
    {0},
};

ATTN_VARIANT(torch_sdpa) = {
    .abi = ATTN_ABI_VERSION,
    .name = "torch_sdpa",
    .family = ATTN_PEER,
    .kind = ATTN_EXACT,
    .summary = "PyTorch scaled_dot_product_attention",
    .cite = "PyTorch",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .worker = "torch_sdpa.py",
    .cost = flash_cost,
    .weights = flash_weights,
};

ATTN_VARIANT(torch_flex) = {
    .abi = ATTN_ABI_VERSION,
    .name = "torch_flex",
    .family = ATTN_PEER,
    .kind = ATTN_EXACT,
    .summary = "PyTorch FlexAttention, compiled",
    .cite = "Dong et al. 2024, arXiv 2412.05496",
    .time_class = "n^2",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .worker = "torch_flex.py",
    .cost = flash_cost,
    .weights = flash_weights,
};

ATTN_VARIANT(torch_flex_window) = {
    .abi = ATTN_ABI_VERSION,
    .name = "torch_flex_window",
    .family = ATTN_PEER,
    .kind = ATTN_APPROXIMATES,
    .summary = "FlexAttention with the pattern of window",
    .cite = "Dong et al. 2024, arXiv 2412.05496",
    .time_class = "n",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .params = window_params,
    .worker = "torch_flex.py",
    .cost = window_cost,
    .weights = window_weights,
};

ATTN_VARIANT(torch_flex_block) = {
    .abi = ATTN_ABI_VERSION,
    .name = "torch_flex_block",
    .family = ATTN_PEER,
    .kind = ATTN_APPROXIMATES,
    .summary = "FlexAttention with the pattern of block_local",
    .cite = "Dong et al. 2024, arXiv 2412.05496",
    .time_class = "n",
    .memory_class = "n",
    .caps = ATTN_ANY | ATTN_TAKES_BF16,
    .params = block_params,
    .worker = "torch_flex.py",
    .cost = block_local_cost,
    .weights = block_local_weights,
};

ATTN_VARIANT(ort_mha) = {
    .abi = ATTN_ABI_VERSION,
    .name = "ort_mha",
    .family = ATTN_PEER,
    .kind = ATTN_EXACT,
    .summary = "ONNX Runtime MultiHeadAttention",
    .cite = "ONNX Runtime",
    .time_class = "n^2",
    .memory_class = "n^2",
    .caps = ATTN_ANY & ~ATTN_GQA,
    .worker = "onnxruntime_attention.py",
    .cost = flash_cost,
    .weights = flash_weights,
};

ATTN_VARIANT(ort_gqa) = {
    .abi = ATTN_ABI_VERSION,
    .name = "ort_gqa",
    .family = ATTN_PEER,
    .kind = ATTN_EXACT,
    .summary = "ONNX Runtime GroupQueryAttention",
    .cite = "ONNX Runtime",
    .time_class = "n^2",
    .memory_class = "n^2",
    .caps = ATTN_CAUSAL | ATTN_GQA,
    .worker = "onnxruntime_attention.py",
    .cost = flash_cost,
    .weights = flash_weights,
};

ATTN_VARIANT(ort_attention) = {
    .abi = ATTN_ABI_VERSION,
    .name = "ort_attention",
    .family = ATTN_PEER,
    .kind = ATTN_EXACT,
    .summary = "ONNX Runtime Attention of opset 23",
    .cite = "ONNX Runtime",
    .time_class = "n^2",
    .memory_class = "n^2",
    .caps = ATTN_ANY,
    .worker = "onnxruntime_attention.py",
    .cost = flash_cost,
    .weights = flash_weights,
};
