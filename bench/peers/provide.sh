#!/bin/sh
# Installs a peer of `npm run bench -- cpu` if it is not there yet, and prints the command that it is started with, a word a line.
#   sh bench/peers/provide.sh onnxruntime|quantizer|web|tract|tflite|tvm
# Python peers go to .venv/peers-cpu and .venv/peers-tvm at the root of the repository, Node packages beside their package.json (no install
# scripts run), Rust to build/peers. Needs python3 with venv and PyPI, npm, or cargo. The last line on stderr says why a peer cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$here/../..

# $1: environment, $2: its requirements
python_with() {
  if ! cmp -s "$2" "$root/.venv/$1/made-from.txt" 2>/dev/null; then
    python3 -m venv --clear "$root/.venv/$1" >&2
    "$root/.venv/$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2" >&2
    cp "$2" "$root/.venv/$1/made-from.txt"
  fi
  printf '%s\n' "$root/.venv/$1/bin/python"
}

case ${1-} in
  onnxruntime) python_with peers-cpu "$here/cpu/requirements.txt"; printf '%s\n' "$here/cpu/onnxruntime_serve.py" ;;
  quantizer) python_with peers-cpu "$here/cpu/requirements.txt"; printf '%s\n' "$here/cpu/onnxruntime_quantize.py" ;;
  tflite) python_with peers-cpu "$here/cpu/requirements.txt"; printf '%s\n' "$here/cpu/tflite_serve.py" ;;
  tvm) python_with peers-tvm "$here/cpu/requirements-tvm.txt"; printf '%s\n' "$here/cpu/tvm_serve.py" ;;
  web)
    if ! cmp -s "$here/web/package-lock.json" "$here/web/node_modules/made-from.json" 2>/dev/null; then
      (cd "$here/web" && npm ci --ignore-scripts --no-audit --no-fund --silent) >&2
      cp "$here/web/package-lock.json" "$here/web/node_modules/made-from.json"
    fi
    printf 'node\n%s\n' "$here/web/serve.mjs" ;;
  tract)
    command -v cargo >/dev/null || { echo 'cargo is not on this machine' >&2; exit 1; }
    CARGO_TARGET_DIR=$root/build/peers/tract cargo build --quiet --release --locked -j1 --manifest-path "$here/tract/Cargo.toml" >&2
    printf '%s\n' "$root/build/peers/tract/release/tract-serve" ;;
  *) echo "there is no peer ${1-}" >&2; exit 2 ;;
esac
