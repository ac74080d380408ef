# SPDX-License-Identifier: MIT
# Faults that the checks of variants must find: a plugin that computes exact attention passes, the
# same plugin with one fault fails both `attnbench check` and the unit tests.
. tests/cli/lib.sh
M=$BUILD/plugins/mutant.so

# verdict STATUS TEXT TEXT: of both, about the mutant that the environment names.
verdict() {
    expect "$1" "$2" "$A" check --plugin "$M" mutant
    expect "$1" "$3" env ATTN_TEST_PLUGIN="$M" ATTN_TEST_VARIANT=mutant ATTN_TEST_QUICK=1 \
        "$BUILD/tests/unit/test_variants"
}

verdict 0 mutant PASSED
while read -r MUTANT reason; do
    export MUTANT
    verdict 1 "$reason" "repeat with: "
done << 'END'
mask_off_by_one differs from its definition
mask_top_left differs from its definition
last_key differs from its definition
scale differs from its definition
heads differs from its definition
empty_rows differs from its definition
unwritten left outputs unwritten
workspace wrote behind its declared workspace
threads other bits
no_max not finite with logits of thousands
inputs wrote to its inputs
END
exit $failures
