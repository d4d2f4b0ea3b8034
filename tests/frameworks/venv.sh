#!/bin/sh
# Makes a Python environment with the packages that run models of one exporter, and prints its python: venv.sh EXPORTER. The environments lie in
# build/frameworks (CORTEXC_FRAMEWORKS names another folder) and are made once for each list of packages. Needs python3 with venv and PyPI.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
list="$here/$1.txt"
[ -f "$list" ] || { echo "no list of packages for $1" >&2; exit 1; }
root=${CORTEXC_FRAMEWORKS:-$here/../../build/frameworks}
venv="$root/$1"
if ! cmp -s "$list" "$venv/made-from.txt" 2>/dev/null; then
  rm -rf "$venv"
  mkdir -p "$root"
  python3 -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$list" >&2
  cp "$list" "$venv/made-from.txt"
fi
printf '%s\n' "$venv/bin/python"
