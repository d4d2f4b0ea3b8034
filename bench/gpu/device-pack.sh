#!/bin/sh
# Packs what bench/gpu/run.sh needs beside the sources: dist/ and the modules that it loads, for a machine without a registry.
#   sh bench/gpu/device-pack.sh [FILE]       build/gpu-carry.tgz; there: tar xzf build/gpu-carry.tgz in the root of the repository
set -eu
cd "$(dirname "$0")/../.."
file=${1:-build/gpu-carry.tgz}
[ -f dist/bench/gpu/device-main.js ] || { echo 'dist/bench/gpu/device-main.js is missing: npm run build' >&2; exit 1; }
mkdir -p "$(dirname "$file")"
modules=
for name in koffi @koromix protobufjs long jpeg-js pngjs fflate; do modules="$modules node_modules/$name"; done
# shellcheck disable=SC2086 # one word a module
tar czf "$file" --dereference --exclude='*.d.ts' --exclude='*.map' dist $modules
ls -l "$file"
