/** Functions that generated models use where Keras has none with the same numbers. */
export const HELPERS: Readonly<Record<string, string>> = {
  quantize: `def quantize(x, inverse_scale, zero):
    """Floats as int8 with a scale and a zero point; halves go up, NaN is zero."""
    y = ops.floor(x * inverse_scale + 0.5)
    y = ops.clip(ops.cast(y, "float64") + zero, -128, 127)
    return ops.cast(ops.where(ops.isnan(y), ops.cast(zero, "float64"), y), "int8")`,

  in_groups: `def in_groups(x, groups, apply):
    """Layers side by side, each for a group of the channels."""
    return ops.concatenate(apply(ops.split(x, groups, axis=-1)), axis=-1)`,

  local_response_norm: `def local_response_norm(x, size, alpha, beta, bias):
    """x divided by a power of the sum of squares over neighbouring channels, which come last."""
    before = (size - 1) // 2
    squares = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [(before, size - 1 - before)])
    channels = x.shape[-1]
    total = sum(squares[..., i : i + channels] for i in range(size))
    return x * ops.power(bias + alpha / size * total, -beta)`,

  average_pool: `def average_pool(x, kernel, stride, pads, beyond, include_pad):
    """Means over windows of the cells inside the image, or inside its padding; cells beyond never count."""
    ones = np.pad(np.ones((1, *x.shape[1:-1], 1), "float32"), pads, constant_values=float(include_pad))
    share = ops.average_pool(np.pad(ones, beyond), kernel, stride, "valid", "channels_last")
    y = ops.average_pool(ops.pad(ops.pad(x, pads), beyond), kernel, stride, "valid", "channels_last")
    return y / share`,

  exclusive: `def exclusive(y, axis, first):
    """Running sums or products moved on by one: each without its own element."""
    y = ops.moveaxis(y, axis, 0)
    return ops.moveaxis(ops.concatenate([ops.full_like(y[:1, ...], first), y[:-1, ...]], axis=0), 0, axis)`,

  top_k: `def top_k(x, k, axis, largest=True):
    """The k greatest or least in order, with their indices; among equals the first."""
    y = ops.moveaxis(x, axis, -1)
    key = ops.cast(y, "int64") if "int" in str(y.dtype) else y
    order = ops.argsort(-key if largest else key, axis=-1)[..., :k]
    values = ops.take_along_axis(y, order, axis=-1)
    return ops.moveaxis(values, -1, axis), ops.cast(ops.moveaxis(order, -1, axis), "int32")`,

  every: `def every(x, stride):
    """Every stride-th place of the spatial dimensions, which stand before the channels."""
    return x[(slice(None), *(slice(None, None, s) for s in stride), slice(None))]`,

  max_pool: `def max_pool(x, kernel, stride, dilation):
    """The greatest of the cells of each window, which are dilation apart."""
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], kernel, stride, dilation)]
    greatest = None
    for tap in np.ndindex(*kernel):
        cut = (slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, sizes, stride))
        cells = x[(slice(None), *cut, slice(None))]
        greatest = cells if greatest is None else ops.maximum(greatest, cells)
    return greatest`,

  gather_nd: `def gather_nd(x, index, batch_dims):
    """Slices at the vectors in the last dimension of index."""
    sizes = x.shape[: batch_dims + index.shape[-1]]
    place = 0
    for axis, size in enumerate(sizes[:batch_dims]):
        along = np.arange(size, dtype="int32").reshape([-1 if d == axis else 1 for d in range(len(index.shape) - 1)])
        place = np.asarray(place * size + along)
    for i, size in enumerate(sizes[batch_dims:]):
        # not a sum: Keras takes a column for a row where the two are as long
        place = ops.subtract(ops.clip(index[..., i], 0, size - 1), ops.negative(place * size))
    return ops.take(ops.reshape(x, (-1, *x.shape[len(sizes) :])), place, axis=0)`,
};
