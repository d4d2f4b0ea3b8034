#!/bin/sh
# The primitives of GPU kernels, hardware against the shim: builds bench/gpu/prims for both, runs both, prints a table.
#   sh bench/gpu/prims/run.sh         needs nvcc, an NVIDIA GPU of compute capability 7.5 or newer, g++ and python3; half a minute
#   sh bench/gpu/prims/run.sh shim    without GPU and nvcc: the shim in all orders and timings against itself
# Exit status 1: a primitive differs, or did not run. Builds in $PRIMS_BUILD or build/gpu-prims.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../../.." && pwd -P)
build=${PRIMS_BUILD:-$root/build/gpu-prims}
kernels=$root/src/backends/gpu/cuda/kernels
shim=$root/src/backends/gpu/shim/c
mkdir -p "$build"

${CXX:-g++} -std=c++17 -O2 -march=native -fvisibility=hidden -DCXG_SHIM -I"$kernels" -I"$shim" -I"$here" -x c++ "$here/main.cu" "$shim"/cxg_shim*.cpp -o "$build/prims-shim"
"$build/prims-shim" "$build/shim.txt"
if [ "${1-}" = shim ]; then echo "the shim gives the same bytes in all orders and timings"; exit 0; fi

nvcc=$(sh "$root/bench/gpu/nvcc.sh" --no-install)
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '.')
case $capability in
  90) architecture='-gencode=arch=compute_90a,code=sm_90a -DPRIMS_WGMMA' ;;
  *) architecture="-arch=sm_$capability" ;;
esac
# shellcheck disable=SC2086 # one word a flag
"$nvcc" -std=c++17 -O3 $architecture -I"$kernels" -I"$here" "$here/main.cu" -o "$build/prims-cuda"
"$build/prims-cuda" "$build/cuda.txt" || echo 'a launch failed' >&2
python3 "$here/compare.py" "$build/cuda.txt" "$build/shim.txt"
