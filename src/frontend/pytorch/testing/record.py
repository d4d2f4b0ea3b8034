"""Records what PyTorch itself makes of small exported programs: recorded.json, and two whole archives.

    python3 -m venv venv && venv/bin/pip install torch==2.9.1 numpy
    venv/bin/python src/frontend/pytorch/testing/record.py

With names of cases as arguments only those are recorded anew.

A case is {"name", "members": {path in the archive: text, or bytes in base64}, "inputs": [[name, type, shape, values]], "outputs": the
same}, values in base64, little-endian. Notes on where code stood are taken out of the programs. "x.core" is x in core operators.
"""

import base64
import io
import json
import pathlib
import sys
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = pathlib.Path(__file__).parent
CASES = {}
CORE = set()


class Fn(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *args):
        return self.f(*args)


def r(*shape, lo=-2.0, hi=2.0):
    return torch.rand(shape) * (hi - lo) + lo


def i(*shape, lo=-9, hi=9):
    return torch.randint(lo, hi + 1, shape, dtype=torch.int32)


def b(*shape):
    return torch.randint(0, 2, shape, dtype=torch.bool)


def fn(name, f, *make, core=False):
    """A function of inputs; `make` are functions without arguments that make them."""
    CASES[name] = (lambda: Fn(f), make)
    if core:
        CORE.add(name)


def mod(name, module, *make, core=True):
    CASES[name] = (module, make)
    if core:
        CORE.add(name)


for op in "exp exp2 expm1 sin cos tan atan sinh cosh asinh erf floor ceil round trunc sigmoid tanh abs neg sign sgn square isnan isinf relu".split():
    fn(op, getattr(torch, op), lambda: r(2, 7))
for op in "log log2 log10 log1p sqrt rsqrt reciprocal acosh".split():
    fn(op, getattr(torch, op), lambda: r(2, 7, lo=1.1, hi=4))
for op in "asin acos atanh".split():
    fn(op, getattr(torch, op), lambda: r(2, 7, lo=-0.9, hi=0.9))
for op in "abs neg sign floor relu".split():
    fn(f"{op} of integers", getattr(torch, op), lambda: i(9))
for op in "relu6 silu mish hardswish hardsigmoid selu logsigmoid softsign tanhshrink".split():
    fn(op, getattr(F, op), lambda: r(2, 9, lo=-7, hi=7))
fn("gelu", F.gelu, lambda: r(2, 9))
fn("gelu tanh", lambda x: F.gelu(x, approximate="tanh"), lambda: r(2, 9))
fn("elu", lambda x: F.elu(x, 0.7), lambda: r(2, 9))
fn("celu", lambda x: F.celu(x, 0.7), lambda: r(2, 9))
fn("celu 1", F.celu, lambda: r(2, 9))
fn("leaky_relu", lambda x: F.leaky_relu(x, 0.3), lambda: r(2, 9), core=True)
fn("leaky_relu by default", F.leaky_relu, lambda: r(2, 9))
fn("hardtanh", lambda x: F.hardtanh(x, -0.5, 1.5), lambda: r(2, 9), core=True)
fn("softplus", lambda x: F.softplus(x, 2.0), lambda: r(2, 9, lo=-20, hi=20))
fn("hardshrink", lambda x: F.hardshrink(x, 0.7), lambda: r(2, 9))
fn("softshrink", lambda x: F.softshrink(x, 0.7), lambda: r(2, 9))
fn("threshold", lambda x: F.threshold(x, 0.3, -1.0), lambda: r(2, 9))
fn("glu", lambda x: F.glu(x, 1), lambda: r(2, 6, 3))
fn("softmax", lambda x: torch.softmax(x, 1), lambda: r(2, 5, 3), core=True)
fn("log_softmax", lambda x: F.log_softmax(x, -1), lambda: r(2, 5), core=True)
mod("PReLU", lambda: nn.PReLU(3), lambda: r(2, 3, 4, 4))
mod("PReLU of one slope", lambda: nn.PReLU(), lambda: r(2, 3))

for name, f in {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "remainder": torch.remainder, "fmod": torch.fmod,
    "maximum": torch.maximum, "minimum": torch.minimum, "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt,
    "ge": torch.ge, "max.other": torch.max, "min.other": torch.min, "floor_divide": torch.floor_divide,
}.items():
    fn(name, f, lambda: r(2, 3, 4), lambda: r(3, 1))
    fn(f"{name} of integers", f, lambda: i(2, 3, 4), lambda: i(3, 1, lo=1, hi=5))
