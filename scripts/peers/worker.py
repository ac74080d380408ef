# SPDX-License-Identifier: MIT
"""What the peers share: the worker protocol (harness/measure/protocol.md), adaptive timing, memory.

A peer is a class derived from Peer; `serve(ThatPeer)` answers cases until standard input closes.
The rules of timing are those of harness/measure/sampling.c, so that peers and variants compare.
"""
from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NoReturn

SAMPLE_S = 1e-3  # a sample is at least this long, so that the clock's step does not show
OUT_OF_MEMORY = re.compile(
    r"(can't|cannot|unable to|failed to) allocate|out of memory|bad_?alloc|failed to map segment"
    r"|insufficient memory",
    re.IGNORECASE,
)


class Unsupported(Exception):
    """The peer does not take this case; the message says why."""


@dataclass
class Case:
    """A case of the protocol. The types convert the text; the defaults serve hand-made cases."""

    q: str
    k: str
    v: str
    output: str
    heads_q: int
    heads_kv: int
    n_q: int
    n_k: int
    d: int
    d_v: int
    scale: float
    variant: str = ""
    params: str = ""
    causal: int = 0
    threads: int = 1
    dtype: str = "fp32"
    min_samples: int = 10
    max_samples: int = 200
    max_seconds: float = 20.0
    target_ci: float = 0.02
    min_warmup_s: float = 0.2

    @classmethod
    def parse(cls, text: dict[str, str]) -> Case:
        types = {"int": int, "float": float, "str": str}
        return cls(**{f.name: types[f.type](text[f.name]) for f in fields(cls) if f.name in text})

    def param(self, key: str) -> int:
        return int(dict(pair.split("=", 1) for pair in self.params.split(","))[key])


class Peer:
    """One case on one library. Only call() is inside the samples."""

    name: str  # and version
    isa = ""
    kept_bytes = 0  # of what prepare() leaves behind: masks, caches

    def __init__(self, case: Case, q, k, v):
        """Takes the inputs (numpy, fp32) over; whatever conversion they need is not timed.

        Allocates and touches the output, which belongs to the baseline of the memory."""

    def prepare(self) -> None:
        """Set-up that does not read the data: timed, as prepare_s."""

    def call(self) -> None:
        """Computes the output once."""

    def negate_values(self) -> None:
        """Turns V into -V, in place: an output kept from an earlier call shows."""

    def poison(self) -> None:
        """Fills the output with NaN, so that rows never written show."""

    def output(self):
        """The output as a numpy array of any strides: (heads_q, n_q, d_v). Not timed."""


@dataclass
class Timing:
    cold_s: float
    inner: int
    samples: list[float]
    flags: list[str]


def _timed(call: Callable[[], None], inner: int = 1) -> float:
    begun = time.perf_counter()
    for _ in range(inner):
        call()
    return (time.perf_counter() - begun) / inner


def _warm_up(call: Callable[[], None], case: Case) -> float:
    """At least three calls and the asked time, until three medians agree; returns the last."""
    recent, medians, begun = [], [], time.perf_counter()
    for n in itertools.count(1):
        recent = [*recent[-8:], _timed(call)]
        spent = time.perf_counter() - begun
        if n % 3 == 0:
            medians = [*medians[-2:], statistics.median(recent)]
            last = medians[-1]
            steady = len(medians) == 3 and all(abs(last - m) <= 0.02 * last for m in medians)
            if spent >= case.min_warmup_s * (1 if steady else 4):
                return last
        # Calls of seconds need no more warming than the first one gave.
        if recent[-1] > case.max_seconds / 4 or spent > case.max_seconds:
            return recent[-1]


def _narrow(samples: list[float], target: float) -> bool:
    """Whether the median's distribution-free 95 % interval is within target of it, each side."""
    n, rank, term, tail = len(samples), 0, 1, 1
    while 2 * tail <= 0.05 * 2**n:
        rank += 1
        term = term * (n - rank + 1) // rank
        tail += term
    if rank == 0:  # fewer than six samples have no such interval
        return False
    ordered = sorted(samples)
    return (ordered[-rank] - ordered[rank - 1]) / 2 <= target * statistics.median(ordered)


