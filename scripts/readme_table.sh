#!/bin/sh
# SPDX-License-Identifier: MIT
# Replaces the table of variants in README.md by what the command lists; with --check it only
# compares.  sh scripts/readme_table.sh build/attnbench README.md [--check]
set -eu
command=$1 readme=$2 mode=${3:-}
new=$(mktemp)
table=$(mktemp)
trap 'rm -f "$new" "$table"' EXIT
"$command" list variants --markdown > "$table"
awk -v table="$table" '
    /<!-- variants end -->/ { inside = 0 }
    !inside
    /<!-- variants begin -->/ { inside = 1; while ((getline line < table) > 0) print line }
' "$readme" > "$new"
if [ "$mode" = --check ]; then
    diff -u "$readme" "$new" || { echo "README's table of variants is old: make readme" >&2; exit 1; }
else
    cat "$new" > "$readme"
fi