fn("add alpha", lambda x, y: torch.add(x, y, alpha=0.5), lambda: r(2, 3), lambda: r(3))
fn("sub alpha of integers", lambda x, y: torch.sub(x, y, alpha=3), lambda: i(2, 3), lambda: i(3))
fn("integers and a float", lambda x: x * 2.0 + 1, lambda: i(5))
fn("integers and an integer", lambda x: x * 2 - 1, lambda: i(5))
fn("floats and an integer", lambda x: 1 - x * 2, lambda: r(5))
fn("integers and floats", lambda x, y: x + y, lambda: i(5), lambda: r(5))
fn("booleans and floats", lambda x, y: (x > 0) * y, lambda: r(5), lambda: r(5))
fn("rsub", lambda x: torch.rsub(x, 3.0, alpha=2), lambda: r(5))
fn("div floor", lambda x, y: torch.div(x, y, rounding_mode="floor"), lambda: i(3, 4), lambda: i(4, lo=1))
fn("div trunc", lambda x, y: torch.div(x, y, rounding_mode="trunc"), lambda: r(3, 4), lambda: r(4, lo=1))
fn("remainder of integers by negatives", lambda x: torch.remainder(x, -4), lambda: i(20))
for e in [2, 3, 0.5, -0.5, -1, 1.7]:
    fn(f"pow {e}", lambda x, e=e: x**e, lambda: r(7, lo=0.1), core=e == 2)
fn("pow of tensors", torch.pow, lambda: r(7, lo=0.1), lambda: r(7))
fn("pow of a number", lambda x: 2.5**x, lambda: r(7))
fn("square of integers", lambda x: x**2, lambda: i(7))
fn("addcmul", lambda x, y, z: torch.addcmul(x, y, z, value=0.5), lambda: r(2, 3), lambda: r(2, 3), lambda: r(3))
fn("addcdiv", lambda x, y, z: torch.addcdiv(x, y, z, value=0.5), lambda: r(2, 3), lambda: r(2, 3), lambda: r(3, lo=0.5))
fn("lerp", lambda x, y: torch.lerp(x, y, 0.3), lambda: r(5), lambda: r(5))
fn("where", torch.where, lambda: b(2, 3), lambda: r(2, 3), lambda: r(3))
fn("where of a number", lambda c, x: torch.where(c, x, 0.5), lambda: b(2, 3), lambda: r(2, 3))
fn("masked_fill", lambda x, m: x.masked_fill(m, -1.5), lambda: r(2, 3), lambda: b(2, 3))
fn("masked_fill -inf", lambda x, m: torch.softmax(x.masked_fill(m, float("-inf")), -1), lambda: r(2, 3), lambda: torch.tensor([[False, True, False], [True, False, False]]))
fn("clamp", lambda x: x.clamp(-0.5, 1), lambda: r(9))
fn("clamp min", lambda x: x.clamp(min=0.5), lambda: r(9))
fn("clamp 0", lambda x: x.clamp(min=0), lambda: r(9))
fn("clamp max", lambda x: x.clamp(max=0.5), lambda: r(9))
fn("clamp of integers", lambda x: x.clamp(-2, 5), lambda: i(9))
fn("clamp by tensors", lambda x, y, z: torch.clamp(x, y, z), lambda: r(9), lambda: r(9, hi=0), lambda: r(9, lo=0))
fn("clip", lambda x: torch.clip(x, -0.5, 1), lambda: r(9))
fn("clamp_min", lambda x: torch.clamp_min(x, 0.25), lambda: r(9))
fn("clamp_max", lambda x: torch.clamp_max(x, 0.25), lambda: r(9))
for op in "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor".split():
    fn(op, getattr(torch, op), lambda: b(8), lambda: b(8))
for op in "bitwise_and bitwise_or bitwise_xor".split():
    fn(f"{op} of integers", getattr(torch, op), lambda: i(8), lambda: i(8))
fn("&, |", lambda x, y: (x & y) | x, lambda: b(8), lambda: b(8))
fn("logical_not", torch.logical_not, lambda: b(8))
fn("bitwise_not", torch.bitwise_not, lambda: b(8))
fn("bitwise_not of integers", torch.bitwise_not, lambda: i(8))

for k, (layer, size) in {1: (nn.Conv1d, (9,)), 2: (nn.Conv2d, (7, 8)), 3: (nn.Conv3d, (4, 5, 6))}.items():
    mod(f"Conv{k}d", lambda layer=layer: layer(4, 6, 3, stride=2, padding=1, groups=2), lambda size=size: r(2, 4, *size))
    mod(f"Conv{k}d same", lambda layer=layer: layer(2, 3, 4, padding="same", dilation=2, bias=False), lambda size=size: r(1, 2, *size), core=False)
    mod(f"Conv{k}d of one sample", lambda layer=layer: layer(2, 3, 3, padding="valid"), lambda size=size: r(2, *size), core=False)
for k, (layer, size) in {1: (nn.ConvTranspose1d, (5,)), 2: (nn.ConvTranspose2d, (3, 4)), 3: (nn.ConvTranspose3d, (2, 3, 4))}.items():
    mod(f"ConvTranspose{k}d", lambda layer=layer: layer(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), lambda size=size: r(2, 4, *size))