def _sample(peer: Peer, case: Case) -> Timing:
    cold = _timed(peer.call)
    usual = _warm_up(peer.call, case)
    inner = max(1, min(10**6, math.ceil(SAMPLE_S / max(usual, 1e-9))))
    samples, checkpoint, narrow = [], case.min_samples * math.sqrt(2), 0
    begun = time.perf_counter()
    while True:
        spent = time.perf_counter() - begun
        each = spent / len(samples) if samples else 0
        # Twice in a row: an interval that is narrow once may be so by chance.
        last = (
            narrow == 2
            or len(samples) + 1 >= case.max_samples
            or spent + 2 * each > case.max_seconds
        )
        if last:
            peer.negate_values()
            peer.poison()
        samples.append(_timed(peer.call, inner))
        if last:
            break
        if len(samples) >= round(checkpoint):
            narrow = narrow + 1 if _narrow(samples, case.target_ci) else 0
            checkpoint *= math.sqrt(2)
    flags = ["few"] if len(samples) < case.min_samples else []
    if not _narrow(samples, case.target_ci):
        flags.append("unstable")
    return Timing(cold, inner, samples, flags)


def _resident(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))


def _memory_baseline() -> int | None:
    """Resident bytes now; the peak counts from here. None where the kernel does not permit it."""
    try:
        # Free pages that the heap holds would hide what a call takes from them.
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
        return _resident("VmRSS")
    except (OSError, AttributeError, StopIteration):
        return None


def _load(path: str, *shape: int):
    import numpy as np

    x = np.load(path)
    if x.shape != shape or x.dtype != np.dtype("<f4"):
        raise ValueError(f"{path} is {x.dtype} {x.shape}, not float32 {shape}")
    return np.ascontiguousarray(x)


def _measure(peer_class: type[Peer], case: Case) -> list[str]:
    import numpy as np

    peer = peer_class(
        case,
        _load(case.q, case.heads_q, case.n_q, case.d),
        _load(case.k, case.heads_kv, case.n_k, case.d),
        _load(case.v, case.heads_kv, case.n_k, case.d_v),
    )
    prepare_s = _timed(peer.prepare)
    peer.negate_values()
    gc.collect()
    gc.disable()  # a collection inside a sample would be charged to the peer
    try:
        baseline = _memory_baseline()
        timing = _sample(peer, case)
        peak = None if baseline is None else _resident("VmHWM") - baseline + peer.kept_bytes
    finally:
        gc.enable()
    # np.save(path) would append .npy to a name without it.
    with open(case.output, "wb") as f:
        np.save(f, np.ascontiguousarray(peer.output(), dtype="<f4"))
    return [
        f"attnbench-worker 1 {peer.name}",
        *([f"isa {peer.isa}"] if peer.isa else []),
        f"prepare_s {prepare_s:.9g}",
        f"cold_s {timing.cold_s:.9g}",
        f"inner {timing.inner}",
        *([] if peak is None else [f"peak_rss_bytes {max(0, peak)}"]),
        *(f"sample {t:.9g}" for t in timing.samples),
        *(["flags " + ",".join(timing.flags)] if timing.flags else []),
        "done ok",
    ]


def _verdict(error: Exception) -> str:
    text = " ".join(str(error).split()).encode("ascii", "replace").decode()[:300]
    if isinstance(error, Unsupported):
        return f"done unsupported {text}"
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
        return f"done oom {text or 'memory was refused'}"
    return f"done failed {type(error).__name__}: {text}"


def _answer_all(name: str, answer: Callable[[Case], list[str]]) -> NoReturn:
    """Answers cases until standard input closes, and ends the process."""
    # Libraries and compilers print to file 1 at will; the protocol keeps a private copy.
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    text: dict[str, str] = {}
    for line in sys.stdin:
        key, _, value = line.rstrip("\n").partition(" ")
        if key != "run":
            text[key] = value
            continue
        try:
            if text.get("attnbench-case") != "1":
                raise ValueError("not a case of protocol version 1")
            lines = answer(Case.parse(text))
        except Exception as error:  # whatever a library throws is an answer, not the end
            lines = [f"attnbench-worker 1 {name}", _verdict(error)]
        text = {}
        print("\n".join(lines), file=out, flush=True)
    # With a compiler loaded, Python takes more than a second to tear down; the protocol allows two.
    os._exit(0)


def require(title: str, *modules: str) -> list:
    """Imports modules. Without them no case can be served: every one is told so, and that is all."""
    try:
        return [importlib.import_module(module) for module in modules]
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name in modules
        setup = os.path.join(os.path.dirname(os.path.abspath(__file__)), "setup.sh")
        reason = Unsupported(f"{title} is not installed; sh {setup}") if missing else error

    def refuse(_case: Case) -> list[str]:
        raise reason

    _answer_all(title, refuse)


def serve(peer_class: type[Peer]) -> NoReturn:
    """Answers cases until standard input closes, and ends the process."""
    _answer_all(peer_class.name, lambda case: _measure(peer_class, case))
