# SPDX-License-Identifier: MIT
# history: a run, copied to 24 runs whose times are a script: flash is slower from the 13th on.
. tests/cli/lib.sh
expect 0 - "$A" run --worker "python3 tests/worker/scripted_worker.py $T/state" -v naive -v flash -v window -w gauss -n 16 --heads 2 --dim 8 $quick --db "$T/h.db" --name run1
expect 0 "3 cases over 1 runs of this machine: 0 with steps" "$A" history --db "$T/h.db"
python3 - "$T/h.db" <<'END' || failures=1
import random, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
rng = random.Random(1)
columns = lambda t: [c[1] for c in db.execute(f'PRAGMA table_info("{t}")')]
def copy(table, where, **changes):
    names = columns(table)
    made = []
    for row in db.execute(f'SELECT * FROM "{table}" WHERE {where}').fetchall():
        row = dict(zip(names, row))
        old = row.get("id")
        if "id" in row: row["id"] = None
        row.update({k: v(row) if callable(v) else v for k, v in changes.items()})
        at = db.execute(f'INSERT INTO "{table}" VALUES({",".join("?" * len(names))})', list(row.values()))
        made.append((old, at.lastrowid))
    return made
for n in range(2, 25):
    run = copy("run", "name = 'run1'", name=f"run{n}", started=f"2026-01-{n:02}")[0][1]
    for old, case in copy("case", "run = 1", run=run):
        slow = 1.1 if n >= 13 and db.execute('SELECT variant FROM "case" WHERE id = ?', (case,)).fetchone()[0] == "flash" else 1
        for before, made in copy("round", f"case_id = {old}", case_id=case):
            noise = slow * rng.gauss(1, .01)
            copy("sample", f"round = {before}", round=made, seconds=lambda r: r["seconds"] * noise)
db.execute("UPDATE run SET started = '2026-01-01' WHERE id = 1")
db.commit()
END
expect 0 "3 cases over 24 runs of this machine" "$A" history --db "$T/h.db"
grep -q "from run 13 on (run13, commit" "$T/out" || { cat "$T/out"; failures=1; }
expect 0 "1 with steps" "$A" history -v flash --db "$T/h.db"
grep -q " +[0-9.]* %  from run 13" "$T/out" || { echo "no step of flash"; cat "$T/out"; failures=1; }
expect 0 "0 with steps" "$A" history -v flash --floor 20 --db "$T/h.db"
expect 0 "24 runs, 2026-01-01 to 2026-01-24" "$A" history -v flash --floor 20 --all --db "$T/h.db"
expect 0 "variant,method,problem,run,commit,started,exact,ratio,level,step" "$A" history -v flash --format csv --db "$T/h.db"
same 24 "$(grep -c '^flash,' "$T/out")" "points of flash"
same run13 "$(python3 -c 'import csv, sys; print(*[r["run"] for r in csv.DictReader(open(sys.argv[1])) if r["step"] == "1"])' "$T/out")" "runs at which a level begins"
expect 3 "no run of this machine has such a method" "$A" history -v nosuch --db "$T/h.db"
expect 2 "no run 'x'" "$A" history x --db "$T/h.db"
expect 2 "No such file" "$A" history --db "$T/none.db"
expect 2 "give text, csv, jsonl or md" "$A" history --format html

# regression.sh, as far as it goes without building.
expect 2 "usage" sh scripts/regression.sh HEAD
expect 2 "'nosuch' is no revision" sh scripts/regression.sh nosuch HEAD
exit $failures
