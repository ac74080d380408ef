#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the Python environment of the peers, venv/ beside this file, where attnbench looks for it:
# PyTorch, ONNX Runtime, onnx and numpy, as pinned in requirements.txt.
#
# The wheel of PyTorch for x86-64 Linux carries CUDA, several gigabytes. PyTorch also publishes
# wheels for the CPU alone: name their index, or a folder that holds one, in PIP_EXTRA_INDEX_URL or
# PIP_FIND_LINKS, and pip takes that.
#
# FlexAttention compiles its kernels while it runs, so a C++ compiler has to be there, too.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    echo "peers-setup: '$python' is not Python 3.11 or newer; PYTHON names another" >&2
    exit 2
fi
if ! "$python" -m venv "$here/venv"; then
    echo "peers-setup: cannot make $here/venv; on Debian, apt-get install python3-venv" >&2
    exit 2
fi
"$here/venv/bin/python3" -m pip install --disable-pip-version-check -r "$here/requirements.txt"
command -v "${CXX:-g++}" > /dev/null ||
    echo "peers-setup: no C++ compiler (${CXX:-g++}): torch_flex will be unsupported" >&2
echo "peers-setup: ready; attnbench run --suite peers"
