# SPDX-License-Identifier: MIT
# Growth, crossovers and limits, on a run whose answers are known (synthetic_run.py).
. tests/cli/lib.sh
expect 0 - "$A" run -v copy -v flash -w gauss -n 64 --heads 1 $quick --name real --db "$T/a.db"
expect 0 - python3 tests/cli/synthetic_run.py "$T/a.db" known

# field FILE COLUMN VARIANT [COLUMN VALUE]: one value of a csv table
field() {
    python3 - "$@" <<'PY'
import csv, sys
file, column, variant, *more = sys.argv[1:]
for row in csv.DictReader(open(file)):
    if row["variant"] == variant and all(row[k] == v for k, v in zip(more[::2], more[1::2])):
        print(row[column])
PY
}

# between LOW VALUE HIGH WHAT
between() {
    awk "BEGIN { exit !($1 <= $2 && $2 <= $3) }" && return
    echo "$4: $2 is not within $1 .. $3"
    failures=$((failures + 1))
}

# The exponents: what is declared is checked, and a false declaration fails.
expect 1 "liar: time grows as n^1.30" "$A" fit --db "$T/a.db" -f csv
"$A" fit --db "$T/a.db" -f csv > "$T/fit.csv" 2> /dev/null
between 1.99 "$(field "$T/fit.csv" exponent flash quantity time)" 2.01 "exponent of flash"
between 1.29 "$(field "$T/fit.csv" ci_lo liar quantity time)" 1.3 "lower end of liar"
between 1.3 "$(field "$T/fit.csv" ci_hi liar quantity time)" 1.31 "upper end of liar"
same "above declared" "$(field "$T/fit.csv" verdict liar quantity time)" "verdict on liar"
same "above declared" "$(field "$T/fit.csv" verdict liar quantity memory)" "verdict on its memory"
same ok "$(field "$T/fit.csv" verdict honest quantity time)" "verdict on honest"
same "1 1 1" "$(field "$T/fit.csv" exponent honest quantity memory) $(field "$T/fit.csv" ci_lo honest quantity memory) $(field "$T/fit.csv" ci_hi honest quantity memory)" "memory is counted"
same ok "$(field "$T/fit.csv" verdict slow quantity memory)" "verdict on n^2 bytes"
same "few points" "$(field "$T/fit.csv" verdict constant quantity time)" "a constant tells no exponent"
# Inputs and output have 8192 n bytes, two threads 2 MiB of L2; the last level 32 MiB.
same "256 4096" "$(field "$T/fit.csv" beyond_l2_n early quantity time) $(field "$T/fit.csv" beyond_llc_n early quantity time)" "caches"
same 7 "$(field "$T/fit.csv" points slow quantity time)" "lengths of slow, two skipped"
expect 0 "honest" "$A" fit --db "$T/a.db" -v honest -v full
expect 1 "sparse" sh -c "'$A' fit --db '$T/a.db' -v sparse known > /dev/null; s=\$?; echo sparse; exit \$s"
expect 0 "beyond L2" "$A" fit --db "$T/a.db" -v 'hon*'

# The crossovers, against the faster exact method.
"$A" fit --db "$T/a.db" -f csv --crossover > "$T/cross.csv" 2> /dev/null
between 1950 "$(field "$T/cross.csv" n_star honest error_limit '')" 2050 "honest overtakes flash"
between 1950 "$(field "$T/cross.csv" ci_lo honest error_limit '')" 2003 "its lower end"
between 2001 "$(field "$T/cross.csv" ci_hi honest error_limit '')" 2050 "its upper end"
same 4096 "$(field "$T/cross.csv" answer honest error_limit 0.05)" "good and fast"
same "> 65536" "$(field "$T/cross.csv" answer honest error_limit 0.01)" "never good enough"
same "< 256" "$(field "$T/cross.csv" answer early error_limit '')" "always faster"
same "> 65536" "$(field "$T/cross.csv" answer late error_limit '')" "never faster"
same multiple "$(field "$T/cross.csv" answer wave error_limit '')" "several crossings"
same "" "$(field "$T/cross.csv" n_star wave error_limit '')" "several crossings have no place"
same 1 "$(field "$T/cross.csv" answer other | wc -l)" "a replacement has no gated crossover"
same "" "$(field "$T/cross.csv" answer slow)" "exact methods are what is compared with"
same flash "$(field "$T/cross.csv" against honest error_limit '')" "the faster exact method"
expect 0 "< 256" "$A" show --db "$T/a.db"

