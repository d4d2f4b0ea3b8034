/**
 * Functions and layers that generated models use where PyTorch has none with the same numbers. Each is written into the model's
 * file when the model needs it. Integer helpers are exact: they count in int64, or in float64 where all numbers are whole and
 * below 2^53.
 */
export const HELPERS: Readonly<Record<string, string>> = {
  to_i32: `def to_i32(x):
    """Whole numbers as int32, modulo 2**32."""
    return x.to(torch.int64).to(torch.int32)`,

  shift_right: `def shift_right(x, bits):
    """x / 2**bits, rounded to nearest, halves up; x is int64, bits a number or a tensor."""
    bits = torch.as_tensor(bits, dtype=torch.int64)
    half = torch.where(bits > 0, torch.ones_like(bits) << torch.clamp(bits - 1, min=0), torch.zeros_like(bits))
    return (x + half) >> bits`,

  integer_conv: `def integer_conv(x, weight, bias, stride=1, pads=(0,), dilation=1, groups=1, pad_value=0, shift=0):
    """Convolution of integers in 1 to 3 dimensions. pads are those of F.pad; padding holds pad_value, the zero point of x."""
    conv = (F.conv1d, F.conv2d, F.conv3d)[weight.dim() - 3]
    # sums of products are whole numbers below 2**53: exact in float64
    x = F.pad(x.double(), pads, value=pad_value) if any(pads) else x.double()
    y = to_i32(shift_right(conv(x, weight.double(), None, stride, 0, dilation, groups).long(), shift))
    return y if bias is None else to_i32(y.long() + bias.view(-1, *[1] * (y.dim() - 2)))`,

  IntegerConv: `class IntegerConv(nn.Module):
    """A layer of integer_conv."""

    def __init__(self, in_channels, out_channels, kernel_size, groups=1, bias=True, dtype=torch.int8, **options):
        super().__init__()
        self.options = dict(groups=groups, **options)
        self.register_buffer("weight", torch.zeros(out_channels, in_channels // groups, *kernel_size, dtype=dtype))
        self.register_buffer("bias", torch.zeros(out_channels, dtype=torch.int32) if bias else None)

    def forward(self, x):
        return integer_conv(x, self.weight, self.bias, **self.options)`,

  integer_linear: `def integer_linear(x, weight, bias, shift=0):
    """Fully connected layer of integers."""
    # sums of products are whole numbers below 2**53: exact in float64
    y = to_i32(shift_right(F.linear(x.double(), weight.double()).long(), shift))
    return y if bias is None else to_i32(y.long() + bias)`,

  IntegerLinear: `class IntegerLinear(nn.Module):
    """A layer of integer_linear."""

    def __init__(self, in_features, out_features, shift=0, bias=True, dtype=torch.int8):
        super().__init__()
        self.shift = shift
        self.register_buffer("weight", torch.zeros(out_features, in_features, dtype=dtype))
        self.register_buffer("bias", torch.zeros(out_features, dtype=torch.int32) if bias else None)

    def forward(self, x):
        return integer_linear(x, self.weight, self.bias, self.shift)`,

  rescale: `def rescale(x, multiplier, shift, low, high, input_zero=0, output_zero=0, dtype=torch.int8):
    """(x - input_zero) * multiplier / 2**shift, rounded half up, plus output_zero, cut to [low, high]."""
    centred = (x.long() - input_zero).to(torch.int32).long()
    y = (centred * multiplier + (1 << (shift.long() - 1))) >> shift
    return torch.clamp(y + output_zero, low, high).to(dtype)`,

  Rescale: `class Rescale(nn.Module):
    """A layer of rescale; multiplier and shift are those of channels."""

    def __init__(self, channels, low, high, **options):
        super().__init__()
        self.options = dict(low=low, high=high, **options)
        shape = channels if isinstance(channels, tuple) else (channels,)
        self.register_buffer("multiplier", torch.zeros(shape, dtype=torch.int32))
        self.register_buffer("shift", torch.ones(shape, dtype=torch.int32))

    def forward(self, x):
        return rescale(x, self.multiplier, self.shift, **self.options)`,

  look_up: `def look_up(x, table, offset):
    """A function of bytes by its 256 values, of each channel where the table has rows."""
    index = x.long() + offset
    if table.dim() == 1:
        return table[index]
    return table[torch.arange(table.shape[0]).view(-1, *[1] * (x.dim() - 2)), index]`,

  look_up_wide: `def look_up_wide(x, table):
    """A function of int16 by 513 values, linear between them."""
    index = (x.long() + 32768) >> 7
    low, high = table[index].long(), table[index + 1].long()
    return shift_right((low << 7) + (high - low) * (x.long() & 127), 7).to(torch.int16)`,

  requantize: `def requantize(x, shift, zero, low, high):
    """x / 2**shift, rounded half up, plus zero, cut to [low, high], as int8."""
    return torch.clamp(((x + (1 << (shift - 1))) >> shift) + zero, low, high).to(torch.int8)`,

  quantize: `def quantize(x, inverse_scale, zero):
    """Floats as int8 with a scale and a zero point; halves go up, NaN is zero."""
    y = torch.floor(x * inverse_scale + 0.5)
    return torch.where(torch.isnan(y), zero, torch.clamp(y.double() + zero, -128, 127)).to(torch.int8)`,

  saturate: `def saturate(x, low, high, dtype):
    """Floats as integers: cut off behind the point and to [low, high]; NaN is 0."""
    return torch.where(torch.isnan(x), 0.0, torch.clamp(torch.trunc(x.double()), low, high)).to(dtype)`,

  integer_mean: `def integer_mean(x, dim, keepdim=False):
    """Mean of integers, rounded to nearest, halves up."""
    total = torch.sum(x, dim=dim, keepdim=keepdim, dtype=torch.int64)
    count = max(x.numel() // max(total.numel(), 1), 1)
    return torch.div(2 * total + count, 2 * count, rounding_mode="floor").to(x.dtype)`,

  window_sums: `def window_sums(x, kernel, stride, dilation, pads):
    """Sums over windows of x, with zeros around it."""
    conv = (F.conv1d, F.conv2d, F.conv3d)[len(kernel) - 1]
    channels = x.shape[1]
    ones = torch.ones(channels, 1, *kernel, dtype=x.dtype)
    return conv(F.pad(x, pads), ones, stride=stride, dilation=dilation, groups=channels)`,

  average_pool: `def average_pool(x, kernel, stride, dilation, pads, beyond, include_pad=False, pad_value=0):
    """Means over windows; pads and beyond as F.pad takes them, cells beyond never count. Integers round half up."""
    all_pads = [a + b for a, b in zip(pads, beyond)]
    y = x if x.is_floating_point() else x.double()
    sums = window_sums(y, kernel, stride, dilation, all_pads)
    ones = torch.ones(1, 1, *x.shape[2:], dtype=y.dtype)
    inside = window_sums(ones, kernel, stride, dilation, all_pads)
    cells = window_sums(F.pad(ones, pads, value=1.0), kernel, stride, dilation, beyond) if include_pad else inside
    if x.is_floating_point():
        return sums / cells
    sums = sums + (cells - inside) * pad_value
    return torch.floor((2 * sums + cells) / (2 * cells)).to(x.dtype)`,

  integer_div: `def integer_div(a, b, rounding):
    """Quotients of int32, saturated; x / 0 is 0. rounding: trunc, floor, or round with halves up."""
    a, b = torch.broadcast_tensors(torch.as_tensor(a).long(), torch.as_tensor(b).long())
    safe = torch.where(b == 0, 1, b)
    if rounding == "round":
        y = torch.div(2 * a + safe, 2 * safe, rounding_mode="floor")
    else:
        y = torch.div(a, safe, rounding_mode=rounding)
    return torch.clamp(torch.where(b == 0, 0, y), max=2**31 - 1).to(torch.int32)`,

  integer_mod: `def integer_mod(a, b):
    """Remainders with the sign of the divisor; a mod 0 is 0."""
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    dtype = torch.promote_types(a.dtype, b.dtype) if a.dim() and b.dim() else (a if a.dim() else b).dtype
    a, b = a.long(), b.long()
    return torch.where(b == 0, 0, torch.remainder(a, torch.where(b == 0, 1, b))).to(dtype)`,

  integer_rem: `def integer_rem(a, b):
    """Remainders with the sign of the dividend; a rem 0 is 0."""
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    dtype = (a if a.dim() else b).dtype
    a, b = a.long(), b.long()
    return torch.where(b == 0, 0, torch.fmod(a, torch.where(b == 0, 1, b))).to(dtype)`,

  left_shift: `def left_shift(x, bits):
    """The low bits of x * 2**bits; bits below 0 count as 0, above 31 nothing is left."""
    bits = torch.as_tensor(bits).long()
    return torch.where(bits > 31, 0, x.long() << torch.clamp(bits, 0, 31)).to(x.dtype)`,

  right_shift: `def right_shift(x, bits):
    """x / 2**bits, rounded down; bits below 0 count as 0, above 31 as 31."""
    return (x.long() >> torch.clamp(torch.as_tensor(bits).long(), 0, 31)).to(x.dtype)`,

  logical_right_shift: `def logical_right_shift(x, bits):
    """The 32 bits of x moved down with zeros from above."""
    bits = torch.as_tensor(bits).long()
    return torch.where(bits > 31, 0, (x.long() & 0xFFFFFFFF) >> torch.clamp(bits, 0, 31)).to(torch.int32)`,

  leading_zeros: `def leading_zeros(x):
    """Zero bits above the highest 1 of int32."""
    bits = torch.frexp((x.long() & 0xFFFFFFFF).double())[1]
    return (32 - bits).to(torch.int32)`,

  log2_fixed: `LOG2 = torch.tensor([round(2**24 * math.log2(1 + i / 256)) for i in range(257)])


def log2_fixed(x):
    """log2 of int32 with 24 bits behind the point, from a table; -2**31 where x <= 0."""
    zeros = leading_zeros(x).long()
    mantissa = x.long() << torch.clamp(zeros, max=31)
    index = (mantissa >> 23) & 255
    low = LOG2[index]
    y = ((31 - zeros) << 24) + low + shift_right((LOG2[index + 1] - low) * (mantissa & (2**23 - 1)), 23)
    return torch.where(x <= 0, -(2**31), y).to(torch.int32)`,

  exp2_q16: `EXP2 = torch.tensor([round(2**30 * 2 ** (i / 256)) for i in range(257)])


def exp2_q16(t, fraction):
    """2**(t / 65536) with fraction bits behind the point, from a table, at most 2**31 - 1."""
    whole, part = t >> 16, t & 65535
    low = EXP2[part >> 8]
    mantissa = low + shift_right((EXP2[(part >> 8) + 1] - low) * (part & 255), 8)
    shift = 30 - fraction - whole
    y = shift_right(mantissa, torch.clamp(shift, 0, 33))
    y = torch.where(shift < 0, 2**31 - 1, torch.where(shift > 32, 0, y))
    return torch.clamp(y, max=2**31 - 1)`,

  exp2_fixed: `def exp2_fixed(x, fraction, result_fraction):
    """2**x for numbers with fraction bits behind the point."""
    x = x.long()
    t = x << (16 - fraction) if fraction <= 16 else shift_right(x, fraction - 16)
    return exp2_q16(t, result_fraction).to(torch.int32)`,

  exp_fixed: `def exp_fixed(x, fraction, result_fraction):
    """e**x for numbers with fraction bits behind the point."""
    limit = 64 << fraction
    factor = math.floor(1.4426950408889634 * 2 ** (30 - fraction) + 0.5)
    return exp2_q16(shift_right(torch.clamp(x.long(), -limit, limit) * factor, 14), result_fraction).to(torch.int32)`,

  integer_root: `def integer_root(x):
    """Square roots of whole numbers below 2**52, rounded down."""
    r = torch.floor(torch.sqrt(x.double())).long()
    r = torch.where(r * r > x, r - 1, r)
    return torch.where((r + 1) * (r + 1) <= x, r + 1, r)`,

  root: `def root(x, fraction):
    """Square roots of numbers with fraction bits behind the point, rounded down; 0 below 0."""
    return integer_root(torch.clamp(x.long(), min=0) << fraction).to(torch.int32)`,

  add_saturated: `def add_saturated(a, b):
    """Sums of logarithms; what is at most -2**29 is the logarithm of 0 and stays it."""
    a, b = torch.as_tensor(a).long(), torch.as_tensor(b).long()
    lost = (a <= -(2**29)) | (b <= -(2**29))
    return torch.where(lost, -(2**30), torch.clamp(a + b, max=2**30)).to(torch.int32)`,

  softmax_lut: `def softmax_lut(x, exponentials, dim):
    """Softmax of int8 by a table of exponentials of distances to the greatest; scale 1/256, zero point -128."""
    distance = torch.amax(x.long(), dim=dim, keepdim=True) - x.long()
    e = torch.clamp(exponentials[distance].long(), 0, 65536)
    reciprocal = 2**46 // torch.clamp(torch.sum(e, dim=dim, keepdim=True), min=1)
    return (torch.clamp((e * reciprocal + 2**37) >> 38, max=255) - 128).to(torch.int8)`,

  softmax_fixed: `def softmax_fixed(x, dim, multiplier, shift, bits, zero, dtype):
    """Softmax of integers; multiplier / 2**shift turns distances into powers of two with 16 bits behind the point."""
    distance = torch.amax(x.long(), dim=dim, keepdim=True) - x.long()
    scale = min(22, 30 - (x.shape[dim] - 1).bit_length())
    e = exp2_q16(-shift_right(distance * multiplier, shift), scale)
    reciprocal = 2 ** (30 + scale) // torch.clamp(torch.sum(e, dim=dim, keepdim=True), min=1)
    y = shift_right(e * reciprocal, 30 + scale - bits)
    return (torch.clamp(y, max=2**bits - 1) + zero).to(dtype)`,

  layer_norm_fixed: `def layer_norm_fixed(x, gain, bias, axis, groups, center, input_zero, epsilon, shift, output_zero, low, high, dtype):
    """Normalization of integers over the dimensions from axis on, in groups, with a reciprocal root in whole numbers."""
    n = math.prod(x.shape[axis:]) // groups
    v = (x.long() - input_zero).reshape(*x.shape[:axis], groups, n)
    total = torch.sum(v, dim=-1, keepdim=True) if center else 0
    d = torch.clamp(n * torch.sum(v * v, dim=-1, keepdim=True) - total * total + epsilon, min=1)
    t = torch.clamp((50 - torch.frexp(d.double())[1].long()) // 2, min=0)
    reciprocal = 2**50 // integer_root(d << (2 * t))
    z = shift_right((n * v - total) * reciprocal, 39 - t).reshape(x.shape)
    return torch.clamp(shift_right(z * gain + bias, shift) + output_zero, low, high).to(dtype)`,

  index_of_extreme: `def index_of_extreme(x, extreme, dim, last, keepdim):
    """Index of the first (or last) element that equals the extreme; a NaN never does."""
    n = x.shape[dim]
    place = torch.arange(n).view(*[-1 if d == dim else 1 for d in range(x.dim())]).expand(x.shape)
    hit = x == extreme
    index = torch.where(hit, place, -1 if last else n)
    index = torch.amax(index, dim, keepdim=keepdim) if last else torch.amin(index, dim, keepdim=keepdim)
    return torch.where((index < 0) | (index == n), 0, index).to(torch.int32)`,

  index_of_max: `def index_of_max(x, dim, last=False, keepdim=False):
    clean = torch.nan_to_num(x, nan=float("-inf")) if x.is_floating_point() else x
    clean = torch.where(torch.isposinf(x), x, clean) if x.is_floating_point() else clean
    return index_of_extreme(x, torch.amax(clean, dim, keepdim=True), dim, last, keepdim)`,

  index_of_min: `def index_of_min(x, dim, last=False, keepdim=False):
    clean = torch.nan_to_num(x, nan=float("inf")) if x.is_floating_point() else x
    clean = torch.where(torch.isneginf(x), x, clean) if x.is_floating_point() else clean
    return index_of_extreme(x, torch.amin(clean, dim, keepdim=True), dim, last, keepdim)`,

  running: `def running(scan, x, dim, exclusive=False, reverse=False):
    """Running sums or products; exclusive leaves the element itself out, reverse begins at the end."""
    x = torch.flip(x, (dim,)) if reverse else x
    if exclusive:
        first = torch.full_like(x.narrow(dim, 0, 1), 0 if scan is torch.cumsum else 1)
        x = torch.cat([first, x.narrow(dim, 0, x.shape[dim] - 1)], dim)
    y = scan(x, dim)
    return torch.flip(y, (dim,)) if reverse else y`,

  top_k: `def top_k(x, k, dim, largest=True):
    """The k greatest or least in order, with their indices; among equals the first, NaN after all numbers."""
    key = x if x.is_floating_point() else x.long()
    key = -key if largest else key
    order = torch.sort(key, dim=dim, stable=True)[1].narrow(dim, 0, k)
    return torch.gather(x, dim, order), order.to(torch.int32)`,

  gather_nd: `def gather_nd(x, index, batch_dims=0):
    """Slices at the vectors in the last dimension of index."""
    length = index.shape[-1]
    batch = x.shape[:batch_dims]
    parts = [torch.arange(n).view(*[-1 if d == i else 1 for d in range(index.dim() - 1)]) for i, n in enumerate(batch)]
    parts += [torch.clamp(index[..., i].long(), 0, x.shape[batch_dims + i] - 1) for i in range(length)]
    return x[tuple(parts)] if parts else x.expand(*index.shape[:-1], *x.shape)`,

  combine: `def combine(old, new, mode):
    return {"set": new, "add": old + new if mode == "add" else new, "mul": old * new if mode == "mul" else new,
            "max": torch.maximum(old, new), "min": torch.minimum(old, new)}[mode]`,

  scatter_elements: `def scatter_elements(x, index, updates, dim, mode):
    """Writes single elements along dim, one after another; what lies outside is left out."""
    y = x.clone()
    place = list(torch.meshgrid(*[torch.arange(n) for n in index.shape], indexing="ij"))
    place[dim] = index.long()
    place = torch.stack([p.reshape(-1) for p in place], -1)
    for at, update in zip(place.tolist(), updates.reshape(-1)):
        if 0 <= at[dim] < x.shape[dim]:
            y[tuple(at)] = combine(y[tuple(at)], update, mode)
    return y`,

  scatter_nd: `def scatter_nd(x, index, updates, mode):
    """Writes slices at vectors of indices, one after another; what lies outside is left out."""
    y = x.clone()
    length = index.shape[-1]
    for at, update in zip(index.reshape(-1, length).tolist(), updates.reshape(-1, *x.shape[length:])):
        if all(0 <= i < n for i, n in zip(at, x.shape)):
            y[tuple(at)] = combine(y[tuple(at)], update, mode)
    return y`,
};
