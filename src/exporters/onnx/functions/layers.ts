import { type Attributes, ELEM } from '../message.ts';
import { type Body, define, type FunctionDef } from './define.ts';

const WINDOW = {
  strides: { ref: 'stride', kind: 'ints' },
  pads: { ref: 'pads', kind: 'ints' },
  dilations: { ref: 'dilation', kind: 'ints' },
} as const;
const GROUP = { group: { ref: 'groups', kind: 'int' } } as const;

/** Bias along axis 1 of a result: one entry per output channel. */
const withBias = (b: Body, y: string, bias: string): string => b.add(y, b.alongChannels(bias, y));

/**
 * int8 as uint8, 128 higher, to be read with a zero point that is 128 higher too. onnxruntime multiplies uint8 by uint8 exactly on every
 * processor; with an int8 factor it saturates pairs of products on x86 without VNNI, or is wrong.
 */
const raised = (b: Body, x: string): string => b.cast(b.add(b.cast(x, ELEM.int32), b.cast(b.int(128), ELEM.int32)), ELEM.uint8);

/** An integer that is uint8 already. */
const byte = (b: Body, value: string): string => b.cast(value, ELEM.uint8);

type Bytes = 'i8' | 'u8';

/** Operand and zero point as uint8. */
const asBytes = (b: Body, dtype: Bytes, x: string, zero: string): readonly [x: string, zero: string] =>
  dtype === 'u8' ? [x, byte(b, zero)] : [raised(b, x), byte(b, b.add(zero, b.int(128)))];

const inputsOf = (hasBias: boolean): readonly string[] => (hasBias ? ['x', 'w', 'bias'] : ['x', 'w']);

const narrowConv = (dtype: Bytes, hasBias: boolean): FunctionDef =>
  define({
    op: 'conv',
    inputs: inputsOf(hasBias),
    body: (b, [x = '', w = '', bias]) => {
      const zero = b.attr('pad_value');
      const [xs, xZero] = asBytes(b, dtype, x, zero);
      const [ws, wZero] = asBytes(b, 'i8', w, b.int(0));
      // padding and zero point are one number: sum w (x - zero), 0 on padding
      const centred = b.one('ConvInteger', [xs, ws, xZero, wZero], { ...WINDOW, ...GROUP });
      const flat = b.one('Reshape', [b.cast(w, ELEM.int32), b.ints([0, -1])]);
      const back = b.mul(b.sum(flat, b.ints([1]), 0), b.cast(zero, ELEM.int32));
      return withBias(b, centred, bias === undefined ? back : b.add(back, bias));
    },
  });

interface Part {
  /** uint8 */
  readonly value: string;
  readonly zero: string;
  readonly factor: number;
}

/** An integer as 256 high + low. */
const halves = (b: Body, x: string): readonly Part[] => {
  const [long, base] = [b.long(x), b.int(256)];
  const high = b.add(b.floorDiv(long, base), b.int(128));
  return [
    { value: byte(b, high), zero: byte(b, b.int(128)), factor: 256 },
    { value: byte(b, b.one('Mod', [long, base])), zero: byte(b, b.int(0)), factor: 1 },
  ];
};

/** wrap32 of an int64, as int32. */
const wrapped32 = (b: Body, x: string): string => {
  const low = b.one('Mod', [x, b.int(2 ** 32)]);
  return b.cast(b.where(b.less(low, b.int(2 ** 31)), low, b.sub(low, b.int(2 ** 32))), ELEM.int32);
};

/** Sums of products of parts, from convolutions of bytes: int64. */
const convOfParts = (b: Body, xs: readonly Part[], ws: readonly Part[], attributes: Attributes): string =>
  xs
    .flatMap((x) =>
      ws.map((w) => {
        const y = b.long(b.one('ConvInteger', [x.value, w.value, x.zero, w.zero], attributes));
        const factor = x.factor * w.factor;
        return factor === 1 ? y : b.mul(y, b.int(factor));
      }),
    )
    .reduce((sum, y) => b.add(sum, y));

const wideConv = (hasBias: boolean): FunctionDef =>
  define({
    op: 'conv',
    inputs: inputsOf(hasBias),
    body: (b, [x = '', w = '', bias]) => {
      const sum = convOfParts(b, halves(b, x), halves(b, w), { ...WINDOW, ...GROUP });
      const y = wrapped32(b, b.rshr(sum, b.attr('accumulator_shift')));
      return bias === undefined ? y : withBias(b, y, bias);
    },
  });

const transposed = (b: Body, w: string): string => b.one('Transpose', [w], { perm: [1, 0] });

const narrowDense = (dtype: Bytes, hasBias: boolean): FunctionDef =>
  define({
    op: 'dense',
    inputs: inputsOf(hasBias),
    body: (b, [x = '', w = '', bias]) => {
      const [xs, xZero] = asBytes(b, dtype, x, b.int(0));
      const [ws, wZero] = asBytes(b, 'i8', w, b.int(0));
      const y = b.one('MatMulInteger', [xs, transposed(b, ws), xZero, wZero]);
      return bias === undefined ? y : b.add(y, bias);
    },
  });

