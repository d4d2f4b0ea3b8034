#!/bin/sh
# Installs gpu.js for the tests of the gpujs backend beside this file, if it is not there yet: 5 MB, nothing compiled. Needs npm and its registry.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)/gpujs
if ! cmp -s "$here/package-lock.json" "$here/node_modules/made-from.json" 2>/dev/null; then
  (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --silent) >&2
  cp "$here/package-lock.json" "$here/node_modules/made-from.json"
fi
printf '%s\n' "$here/node_modules/gpu.js"
