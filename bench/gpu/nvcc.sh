#!/bin/sh
# Prints the path of nvcc: the one on PATH or of CUDA_HOME (/usr/local/cuda), or one made of PyPI wheels in .venv/cuda at the root of the repository (no root, no GPU and
# no driver needed; about 280 MB).
#   sh bench/gpu/nvcc.sh                      nvcc
#   sh bench/gpu/nvcc.sh disassembler         the folder of cuobjdump and nvdisasm, from PATH or from the wheel of Triton (180 MB to download)
#   sh bench/gpu/nvcc.sh nvrtc                libnvrtc, of the system or of the wheel in .venv/nvrtc (90 MB to download)
#   sh bench/gpu/nvcc.sh --no-install ...     exits with 1 instead of installing
# Needs python3 with venv, and PyPI. The last line on stderr says why there is none.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
venv=$root/.venv/cuda
install=yes
if [ "${1-}" = --no-install ]; then install=no; shift; fi

# The last toolkit whose major version the drivers of 2025 accept; the wheel's nvcc finds the others beside it.
packages='nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96'
triton='triton==3.5.1'
nvrtc='nvidia-cuda-nvrtc==13.0.88'

need_install() {
  if [ $install = no ]; then echo "$1 is neither on PATH nor in .venv; sh bench/gpu/nvcc.sh ${2-} installs it" >&2; exit 1; fi
}

make_venv() {
  if [ "$(cat "$venv/made-from.txt" 2>/dev/null)" != "$packages" ]; then
    need_install nvcc
    python3 -m venv --clear "$venv" >&2
    # shellcheck disable=SC2086 # one word a package
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages >&2
    printf '%s\n' "$packages" > "$venv/made-from.txt"
  fi
}

case ${1-nvcc} in
  nvcc)
    if command -v nvcc; then exit 0; fi
    toolkit=${CUDA_HOME:-/usr/local/cuda}
    if [ -x "$toolkit/bin/nvcc" ]; then printf '%s\n' "$toolkit/bin/nvcc"; exit 0; fi
    make_venv
    ls "$venv"/lib/python3*/site-packages/nvidia/cu13/bin/nvcc ;;
  disassembler)
    if path=$(command -v cuobjdump) && command -v nvdisasm >/dev/null; then dirname "$path"; exit 0; fi
    if [ ! -x "$venv/disassembler/cuobjdump" ]; then
      need_install cuobjdump disassembler
      make_venv
      work=$(mktemp -d)
      trap 'rm -rf "$work"' EXIT
      "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$triton" >&2
      "$venv/bin/python" - "$work" "$venv/disassembler" >&2 <<'PY'
import glob, os, shutil, sys, zipfile
work, to = sys.argv[1:]
os.makedirs(to, exist_ok=True)
with zipfile.ZipFile(glob.glob(os.path.join(work, 'triton-*.whl'))[0]) as wheel:
    for name in ('nvdisasm', 'cuobjdump'):
        path = os.path.join(to, name)
        with wheel.open(f'triton/backends/nvidia/bin/{name}') as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target)
        os.chmod(path, 0o755)
PY
    fi
    printf '%s\n' "$venv/disassembler" ;;
  nvrtc)
    for path in "${CUDA_HOME:-/usr/local/cuda}"/lib64/libnvrtc.so.1?; do
      if [ -e "$path" ]; then printf '%s\n' "$path"; exit 0; fi
    done
    if [ "$(cat "$root/.venv/nvrtc/made-from.txt" 2>/dev/null)" != "$nvrtc" ]; then
      need_install libnvrtc nvrtc
      python3 -m venv --clear "$root/.venv/nvrtc" >&2
      "$root/.venv/nvrtc/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$nvrtc" >&2
      printf '%s\n' "$nvrtc" > "$root/.venv/nvrtc/made-from.txt"
    fi
    ls "$root"/.venv/nvrtc/lib/python3*/site-packages/nvidia/cu13/lib/libnvrtc.so.13 ;;
  *) echo "$1 is none of nvcc, disassembler, nvrtc" >&2; exit 2 ;;
esac
