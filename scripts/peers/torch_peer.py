# SPDX-License-Identifier: MIT
"""What the PyTorch peers share: threads, denormals, and tensors of the case's type."""
import worker

(torch,) = worker.require("PyTorch", "torch")

# Before any thread exists: those that OpenMP starts inherit the mode.
torch.set_flush_denormal(True)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TorchPeer(worker.Peer):
    """Inputs as (1, heads, n, d) tensors, and an output that the library allocates in each call."""

    name = f"torch {torch.__version__}"
    isa = torch.backends.cpu.get_cpu_capability().lower()

    def __init__(self, case, q, k, v):
        torch.set_num_threads(case.threads)
        self.case = case
        # bf16 values travel as fp32, so that the conversion is exact.
        self.q, self.k, self.v = (
            torch.from_numpy(x)[None].to(DTYPES[case.dtype]) for x in (q, k, v)
        )
        self.out = torch.full((1, case.heads_q, case.n_q, case.d_v), torch.nan, dtype=self.q.dtype)
        # Threads and what the BLAS keeps for itself must not be charged to the method.
        x = torch.ones(256, 256, dtype=self.q.dtype)
        torch.mm(x, x)

    def negate_values(self):
        self.v.neg_()

    def poison(self):
        self.out.fill_(torch.nan)

    def output(self):
        return self.out[0].float().numpy()
