"""Rows of networks against torch.compile, from rows that are there already, for torch_peer.py that ran after them.

Usage: device_torch.py GPU_ROWS TORCH_ROWS
"""

import pathlib
import sys

from device_folders import GOALS, json_lines, ratio_row

TITLES = {"resnet50": "ResNet-50", "resnet152": "ResNet-152", "vgg16": "VGG-16", "inception_v3": "Inception v3"}


def main() -> None:
    rows = json_lines(pathlib.Path(sys.argv[1]))
    torch = json_lines(pathlib.Path(sys.argv[2]))
    values = {r["name"]: r["value"] for r in rows if "value" in r}
    device = values.get("device")
    for network, batch in GOALS:
        peer = [t for t in torch if (t["network"], t["batch"], t["device"]) == (network, batch, device)]
        title = f"{TITLES[network]} b{batch}"
        measured = values.get(f"{title}, {'latency' if batch == 1 else 'throughput'} with copies")
        if peer and measured is not None:
            milliseconds = measured if batch == 1 else batch * 1000 / measured
            ratio_row(title, (network, batch), milliseconds, peer[0])


if __name__ == "__main__":
    main()
