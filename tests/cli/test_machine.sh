# SPDX-License-Identifier: MIT
# The roofs of a machine: the roofline of a run, and what stands above a roof.
. tests/cli/lib.sh

# sql DATABASE STATEMENT: values of a query, or a change.
sql() {
    python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for row in db.execute(sys.argv[2]): print(*row)' "$1" "$2"
}

expect 0 - "$A" run -v flash -v flash_bf16 -v window:w=16,32 -v copy -v transformer_xl -w gauss -n 64,128 --heads 2 $quick --db "$T/a.db"

# machine draws nothing but the roofline, plot draws it too, and both list what they wrote.
name=roofline-gauss-full-h2x2-d64-fp32-t1
expect 0 "$T/roofs/deep/$name.svg" "$A" machine -o "$T/roofs/deep" --db "$T/a.db" last
same "" "$(grep -i warning "$T/out")" "warnings of gnuplot"
same "dat gp png svg" "$(cd "$T/roofs/deep" && ls | sed "s/^$name\.//" | xargs)" "files of machine"
expect 0 "$name.png" "$A" plot --db "$T/a.db" -o "$T/plots"
for f in "$T/roofs/deep/$name" "$T/plots/$name"; do
    for e in png svg; do [ -s "$f.$e" ]; same 0 $? "$f.$e"; done
done
cmp "$T/roofs/deep/$name.dat" "$T/plots/$name.dat"
same 0 $? "the same points from both commands"

# A point for each measured case with flops: what was counted over what was timed. copy has none.
"$A" export --db "$T/a.db" --format jsonl > "$T/rows"
same "8 points agree" "$(python3 - "$T/rows" "$T/plots/$name.dat" << 'END'
import json, sys
rows = [r for r in map(json.loads, open(sys.argv[1])) if r["status"] == "ok" and r["flops"]]
want = sorted((r["flops"] / r["bytes"], r["flops"] / r["median_s"] / 1e9, r["n_k"]) for r in rows)
got = sorted(tuple(map(float, l.split())) for l in open(sys.argv[2]) if l[:1].isdigit())
close = all(abs(x / y - 1) <= 1e-6 for g, w in zip(got, want) for x, y in zip(g, w))
print(len(got), "points agree" if len(got) == len(want) and close else f"{got} {want}")
END
)" "points"
same "flash,flash_bf16,window w=16,window w=32" "$(sed -n 's/^label.*= "\(.*\)"/\1/p' "$T/plots/$name.gp" | sort | paste -sd,)" "methods"

# Roofs: bandwidths, the peak of fp32, and those of other types where a method computes in them.
roofs() { sed -n 's/^\(ceiling\|slope\)_name.*= "\([a-zA-Z0-9 ,]*\), .*/\2/p' "$1" | paste -sd';'; }
sql "$T/a.db" "UPDATE roof SET value = 1e12 WHERE name = 'fp32'"
sql "$T/a.db" "UPDATE roof SET value = 2e12 WHERE name IN ('bf16', 'int8')"
sql "$T/a.db" "UPDATE \"case\" SET flops_bf16 = flops / 2 WHERE variant = 'flash_bf16'"
expect 0 - "$A" machine -o "$T/two" --db "$T/a.db"
same "fp32 FMA;bf16 dot;read, L2;read, LLC;read, DRAM" "$(roofs "$T/two/$name.gp")" "roofs with bf16"
sql "$T/a.db" "UPDATE roof SET value = 1e12 WHERE name = 'bf16'" # no such instruction
expect 0 - "$A" machine -o "$T/one" --db "$T/a.db"
same "fp32 FMA;read, L2;read, LLC;read, DRAM" "$(roofs "$T/one/$name.gp")" "roofs without bf16"

# Above the roof that binds is an error of ours: flagged, in the export and for people.
expect 0 "no record" "$A" show --db "$T/a.db"
same 0 "$(column "$T/a.db" '*' flags | grep -c mistrusted)" "flags below the roofs"
sql "$T/a.db" "UPDATE roof SET value = 1e6 WHERE name = 'fp32'"
same "8 8" "$(column "$T/a.db" '*' flags | grep -c mistrusted) $(column "$T/a.db" '*' roof_pct | awk '$1 + 0 > 102' | wc -l)" "flags above a roof"
expect 0 "mistrusted" "$A" show --db "$T/a.db"

# Nothing to draw, and wrong use.
sql "$T/a.db" "DELETE FROM roof"
expect 3 "no roofs" "$A" machine -o "$T/none" --db "$T/a.db"
expect 0 "time-gauss" "$A" plot -o "$T/none" --db "$T/a.db"
same 0 "$(ls "$T/none" | grep -c roofline)" "roofline without roofs"
expect 2 "no run 'nosuch'" "$A" machine -o "$T/none" --db "$T/a.db" nosuch
expect 2 "one RUN at a time" "$A" machine -o "$T/none" --db "$T/a.db" last last
expect 2 "say where with -o DIR" "$A" machine last
expect 2 "say where with -o DIR" "$A" machine --db "$T/a.db"
expect 2 "$T/absent.db" "$A" machine -o "$T/none" --db "$T/absent.db"
exit $failures
