# SPDX-License-Identifier: MIT
# A sweep on real input, its exports, its plots, and the same from an installation elsewhere.
. tests/cli/lib.sh
expect 0 - "$A" run -v naive -v flash -v window -v hmat -w captured -n 64,256 --causal $quick --db "$T/a.db"
expect 0 "plain fp32" "$A" show --db "$T/a.db"
want=run,variant,params,family,kind,workload,phase,heads_q,heads_kv,n_q,n_k,d,causal,dtype,threads,isa,status,reason,flags,samples,median_s,min_s,ci_lo_s,ci_hi_s,prepare_s,flops,bytes,gflops,roof_pct,workspace_bytes,tracked_bytes,peak_rss_bytes,rel_l2,rel_l2_p95,max_abs,cosine,floor_rel_l2
same "$want" "$("$A" export --db "$T/a.db" | head -1 | cut -c1-${#want})" "columns"
same 8 "$(column "$T/a.db" '*' status | grep -c ok)" "ok rows"
same 2 "$(column "$T/a.db" '*' input_checksum | sort -u | wc -l)" "checksums, one a shape"
for v in naive flash; do
    same 0 "$(column "$T/a.db" $v rel_l2 | awk '!($1 <= 1e-5)' | wc -l)" "error of $v"
    same 0 "$(column "$T/a.db" $v capture_rel_l2 | awk '!($1 <= 2e-3)' | wc -l)" "$v against the model"
done
same 0 "$(column "$T/a.db" '*' mxcsr | awk '!(int($1 / 32768) % 2 && int($1 / 64) % 2)' | wc -l)" "FTZ and DAZ"
expect 0 ".png" "$A" plot --db "$T/a.db" -o "$T/plots/deep"
for f in "$T"/plots/deep/*.gp; do [ -s "${f%.gp}.svg" ] && [ -s "${f%.gp}.png" ] && [ -s "${f%.gp}.dat" ] || failures=1; done
expect 4 "gnuplot cannot be started" env PATH=/nonexistent "$A" plot --db "$T/a.db" -o "$T/p2"
expect 0 "| variant |" sh -c "'$A' export --format md --db '$T/a.db' | sed 's/run | variant/x | variant/'"
# Only unsupported: nothing measured.
expect 3 "causal attention only" "$A" run -v transformer_xl -w gauss -n 64 $quick --db "$T/b.db"
# Import: once, and then nothing new.
expect 0 "1 runs added, 0" "$A" import --db "$T/b.db" "$T/a.db"
expect 0 "0 runs added, 1" "$A" import --db "$T/b.db" "$T/a.db"
same 8 "$(column "$T/b.db" '*' status | grep -c ok)" "imported rows"
# Decoding, cross-attention, grouped heads.
expect 0 - "$A" run -v flash -v linear_elu -w vslash -n 300 --queries 7 --heads 4 --kv-heads 2 --dim 32 --causal $quick --db "$T/c.db"
same "ok ok" "$(column "$T/c.db" '*' status | xargs)" "cross-attention"
# Closed and full outputs.
expect 4 "standard output" sh -c "'$A' export --db '$T/a.db' > /dev/full"
# Another folder, nothing but the installation.
make -s install PREFIX=/usr DESTDIR="$T/root" BUILD="$BUILD" > "$T/out" 2>&1 || failures=1
mkdir "$T/elsewhere"
expect 0 - sh -c "cd '$T/elsewhere' && '$T/root/usr/bin/attnbench' run -v flash -w captured -n 64 --causal $quick --db d.db && '$T/root/usr/bin/attnbench' plot --db d.db -o p"
exit $failures
