#!/usr/bin/env bash
# Trains the example model and rewrites the files beside this script. Needs python3.11, PyPI and 4 GB of disk.
# VENV=dir uses another place for the virtual environment than examples/digits/.venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
venv=${VENV:-.venv}
if [ ! -x "$venv/bin/python" ]; then
  "${PYTHON:-python3.11}" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check -r requirements.txt
exec "$venv/bin/python" train.py "$@"
