#!/bin/sh
# Tuning bench of the implicit matrix products: needs nvcc 13, python3 and a GPU of sm_90a. Writes igemm.csv into $OUT.
set -e
cd "$(dirname "$0")"
BUILD=${BUILD:-/tmp/igemm-bench}
OUT=${OUT:-$BUILD}
mkdir -p "$BUILD" "$OUT"
make -j"$(nproc)" BUILD="$BUILD" > "$BUILD/make.log" 2>&1 || { tail -40 "$BUILD/make.log"; exit 1; }
make -s run BUILD="$BUILD" OUT="$OUT"
