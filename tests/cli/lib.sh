# SPDX-License-Identifier: MIT
# What the command-line tests share: expect, and a folder that is removed at the end.
BUILD=$(cd "${BUILD:-build}" && pwd)
A=$BUILD/attnbench
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failures=0

# expect STATUS TEXT COMMAND...: exit status, and a fixed text in its output (- for none).
expect() {
    want=$1 text=$2
    shift 2
    "$@" > "$T/out" 2>&1
    got=$?
    if [ "$got" -ne "$want" ]; then
        echo "exit $got instead of $want: $*"
        cat "$T/out"
        failures=$((failures + 1))
    elif [ "$text" != - ] && ! grep -qF -- "$text" "$T/out"; then
        echo "'$text' is missing: $*"
        cat "$T/out"
        failures=$((failures + 1))
    fi
}

# Whether the build has sanitizers, which take memory and addresses of their own.
sanitized() {
    grep -q ATTN_SANITIZED "$BUILD/settings"
}

# same WANT GOT WHAT
same() {
    [ "$1" = "$2" ] && return
    echo "$3: '$2' instead of '$1'"
    failures=$((failures + 1))
}

# Value of a column in the export of a database, for rows that match a variant.
column() {
    "$A" export --db "$1" --format jsonl | python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    if sys.argv[1] in ("*", r["variant"]): print(r[sys.argv[2]])' "$2" "$3"
}

quick="--rounds 1 -t 1"
