# SPDX-License-Identifier: MIT
"""A peer: PyTorch's FlexAttention, compiled for the CPU, in fp32 and bf16.

    torch_flex                  full, or causal
    torch_flex_window   w=NNN   the pattern of variants/sparse/window.c
    torch_flex_block    b=NNN   the pattern of variants/longrange/block_local.c

prepare_s is the block mask and the compilation, always
from an empty cache; it contains one run, because PyTorch compiles in the first call. A case that
does not compile is unsupported: the eager fallback, which materialises the scores, is never timed.
"""
import os
import shutil

import worker
from torch_peer import TorchPeer, torch

import torch._inductor.config
from torch._inductor.utils import fresh_cache
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

# Compilers in processes of their own would outlive the cases.
torch._inductor.config.compile_threads = 1

# Above so many pairs a mask is built by a compiled function: the eager one materialises them.
EAGER_PAIRS = 1 << 24


def mask_mod(case):
    """The predicate of the case's pattern on batch, head, query, key; None when all is seen."""
    shift, causal = case.n_k - case.n_q, bool(case.causal)
    if case.variant == "torch_flex_window":
        w = case.param("w") or (1024 if causal else 256)
        if causal:
            return lambda b, h, i, j: (j <= i + shift) & (j > i + shift - w)
        return lambda b, h, i, j: (j <= i + shift + w) & (j >= i + shift - w)
    if case.variant == "torch_flex_block":
        size = case.param("b")
        # Positions before the first key round down to blocks that no key is in.
        if causal:
            return lambda b, h, i, j: ((i + shift) // size == j // size) & (j <= i + shift)
        return lambda b, h, i, j: (i + shift) // size == j // size
    return (lambda b, h, i, j: j <= i + shift) if causal else None


class Flex(TorchPeer):
    name = f"{TorchPeer.name} flex"

    def __init__(self, case, q, k, v):
        compiler = os.environ.get("CXX", "g++")
        if not shutil.which(compiler):
            raise worker.Unsupported(f"FlexAttention needs a C++ compiler, and {compiler} is not there")
        super().__init__(case, q, k, v)
        self.mask_mod = mask_mod(case)
        torch.compiler.reset()
        # Finding out what the compiler can do is the machine's business, not the case's.
        torch.compile(torch.neg)(torch.ones(8))

    def prepare(self):
        case = self.case
        self.how = dict(scale=case.scale, enable_gqa=case.heads_q != case.heads_kv)
        try:
            with fresh_cache():
                if self.mask_mod:
                    create = create_block_mask
                    if case.n_q * case.n_k > EAGER_PAIRS:
                        create = torch.compile(create, dynamic=False)
                    self.how["block_mask"] = create(
                        self.mask_mod, None, None, case.n_q, case.n_k, device="cpu"
                    )
                # fullgraph: an error where it would otherwise fall back to eager execution.
                self.attention = torch.compile(flex_attention, fullgraph=True, dynamic=False)
                self.call()
        except torch._dynamo.exc.TorchDynamoException as error:
            if worker.OUT_OF_MEMORY.search(str(error)):
                raise
            raise worker.Unsupported(f"FlexAttention does not compile this: {error}") from error

    def call(self):
        self.out = None  # so that its memory can serve again
        self.out = self.attention(self.q, self.k, self.v, **self.how)


with torch.inference_mode():
    worker.serve(Flex)
