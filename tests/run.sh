#!/bin/sh
# SPDX-License-Identifier: MIT
# Every test, as many at once as there are cores (ATTN_TEST_JOBS); ends with "N passed, N failed".
# Each failing test prints the command that repeats it. ATTN_TEST_QUICK=1 runs one ISA level and
# leaves out what is slow; 2, for emulators, takes a tenth of the cases.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
# Threads that wait for one another by spinning would take the cores from the other tests.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export BUILD OMP_WAIT_POLICY

# One test, called back by xargs below: the folder of the records, and NAME|COMMAND.
if [ "${1:-}" = one ]; then
    name=${3%%|*} command=${3#*|}
    log=$(mktemp "$2/XXXXXX")
    if sh -c "$command" > "$log" 2>&1; then
        echo "$name" >> "$2/passed"
        echo "ok      $name"
    else
        echo "$name" >> "$2/failed"
        printf '%s\n' "FAILED  $name" "$(tail -40 "$log" | sed 's/^/        /')" \
            "        repeat with: $command"
    fi
    exit 0
fi

records=$(mktemp -d)
trap 'rm -rf "$records"' EXIT
: > "$records/passed"
: > "$records/failed"
check() { # NAME, COMMAND
    echo "$1|$2" >> "$records/list"
}

# The ISA levels of this machine, best last; absent ones are named, not hidden.
levels=
for isa in portable avx2 avx512 avx512_bf16 amx; do
    if refusal=$(ATTN_ISA=$isa "$BUILD/attnbench" list 2>&1 > /dev/null); then
        levels="$levels $isa"
    else
        echo "skipped ISA $isa: $refusal"
    fi
done

# The longest first.
for script in tests/cli/test_*.sh; do
    check "$(basename "$script")" "BUILD=$BUILD sh $script"
done
for program in "$BUILD"/tests/unit/test_*; do
    case $program in *.d) continue ;; esac
    test=$(basename "$program")
    case $test in
    test_variants | test_block | test_rounding)
        for isa in $levels; do
            [ -n "${ATTN_TEST_QUICK:-}" ] && [ "$isa" != "${levels##* }" ] && continue
            check "$test ($isa)" "ATTN_ISA=$isa $program"
        done ;;
    test_amx_tiles)
        case $levels in *amx*) check "$test" "$program" ;; esac ;;
    *) check "$test" "$program" ;;
    esac
done
# What computes in AMX, on an emulation of it, for machines without.
emulated=$BUILD/tests/amx-emulated
case $levels in
*avx512_bf16*)
    check "test_amx_tiles (amx emulated)" "$emulated/test_amx_tiles"
    # Of 16-bit inputs every method of the engine makes such products; flash stands for them.
    for variant in flash_bf16 $([ -n "${ATTN_TEST_QUICK:-}" ] || echo sage_int8 flash); do
        check "test_variants of $variant (amx emulated)" \
            "ATTN_ISA=amx ATTN_TEST_ROUNDED=1 ATTN_TEST_VARIANT=$variant $emulated/test_variants"
    done ;;
*) echo "skipped AMX emulated: needs avx512_bf16" ;;
esac
# The portable back end where nothing else is, in an emulator.
if [ -z "${ATTN_TEST_QUICK:-}" ]; then
    cross=build-aarch64
    if refusal=$(sh scripts/aarch64.sh libraries $cross/sysroot 2>&1); then
        make -s -j"$(getconf _NPROCESSORS_ONLN)" aarch64-programs || exit 1
        for test in test_exp test_block test_rounding test_scan test_variants; do
            check "$test (aarch64 emulated)" "ATTN_TEST_QUICK=2 sh scripts/aarch64.sh run $cross/tests/unit/$test"
        done
    else
        echo "skipped aarch64: $refusal"
    fi
fi
check fuzz_readers "$BUILD/tests/fuzz_readers 20000 1"

# The peers' own libraries, where they are installed.
if PYTHON=$(python=${ATTN_PEERS_PYTHON:-scripts/peers/venv/bin/python3}; command -v "$python"); then
    export PYTHON
    check peers "BUILD=$BUILD PYTHON=$PYTHON sh tests/cli/peers.sh"
else
    echo "skipped peers' libraries: not installed (make peers-setup)"
fi

xargs -d '\n' -n 1 -P "${ATTN_TEST_JOBS:-$(getconf _NPROCESSORS_ONLN)}" \
    sh tests/run.sh one "$records" < "$records/list"
failed=$(wc -l < "$records/failed")
echo "$(wc -l < "$records/passed") passed, $failed failed"
[ "$failed" -eq 0 ]
