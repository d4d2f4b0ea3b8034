"""Times networks under torch.compile in float16, channels_last, with CUDA graphs: what cortexc's GPU kernels are measured against.

One run is what a caller waits for: the batch from pinned host memory to the device, the network, the result back, and the wait for it. The
weights are random: no branch of these networks depends on values. One line of JSON for each network and batch.

Needs torch with CUDA and timm. Usage: torch_peer.py resnet50:1 resnet50:32 vgg16:32 [--mode max-autotune] [--runs 200]
"""

import argparse
import json
import statistics
import time

import timm
import torch

SIDES = {"inception_v3": 299}
WARM_UP = 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="NETWORK:BATCH", help="a network of timm and the pictures of one run")
    parser.add_argument("--mode", default="max-autotune", choices=["max-autotune", "reduce-overhead"])
    parser.add_argument("--runs", type=int, default=200)
    return parser.parse_args()


def once(network: torch.nn.Module, host: torch.Tensor, device: torch.Tensor, result: torch.Tensor) -> None:
    device.copy_(host, non_blocking=True)
    result.copy_(network(device), non_blocking=True)
    torch.cuda.synchronize()


def milliseconds(network: torch.nn.Module, name: str, batch: int, runs: int) -> list[float]:
    side = SIDES.get(name, 224)
    pinned = torch.randn(batch, 3, side, side).half().contiguous(memory_format=torch.channels_last).pin_memory()
    device = torch.empty_like(pinned, device="cuda", memory_format=torch.channels_last)
    result = torch.empty(batch, 1000, dtype=torch.half).pin_memory()
    times = []
    with torch.inference_mode():
        for _ in range(WARM_UP):
            once(network, pinned, device, result)
        for _ in range(runs):
            started = time.perf_counter_ns()
            once(network, pinned, device, result)
            times.append((time.perf_counter_ns() - started) / 1e6)
    return times


def main() -> None:
    args = arguments()
    for case in args.cases:
        name, batch = case.rsplit(":", 1)
        torch._dynamo.reset()
        network = timm.create_model(name, pretrained=False).eval().half().cuda().to(memory_format=torch.channels_last)
        started = time.perf_counter()
        times = milliseconds(torch.compile(network, mode=args.mode), name, int(batch), args.runs)
        row = {
            "network": name,
            "batch": int(batch),
            "peer": f"torch {torch.__version__} {args.mode} float16 channels_last",
            "device": torch.cuda.get_device_name(),
            "median_ms": statistics.median(times),
            "p90_ms": sorted(times)[int(0.9 * len(times))],
            "runs": len(times),
            "compile_and_runs_s": round(time.perf_counter() - started, 1),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
