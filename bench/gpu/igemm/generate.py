"""Writes the kernels of the tuning bench: every layer of ResNet-50 (and a few more) by every tile, engine and split.

usage: generate.py FOLDER FILES [--batches 1,32] [--few]
"""
import argparse
import math

# name, in channels, out channels, input size, kernel, stride, padding (He et al. 2016, ResNet-50 v1.5: stride in the 3 x 3)
RESNET50 = [
    ("conv1", 4, 64, 224, 7, 2, 3),
    ("l1.0.c1", 64, 64, 56, 1, 1, 0),
    ("l1.c2", 64, 64, 56, 3, 1, 1),
    ("l1.c3", 64, 256, 56, 1, 1, 0),
    ("l1.c1", 256, 64, 56, 1, 1, 0),
    ("l2.0.c1", 256, 128, 56, 1, 1, 0),
    ("l2.0.c2", 128, 128, 56, 3, 2, 1),
    ("l2.0.down", 256, 512, 56, 1, 2, 0),
    ("l2.c3", 128, 512, 28, 1, 1, 0),
    ("l2.c1", 512, 128, 28, 1, 1, 0),
    ("l2.c2", 128, 128, 28, 3, 1, 1),
    ("l3.0.c1", 512, 256, 28, 1, 1, 0),
    ("l3.0.c2", 256, 256, 28, 3, 2, 1),
    ("l3.0.down", 512, 1024, 28, 1, 2, 0),
    ("l3.c3", 256, 1024, 14, 1, 1, 0),
    ("l3.c1", 1024, 256, 14, 1, 1, 0),
    ("l3.c2", 256, 256, 14, 3, 1, 1),
    ("l4.0.c1", 1024, 512, 14, 1, 1, 0),
    ("l4.0.c2", 512, 512, 14, 3, 2, 1),
    ("l4.0.down", 1024, 2048, 14, 1, 2, 0),
    ("l4.c3", 512, 2048, 7, 1, 1, 0),
    ("l4.c1", 2048, 512, 7, 1, 1, 0),
    ("l4.c2", 512, 512, 7, 3, 1, 1),
    ("fc", 2048, 1000, 1, 1, 1, 0),
]
# at batch 32 only: VGG-16 and a layer that fills the machine
LARGE = [
    ("3x3x256", 256, 256, 56, 3, 1, 1),
    ("vgg.c2", 64, 64, 224, 3, 1, 1),
    ("vgg.c9", 512, 512, 28, 3, 1, 1),
]
# times that each layer occurs in ResNet-50
COUNTS = {"l1.c2": 3, "l1.c3": 4, "l1.c1": 2, "l2.c3": 4, "l2.c1": 3, "l2.c2": 3, "l3.c3": 6, "l3.c1": 5, "l3.c2": 5, "l4.c3": 3, "l4.c1": 2, "l4.c2": 2}

# engine, BM, BN, BK, WM, WN, stages, threads of a warp or warpgroup
TILES = [
    ("mma", 128, 128, 64, 2, 4, 4, 32),
    ("mma", 128, 128, 64, 2, 2, 4, 32),
    ("mma", 128, 64, 64, 4, 2, 4, 32),
    ("mma", 64, 128, 64, 2, 4, 4, 32),
    ("mma", 64, 64, 64, 2, 2, 4, 32),
    ("mma", 64, 64, 64, 2, 2, 6, 32),
    ("mma", 64, 64, 128, 2, 2, 4, 32),
    ("mma", 64, 32, 64, 4, 1, 6, 32),
    ("mma", 32, 64, 128, 1, 4, 4, 32),
    ("mma", 32, 32, 128, 2, 2, 4, 32),
    ("mma", 32, 32, 128, 2, 2, 6, 32),
    ("mma", 16, 64, 128, 1, 4, 4, 32),
    ("wgmma", 64, 64, 128, 1, 1, 4, 128),
    ("wgmma", 64, 64, 128, 1, 1, 6, 128),
    ("wgmma", 64, 128, 128, 1, 1, 4, 128),
    ("wgmma", 64, 128, 128, 1, 2, 4, 128),
    ("wgmma", 64, 256, 128, 1, 2, 4, 128),
    ("wgmma", 128, 64, 128, 2, 1, 4, 128),
    ("wgmma", 128, 128, 128, 2, 1, 3, 128),
    ("wgmma", 128, 128, 128, 2, 1, 4, 128),
    ("wgmma", 128, 128, 128, 2, 1, 6, 128),
    ("wgmma", 128, 256, 128, 2, 1, 4, 128),
    ("wgmma", 256, 128, 128, 2, 1, 4, 128),
    ("dp4a", 64, 64, 64, 8, 1, 2, 32),
]
SMS = 132


