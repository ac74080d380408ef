# SPDX-License-Identifier: MIT
"""A peer: ONNX Runtime's attention operators on the CPU, fp32.

    ort_mha         com.microsoft MultiHeadAttention: full; causal (`unidirectional`) when n_q = n_k
    ort_gqa         com.microsoft GroupQueryAttention: causal prefill, n_q = n_k, grouped heads
    ort_attention   Attention of opset 23, grouped heads: full; causal (`is_causal`) when n_q = n_k

Each gets its inputs in its native layout, (batch, n, heads * d) for the first two and
(batch, heads, n, d) for the last: they are brought into it before, and the output back after the
timing. Inputs and outputs are bound to memory of ours, so that no copy is timed but the one that
GroupQueryAttention makes by itself, of keys and values into its cache. prepare_s is the graph and the
session.
"""
import worker

np, onnx, ort, _ = worker.require("ONNX Runtime", "numpy", "onnx", "onnxruntime", "onnx.helper")


def packed(x):
    """(heads, n, d) -> (1, n, heads * d)."""
    return np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(1, x.shape[1], -1)


def refusal(case):
    """Why the operator does not take the case, or None."""
    if case.variant == "ort_gqa":
        return "GroupQueryAttention needs d to be a multiple of 8" if case.d % 8 else None
    # A single query sees every key: it needs no mask.
    if case.causal and case.n_q != case.n_k and case.n_q > 1:
        return "the operator aligns its causal mask top-left: needs as many queries as keys"
    return None


class OrtAttention(worker.Peer):
    name = f"onnxruntime {ort.__version__}"

    def __init__(self, case, q, k, v):
        if reason := refusal(case):
            raise worker.Unsupported(reason)
        self.case = case
        self.native = case.variant == "ort_attention"
        arrange = (lambda x: x[None]) if self.native else packed
        self.inputs = {"q": arrange(q), "k": arrange(k), "v": arrange(v)}
        shape = (case.heads_q, case.n_q, case.d_v) if self.native else (case.n_q, case.heads_q * case.d_v)
        self.out = np.full((1, *shape), np.nan, np.float32)
        self.outputs = {"o": self.out}

    def node(self):
        """The operator; adds what it wants beside q, k, v and o."""
        case, make = self.case, onnx.helper.make_node
        masked = int(case.causal and case.n_q > 1)
        if self.native:
            return make("Attention", [*self.inputs], ["o"], scale=case.scale, is_causal=masked)
        attributes = dict(domain="com.microsoft", num_heads=case.heads_q, scale=case.scale)
        if case.variant == "ort_mha":
            attributes["unidirectional"] = masked
            return make("MultiHeadAttention", [*self.inputs], ["o"], **attributes)
        attributes["kv_num_heads"] = case.heads_kv
        past = (1, case.heads_kv, 0, case.d)
        self.inputs |= {
            "past_k": np.empty(past, np.float32),
            "past_v": np.empty(past, np.float32),
            "last": np.array([case.n_k - 1], np.int32),
            "total": np.array([case.n_k], np.int32),
        }
        cache = (1, case.heads_kv, case.n_k, case.d)
        self.outputs |= {x: np.zeros(cache, np.float32) for x in ("present_k", "present_v")}
        self.kept_bytes = 2 * self.outputs["present_k"].nbytes
        return make("GroupQueryAttention", [*self.inputs], [*self.outputs], **attributes)

    def prepare(self):
        node = self.node()

        def infos(arrays):
            kind = onnx.helper.np_dtype_to_tensor_dtype
            make = onnx.helper.make_tensor_value_info
            return [make(name, kind(x.dtype), x.shape) for name, x in arrays.items()]

        graph = onnx.helper.make_graph([node], "attention", infos(self.inputs), infos(self.outputs))
        opsets = [onnx.helper.make_opsetid("", 23), onnx.helper.make_opsetid("com.microsoft", 1)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=11)
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.case.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        self.session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.binding = self.session.io_binding()
        # An OrtValue on the CPU is a view of the array, which self.inputs and self.outputs keep.
        for name, x in self.inputs.items():
            self.binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(x))
        for name, x in self.outputs.items():
            self.binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(x))

    def call(self):
        self.session.run_with_iobinding(self.binding)

    def negate_values(self):
        v = self.inputs["v"]
        np.negative(v, out=v)

    def poison(self):
        self.out.fill(np.nan)

    def output(self):
        case = self.case
        if self.native:
            return self.out[0]
        return self.out.reshape(case.n_q, case.heads_q, case.d_v).transpose(1, 0, 2)


worker.serve(OrtAttention)
