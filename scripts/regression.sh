#!/bin/sh
# SPDX-License-Identifier: MIT
# Is one revision slower, or worse, than another? Builds both in worktrees of their own, measures
# them in turn, removes them. The exit status is that of `attnbench ab`: 1 when anything is worse.
#   sh scripts/regression.sh OLD_REV NEW_REV [OPTION OF ab...]
# Samples go to results/attnbench.db of this tree; --db names another.
set -eu
if [ $# -lt 2 ]; then
    echo "usage: sh scripts/regression.sh OLD_REV NEW_REV [OPTION OF attnbench ab...]" >&2
    exit 2
fi
cd "$(dirname "$0")/.."
old=$1 new=$2
shift 2
for revision in "$old" "$new"; do
    git rev-parse --verify --quiet "$revision^{commit}" > /dev/null || {
        echo "regression.sh: '$revision' is no revision of this repository" >&2
        exit 2
    }
done
# Cells of milliseconds, where a minute sees some percent.
[ $# -gt 0 ] || set -- -v full -v sparse -v linear -v longrange -v hierarchical \
    -w vslash -n 512,2k --heads 4 -t 1

folder=$(mktemp -d "${TMPDIR:-/tmp}/attnbench-regression-XXXXXX")
remove() {
    for side in old new; do
        git worktree remove --force "$folder/$side" 2> /dev/null || true
    done
    rm -rf "$folder"
    git worktree prune
}
trap remove EXIT
trap 'exit 130' INT TERM

build() { # side, revision
    echo "building $2 ($(git rev-parse --short "$2"))" >&2
    git worktree add --quiet --detach "$folder/$1" "$2"
    if ! make -C "$folder/$1" BUILD=build -j"$(getconf _NPROCESSORS_ONLN)" build > "$folder/log" 2>&1; then
        tail -20 "$folder/log" >&2
        echo "regression.sh: '$2' does not build" >&2
        exit 2
    fi
}
build old "$old"
build new "$new"
"$folder/new/build/attnbench" ab --base "'$folder/old/build/attnbench' worker" \
    --new "'$folder/new/build/attnbench' worker" "$@"
