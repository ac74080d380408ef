# SPDX-License-Identifier: MIT
# How peers are started, with stand-ins for their programs; what is said where packages are absent;
# inputs of 16 bits.
. tests/cli/lib.sh
unset ATTN_PEERS_PYTHON
mkdir "$T/peers"
cp tests/worker/exact_worker.py "$T/peers/torch_sdpa.py"
# Tells what it was given, as the reason of a refusal.
cat > "$T/peers/onnxruntime_attention.py" << 'END'
import os, sys
case = dict(line.rstrip("\n").partition(" ")[::2] for line in iter(sys.stdin.readline, "run\n"))
threads = os.environ["OMP_NUM_THREADS"], os.environ["OMP_PROC_BIND"], len(os.sched_getaffinity(0))
print("attnbench-worker 1 stand-in\ndone unsupported", case["variant"], *threads, flush=True)
END
export ATTN_PEERS_DIR="$T/peers"
expect 0 - "$A" run -v torch_sdpa -v ort_mha -v naive -w gauss -n 16 --heads 2 --dim 8 $quick --db "$T/a.db"
same "ok ok unsupported" "$(column "$T/a.db" '*' status | sort | xargs)" "a peer that works, and one that refuses"
same "exact peer" "$(column "$T/a.db" torch_sdpa kind) $(column "$T/a.db" torch_sdpa family)" "kind and family"
same 0 "$(column "$T/a.db" torch_sdpa rel_l2 | awk '!($1 <= 1e-5)' | wc -l)" "the peer's error"
same 1 "$(column "$T/a.db" '*' input_checksum | sort -u | wc -l)" "inputs of ours and theirs"
same None "$(column "$T/a.db" torch_sdpa tracked_bytes)" "a figure that the peer does not give"
same "ort_mha 1 true 1" "$(column "$T/a.db" ort_mha reason)" "threads and cores of a peer"
expect 3 "ort_mha" "$A" run -v ort_mha -w gauss -n 16 -t all --rounds 1 --db "$T/b.db"
cores=$("$A" run -t 4000 2>&1 | sed -n "s/.*this machine has \([0-9]*\) core.*/\1/p")
same "ort_mha $cores true $cores" "$(column "$T/b.db" ort_mha reason)" "threads and cores of a team"
# A peer that crashes is a case like any other.
echo 'import os; os.abort()' > "$T/peers/torch_flex.py"
expect 4 - "$A" run -v torch_flex -v naive -w gauss -n 16 $quick --db "$T/c.db"
same "crashed ok" "$(column "$T/c.db" '*' status | sort | xargs)" "a peer that crashes"
expect 0 "skipped" "$A" check torch_sdpa mean_v

# What the environment names has to be there.
expect 2 "ATTN_PEERS_DIR=$T" env ATTN_PEERS_DIR="$T" "$A" run -v torch_sdpa -n 16 $quick --db "$T/d.db"
expect 2 "ATTN_PEERS_PYTHON=/none" env ATTN_PEERS_PYTHON=/none "$A" run -v torch_sdpa -n 16 $quick --db "$T/d.db"

# The real programs on a Python without packages: unsupported, and the way to them is named.
printf '#!/bin/sh\nexec python3 -S "$@"\n' > "$T/bare"
chmod +x "$T/bare"
make -s install PREFIX=/usr DESTDIR="$T/root" BUILD="$BUILD" > "$T/out" 2>&1 || failures=1
for there in "$A" "$T/root/usr/bin/attnbench"; do
    rm -f "$T/e.db"
    expect 3 "is not installed" env -u ATTN_PEERS_DIR ATTN_PEERS_PYTHON="$T/bare" \
        sh -c "cd '$T' && '$there' run -v peer -w gauss -n 16 --causal $quick --db '$T/e.db'"
    same 0 "$(column "$T/e.db" '*' status | grep -cv unsupported)" "peers without packages"
    setup=$(column "$T/e.db" torch_flex reason | sed 's/.*; sh //')
    [ -r "$setup" ] || { echo "the way to PyTorch is not there: $setup"; failures=1; }
done

# 16 bits: unsupported where a variant does not take them; the reference sees rounded inputs.
expect 0 - "$A" run --dtype bf16 -v flash -v naive -v window -w gauss -n 64 --causal $quick --db "$T/f.db"
same "unsupported" "$(column "$T/f.db" naive status)" "naive in bf16"
same "bf16 bf16 bf16" "$(column "$T/f.db" '*' dtype | xargs)" "dtype"
same 0 "$(column "$T/f.db" flash rel_l2 | awk '!($1 <= 1e-2 && $1 > 1e-5)' | wc -l)" "error of flash in bf16"
same 0 "$(column "$T/f.db" flash floor_rel_l2 | awk '!($1 <= 1e-6)' | wc -l)" "floor in bf16"
expect 0 - "$A" run -v flash -w gauss -n 64 --causal $quick --db "$T/g.db"
same 2 "$( (column "$T/f.db" flash input_checksum; column "$T/g.db" flash input_checksum) | sort -u | wc -l)" "checksums of two types"
# One run with both types, widths and masks: a table and a plot for each.
expect 0 - "$A" run --suite peers -v flash -n 32,64 $quick --db "$T/s.db"
expect 0 "d 128, bf16, causal" "$A" show --db "$T/s.db"
expect 0 - "$A" plot --db "$T/s.db" -o "$T/plots"
same 8 "$(ls "$T/plots" | grep -c '^time-.*svg$')" "plots of time"
expect 2 "fp32 or bf16" "$A" run --dtype fp16 -v flash -n 64

exit $failures
