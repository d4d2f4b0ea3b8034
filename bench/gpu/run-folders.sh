#!/bin/sh
# Builds what is missing of the folders in build/gpu (dist/bench/gpu/folders.js writes them), checks every vector and times the networks.
#   sh bench/gpu/run-folders.sh [FOLDER...]     all of build/gpu when none is named
# Environment: ARCHS (90a and so on; this machine's when absent), NVCC, RESULTS (a folder for what each prints; build/gpu/results).
# Needs make, a C compiler and, for what is not compiled yet, nvcc. Exit code 1 when any vector differs.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)/build/gpu
results=${RESULTS:-$root/results}
mkdir -p "$results"
cd "$root" || exit 2
[ $# -gt 0 ] || set -- */
failed=0
# all build at the same time, each with as many compilers as there are cores
build() {
  cd "$root/$1" || return 1
  # networks of several batch sizes share their parameters: a file says whose
  if [ ! -f parameters.bin ] && [ -f parameters.from ]; then cp "../$(cat parameters.from)/parameters.bin" .; fi
  start=$(date +%s)
  make -s -j "$(nproc)" > "$results/$1.build" 2>&1
  echo "$? $(($(date +%s) - start))" > "$results/$1.built"
}
names=
for folder in "$@"; do
  name=$(basename "$folder")
  [ -f "$root/$name/Makefile" ] && names="$names $name"
done
for name in $names; do build "$name" & done
wait
for name in $names; do
  cd "$root/$name" || continue
  read -r code built < "$results/$name.built"
  if [ "$code" -ne 0 ]; then echo "$name: does not build"; tail -5 "$results/$name.build"; failed=1; continue; fi
  # a hanging kernel must not cost the rest
  timeout 120 ./run --check > "$results/$name.check" 2>&1
  code=$?
  echo "$name: exit $code, built in $built s: $(tail -1 "$results/$name.check")"
  if [ $code -ne 0 ]; then head -12 "$results/$name.check"; failed=1; continue; fi
  case $name in
    samples*) ;;
    *)
      timeout 120 ./run --bench --json | tee "$results/$name.bench"
      timeout 120 ./run --profile --json > "$results/$name.profile"
      ;;
  esac
done
exit $failed
