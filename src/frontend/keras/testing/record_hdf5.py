"""Writes HDF5 files in the forms that the reader knows: python3 record_hdf5.py OUT

old.h5.gz has groups with symbol tables, new.h5.gz links and attributes in heaps, user.h5.gz a user block before the file.
Needs h5py and numpy from PyPI (made with h5py 3.14.0).
"""

import gzip
import pathlib
import sys

import h5py
import numpy as np


def fill(f, is_new):
    f.attrs["fixed"] = np.array([b"one", b"three", b""], dtype="S7")
    f.attrs["variable"] = "text of any length: \u00e4"
    f.attrs.create("variables", ["a", "bc", ""], dtype=h5py.string_dtype())
    f.attrs["long"] = "x" * 50000
    f.attrs["number"] = 7
    many = f.create_group("many")
    for i in range(200):
        many.create_group(f"layer_{i}").attrs["index"] = str(i)
    for i in range(40):
        many.attrs[f"attribute_{i}"] = f"value {i}"
    d = f.create_group("data")
    grid = np.arange(7 * 5, dtype=np.float32).reshape(7, 5) / 8
    d["plain"] = grid
    d["scalar"] = np.float32(2.5)
    d["empty"] = np.zeros((0, 3), np.float32)
    for dtype in ("float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        d[dtype] = (np.arange(6).reshape(2, 3) - (0 if dtype.startswith("u") else 3)).astype(dtype)
    d["bool"] = np.array([True, False, True])
    d["big"] = grid.astype(">f4")
    d["text"] = np.array([b"ab", b"c"])
    if not is_new:
        d.create_dataset("chunked", data=grid, chunks=(3, 2))
        d.create_dataset("deflated", data=grid, chunks=(3, 2), compression="gzip", shuffle=True, fletcher32=True)
        d.create_dataset("partly", shape=(6, 4), chunks=(3, 4), dtype="float32")[3:, :] = 1.5
        d.create_dataset("many_chunks", data=np.arange(500, dtype=np.int16), chunks=(2,))
        d.create_dataset("cube", data=np.arange(3 * 4 * 5, dtype=np.int32).reshape(3, 4, 5), chunks=(2, 3, 4), compression="gzip")
        d.create_dataset("lzf", data=grid, compression="lzf")
    space = h5py.h5s.create_simple((2, 2))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(d.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([[1, 2], [3, 4]], np.float32))


def main(out):
    out = pathlib.Path(out)
    for name, options in {"old": {}, "new": {"libver": "latest", "track_order": True}, "user": {"userblock_size": 512}}.items():
        path = out / f"{name}.h5"
        with h5py.File(path, "w", **options) as f:
            fill(f, name == "new")
        path.with_suffix(".h5.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()


main(sys.argv[1])
