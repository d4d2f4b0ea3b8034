#!/bin/sh
# Makes the Python environment of the peers (onnxruntime and its static quantizer) and prints the path of its interpreter.
#   sh bench/peers/setup.sh            .venv/peers at the root of the repository
#   CORTEXC_PEERS_VENV=DIR sh ...      elsewhere
# An environment that is there already, made from the same requirements, is kept. Needs python3 with venv, and PyPI.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${CORTEXC_PEERS_VENV:-$here/../../.venv/peers}
if ! cmp -s "$here/requirements.txt" "$venv/made-from.txt" 2>/dev/null; then
  python3 -m venv --clear "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$venv/made-from.txt"
fi
cd "$venv" && printf '%s\n' "$(pwd)/bin/python"
