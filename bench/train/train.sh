#!/bin/sh
# Makes everything in bench/models again: the Python environment (.venv/train), Fashion-MNIST, three trained networks, their calibration set.
# Needs python3 with venv, PyPI (torch's wheel and its libraries: 3 GB), apt-get and dpkg-deb; half an hour of one core.
#   sh bench/train/train.sh [NAME...]     plain, resnet, mobilenet
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${CORTEXC_TRAIN_VENV:-$here/../../.venv/train}
if ! cmp -s "$here/requirements.txt" "$venv/made-from.txt" 2>/dev/null; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/made-from.txt"
fi
exec "$venv/bin/python" "$here/train.py" "$(sh "$here/data.sh")" "$here/../models" "$@"