def splits_of(batch, blocks, steps):
    """No split, and as many as fill the multiprocessors once and twice; no part is empty."""
    found = {1}
    for want in (SMS, 2 * SMS):
        parts = min(want // blocks if blocks < want else 1, steps // 2)
        if parts > 1:
            each = -(-steps // parts)
            found.add(-(-steps // each))
    return sorted(found) if batch == 1 or blocks < SMS else [1]


def variants(layer, batch, few):
    name, c, o, size, k, stride, pad = layer
    out = (size + 2 * pad - k) // stride + 1
    pixels, inner = batch * out * out, k * k * c
    for tile in TILES:
        engine, bm, bn, bk, wm, wn, stages, warp = tile
        if bn > max(64, o) or (bm > 64 and pixels <= bm // 2):
            continue
        if engine == "dp4a" and name not in ("l3.c2", "l1.c3"):
            continue
        blocks = -(-pixels // bm) * -(-o // bn)
        if batch > 1 and (bm * bn < 64 * 64):
            continue
        if batch > 1 and blocks > 20 * SMS and bm * bn < 128 * 64:
            continue
        for splits in splits_of(batch, blocks, -(-inner // bk)):
            if blocks * splits < 16 and not few:
                continue
            yield tile, splits
        if few:
            return


def layer_text(i, layer, batch, splits, bn):
    name, c, o, size, k, stride, pad = layer
    out = (size + 2 * pad - k) // stride + 1
    inner = k * k * c
    fields = dict(
        batch=batch, groups=1, in_group=c, out_group=o, in_d=1, in_h=size, in_w=size, out_d=1, out_h=out, out_w=out,
        k_d=1, k_h=k, k_w=k, stride_d=1, stride_h=stride, stride_w=stride, dilation_d=1, dilation_h=1, dilation_w=1,
        begin_d=0, begin_h=pad, begin_w=pad, pitch=c, piece=16 if c % 16 == 0 else 4, inner=inner,
        weight_rows=-(-o // 256) * 256, weight_bytes=-(-inner // 128) * 128, form="CXG_FORM_NARROW", zero=3, lo=-128, hi=127,
        pad=-7, y_pitch=o, y_first=0, add_m0=1, add_z0=0, add_m1=1, add_z1=0, add_shift=1, add_zero=0, add_lo=0, add_hi=0,
        other_pitch=o, other_first=0, splits=splits,
    )
    ints = ", ".join(f"{k} = {v}" for k, v in fields.items())
    places = "x = PLACE_X, w = PLACE_W, table = PLACE_TABLE, y = PLACE_Y, other = 0, sums = PLACE_SUMS, counters = PLACE_COUNTERS"
    bools = f"outside = {'true' if pad else 'false'}, is_unsigned = false, y_last = true, has_add = false, fetch_other = false"
    return f"struct {i} {{ static constexpr int {ints}; static constexpr uint32_t {places}; static constexpr bool {bools}; }};\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("files", type=int)
    parser.add_argument("--batches", default="1,32")
    parser.add_argument("--few", action="store_true", help="one variant of each layer")
    parser.add_argument("--layers", default="", help="only these, by name")
    args = parser.parse_args()
    chosen = [n for n in args.layers.split(",") if n]
    texts = [[] for _ in range(args.files)]
    table, externs, rows, n = [], [], [], 0
    for batch in [int(b) for b in args.batches.split(",")]:
        for layer in RESNET50 + (LARGE if batch > 1 else []):
            name, c, o, size, k, stride, pad = layer
            if chosen and name not in chosen:
                continue
            out = (size + 2 * pad - k) // stride + 1
            inner = k * k * c
            rows.append(
                f'  {{"{name}", {batch}, {c}, {o}, {size}, {out}, {k}, {stride}, {pad}, {-(-o // 256) * 256}, {-(-inner // 128) * 128}, {COUNTS.get(name, 1)}}},'
            )
            for (engine, bm, bn, bk, wm, wn, stages, warp), splits in variants(layer, batch, args.few):
                tile = f"cxg_tile<{bm}, {bn}, {bk}, {wm}, {wn}, {stages}, {warp}>"
                blocks = -(-batch * out * out // bm) * -(-o // bn)
                texts[n % args.files].append(
                    layer_text(f"L{n}", layer, batch, splits, bn)
                    + f'extern "C" __global__ void __launch_bounds__({wm * wn * warp}) k{n}(cx_env e) {{ cxg_igemm_{engine}<L{n}, {tile}>(e); }}\n'
                )
                externs.append(f'extern "C" __global__ void k{n}(cx_env e);')
                shared = max(stages * (bm + bn) * bk, bm * (bn + 16))
                table.append(
                    f'  {{(const void *)k{n}, {len(rows) - 1}, "{engine} {bm}x{bn}x{bk} {wm}x{wn} s{stages}", {blocks}, {splits}, {wm * wn * warp}, {shared}}},'
                )
                n += 1
    for i, parts in enumerate(texts):
        with open(f"{args.folder}/kernels{i}.cu", "w") as f:
            f.write('#include "cxg_igemm_wgmma.cuh"\n#include "places.h"\n' + "".join(parts))
    with open(f"{args.folder}/table.h", "w") as f:
        f.write("\n".join(externs) + "\nstatic const Layer LAYERS[] = {\n" + "\n".join(rows) + "\n};\n")
        f.write("static const Variant VARIANTS[] = {\n" + "\n".join(table) + "\n};\n")
    print(f"{n} kernels of {len(rows)} layers")


if __name__ == "__main__":
    main()
