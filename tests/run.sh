#!/bin/sh
# SPDX-License-Identifier: MIT
# Every test, one after the other; ends with "N passed, N failed". Each failing test prints the
# command that repeats it. ATTN_TEST_QUICK=1 runs one ISA level and leaves out what is slow.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
export BUILD
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# Runs a command, shows its output only when it fails, counts it.
check() {
    name=$1
    shift
    if "$@" > "$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        sed 's/^/        /' "$log" | tail -40
        echo "        repeat with: $*"
    fi
}

# The ISA levels of this machine, best last; absent ones are named, not hidden.
levels=
for isa in portable avx2 avx512 avx512_bf16 amx; do
    if ATTN_ISA=$isa "$BUILD/attnbench" list > "$log" 2>&1; then
        levels="$levels $isa"
    else
        echo "skipped ISA $isa: $(cat "$log")"
    fi
done

for program in "$BUILD"/tests/unit/test_*; do
    case $program in *.d) continue ;; esac
    test=$(basename "$program")
    case $test in
    test_variants | test_block | test_rounding)
        for isa in $levels; do
            [ -n "${ATTN_TEST_QUICK:-}" ] && [ "$isa" != "${levels##* }" ] && continue
            check "$test ($isa)" env ATTN_ISA="$isa" "$program"
        done ;;
    test_amx_tiles)
        case $levels in *amx*) check "$test" "$program" ;; esac ;;
    *) check "$test" "$program" ;;
    esac
done
# What computes in AMX, on an emulation of it, for machines without.
case $levels in
*avx512_bf16*)
    for program in "$BUILD"/tests/amx-emulated/test_*; do
        case $program in *.d) continue ;; esac
        check "$(basename "$program") (amx emulated)" env ATTN_ISA=amx ATTN_TEST_ROUNDED=1 \
            "$program"
    done ;;
*) echo "skipped AMX emulated: needs avx512_bf16" ;;
esac
check fuzz_readers "$BUILD/tests/fuzz_readers" 20000 1
for script in tests/cli/test_*.sh; do
    check "$(basename "$script")" env BUILD="$BUILD" sh "$script"
done

# The peers' own libraries, where they are installed.
if PYTHON=$(python=${ATTN_PEERS_PYTHON:-scripts/peers/venv/bin/python3}; command -v "$python"); then
    export PYTHON
    check peers env BUILD="$BUILD" sh tests/cli/peers.sh
else
    echo "skipped peers' libraries: not installed (make peers-setup)"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
