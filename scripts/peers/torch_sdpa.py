# SPDX-License-Identifier: MIT
"""A peer: PyTorch's scaled_dot_product_attention on the CPU, in fp32 and bf16.

PyTorch chooses its back end, which the answer names: the flash kernel, or where that refuses
(d_v != d) MATH, which materialises the scores. GQA goes through enable_gqa, which the flash kernel
takes without copying keys.

PyTorch's is_causal is aligned top-left, the protocol bottom-right. They agree when n_q = n_k, and
when n_q > n_k for the last n_k queries: the others see nothing, are not computed, and are zero. When
n_q < n_k a mask is built in advance (causal_lower_right would build it in each call), which the
kernel reads in full: it skips nothing. A single query sees every key and needs no mask.
"""
import worker
from torch_peer import TorchPeer, torch

FLASH = int(torch.nn.attention.SDPBackend.FLASH_ATTENTION)


class Sdpa(TorchPeer):
    name = f"{TorchPeer.name} sdpa"

    def __init__(self, case, q, k, v):
        super().__init__(case, q, k, v)
        if case.causal and case.n_q > case.n_k:
            self.q, self.out = (x[:, :, case.n_q - case.n_k :] for x in (self.q, self.out))

    def prepare(self):
        case, rows = self.case, self.q.shape[2]
        self.how = dict(
            attn_mask=None,
            is_causal=bool(case.causal) and rows == case.n_k,
            scale=case.scale,
            enable_gqa=case.heads_q != case.heads_kv,
        )
        if case.causal and 1 < rows < case.n_k:
            # Of the inputs' type: the kernel would convert a Boolean one in each call.
            mask = torch.full((rows, case.n_k), -torch.inf, dtype=self.q.dtype)
            self.how["attn_mask"] = mask.triu_(case.n_k - rows + 1)
            self.kept_bytes = mask.nbytes
        backend = torch._fused_sdp_choice(self.q, self.k, self.v, **self.how)
        self.name = f"{Sdpa.name} {'flash' if backend == FLASH else 'math'}"

    def call(self):
        self.out = None  # so that its memory can serve again
        self.out = torch.nn.functional.scaled_dot_product_attention(
            self.q, self.k, self.v, **self.how
        )

    def output(self):
        whole = torch.zeros(self.case.heads_q, self.case.n_q, self.case.d_v)
        whole[:, self.case.n_q - self.out.shape[2] :] = self.out[0]
        return whole.numpy()


with torch.inference_mode():
    worker.serve(Sdpa)
