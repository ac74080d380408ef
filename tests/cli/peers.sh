# SPDX-License-Identifier: MIT
# The peers' own libraries against the reference, and their patterns against ours. PYTHON has them.
. tests/cli/lib.sh
export ATTN_PEERS_PYTHON="$PYTHON"
# try OPTIONS: exact ones are judged by the gate; patterns must have the distance that ours have.
try() {
    rm -f "$T/a.db"
    expect 0 - "$A" run -v 'torch_*' -v 'ort_*' -v torch_flex_window:w=9 -v window:w=9 -v torch_flex_block:b=13 -v block_local:b=13 -w gauss --rounds 1 --case-timeout 20m "$@" --db "$T/a.db"
    python3 - "$T/a.db" "$*" << 'END' || failures=1
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
rows = {(v, p): e for v, p, e in db.execute("SELECT variant, params, rel_l2 FROM summary WHERE status = 'ok'")}
assert ("torch_sdpa", "") in rows and ("torch_flex", "") in rows, (sys.argv[2], rows)
for theirs, ours, p in (("torch_flex_window", "window", "w=9"), ("torch_flex_block", "block_local", "b=13")):
    a, b = rows[theirs, p], rows[ours, p]
    limit = 1e-2 if "bf16" in sys.argv[2] else 1e-5
    assert abs(a - b) <= limit * b, f"{sys.argv[2]}: {theirs} is {a} from exact attention, {ours} {b}"
END
}
try -n 37 --heads 4 --kv-heads 2 --dim 16 --causal -t all
try -n 37 --heads 2 --dim 24 -t 1
try -n 53 --queries 17 --heads 2 --dim 16 --causal -t 1
try -n 17 --queries 53 --heads 2 --dim 16 --causal -t 1
try -n 300 --heads 4 --kv-heads 2 --dim 16 --causal -t 1 --dtype bf16
for v in ort_mha ort_gqa ort_attention; do
    expect 0 - "$A" run -v $v -w gauss -n 40 --heads 2 --dim 16 --causal --rounds 1 --db "$T/ort.db"
done
exit $failures
