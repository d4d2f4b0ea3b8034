#!/bin/sh
# Puts Fashion-MNIST (MIT licence, https://github.com/zalandoresearch/fashion-mnist) from the Debian package dataset-fashion-mnist into a
# cache folder, without installing anything, and prints the folder of its four .gz files. Needs apt-get and dpkg-deb.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${CORTEXC_TRAIN_CACHE:-$here/../../.cache/fashion-mnist}
mkdir -p "$cache"
cd "$cache"
if ! find . -name 'train-images-idx3-ubyte.gz' | grep -q .; then
  apt-get download dataset-fashion-mnist >&2
  for package in dataset-fashion-mnist_*.deb; do dpkg-deb -x "$package" . >&2; done
fi
dirname "$(find "$(pwd)" -name 'train-images-idx3-ubyte.gz' | head -n 1)"
