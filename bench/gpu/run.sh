#!/bin/sh
# What a GPU shows of cortexc, in one command: bytes against the CPU's, latency, throughput, the white paper's stream.
#   sh bench/gpu/run.sh [--quick] [--only=NETWORK]
# With Node.js 20 (NODE, on PATH, or /tmp/node/bin/node), dist/ and, of node_modules, koffi, @koromix/koffi-*, protobufjs, long, jpeg-js,
# pngjs and fflate: what `npm run bench -- gpu` does, which compiles everything here.
# Without: the folders in build/gpu (dist/bench/gpu/folders.js writes them elsewhere) are built, checked and timed.
# Needs nvcc (else CUDA_HOME, or sh bench/gpu/nvcc.sh), a C and C++ compiler, python3. Nothing is fetched.
# Environment:
#   OUT            where gpu-rows.jsonl goes, a row a line as they come; build/gpu-results
#   GPU_SECONDS    how long it may take; 240
#   TORCH_ROWS     rows of bench/gpu/torch_peer.py of this card; $OUT/torch.jsonl
#   TORCH_SECONDS  makes those rows, after ours, and compares; for so long at most; 0. Needs torch with CUDA, and timm
#   TORCH_FLAGS    for torch_peer.py, such as --mode reduce-overhead, which needs no minutes of tuning
# Exit code 1 when bytes differ, a goal is missed or nothing ran.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
OUT=${OUT:-$root/build/gpu-results}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd -P)
seconds=${GPU_SECONDS:-240}
rows=$OUT/gpu-rows.jsonl
: > "$rows"
export TORCH_ROWS="${TORCH_ROWS:-$OUT/torch.jsonl}"

node=${NODE:-$(command -v node || echo /tmp/node/bin/node)}
if [ -x "$node" ] && [ -f "$root/dist/bench/gpu/device-main.js" ] && [ -d "$root/node_modules/koffi" ]; then
  export CORTEXC_CACHE="${CORTEXC_CACHE:-$root/build/gpu-cache}"
  # what the run is to keep to, and when it is ended all the same
  GPU_SECONDS=$seconds GPU_ROWS=$rows timeout -k 5 "$((seconds + 20))" "$node" "$root/dist/bench/gpu/device-main.js" "$@" 2> "$OUT/gpu.err" | tee "$OUT/gpu.txt"
  tail -3 "$OUT/gpu.err" >&2
else
  echo "no Node.js, dist/bench/gpu/device-main.js or node_modules/koffi here: the folders in build/gpu are what is run" >&2
  RESULTS=$OUT/folders timeout -k 5 "$seconds" sh "$here/run-folders.sh" > "$OUT/gpu.txt" 2>&1
  python3 "$here/device_folders.py" "$OUT/folders" "$TORCH_ROWS" | tee "$rows"
fi
if [ "${TORCH_SECONDS:-0}" -gt 0 ]; then
  # shellcheck disable=SC2086 # one word a flag
  timeout -k 5 "$TORCH_SECONDS" python3 "$here/torch_peer.py" ${TORCH_FLAGS:-} resnet50:1 resnet50:32 resnet152:32 vgg16:32 inception_v3:32 \
    > "$TORCH_ROWS" 2> "$OUT/torch.err" || echo "torch_peer.py did not end within $TORCH_SECONDS s, or failed" >&2
  python3 "$here/device_torch.py" "$rows" "$TORCH_ROWS" | tee -a "$rows"
fi
[ -s "$rows" ] || { echo 'nothing ran' >&2; exit 1; }
! grep -q '"met": \{0,1\}false' "$rows"
