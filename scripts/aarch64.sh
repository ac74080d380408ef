#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs for aarch64 on another machine.
#   sh scripts/aarch64.sh libraries FOLDER    unpacks Debian's libraries there; installs nothing
#   sh scripts/aarch64.sh run PROGRAM         runs one in an emulator
# Says what is missing and ends with 2 where it cannot.
set -eu
packages="libopenblas-pthread-dev libopenblas0-pthread libgfortran5 libhwloc-dev libhwloc15 libudev1
    libsqlite3-dev libsqlite3-0 zlib1g-dev zlib1g libcmocka-dev libcmocka0"

refuse() {
    echo "$*" >&2
    exit 2
}

libraries() { # FOLDER
    for tool in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg-deb; do
        command -v $tool > /dev/null ||
            refuse "no $tool (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
    done
    [ -e "$1/complete" ] && return
    mkdir -p "$1"
    root=$(cd "$1" && pwd)
    apt=$root/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    get() {
        apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= \
            -o Dir::State="$apt" -o Dir::State::status=/dev/null -o Dir::Cache="$apt" "$@"
    }
    (cd "$apt" && get update && get download $packages) > "$apt/log" 2>&1 ||
        refuse "its libraries do not come from Debian's archive: $(tail -1 "$apt/log")"
    for package in "$apt"/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    rm -r "$apt"
    touch "$root/complete"
}

case ${1:-} in
libraries) libraries "$2" ;;
run) exec qemu-aarch64 -L /usr/aarch64-linux-gnu "$2" ;;
*) refuse "usage: sh scripts/aarch64.sh libraries FOLDER | run PROGRAM" ;;
esac