const wideProduct = (b: Body, x: string, y: string): string =>
  wrapped32(b, b.rshr(b.one('MatMul', [b.long(x), b.long(y)]), b.attr('accumulator_shift')));

const wideDense = (hasBias: boolean): FunctionDef =>
  define({
    op: 'dense',
    inputs: inputsOf(hasBias),
    body: (b, [x = '', w = '', bias]) => {
      const y = wideProduct(b, x, transposed(b, w));
      return bias === undefined ? y : b.add(y, bias);
    },
  });

const narrowMatmul = (left: Bytes, right: Bytes): FunctionDef =>
  define({
    op: 'matmul',
    inputs: ['a', 'b'],
    body: (b, [x = '', y = '']) => {
      const [xs, xZero] = asBytes(b, left, x, b.attr('a_zero'));
      const [ys, yZero] = asBytes(b, right, y, b.attr('b_zero'));
      return b.one('MatMulInteger', [xs, ys, xZero, yZero]);
    },
  });

const wideMatmul: FunctionDef = define({ op: 'matmul', inputs: ['a', 'b'], body: (b, [x = '', y = '']) => wideProduct(b, x, y) });

type Pooled = Bytes | 'i16';

/** Sums over windows of planes [n, 1, …], padding 0: int64. */
const windowSums = (b: Body, dtype: Pooled, x: string, kernel: string): string => {
  const [one, zero] = [byte(b, b.int(1)), byte(b, b.int(0))];
  const ones: Part = { value: b.one('Expand', [one, b.concat(b.ints([1, 1]), kernel)]), zero, factor: 1 };
  if (dtype === 'i16') return convOfParts(b, halves(b, x), [ones], WINDOW);
  const [value, xZero] = asBytes(b, dtype, x, b.int(0));
  return convOfParts(b, [{ value, zero: xZero, factor: 1 }], [ones], WINDOW);
};

/** Integer means over whole windows: each channel of each image is a plane. */
const averagePool = (dtype: Pooled, includePad: boolean): FunctionDef =>
  define({
    op: 'average_pool',
    inputs: ['x'],
    body: (b, [x = '']) => {
      const kernel = b.attrs('kernel');
      const spatial = b.one('Shape', [x], { start: 2 });
      const planes = b.one('Reshape', [x, b.concat(b.ints([-1, 1]), spatial)]);
      const sums = windowSums(b, dtype, planes, kernel);
      // how many cells of each window are inside of the image
      const inside = windowSums(b, 'u8', b.one('Expand', [byte(b, b.int(1)), b.concat(b.ints([1, 1]), spatial)]), kernel);
      const taps = b.one('ReduceProd', [kernel, b.ints([0])], { keepdims: 0 });
      const padding = b.mul(b.sub(taps, inside), b.attr('pad_value'));
      const y = includePad ? b.rdiv(b.add(sums, padding), taps) : b.rdiv(sums, inside);
      const lead = b.one('Shape', [x], { end: 2 });
      return b.one('CastLike', [b.reshape(y, b.concat(lead, b.one('Shape', [y], { start: 2 }))), x]);
    },
  });

const reduceMean: FunctionDef = define({
  op: 'reduce_mean',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const axes = b.attrs('axes');
    const sum = b.one('ReduceSum', [b.long(x), axes], { keepdims: { ref: 'keep', kind: 'int' }, noop_with_empty_axes: 1 });
    const count = b.one('ReduceProd', [b.gather(b.shape(x), axes), b.ints([0])], { keepdims: 0 });
    return b.one('CastLike', [b.rdiv(sum, b.max(count, b.int(1))), x]);
  },
});

/** Sums of narrow integers are int32. */
const narrowSum: FunctionDef = define({
  op: 'reduce_sum',
  inputs: ['x'],
  body: (b, [x = '']) =>
    b.one('ReduceSum', [b.cast(x, ELEM.int32), b.attrs('axes')], { keepdims: { ref: 'keep', kind: 'int' }, noop_with_empty_axes: 1 }),
});

const narrowRunningSum: FunctionDef = define({
  op: 'cumsum',
  inputs: ['x'],
  body: (b, [x = '']) =>
    b.one('CumSum', [b.cast(x, ELEM.int32), b.attr('axis')], {
      exclusive: { ref: 'exclusive', kind: 'int' },
      reverse: { ref: 'reverse', kind: 'int' },
    }),
});

/** Operators that onnxruntime has for int32, and not for int16. */
const extreme16 = (op: 'reduce_max' | 'reduce_min'): FunctionDef =>
  define({
    op,
    inputs: ['x'],
    body: (b, [x = '']) => {
      const opType = op === 'reduce_max' ? 'ReduceMax' : 'ReduceMin';
      const keep = { keepdims: { ref: 'keep', kind: 'int' }, noop_with_empty_axes: 1 } as const;
      return b.cast(b.one(opType, [b.cast(x, ELEM.int32), b.attrs('axes')], keep), ELEM.int16);
    },
  });