mod("ConvTranspose2d dilated", lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, dilation=2), lambda: r(1, 2, 3, 4))
for k, (layer, size) in {1: (nn.BatchNorm1d, (5,)), 2: (nn.BatchNorm2d, (3, 4)), 3: (nn.BatchNorm3d, (2, 3, 4))}.items():
    mod(f"BatchNorm{k}d", lambda layer=layer: trained(layer(3, eps=1e-3)), lambda size=size: r(2, 3, *size))
mod("BatchNorm1d of vectors", lambda: trained(nn.BatchNorm1d(3)), lambda: r(4, 3))
mod("BatchNorm2d without factors", lambda: trained(nn.BatchNorm2d(3, affine=False)), lambda: r(2, 3, 4, 4), core=False)
mod("LayerNorm", lambda: trained(nn.LayerNorm([3, 4])), lambda: r(2, 3, 4))
mod("LayerNorm without bias", lambda: trained(nn.LayerNorm(4, bias=False)), lambda: r(2, 3, 4))
mod("LayerNorm without factors", lambda: nn.LayerNorm(4, elementwise_affine=False), lambda: r(2, 3, 4))
mod("GroupNorm", lambda: trained(nn.GroupNorm(2, 4)), lambda: r(2, 4, 3, 3))
mod("InstanceNorm2d", lambda: trained(nn.InstanceNorm2d(3, affine=True)), lambda: r(2, 3, 4, 4), core=False)
mod("InstanceNorm2d with statistics", lambda: trained(nn.InstanceNorm2d(3, track_running_stats=True)), lambda: r(2, 3, 4, 4), core=False)
mod("RMSNorm", lambda: trained(nn.RMSNorm(4, eps=1e-5)), lambda: r(2, 3, 4), core=False)
mod("RMSNorm by default", lambda: trained(nn.RMSNorm(4)), lambda: r(2, 3, 4), core=False)


def trained(module):
    """With factors and statistics as after training."""
    for name, p in [*module.named_parameters(), *module.named_buffers()]:
        if p.is_floating_point():
            p.data.copy_(torch.rand_like(p) + 0.3)
    return module


mod("Linear", lambda: nn.Linear(4, 5), lambda: r(2, 3, 4))
mod("Linear of matrices", lambda: nn.Linear(4, 5), lambda: r(3, 4))
mod("Linear without bias", lambda: nn.Linear(4, 5, bias=False), lambda: r(3, 4))
mod("Bilinear by einsum", lambda: Einsum(), lambda: r(2, 3), lambda: r(2, 4), core=False)


class Einsum(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.rand(5, 3, 4))

    def forward(self, x, y):
        return torch.einsum("bi,oij,bj->bo", x, self.w, y)


fn("einsum with ellipsis", lambda x, y: torch.einsum("...ij,...kj->...ik", x, y), lambda: r(2, 3, 4), lambda: r(2, 5, 4))
fn("mm", torch.mm, lambda: r(2, 3), lambda: r(3, 4))
fn("bmm", torch.bmm, lambda: r(2, 3, 4), lambda: r(2, 4, 5))
fn("mv", torch.mv, lambda: r(2, 3), lambda: r(3))
fn("dot", torch.dot, lambda: r(3), lambda: r(3))
fn("outer", torch.outer, lambda: r(3), lambda: r(4))
fn("matmul", torch.matmul, lambda: r(2, 1, 3, 4), lambda: r(5, 4, 2))
fn("matmul of a vector", torch.matmul, lambda: r(2, 3, 4), lambda: r(4))
fn("matmul from a vector", torch.matmul, lambda: r(4), lambda: r(2, 4, 3))
fn("addmm", lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2), lambda: r(4), lambda: r(2, 3), lambda: r(3, 4))
fn("baddbmm", lambda c, x, y: torch.baddbmm(c, x, y, beta=0.5), lambda: r(2, 3, 5), lambda: r(2, 3, 4), lambda: r(2, 4, 5))
fn("addmv", torch.addmv, lambda: r(2), lambda: r(2, 3), lambda: r(3))
mod("Embedding", lambda: nn.Embedding(7, 4, padding_idx=0), lambda: i(2, 3, lo=0, hi=6))
mod("MultiheadAttention", lambda: Attention(), lambda: r(2, 5, 8))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.a(x, x, x, need_weights=False)[0]


for rank in [3, 4, 5]:
    lead = [2, 3, 2][5 - rank :]
    fn(f"attention of rank {rank}", F.scaled_dot_product_attention, *[lambda lead=lead: r(*lead, 4, 6)] * 3)
