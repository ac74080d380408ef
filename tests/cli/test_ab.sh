# SPDX-License-Identifier: MIT
# ab: two builds in turn. Most times come from a script, so that a busy machine changes nothing.
. tests/cli/lib.sh
cells="-v naive -v flash -v window -w gauss -n 16 --heads 2 --dim 8 -t 1 --db $T/a.db"
ab() { # status, text, script of base, script of new, arguments
    status=$1 text=$2 base=$3 new=$4
    shift 4
    rm -f "$T/base" "$T/new"
    expect "$status" "$text" "$A" ab --base "python3 tests/worker/scripted_worker.py $T/base $base" \
        --new "python3 tests/worker/scripted_worker.py $T/new $new" $cells "$@"
}
ab 0 "0 findings worse, 0 better, 0 noted, 0 hidden" "seed=1 launch=.005" "seed=2 launch=.005"
ab 1 "1 findings worse, 0 better" "seed=1 launch=.005" "seed=2 launch=.005 only=flash slow=1.05"
ab 1 "measuring 1 case that may have changed once more" "seed=1" "seed=2 only=flash slow=1.3"
ab 0 "0 findings worse, 1 better" "seed=1" "seed=2 only=flash slow=0.9"
ab 0 "0 findings worse" "seed=1" "seed=2 slow=1.02"
ab 1 "3 findings worse" "seed=1" "seed=2 slow=1.02" --floor 1
# Launches that differ by 8 % hide 5 %.
ab 0 "0 findings worse" "seed=1 launch=.08" "seed=2 launch=.08 only=flash slow=1.05"
# The same times, an error that doubles: worse.
ab 1 "error" "seed=1" "seed=2 only=flash error=1e-6"
grep -q "1 findings worse" "$T/out" || { echo "more than the error is worse"; failures=1; }
ab 1 "workspace" "seed=1" "seed=2 only=window memory=4096"
ab 1 "crashed: ended by signal 6 (Aborted); it was ok" "seed=1" "seed=2 only=naive say=crash"
grep -q "^2 cases compared" "$T/out" || { echo "a crash took other cases with it"; failures=1; }
# Whichever build the seed lets go first.
for seed in 1 2 3 4 5; do
    ab 1 "unsupported: the script says so; it was ok" "seed=1" "seed=2 only=naive say=unsupported" \
        --seed $seed --pairs 10 --launches 1
done
ab 3 "nothing was compared" "say=unsupported" "say=unsupported"
ab 1 '| `flash` | gauss, 2/2 heads, d 8, n 16, 1 thread | time |' "seed=1" "seed=2 only=flash slow=1.1" --format md
ab 1 'worse,flash,"gauss, 2/2 heads, d 8, n 16, 1 thread",time,' "seed=1" "seed=2 only=flash slow=1.1" --format csv

# Every number can be traced: 3 cases x 3 launches x 20 pairs x 2 builds x 4 samples, and no more.
rm "$T/a.db"
ab 0 "0 findings worse" "seed=1" "seed=2"
python3 - "$T/a.db" <<'END' || failures=1
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
assert db.execute("SELECT count(*) FROM ab_sample").fetchone()[0] == 1440
first = db.execute("SELECT avg(build) FROM ab_sample WHERE turn = 0").fetchone()[0]
assert 0.3 < first < 0.7, first
assert db.execute("SELECT base, new FROM ab").fetchone() == ("scripted_worker.py",) * 2
END
expect 2 "no runs yet" "$A" show --db "$T/a.db"

# Real workers: mechanics only, a threefold time shows on any machine.
W="$A worker --plugin $BUILD/plugins/slowed.so"
real="--plugin $BUILD/plugins/slowed.so -w gauss -n 64 --heads 2 --dim 16 -t 1 --pairs 10 --launches 2 --db $T/a.db"
expect 1 "time" "$A" ab --new "env SLOWED_PERCENT=200 $W" -v slowed -v copy $real
grep -q "^2 cases compared" "$T/out" || failures=1
expect 0 "2 cases compared" "$A" ab --base "$W" -v slowed -v copy $real

# Workers that are none, and bad use.
expect 1 "exited with status 3 without an answer" "$A" ab --new "sh -c 'exit 3'" $cells
expect 3 "nothing was compared" "$A" ab --base "sh -c 'exit 3'" --new "sh -c 'exit 3'" $cells
expect 2 "give --base or --new" "$A" ab -v flash -n 64
expect 2 "no variant, family or glob matches" "$A" ab --new "$W" -v nosuch -n 64
expect 2 "give a whole number from 1 to 1000" "$A" ab --new "$W" --pairs none
expect 2 "give a percentage" "$A" ab --new "$W" --floor -1
expect 2 "give text, md or csv" "$A" ab --new "$W" --format html
exit $failures
