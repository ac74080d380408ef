# SPDX-License-Identifier: MIT
# Exit codes and messages of bad use; what --help and lists say.
. tests/cli/lib.sh
expect 2 "Usage" "$A"
expect 0 "measure variants" "$A" --help
expect 0 "attnbench 0." "$A" --version
expect 2 "no command 'rnu'" "$A" rnu
for c in run list show plot export import compare tag ab history machine check worker; do expect 0 "Usage" "$A" $c --help; done
expect 2 "unrecognized option" "$A" run --nonsense
expect 2 "is not a list of lengths" "$A" run -n 12..
expect 2 "is not a list of lengths" "$A" run -n 4,,8
expect 2 "is not a list of lengths" "$A" run -n 99999999999999999999
expect 2 "no variant, family or glob matches" "$A" run -v nosuch -n 64
expect 2 "has no parameter 'x'" "$A" run -v window:x=1 -n 64
expect 2 "from 0 to" "$A" run -v window:w=-3 -n 64
expect 2 "no such workload" "$A" run -w nosuch -n 64
expect 2 "unknown suite" "$A" run --suite nosuch
expect 2 "does not divide" "$A" run --heads 8 --kv-heads 3 -n 64
expect 2 "give a size" "$A" run --memory-limit lots
expect 2 "give a time" "$A" run --budget soon
expect 2 "to use" "$A" run -t 4000 -n 64
expect 2 "needs --input" "$A" run -w file -n 64
expect 2 "No such file" "$A" run --input "$T/none.safetensors" -n 64
expect 2 "No such file" "$A" run --plugin "$T/none.so" -n 64
expect 2 "ABI version" "$A" list --plugin "$BUILD/plugins/old_abi.so"
expect 2 "not a loadable shared object" "$A" list --plugin "$0"
expect 2 "No such file" "$A" show --db "$T/none.db"
expect 2 "no list 'nosuch'" "$A" list nosuch
expect 2 "give csv, jsonl or md" "$A" export --format xml
expect 2 "no such instruction-set level" env ATTN_ISA=mmx "$A" list
echo "this is no database, whatever its name says, and long enough to have a header" > "$T/text.db"
expect 2 "not a database" "$A" show --db "$T/text.db"
expect 2 "not a database" "$A" run -v copy -n 64 --db "$T/text.db"
expect 0 "flash" "$A" list variants
expect 0 "vslash" "$A" list workloads
expect 0 "quick" "$A" list suites
expect 0 "to measure" "$A" run --plan -v flash -n 64..256 -w gauss
expect 0 "more than the limit" "$A" run --plan -v naive -n 65536 -w gauss --memory-limit 1G
exit $failures
