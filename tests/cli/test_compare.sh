# SPDX-License-Identifier: MIT
# compare and tag. The times come from a script: a busy machine changes nothing.
. tests/cli/lib.sh
cells="-v naive -v flash -v window -w gauss -n 16 --heads 2 --dim 8 --rounds 3 -t 1 --db $T/a.db"
run() { # name, what the script does
    name=$1
    shift
    "$A" run --worker "python3 tests/worker/scripted_worker.py $T/$name $*" $cells --name "$name" > "$T/out" 2>&1
}
compare() { # status, text, arguments
    status=$1 text=$2
    shift 2
    expect "$status" "$text" "$A" compare --db "$T/a.db" "$@"
}
run base seed=1
run again seed=2
run slow seed=3 only=flash slow=1.3
run a_little seed=3 slow=1.03
run wrong seed=1 only=flash error=1e-6
run large seed=2 only=window memory=4096
run crash seed=2 only=naive say=crash
run nothing say=unsupported

compare 0 "0 findings worse, 0 better, 0 noted, 0 hidden" base again
compare 0 "0 findings worse" base base
compare 1 "1 findings worse, 0 better" base slow
grep -q "time .*+[0-9.]* %  \[" "$T/out" || { echo "no interval"; failures=1; }
compare 0 "0 findings worse, 1 better" slow base
compare 0 "3 cases compared: 0 findings worse" base a_little
compare 1 "time" base a_little --floor 1
# The same times, twice the error and more: worse, and it says so.
compare 1 "error" base wrong
grep -q "^  time" "$T/out" && { echo "times differ where they are the same"; failures=1; }
compare 1 "workspace" base large
compare 1 "crashed: ended by signal 6 (Aborted); it was ok" base crash
compare 3 "nothing was compared" nothing base
compare 1 "unsupported: the script says so; it was ok" base nothing

# A case that vanished, and one that is new.
"$A" run --worker "python3 tests/worker/scripted_worker.py $T/few seed=1" ${cells#-v naive} --name few > "$T/out" 2>&1
compare 1 "vanished: it was ok" base few
compare 0 "vanished: it was ok" base few --lenient
compare 0 "new: base has no such case" few base

# Formats: one Markdown table, and csv with every quantity.
compare 1 '| `flash` | gauss, 2/2 heads, d 8, n 16, 1 thread | time |' base slow --format md
compare 1 'worse,flash,"gauss, 2/2 heads, d 8, n 16, 1 thread",time,' base slow --format csv
compare 1 "hidden by noise" base slow --all

# On another machine times are shown as ratios and not judged; errors are.
python3 - "$T/a.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO machine VALUES('elsewhere', 'another machine', '{}')")
db.execute("UPDATE run SET machine = 'elsewhere' WHERE name IN ('slow', 'wrong')")
db.commit()
END
compare 0 "another machine: not judged" base slow
compare 1 "error" base wrong

# Tags stand wherever a run does, and move.
expect 0 "main is run 1" "$A" tag base main --db "$T/a.db"
compare 0 "main (base)" main again
expect 0 "tags=main" "$A" list runs --db "$T/a.db"
expect 0 "main is run 2 (it was run 1)" "$A" tag 2 main --db "$T/a.db"
compare 0 "main (again)" main base
expect 0 "run 2, again" "$A" show main --db "$T/a.db"
expect 0 "runs added" "$A" import --db "$T/b.db" "$T/a.db"
expect 0 "run 2, again" "$A" show main --db "$T/b.db"
expect 2 "is the name of run 1" "$A" tag 2 base --db "$T/a.db"
expect 2 "cannot name a run" "$A" tag base last --db "$T/a.db"
expect 2 "cannot name a run" "$A" tag base 12 --db "$T/a.db"
expect 2 "no run 'nosuch'" "$A" tag nosuch main --db "$T/a.db"
expect 2 "No such file" "$A" tag base main --db "$T/none.db"
expect 2 "give RUN NAME" "$A" tag base
compare 2 "no run 'nosuch'" base nosuch
compare 2 "give BASE NEW" base
compare 2 "too many" base again slow
compare 2 "give text, md or csv" base again --format html
compare 2 "give a percentage" base again --floor none
exit $failures
