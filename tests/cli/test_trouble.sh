# SPDX-License-Identifier: MIT
# Workers and plugins that misbehave, killed sweeps, folders and disks that cannot be written.
. tests/cli/lib.sh
P=$BUILD/plugins
# What AddressSanitizer finds in a worker ends it by a signal, as without one.
export ASAN_OPTIONS=abort_on_error=1
plugins=
for p in crash hang greedy eater silent replay toy; do plugins="$plugins --plugin $P/$p.so"; done
if sanitized; then
    echo "skipped eater: a sanitizer maps more addresses than any limit"
    limited=
else
    limited="-v eater --memory-limit 256M"
fi
expect 4 - "$A" run $plugins -v crash -v greedy $limited -v silent -v replay -v toy -v flash -w gauss -n 64 $quick --db "$T/a.db"
expect 4 - "$A" run $plugins -v hang -w gauss -n 64 --case-timeout 2 $quick --db "$T/hang.db"
same timeout "$(column "$T/hang.db" hang status)" hang
for pair in crash:crashed silent:wrong replay:wrong toy:ok flash:ok; do
    same "${pair#*:}" "$(column "$T/a.db" "${pair%:*}" status)" "${pair%:*}"
done
case $(column "$T/a.db" greedy status) in oom | skipped) ;; *) failures=1; echo greedy ;; esac
case $limited$(column "$T/a.db" eater status) in "" | *oom | *crashed | *timeout) ;; *) failures=1; echo eater ;; esac
same None "$(column "$T/a.db" crash median_s)" "a figure of a failed row"
expect 1 "FAILED" "$A" check --plugin "$P/crash.so" crash
expect 1 "left outputs unwritten" "$A" check --plugin "$P/silent.so" silent
expect 0 "toy" "$A" check --plugin "$P/toy.so" toy

# External workers: one that works, and every way not to.
expect 0 - "$A" run --worker "python3 tests/worker/exact_worker.py" -v naive -v window -w gauss -n 16 --heads 2 --dim 8 $quick --db "$T/w.db"
same "ok unsupported" "$(column "$T/w.db" '*' status | xargs)" "exact_worker.py"
same 0 "$(column "$T/w.db" naive rel_l2 | awk '!($1 <= 1e-5)' | wc -l)" "its error"
worker() { # status, reason, shell commands of the worker
    rm -f "$T/x.db"
    expect 4 - "$A" run --worker "sh -c '$3'" -v flash -w gauss -n 16 --case-timeout 2 $quick --db "$T/x.db"
    same "$1" "$(column "$T/x.db" flash status)" "$3"
    case $(column "$T/x.db" flash reason) in *"$2"*) ;; *) echo "reason of $3: $(column "$T/x.db" flash reason)"; failures=1 ;; esac
}
worker failed "does not know" 'head -c 3000 /dev/urandom; echo'
worker failed "without an answer: boom" 'echo boom >&2; exit 3'
worker failed "not a positive time" 'echo sample nan; echo done ok'
worker failed "without a sample" 'echo done ok'
worker failed "without an output file" 'echo sample 1; echo done ok'
worker timeout "no answer within" 'sleep 60'
worker timeout "did not exit" 'echo done oom none; sleep 60'
worker crashed "signal" 'kill -SEGV $$'

# kill -9 in mid-sweep, then --resume: nothing twice, nothing lost.
sweep="run -v flash -v window -v copy -v mean_v -w gauss -n 64,128,256,512 --rounds 2 -t 1 --db $T/k.db"
"$A" $sweep > "$T/out" 2>&1 &
pid=$!
sleep 4
kill -9 $pid
wait $pid 2> "$T/out"
before=$("$A" list runs --db "$T/k.db" | wc -l)
expect 0 - "$A" $sweep --resume
same 1 "$before" "runs before"
same 1 "$("$A" list runs --db "$T/k.db" | wc -l)" "runs after --resume"
same 16 "$(column "$T/k.db" '*' rounds | grep -c '^2$')" "cases with both rounds"
python3 - "$T/k.db" <<'END' || failures=1
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
assert db.execute("SELECT count(*), count(DISTINCT case_id || '-' || number) FROM round").fetchone() == (32, 32)
END
ls /dev/shm | grep "^attnbench-$pid-" && { echo "the killed run's inputs are still in memory"; failures=1; }

# Ctrl-C: the round in flight is given up, the rest goes on later.
sweep="run -v flash -v copy -v mean_v -w gauss -n 64,128,256,512 --rounds 2 -t 1 --db $T/i.db"
"$A" $sweep > "$T/out" 2>&1 &
pid=$!
sleep 3
kill -TERM $pid
wait $pid
same 130 $? "exit of an interrupted run"
grep -q -- "--resume goes on" "$T/out" || { echo "an interrupted run does not say how to go on"; failures=1; }
expect 0 - "$A" $sweep --resume
same 12 "$(column "$T/i.db" '*' rounds | grep -c '^2$')" "cases with both rounds after an interruption"

# Places that cannot be written. Root may write anywhere but to such.
expect 2 "give another --db" "$A" run -v copy -w gauss -n 16 $quick --db /proc/nowhere/x.db
expect 2 - "$A" run -v copy -w gauss -n 16 $quick --db /dev/full
expect 4 "-o /proc/nowhere" "$A" plot --db "$T/a.db" -o /proc/nowhere

# Hostile files.
printf '\223NUMPY\001\000\377\377{' > "$T/h.npz"
expect 2 "declares" "$A" run --input "$T/h.npz" -n 16
head -c 100000 results/captures/smollm2-kjv-L00.safetensors > "$T/h.safetensors"
expect 2 "h.safetensors" "$A" run --input "$T/h.safetensors" -n 16
printf '\377\377\377\377\377\377\377\177{}' > "$T/h2.safetensors"
expect 2 "declares" "$A" run --input "$T/h2.safetensors" -n 16
head -c 60 /dev/urandom > "$T/noise"
expect 2 "neither" "$A" run --input "$T/noise" -n 16
mkfifo "$T/fifo"
expect 2 "not a regular file" "$A" run --input "$T/fifo" -n 16
expect 0 - "$A" run --input results/captures/smollm2-kjv-L00.safetensors -v flash -n 64 --causal $quick --db "$T/f.db"
exit $failures
