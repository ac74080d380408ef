# SPDX-License-Identifier: MIT
# The BLAS that methods load: which kernels it runs, one that does not know the CPU, one that cannot
# be loaded.
. tests/cli/lib.sh

core() { # VARIABLE=VALUE or -u VARIABLE ...
    rm -f "$T/core.db"
    expect 0 - env "$@" "$A" run -v naive -w gauss -n 64 $quick --db "$T/core.db"
    column "$T/core.db" naive blas_core
}
one_of() { # WANTED... -- GOT WHAT
    wanted=
    while [ "$1" != -- ]; do wanted="$wanted $1 "; shift; done
    case $wanted in *" $2 "*) ;; *) echo "$3: $2 instead of one of$wanted"; failures=1 ;; esac
}
if grep -qw avx512vl /proc/cpuinfo 2> /dev/null; then
    suited='SkylakeX Cooperlake SapphireRapids'
elif grep -qw avx2 /proc/cpuinfo 2> /dev/null; then
    suited='Haswell Zen Excavator'
else
    suited=
fi
mkdir "$T/fake" "$T/broken"
cp "$BUILD/plugins/fake_openblas.so" "$T/fake/libopenblas.so.0"
echo 'no library' > "$T/broken/libopenblas.so.0"

# The kernels are those of the CPU, unless the user says otherwise.
if [ -n "$suited" ]; then
    one_of $suited -- "$(core -u OPENBLAS_CORETYPE)" "the core of the BLAS"
    same Haswell "$(core OPENBLAS_CORETYPE=Haswell)" "the user's choice of a core"
    one_of $suited -- "$(core -u OPENBLAS_CORETYPE LD_LIBRARY_PATH="$T/fake")" "a BLAS that does not know the CPU"
    same Nehalem "$(core OPENBLAS_CORETYPE=Nehalem LD_LIBRARY_PATH="$T/fake")" "the user's choice, for such a BLAS"
fi

# Methods without products of a BLAS do not load it, and go without.
expect 0 - "$A" run -v flash -v naive -w gauss -n 64 $quick --db "$T/a.db"
same '' "$(column "$T/a.db" flash blas_core)" "the BLAS of a method that needs none"
same 0.0 "$(column "$T/a.db" flash lib_bytes)" "its memory"
export LD_LIBRARY_PATH="$T/broken"
expect 3 "naive on gauss, n=64: unsupported: OpenBLAS cannot be loaded: $T/broken/libopenblas.so.0: file too short" \
    "$A" run -v naive -w gauss -n 64 $quick --db "$T/b.db"
expect 0 - "$A" run -v flash -v rowblock -w gauss -n 64 $quick --db "$T/b.db"
same "ok unsupported" "$(column "$T/b.db" '*' status | tail -2 | sort | xargs)" "with and without a BLAS"
expect 1 "refused by supports(): OpenBLAS cannot be loaded" "$A" check naive
expect 0 "sgemm (OpenBLAS)   GFLOP/s            - " "$A" machine
exit $failures
