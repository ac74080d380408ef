#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare machine to a result: installs what is missing, then calls make.
#   sh scripts/bootstrap.sh bench|test|build|...
set -eu
cd "$(dirname "$0")/.."
target=${1:-build}

# The tests also run on aarch64, in an emulator, where the packages for that are known.
cross=
if [ "$target" = test ] && [ "$(uname -m)" = x86_64 ] && command -v apt-get >/dev/null 2>&1; then
    cross='gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user'
fi

# What make needs, as commands and pkg-config modules; asked before any package manager is.
missing() {
    for tool in cc make pkg-config gnuplot git; do
        command -v "$tool" >/dev/null 2>&1 || { echo "$tool"; return; }
    done
    for module in hwloc sqlite3 openblas zlib; do
        pkg-config --exists "$module" || { echo "$module"; return; }
    done
    [ "$target" = bench ] || [ "$target" = build ] || {
        echo '#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>' | cc -E - >/dev/null 2>&1 || { echo cmocka; return; }
        command -v python3 >/dev/null 2>&1 || { echo python3; return; }
    }
    [ -z "$cross" ] || for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
        command -v "$tool" >/dev/null 2>&1 || { echo "$tool"; return; }
    done
}

install_with() {
    if [ "$(id -u)" -eq 0 ]; then
        sh -c "$1"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo sh -c "$1"
    else
        echo "bootstrap: '$what' is missing, and installing needs root. Type:" >&2
        echo "    sudo sh -c '$1'" >&2
        exit 2
    fi
}

what=$(missing)
if [ -n "$what" ]; then
    echo "bootstrap: $what is missing: installing the build's packages"
    if command -v apt-get >/dev/null 2>&1; then
        install_with 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config git libopenblas-dev libhwloc-dev libsqlite3-dev zlib1g-dev gnuplot-nox libcmocka-dev python3 '"$cross"
    elif command -v dnf >/dev/null 2>&1; then
        install_with 'dnf install -y gcc make pkgconf-pkg-config git openblas-devel hwloc-devel sqlite-devel zlib-devel gnuplot libcmocka-devel python3'
    elif command -v pacman >/dev/null 2>&1; then
        install_with 'pacman -Sy --noconfirm --needed gcc make pkgconf git openblas hwloc sqlite zlib gnuplot cmocka python'
    elif command -v brew >/dev/null 2>&1; then
        brew install gcc make pkg-config git openblas hwloc sqlite zlib gnuplot cmocka python3
    else
        echo "bootstrap: '$what' is missing and no package manager (apt-get, dnf, pacman, brew) was found." >&2
        echo "bootstrap: install a C compiler, make, pkg-config, git, OpenBLAS, hwloc, SQLite, zlib, gnuplot and cmocka, then run this again." >&2
        exit 2
    fi
    what=$(missing)
    if [ -n "$what" ]; then
        echo "bootstrap: '$what' is still missing after installing; see the lines above." >&2
        exit 2
    fi
fi

exec make -j"$(getconf _NPROCESSORS_ONLN)" "$target"