# The same answers after an import elsewhere.
expect 0 "2 runs added" "$A" import --db "$T/b.db" "$T/a.db"
"$A" fit --db "$T/b.db" -f csv known > "$T/again.csv" 2> /dev/null
expect 0 - cmp "$T/fit.csv" "$T/again.csv"

# Limits.
expect 0 "best    honest" "$A" best -n 4k --error 0.05 --db "$T/a.db"
expect 0 "error 0.7" "$A" best -n 4k --error 0.05 --db "$T/a.db"
expect 0 "error 1.5: no better than a constant" "$A" best -n 4k --error 0.05 --db "$T/a.db"
expect 0 "replaces softmax: another function" "$A" best -n 4k --error 0.05 --db "$T/a.db"
expect 0 "best    wave" "$A" best -n 4k --error 0.05 --memory 1M --db "$T/a.db" known
expect 0 "memory 2.00 MiB" "$A" best -n 4k --error 0.05 --memory 1M --db "$T/a.db"
expect 0 "best    other" "$A" best -n 4k --error 0.05 --replacements --db "$T/a.db"
expect 0 "skipped: needs more memory" "$A" best -n 64k --error 0.05 --db "$T/a.db"
expect 0 "reaches 0.033" "$A" best -n 4k --error 0.031 --db "$T/a.db"
expect 1 "nothing that was measured meets the limits" "$A" best -n 4k --error 1e-9 --db "$T/a.db"
expect 3 "vslash n = 65536 causal" "$A" best -n 3000 --error 0.05 --db "$T/a.db"
expect 3 "on captured" "$A" best -n 4k --error 0.05 -w captured --db "$T/a.db"
expect 3 - "$A" best -n 4k --error 0.05 -t 1 --db "$T/a.db"
"$A" best -n 4k --error 0.05 -f csv --db "$T/a.db" > "$T/best.csv"
same best "$(field "$T/best.csv" place honest)" "place of the best"
same slower "$(field "$T/best.csv" place late)" "place of a slower one"
same out "$(field "$T/best.csv" place liar)" "place of a wrong one"

# Plots of them.
expect 0 "exponent-vslash-causal" "$A" plot --db "$T/a.db" -o "$T/plots" known
same 0 "$(grep -ci warning "$T/out")" "warnings of gnuplot"
expect 0 - grep -q "# overtakes exact attention" "$T/plots/time-vslash-causal-h8x8-d64-fp32-t2.dat"
same 3 "$(sed -n '/# overtakes/,$p' "$T/plots/time-vslash-causal-h8x8-d64-fp32-t2.dat" | grep -c '^[0-9]')" "marks: liar, honest, constant"
# At n = 16384 from the fastest on: early, honest, wave, flash.
same "early honest wave flash" "$(sed -n '/# Pareto/,$p' "$T/plots/tradeoff-vslash-causal-h8x8-d64-fp32-t2.dat" | awk '/^[0-9]/ { print $3 }' | xargs)" "Pareto front"

# Suites: every method has a curve.
expect 0 "window           w=1024" "$A" run --suite accuracy --plan
expect 0 "decode_splitk" "$A" run --suite full --plan

# Wrong use.
expect 2 "give -n and --error" "$A" best --error 0.05 --db "$T/a.db"
expect 2 "give one number" "$A" best -n 1k,2k --error 0.05 --db "$T/a.db"
expect 2 "above 0" "$A" best -n 4k --error nan --db "$T/a.db"
expect 2 "give a size" "$A" best -n 4k --error 1 --memory much --db "$T/a.db"
expect 2 "give text, csv, jsonl or md" "$A" best -n 4k --error 1 --format xml --db "$T/a.db"
expect 2 "give text, csv, jsonl or md" "$A" fit --format xml --db "$T/a.db"
expect 2 "no run 'absent'" "$A" fit --db "$T/a.db" absent
expect 3 "nothing to fit" "$A" fit --db "$T/a.db" real
expect 3 "nothing to compare" "$A" fit --crossover -f csv --db "$T/a.db" real
# A database of another schema is refused in words.
python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 1')" "$T/b.db"
expect 2 "made by an older attnbench" "$A" show --db "$T/b.db"
python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')" "$T/b.db"
expect 2 "made by a newer attnbench" "$A" show --db "$T/b.db"
exit $failures