fn("attention, causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3), *[lambda: r(1, 2, 4, 6)] * 3)
fn("attention with a mask", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *[lambda: r(2, 2, 4, 6)] * 3, lambda: r(4, 4))
fn("attention with a mask of booleans", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *[lambda: r(2, 4, 6)] * 3, lambda: torch.tril(torch.ones(2, 4, 4)).bool())

for k, size in {1: (9,), 2: (7, 8), 3: (4, 5, 6)}.items():
    layers = {"MaxPool": getattr(nn, f"MaxPool{k}d"), "AvgPool": getattr(nn, f"AvgPool{k}d")}
    for name, layer in layers.items():
        mod(f"{name}{k}d", lambda layer=layer: layer(3, stride=2, padding=1), lambda size=size: r(2, 3, *size))
        mod(f"{name}{k}d ceil", lambda layer=layer: layer(2, stride=2, ceil_mode=True), lambda size=size: r(2, 3, *size), core=False)
    for name in ["AdaptiveAvgPool", "AdaptiveMaxPool"]:
        layer = getattr(nn, f"{name}{k}d")
        mod(f"{name}{k}d", lambda layer=layer: layer(3), lambda size=size: r(2, 3, *size), core=False)
        mod(f"{name}{k}d of one", lambda layer=layer: layer(1), lambda size=size: r(2, 3, *size), core=k == 2 and name == "AdaptiveAvgPool")
mod("MaxPool2d dilated", lambda: nn.MaxPool2d(2, stride=1, dilation=2), lambda: r(1, 2, 6, 6), core=False)
mod("MaxPool2d with indices", lambda: nn.MaxPool2d(2, return_indices=True), lambda: r(1, 2, 6, 6), core=False)
mod("AvgPool2d without padding cells", lambda: nn.AvgPool2d(3, padding=1, count_include_pad=False), lambda: r(1, 2, 6, 6), core=False)
mod("AvgPool2d by a divisor", lambda: nn.AvgPool2d(3, padding=1, divisor_override=5), lambda: r(1, 2, 6, 6), core=False)
mod("AvgPool2d of one sample", lambda: nn.AvgPool2d(2), lambda: r(2, 6, 6), core=False)

for mode, size in [("nearest", (5,)), ("nearest", (3, 4)), ("nearest", (2, 3, 4)), ("linear", (5,)), ("bilinear", (3, 4)), ("trilinear", (2, 3, 4)), ("bicubic", (3, 4)), ("nearest-exact", (3, 4)), ("nearest-exact", (5,))]:
    fn(f"interpolate {mode} {len(size)} by 2", lambda x, m=mode: F.interpolate(x, scale_factor=2, mode=m), lambda size=size: r(1, 2, *size))
    fn(f"interpolate {mode} {len(size)} to sizes", lambda x, m=mode, size=size: F.interpolate(x, size=[2 * s + 1 for s in size], mode=m), lambda size=size: r(1, 2, *size))
    if "linear" in mode or mode == "bicubic":
        fn(f"interpolate {mode} {len(size)} aligned", lambda x, m=mode, size=size: F.interpolate(x, size=[2 * s for s in size], mode=m, align_corners=True), lambda size=size: r(1, 2, *size))

class Recurrent(nn.Module):
    """A recurrent layer by its function: torch.export does not take the module itself in every version."""

    def __init__(self, kind, layers=1, two=False, bias=True, batch_first=False, **options):
        super().__init__()
        made = {"lstm": nn.LSTM, "gru": nn.GRU}.get(kind, nn.RNN)(3, 4, num_layers=layers, bidirectional=two, bias=bias, batch_first=batch_first, **options)
        self.weights = nn.ParameterList(made._flat_weights)
        self.kind, self.options = kind, (bias, layers, 0.0, False, two, batch_first)
        self.states, self.batch = layers * (2 if two else 1), 0 if batch_first else 1

    def forward(self, x):
        h = torch.zeros(self.states, x.shape[self.batch], 4) + 0.1
        state = (h, h * 2) if self.kind == "lstm" else h
        return getattr(torch, self.kind)(x, state, list(self.weights), *self.options)


for kind in ["lstm", "gru", "rnn_tanh", "rnn_relu"]:
    options = {"nonlinearity": kind[4:]} if kind.startswith("rnn") else {}
    mod(kind, lambda k=kind, o=options: Recurrent(k, **o), lambda: r(5, 2, 3), core=False)
    mod(f"{kind} two layers, two directions, batch first", lambda k=kind, o=options: Recurrent(k, 2, True, batch_first=True, **o), lambda: r(2, 5, 3), core=False)
    mod(f"{kind} without bias", lambda k=kind, o=options: Recurrent(k, two=True, bias=False, **o), lambda: r(5, 2, 3), core=False)

fn("view", lambda x: x.view(4, -1), lambda: r(2, 3, 4))
fn("reshape", lambda x: x.transpose(0, 1).reshape(6, 4), lambda: r(2, 3, 4))
fn("view_as", lambda x, y: x.view_as(y) + y, lambda: r(2, 6), lambda: r(3, 4))
fn("reshape_as", lambda x, y: x.reshape_as(y) + y, lambda: r(2, 6), lambda: r(3, 4))
fn("flatten", lambda x: x.flatten(1), lambda: r(2, 3, 4))
fn("flatten of a number", lambda x: x.flatten(), lambda: r())
fn("unflatten", lambda x: x.unflatten(1, (2, -1)), lambda: r(2, 6))
fn("permute", lambda x: x.permute(2, 0, 1), lambda: r(2, 3, 4))
fn("transpose", lambda x: x.transpose(-1, 0), lambda: r(2, 3, 4))
fn("t", lambda x: x.t(), lambda: r(2, 3))
fn("mT", lambda x: x.mT, lambda: r(2, 3, 4))
fn("numpy_T", lambda x: torch.ops.aten.numpy_T(x), lambda: r(2, 3, 4))
fn("movedim", lambda x: torch.movedim(x, (0, 1), (2, 0)), lambda: r(2, 3, 4))
fn("expand", lambda x: x.expand(3, -1, 4), lambda: r(2, 1))
fn("expand_as", lambda x, y: x.expand_as(y), lambda: r(2, 1), lambda: r(2, 4))
fn("unsqueeze", lambda x: x.unsqueeze(-1), lambda: r(2, 3))
fn("squeeze", lambda x: x.squeeze(), lambda: r(2, 1, 3, 1))
fn("squeeze of a dimension", lambda x: x.squeeze(1).squeeze(0), lambda: r(2, 1, 3, 1))
fn("squeeze of dimensions", lambda x: x.squeeze((1, 3)), lambda: r(2, 1, 3, 1))
fn("copies", lambda x: x.clone().contiguous().detach() + torch.ops.aten.alias(x), lambda: r(2, 3))
fn("dropouts", lambda x: F.dropout(x, 0.5, False) + F.feature_alpha_dropout(F.alpha_dropout(F.dropout2d(x, 0.5, False), 0.5, False), 0.5, False), lambda: r(2, 3, 4, 4))
fn("cat", lambda x, y: torch.cat([x, y, x], -1), lambda: r(2, 3), lambda: r(2, 1))
fn("cat of types", lambda x, y: torch.cat([x, y]), lambda: r(2, 3), lambda: i(2, 3))
fn("concat", lambda x, y: torch.concat([x, y]), lambda: r(2, 3), lambda: r(1, 3))
fn("stack", lambda x, y: torch.stack([x, y], 1), lambda: r(2, 3), lambda: r(2, 3))
fn("split", lambda x: torch.split(x, 2, 1), lambda: r(2, 5))
fn("split by sizes", lambda x: torch.split(x, [1, 4], 1), lambda: r(2, 5))
fn("chunk", lambda x: torch.chunk(x, 3, -1), lambda: r(2, 7))
fn("unbind", lambda x: torch.unbind(x, 1), lambda: r(2, 3))
fn("slices", lambda x: x[1:, ::2, -2], lambda: r(3, 4, 5))
fn("slice of everything", lambda x: x[:, :], lambda: r(3, 4))
fn("select", lambda x: x.select(1, -1), lambda: r(3, 4))
fn("narrow", lambda x: x.narrow(1, 1, 2), lambda: r(3, 4))
fn("flip", lambda x: x.flip(0, -1), lambda: r(2, 3, 4))
fn("roll", lambda x: x.roll((1, -2), (0, 2)), lambda: r(2, 3, 4))
fn("repeat", lambda x: x.repeat(2, 1, 3), lambda: r(2, 3))
fn("tile", lambda x: x.tile(2), lambda: r(2, 3))
fn("repeat_interleave", lambda x: x.repeat_interleave(2, 1), lambda: r(2, 3))
fn("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), lambda: r(2, 3, 4), core=True)
fn("pad and cut", lambda x: F.pad(x, (-1, 2)), lambda: r(2, 3, 4))
for mode, size in [("reflect", (5,)), ("reflect", (4, 5)), ("replicate", (4, 5)), ("circular", (4, 5)), ("reflect", (4, 5, 4)), ("replicate", (5,)), ("replicate", (4, 5, 4))]:
    fn(f"pad {mode} {len(size)}", lambda x, m=mode, k=len(size): F.pad(x, (1, 2, 2, 1, 0, 1)[: 2 * k], mode=m), lambda size=size: r(1, 2, *size))
    if mode != "circular":
        fn(f"{mode}_pad{len(size)}d", lambda x, m=mode, k=len(size): getattr(torch.ops.aten, f"{m.replace('reflect', 'reflection').replace('replicate', 'replication')}_pad{k}d")(x, (1, 2, 2, 1, 0, 1)[: 2 * k]), lambda size=size: r(1, 2, *size))
fn("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), lambda: r(1, 8, 2, 3))
fn("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), lambda: r(1, 2, 4, 6))
fn("channel_shuffle", lambda x: F.channel_shuffle(x, 2), lambda: r(1, 6, 2, 2))
fn("to", lambda x: x.to(torch.int32) + x.int(), lambda: r(7, lo=-5, hi=5))
fn("to float", lambda x: x.to(torch.float32) * 0.5, lambda: i(7))
fn("to double", lambda x: x.double() * 0.5, lambda: r(7))
fn("type_as", lambda x, y: x.type_as(y), lambda: i(7), lambda: r(1))
fn("_to_copy", lambda x: torch.ops.aten._to_copy(x, dtype=torch.float32), lambda: i(7))
fn("tril", lambda x: x.tril(-1) + x.triu(1), lambda: r(2, 4, 5))
fn("unfold", lambda x: F.unfold(x, 2, padding=1, stride=2), lambda: r(1, 2, 4, 4))

for name, f in {
    "sum": torch.sum, "mean": torch.mean, "amax": torch.amax, "amin": torch.amin, "logsumexp": torch.logsumexp, "var": torch.var, "std": torch.std,
}.items():
    fn(name, lambda x, f=f: f(x, (1,)), lambda: r(2, 3, 4))
    fn(f"{name} kept", lambda x, f=f: f(x, (0, -1), keepdim=True), lambda: r(2, 3, 4))
fn("sum of all", torch.sum, lambda: r(2, 3))
fn("mean of all", torch.mean, lambda: r(2, 3))
fn("sum of integers", lambda x: x.sum(1), lambda: i(2, 3))
fn("sum of booleans", lambda x: ((x > 0).sum(1) + 1.5, (x > 0).amax(1)), lambda: r(2, 5))
fn("prod", lambda x: x.prod(1), lambda: r(2, 3))
fn("var uncorrected", lambda x: x.var(1, unbiased=False) + torch.var(x, 1, correction=0), lambda: r(2, 3))
fn("var_mean", lambda x: torch.var_mean(x, 1), lambda: r(2, 3))
fn("std_mean", lambda x: torch.std_mean(x, (0, 1), keepdim=True), lambda: r(2, 3))
for name, f in {"max": torch.max, "min": torch.min}.items():
    fn(f"{name} of a dimension", lambda x, f=f: tuple(f(x, 1)), lambda: r(2, 5))
    fn(f"{name} of a dimension kept", lambda x, f=f: tuple(f(x, 1, keepdim=True)), lambda: r(2, 5))
    fn(f"{name} of all", lambda x, f=f: f(x), lambda: r(2, 5))
fn("argmax", lambda x: (x.argmax(1), x.argmax(), x.argmin(0, keepdim=True)), lambda: r(2, 5))
fn("norms", lambda x: (x.norm(dim=1), x.norm(p=1, dim=1, keepdim=True), torch.linalg.vector_norm(x, float("inf"), dim=1)), lambda: r(2, 5))
fn("any and all", lambda x: (x.any(1), x.all(1), x.any()), lambda: b(4, 3))
fn("cumsum", lambda x: (x.cumsum(1), x.cumprod(0)), lambda: r(2, 5))
fn("cumsum of integers", lambda x: x.cumsum(1), lambda: i(2, 5))
fn("topk", lambda x: tuple(x.topk(3)), lambda: r(2, 6))
fn("topk least", lambda x: tuple(x.topk(2, 0, largest=False)), lambda: r(5, 2))
fn("sort", lambda x: tuple(x.sort(1, descending=True)), lambda: r(2, 6))
fn("argsort", lambda x: x.argsort(1), lambda: r(2, 6))

fn("index_select", lambda x: x.index_select(1, torch.tensor([2, 0])), lambda: r(2, 3))
fn("gather", lambda x, k: x.gather(1, k.long()), lambda: r(2, 3), lambda: i(2, 4, lo=0, hi=2))
fn("index", lambda x: x[torch.tensor([1, -1])], lambda: r(3, 4))
fn("index of the second dimension", lambda x: x[:, torch.tensor([[1, -1], [0, 2]])], lambda: r(3, 4))
fn("index by an input", lambda x, k: x[k.long()], lambda: r(3, 4), lambda: i(5, lo=-3, hi=2))
fn("index of two dimensions", lambda x: x[torch.tensor([[0], [2]]), torch.tensor([1, -1])], lambda: r(3, 4, 2))
fn("one_hot", lambda x: F.one_hot(x.long(), 5).float(), lambda: i(2, 3, lo=0, hi=4))
fn("full", lambda x: x + torch.full((2, 3), 1.5) + torch.full((3,), 2) + torch.zeros(3) + torch.ones(2, 1), lambda: r(2, 3))
fn("alike", lambda x: x + torch.full_like(x, 1.5) + torch.zeros_like(x) + torch.ones_like(x) + x.new_zeros(3) + x.new_ones(3) + x.new_full((3,), 0.5) + torch.scalar_tensor(2.0), lambda: r(2, 3))
fn("arange", lambda x: x + torch.arange(3) + torch.arange(1, 4) + torch.arange(0.5, 2, 0.5), lambda: r(2, 3))


@torch.no_grad()
def in_place(x):
    y = x * 2
    y += 1
    y.clamp_(max=2.0)
    z = y.view(-1)
    return z.mul_(3.0), x.relu()


fn("changes in place", in_place, lambda: r(2, 3))


mod("weight_norm", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), lambda: r(2, 4))
mod("weight_norm of the second dimension", lambda: nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 2, 3), dim=1), lambda: r(1, 3, 5), core=False)
fn("cosine_similarity", lambda x, y: F.cosine_similarity(x, y, dim=-1), lambda: r(2, 5), lambda: r(2, 5))
fn("linspace", lambda x: x + torch.linspace(-1, 2, 7), lambda: r(7))
fn("meshgrid", lambda x, y: torch.meshgrid(x, y, torch.arange(2.0), indexing="ij") + torch.meshgrid(x, y, torch.arange(2.0), indexing="xy"), lambda: r(3), lambda: r(4))
fn("scatter", lambda x, k, s: (x.scatter(1, k.long(), s), x.scatter(1, k.long(), 0.5)), lambda: r(2, 4), lambda: torch.tensor([[3, 0], [1, 2]], dtype=torch.int32), lambda: r(2, 2))
fn("_weight_norm_interface", lambda v, g: torch.ops.aten._weight_norm_interface(v, g)[0], lambda: r(2, 3), lambda: r(2, 1))
fn("fill", lambda x: torch.ops.aten.fill(x, 0.5) + x, lambda: r(2, 3))
for mode in ["bilinear", "nearest", "bicubic"]:
    for outside in ["zeros", "border"]:
        fn(f"grid_sample {mode} {outside}", lambda x, y, m=mode, o=outside: F.grid_sample(x, y, m, o, align_corners=o == "border"), lambda: r(1, 2, 4, 5), lambda: r(1, 3, 3, 2, lo=-0.9, hi=0.9))
fn("grid_sampler_2d", lambda x, y: torch.ops.aten.grid_sampler_2d(x, y, 0, 0, False), lambda: r(1, 2, 4, 5), lambda: r(1, 3, 3, 2, lo=-1.3, hi=1.3))
fn("grid_sampler_3d", lambda x, y: torch.ops.aten.grid_sampler_3d(x, y, 0, 0, True), lambda: r(1, 2, 3, 4, 5), lambda: r(1, 2, 2, 2, 3, lo=-1.3, hi=1.3))


class NoGrad(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        with torch.no_grad():
            y = torch.tanh(self.a(x))
            z = y * 2
        return self.b(y) + 1, z


mod("part without gradients", NoGrad, lambda: r(2, 3), core=False)

# Operators as other decompositions and versions write them.
aten = torch.ops.aten
fn("_convolution", lambda x, w: aten._convolution(x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, False, False), lambda: r(1, 2, 4, 4), lambda: r(3, 2, 3, 3))
fn("native_batch_norm", lambda x, w: aten.native_batch_norm(x, w, w, w * 2, w + 3, False, 0.1, 1e-5)[0], lambda: r(2, 3, 4), lambda: r(3))
fn("_adaptive_avg_pool2d", lambda x: aten._adaptive_avg_pool2d(x, [2, 3]), lambda: r(1, 2, 5, 5))
fn("_adaptive_avg_pool3d", lambda x: aten._adaptive_avg_pool3d(x, [2, 3, 1]), lambda: r(1, 2, 5, 5, 4))
fn("_prelu_kernel", lambda x, w: aten._prelu_kernel(x, w), lambda: r(2, 3), lambda: r(3))
fn("native_dropout", lambda x: aten.native_dropout(x, 0.5, False)[0], lambda: r(2, 3))
fn("divide", lambda x, y: aten.divide(x, y) + aten.true_divide(y, x), lambda: i(5, lo=1), lambda: i(5, lo=1))
fn("_unsafe_view", lambda x: aten._unsafe_view(x, [3, 2]), lambda: r(2, 3))
fn("norm.ScalarOpt_dim", lambda x: aten.norm.ScalarOpt_dim(x, 2, [1], True), lambda: r(2, 3))
fn("flash attention", lambda q, k, v: aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True)[0], *[lambda: r(1, 2, 4, 6)] * 3)
mod("MaxPool1d with indices", lambda: nn.MaxPool1d(2, return_indices=True), lambda: r(1, 2, 6), core=False)


class Net(nn.Module):
    """A residual network of blocks, with a buffer, a constant and tied weights."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.layers = nn.ModuleList([nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6(inplace=True)) for _ in range(2)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.embed, self.head = nn.Linear(8, 6), nn.Linear(6, 6, bias=False)
        self.register_buffer("scale", torch.tensor([1.0, 2, 3, 4, 5, 6]), persistent=False)
        self.head2 = nn.Linear(6, 6, bias=False)
        self.head2.weight = self.head.weight

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = x + layer(x)
        x = self.embed(torch.flatten(self.pool(x), 1)) * self.scale + torch.tensor([0.5, 0, 0, 0, 0, 1])
        return self.head2(torch.tanh(self.head(x)))


mod("network", lambda: trained(Net()), lambda: r(2, 3, 12, 12))


class Dynamic(nn.Module):
    def forward(self, x):
        n = x.shape[0]
        ones = torch.ones(n + 1).sum() + torch.ones((n * 8) // 3).sum()
        return x.reshape(n * 2, -1).sum(1) / n + ones / x.numel(), x.flatten(1), x.narrow(0, n - 1, 1)


def packed(name, t):
    a = t.detach().cpu().numpy()
    return [name, str(a.dtype), list(a.shape), base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()]


def thinned(graph):
    """Without what no importer reads: where code stood, and types of tensors inside."""
    ends = {a["as_tensor"]["name"] for a in graph["inputs"] if "as_tensor" in a}
    graph["tensor_values"] = {k: v for k, v in graph["tensor_values"].items() if k in ends}
    for node in graph["nodes"]:
        stack = node["metadata"].get("nn_module_stack")
        node["metadata"] = {} if stack is None else {"nn_module_stack": stack}
        node.pop("is_hop_single_tensor_return", None)
        for entry in node["inputs"]:
            entry.pop("kind", None)
            if "as_graph" in entry["arg"]:
                thinned(entry["arg"]["as_graph"]["graph"])


def stripped(program):
    program = json.loads(program)
    thinned(program["graph_module"]["graph"])
    program["graph_module"]["module_call_graph"] = []
    return json.dumps(program, separators=(",", ":"))


def members(archive):
    """What the importer reads of an archive."""
    made = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        for info in z.infolist():
            path = info.filename.split("/", 1)[1]
            if path.startswith("models/"):
                made[path] = stripped(z.read(info))
            elif path.endswith("_config.json"):
                config = json.loads(z.read(info))
                for entry in config["config"].values():
                    if entry["tensor_meta"]:
                        entry["tensor_meta"].pop("device"), entry["tensor_meta"].pop("requires_grad")
                made[path] = json.dumps(config, separators=(",", ":"))
            elif path.startswith("data/") and "sample_inputs" not in path:
                made[path] = base64.b64encode(z.read(info)).decode()
    return made


def flat(y):
    return [t for e in y for t in flat(e)] if isinstance(y, (list, tuple)) else [y]


def record(name, module, inputs, program, **more):
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    outputs = flat(module(*(x.clone() for x in inputs)))
    names = [s.arg.name for s in program.graph_signature.input_specs if s.kind.name == "USER_INPUT"]
    return {
        "name": name,
        "members": members(buffer.getvalue()),
        "inputs": [packed(n, x) for n, x in zip(names, inputs)],
        "outputs": [packed(f"out{k}", y) for k, y in enumerate(outputs)],
        **more,
    }


def main():
    only = sys.argv[1:]
    made = {c["name"]: c for c in json.loads((HERE / "recorded.json").read_text())} if only else {}
    for name, (build, make) in CASES.items():
        if only and name not in only:
            continue
        torch.manual_seed(sum(map(ord, name)))
        module = build().eval()
        inputs = tuple(m() for m in make)
        try:
            program = torch.export.export(module, tuple(x.clone() for x in inputs))
            with torch.no_grad():
                made[name] = record(name, module, inputs, program)
                if name in CORE:
                    made[f"{name}.core"] = record(f"{name}.core", module, inputs, program.run_decompositions())
        except Exception as error:
            print(name, type(error).__name__, str(error).splitlines()[0][:200])
    if not only:
        module, x = Dynamic(), r(3, 2, 4)
        batch = torch.export.Dim("batch", min=1, max=64)
        program = torch.export.export(module, (r(2, 2, 4),), dynamic_shapes={"x": {0: batch}})
        made["open batch"] = record("open batch", module, (x,), program, shapes={"x": [3, 2, 4]})
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in made.values()) + "\n]\n"
    (HERE / "recorded.json").write_text(text)
    print(len(made), "cases,", len(text), "bytes")
    if not only:
        archives()


def archives():
    """Whole archives as torch writes them: of 2.9, and of 2.1 to 2.7."""
    torch.manual_seed(1)
    module, x = trained(Net()).eval(), r(2, 3, 12, 12)
    program = torch.export.export(module, (x,))
    torch.export.save(program, HERE / "network-2.9.pt2")
    from torch._export.serde.serialize import serialize

    old = serialize(program)
    with zipfile.ZipFile(HERE / "network-2.7.pt2", "w") as z:
        z.writestr("serialized_exported_program.json", old.exported_program)
        z.writestr("serialized_state_dict.pt", old.state_dict)
        z.writestr("serialized_constants.pt", old.constants)
        z.writestr("serialized_example_inputs.pt", old.example_inputs)
        z.writestr("version", "8.8")
    torch.save(module.state_dict(), HERE / "checkpoint.pth")
    with torch.no_grad():
        y = module(x)
    (HERE / "network.json").write_text(json.dumps({"name": "network", "inputs": [packed("x", x)], "outputs": [packed("out0", y)]}) + "\n")


if __name__ == "__main__":
    main()
