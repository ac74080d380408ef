# SPDX-License-Identifier: MIT
# How numbers are made: memory that agrees and does not depend on order, what else a run stores.
. tests/cli/lib.sh
P=$BUILD/plugins

# query DATABASE SQL: values of the first column.
query() {
    python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(row[0])' "$1" "$2"
}

# agree WANT GOT WHAT: like same, where what the kernel sees is the method's memory. A sanitizer holds
# freed blocks back and keeps shadows, megabytes that change from launch to launch.
agree() {
    if sanitized; then
        echo "skipped $3: a sanitizer's own memory is in what the kernel sees"
    else
        same "$@"
    fi
}

# Three views of memory agree for every variant, whatever the length.
expect 0 "outside the measured calls" "$A" run -v full -v sparse -v linear -v longrange -v hierarchical -v baseline -w gauss -n 96,1024 --heads 4 --causal $quick --db "$T/m.db"
agree "" "$(query "$T/m.db" "SELECT variant || ' ' || n_q FROM summary WHERE flags LIKE '%unaccounted%'")" "unaccounted memory"
# Memory that is hidden, or declared and not used, is flagged.
expect 0 - "$A" run --plugin "$P/hoarder.so" -v hoarder:taken=0,32 -v hoarder:declared=32 -w gauss -n 64 $quick --db "$T/h.db"
same "0 1 1" "$(query "$T/h.db" "SELECT flags LIKE '%unaccounted%' FROM summary ORDER BY params LIKE '%32%'" | xargs)" "hidden memory"
# Small after large is as small as alone.
expect 0 - "$A" run -v naive -w gauss -n 64 --heads 4 $quick --db "$T/alone.db"
expect 0 - "$A" run -v naive -w gauss -n 64,1536 --heads 4 -t 1 --rounds 2 --db "$T/both.db"
small="SELECT max(abs(peak_rss_bytes - (SELECT max(peak_rss_bytes) FROM a.round))) < 1048576 FROM round JOIN \"case\" c ON c.id = case_id WHERE c.n_q = 64"
agree 1 "$(python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute("ATTACH ? AS a", (sys.argv[2],))
print(db.execute(sys.argv[3]).fetchone()[0])' "$T/both.db" "$T/alone.db" "$small")" "memory after a larger case"

# What a run says about how it was made.
same "1 1 1 1" "$(query "$T/both.db" "SELECT (launches >= 4) || ' ' || (overhead_s > 0) || ' ' || (inputs_s > 0) || ' ' || (calibration_s > 0) FROM run")" "costs"
same 1 "$(query "$T/both.db" "SELECT json_valid(covariates) AND json_valid(covariates_after) FROM run")" "covariates"
same 1 "$(query "$T/both.db" "SELECT count(*) >= 3 FROM calibration")" "calibrations"
same 1 "$(query "$T/both.db" "SELECT count(*) = 2 AND min(ci_lo_s) > 0 FROM spread")" "intervals across launches"
same 0 "$(query "$T/both.db" "SELECT count(*) FROM round WHERE huge_pages NOT IN ('never', 'madvise')")" "huge pages only where asked for"
same 4 "$(query "$T/both.db" "SELECT count(*) FROM round WHERE drift >= 0 AND busy_s > 0 AND numa_nodes >= 1")" "drift"
same 0 "$(query "$T/both.db" "SELECT count(*) FROM roof WHERE NOT value > 0")" "roofs"
# Each thread of a team has a core of its own.
team="$A run --plugin $P/team.so -v team -w gauss -n 64 -t 1,all --rounds 1 --db $T/t.db"
expect 0 - $team
expect 0 - env OMP_PROC_BIND=false $team
expect 2 "OMP_PROC_BIND=close: unset it" env OMP_PROC_BIND=close $team
expect 0 "bf16 dot" "$A" machine
same 1 "$(grep -c "^clock, a reading *ns *[1-9]" "$T/out")" "cost of the clock"
exit $failures
