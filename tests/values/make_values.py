# SPDX-License-Identifier: MIT
"""Writes the expected outputs of tests/unit/variant_values.h, by code that is not ours:

  full, full_causal       torch.nn.functional.scaled_dot_product_attention
  cross_causal            the same, with the lower-right causal bias of torch
  window, window_causal   the same, with the sliding-window masks of transformers
  block_local_causal      the same, with the chunked mask of transformers
  linear, linear_causal   token-by-token recurrence with torch's elu, no chunks

All in float64, stored as float32 like the inputs. Run from anywhere:
  python tests/values/make_values.py     (needs numpy, torch, transformers)
Written with torch 2.13.0, transformers 5.24.0, numpy 2.4.6.
"""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention.bias import causal_lower_right
from transformers import masking_utils

HERE = Path(__file__).resolve().parent
HEADS, KV_HEADS, N, D, D_V = 4, 2, 48, 16, 12
WINDOW, BLOCK, CROSS = 7, 10, 17  # CROSS: queries of the cross case, the newest ones


def save(name, x):
    np.save(HERE / f"{name}.npy", np.ascontiguousarray(x, dtype=np.float32))


def attend(q, k, v, mask=None):
    k, v = (x.repeat_interleave(HEADS // KV_HEADS, 0) for x in (k, v))
    return F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask)[0].numpy()


def mask_of(function):
    at = [torch.tensor(i) for i in range(N)]
    return torch.tensor([[bool(function(at[0], at[0], i, j)) for j in at] for i in at])


def recurrence(q, k, v, causal):
    """The paper's equations 16 to 20: state s and normaliser z, one token after the other."""
    out = torch.zeros(HEADS, N, D_V, dtype=torch.float64)
    for h in range(HEADS):
        kv = h // (HEADS // KV_HEADS)
        s = torch.zeros(D, D_V, dtype=torch.float64)
        z = torch.zeros(D, dtype=torch.float64)
        if not causal:
            for j in range(N):
                phi = F.elu(k[kv, j]) + 1
                s, z = s + torch.outer(phi, v[kv, j]), z + phi
        for i in range(N):
            if causal:
                phi = F.elu(k[kv, i]) + 1
                s, z = s + torch.outer(phi, v[kv, i]), z + phi
            phi = F.elu(q[h, i]) + 1
            out[h, i] = phi @ s / (phi @ z + 1e-6)
    return out.numpy()


def main():
    rng = np.random.default_rng(11)
    q, k, v = (rng.standard_normal(s).astype(np.float32)
               for s in ((HEADS, N, D), (KV_HEADS, N, D), (KV_HEADS, N, D_V)))
    for name, x in zip("qkv", (q, k, v)):
        save(name, x)
    q, k, v = (torch.from_numpy(x).double() for x in (q, k, v))
    m = masking_utils
    save("full", attend(q, k, v))
    save("full_causal", attend(q, k, v, mask_of(m.causal_mask_function)))
    save("cross_causal", attend(q[:, -CROSS:], k, v, causal_lower_right(CROSS, N)))
    save("window", attend(q, k, v, mask_of(m.sliding_window_bidirectional_mask_function(WINDOW))))
    save("window_causal", attend(q, k, v, mask_of(m.sliding_window_causal_mask_function(WINDOW))))
    chunked = m.chunked_causal_mask_function(BLOCK, torch.zeros(1, dtype=torch.int64))
    save("block_local_causal", attend(q, k, v, mask_of(chunked)))
    save("linear", recurrence(q, k, v, False))
    save("linear_causal", recurrence(q, k, v, True))


if __name__ == "__main__":
    main()