/** Values in order by way of int32: onnxruntime sorts numbers of 32 bits and more. */
const narrowTopK: FunctionDef = define({
  op: 'top_k',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const sorted = { axis: { ref: 'axis', kind: 'int' }, largest: { ref: 'largest', kind: 'int' }, sorted: 1 } as const;
    const [values = '', indices = ''] = b.all('TopK', [b.cast(x, ELEM.int32), b.vector(b.attr('k'))], sorted, 2);
    return [b.one('CastLike', [values, x]), b.cast(indices, ELEM.int32)];
  },
});

/** float32 holds all int16. */
const maxPool16: FunctionDef = define({
  op: 'max_pool',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const attributes = { kernel_shape: { ref: 'kernel', kind: 'ints' }, ceil_mode: { ref: 'ceil', kind: 'int' }, ...WINDOW } as const;
    return b.cast(b.one('MaxPool', [b.cast(x, ELEM.float)], attributes), ELEM.int16);
  },
});

/** Indices held within their dimension, which ONNX would take for an error, or count from the end. */
const boundedIndices = (b: Body, indices: string, sizes: string): string => b.clip(b.long(indices), b.int(0), b.sub(sizes, b.int(1)));

const gathered = (op: 'gather' | 'gather_elements'): FunctionDef =>
  define({
    op,
    inputs: ['x', 'indices'],
    body: (b, [x = '', indices = '']) => {
      const bounded = boundedIndices(b, indices, b.gather(b.shape(x), b.attr('axis')));
      return b.one(op === 'gather' ? 'Gather' : 'GatherElements', [x, bounded], { axis: { ref: 'axis', kind: 'int' } });
    },
  });

const gatheredVectors: FunctionDef = define({
  op: 'gather_nd',
  inputs: ['x', 'indices'],
  body: (b, [x = '', indices = '']) => {
    const [batch, length] = [b.vector(b.attr('batch_dims')), b.one('Shape', [indices], { start: -1 })];
    const sizes = b.one('Slice', [b.shape(x), batch, b.add(batch, length)]);
    return b.one('GatherND', [x, boundedIndices(b, indices, sizes)], { batch_dims: { ref: 'batch_dims', kind: 'int' } });
  },
});

const softmaxLut: FunctionDef = define({
  op: 'softmax_lut',
  inputs: ['x', 'table'],
  body: (b, [x = '', t = '']) => {
    const axis = b.vector(b.attr('axis'));
    const wide = b.long(x);
    const e = b.long(b.gather(t, b.sub(b.one('ReduceMax', [wide, axis]), wide)));
    const r = b.div(b.int(2 ** 46), b.sum(e, axis));
    const y = b.floorDiv(b.add(b.mul(e, r), b.int(2 ** 37)), b.int(2 ** 38));
    return b.cast(b.sub(b.min(y, b.int(255)), b.int(128)), ELEM.int8);
  },
});

/** Layers of integers: sums are those of ConvInteger and MatMulInteger on uint8, and of MatMul on int64, which are exact. */
export const layers = {
  conv: narrowConv('i8', false),
  conv__bias: narrowConv('i8', true),
  conv__u8: narrowConv('u8', false),
  conv__u8_bias: narrowConv('u8', true),
  conv__i16: wideConv(false),
  conv__i16_bias: wideConv(true),
  dense: narrowDense('i8', false),
  dense__bias: narrowDense('i8', true),
  dense__u8: narrowDense('u8', false),
  dense__u8_bias: narrowDense('u8', true),
  dense__i16: wideDense(false),
  dense__i16_bias: wideDense(true),
  matmul__i8_i8: narrowMatmul('i8', 'i8'),
  matmul__i8_u8: narrowMatmul('i8', 'u8'),
  matmul__u8_i8: narrowMatmul('u8', 'i8'),
  matmul__u8_u8: narrowMatmul('u8', 'u8'),
  matmul__i16: wideMatmul,
  average_pool: averagePool('i8', false),
  average_pool__u8: averagePool('u8', false),
  average_pool__i16: averagePool('i16', false),
  average_pool__pads: averagePool('i8', true),
  average_pool__u8_pads: averagePool('u8', true),
  average_pool__i16_pads: averagePool('i16', true),
  max_pool__i16: maxPool16,
  reduce_sum: narrowSum,
  reduce_mean: reduceMean,
  reduce_max__i16: extreme16('reduce_max'),
  reduce_min__i16: extreme16('reduce_min'),
  cumsum: narrowRunningSum,
  top_k: narrowTopK,
  gather: gathered('gather'),
  gather_elements: gathered('gather_elements'),
  gather_nd: gatheredVectors,
  softmax_lut: softmaxLut,
} as const;
