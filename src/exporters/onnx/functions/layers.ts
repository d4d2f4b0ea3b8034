import { ELEM } from '../message.ts';
import { type Body, define, type FunctionDef } from './define.ts';

const WINDOW = {
  strides: { ref: 'stride', kind: 'ints' },
  pads: { ref: 'pads', kind: 'ints' },
  dilations: { ref: 'dilation', kind: 'ints' },
} as const;
const GROUP = { group: { ref: 'groups', kind: 'int' } } as const;

/** Bias along axis 1 of a result: one entry per output channel. */
const withBias = (b: Body, y: string, bias: string): string => b.add(y, b.alongChannels(bias, y));

const narrowConv = (hasBias: boolean): FunctionDef =>
  define({
    op: 'conv',
    inputs: hasBias ? ['x', 'w', 'bias'] : ['x', 'w'],
    body: (b, [x = '', w = '', bias]) => {
      const zero = b.attr('pad_value');
      // padding and zero point are one number: sum w (x - zero), 0 on padding
      const centred = b.one('ConvInteger', [x, w, b.one('CastLike', [zero, x])], { ...WINDOW, ...GROUP });
      const flat = b.one('Reshape', [b.cast(w, ELEM.int32), b.ints([0, -1])]);
      const back = b.mul(b.sum(flat, b.ints([1]), 0), b.cast(zero, ELEM.int32));
      return withBias(b, centred, bias === undefined ? back : b.add(back, bias));
    },
  });

/** An integer as 256 high + low with high in int8 and low in uint8. */
const halves = (b: Body, x: string): readonly (readonly [part: string, bits: number])[] => {
  const long = b.long(x);
  const base = b.int(256);
  return [
    [b.cast(b.floorDiv(long, base), ELEM.int8), 8],
    [b.cast(b.one('Mod', [long, base]), ELEM.uint8), 0],
  ];
};

/** wrap32 of an int64, as int32. */
const wrapped32 = (b: Body, x: string): string => {
  const low = b.one('Mod', [x, b.int(2 ** 32)]);
  return b.cast(b.where(b.less(low, b.int(2 ** 31)), low, b.sub(low, b.int(2 ** 32))), ELEM.int32);
};

/** Sums of 16-bit products, from four convolutions of bytes. */
const wideConv = (hasBias: boolean): FunctionDef =>
  define({
    op: 'conv',
    inputs: hasBias ? ['x', 'w', 'bias'] : ['x', 'w'],
    body: (b, [x = '', w = '', bias]) => {
      const [xs, ws] = [halves(b, x), halves(b, w)];
      const terms = xs.flatMap(([xp, p]) =>
        ws.map(([wp, q]) => b.mul(b.long(b.one('ConvInteger', [xp, wp], { ...WINDOW, ...GROUP })), b.int(2 ** (p + q)))),
      );
      const sum = terms.reduce((a, t) => b.add(a, t));
      const y = wrapped32(b, b.rshr(sum, b.attr('accumulator_shift')));
      return bias === undefined ? y : withBias(b, y, bias);
    },
  });

const transposed = (b: Body, w: string): string => b.one('Transpose', [w], { perm: [1, 0] });

const narrowDense = (hasBias: boolean): FunctionDef =>
  define({
    op: 'dense',
    inputs: hasBias ? ['x', 'w', 'bias'] : ['x', 'w'],
    body: (b, [x = '', w = '', bias]) => {
      const y = b.one('MatMulInteger', [x, transposed(b, w)]);
      return bias === undefined ? y : b.add(y, bias);
    },
  });

const wideProduct = (b: Body, x: string, y: string): string =>
  wrapped32(b, b.rshr(b.one('MatMul', [b.long(x), b.long(y)]), b.attr('accumulator_shift')));

const wideDense = (hasBias: boolean): FunctionDef =>
  define({
    op: 'dense',
    inputs: hasBias ? ['x', 'w', 'bias'] : ['x', 'w'],
    body: (b, [x = '', w = '', bias]) => {
      const y = wideProduct(b, x, transposed(b, w));
      return bias === undefined ? y : b.add(y, bias);
    },
  });

const narrowMatmul: FunctionDef = define({
  op: 'matmul',
  inputs: ['a', 'b'],
  body: (b, [x = '', y = '']) => {
    const zero = (name: string, like: string): string => b.one('CastLike', [b.attr(name), like]);
    return b.one('MatMulInteger', [x, y, zero('a_zero', x), zero('b_zero', y)]);
  },
});

const wideMatmul: FunctionDef = define({ op: 'matmul', inputs: ['a', 'b'], body: (b, [x = '', y = '']) => wideProduct(b, x, y) });

/** How many cells inside the image each window has, [1, 1, …]. */
const cellsOf = (b: Body, x: string, kernel: string): string => {
  const spatial = b.one('Shape', [x], { start: 2 });
  const plane = b.concat(b.ints([1, 1]), spatial);
  return windowSums(b, b.one('Expand', [b.cast(b.int(1), ELEM.uint8), plane]), kernel);
};

/** Sums over windows of [n, 1, …] bytes: int32. */
const windowSums = (b: Body, x: string, kernel: string): string => {
  const ones = b.one('Expand', [b.cast(b.int(1), ELEM.int8), b.concat(b.ints([1, 1]), kernel)]);
  return b.one('ConvInteger', [x, ones], WINDOW);
};

/** Integer means over windows without partial ones: each channel of each image is an image of its own. */
const averagePool = (includePad: boolean): FunctionDef =>
  define({
    op: 'average_pool',
    inputs: ['x'],
    body: (b, [x = '']) => {
      const kernel = b.attrs('kernel');
      const spatial = b.one('Shape', [x], { start: 2 });
      const planes = b.one('Reshape', [x, b.concat(b.ints([-1, 1]), spatial)]);
      const inside = b.long(cellsOf(b, x, kernel));
      const sums = b.long(windowSums(b, planes, kernel));
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

/** Layers of integers: sums are those of ConvInteger, MatMulInteger and MatMul of int64, which are exact. */
export const layers = {
  conv: narrowConv(false),
  conv__bias: narrowConv(true),
  conv__i16: wideConv(false),
  conv__i16_bias: wideConv(true),
  dense: narrowDense(false),
  dense__bias: narrowDense(true),
  dense__i16: wideDense(false),
  dense__i16_bias: wideDense(true),
  matmul: narrowMatmul,
  matmul__i16: wideMatmul,
  average_pool: averagePool(false),
  average_pool__pads: averagePool(true),
  reduce_mean: reduceMean,
  softmax_lut: softmaxLut,
} as const;
