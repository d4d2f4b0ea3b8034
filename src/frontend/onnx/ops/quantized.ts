import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { elemByCode, ELEMS, type ElemName, elemOf, isCode } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { integerConv, integerProduct } from './integer-product.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, saturated, span } from './util.ts';

/**
 * ONNX quantization is float arithmetic: y = saturate(round(x / scale) + zero point), ties to even. It is imported as that, so a
 * quantized model means here what it means everywhere. The integer program that the quantizer makes of it rounds half up.
 */

/** Scale or zero point of input i, laid along `axis` of a tensor of the given shape: one entry, one per index, or one per block. */
export const along = (n: OnnxNode, i: number, value: ValueId, axis: number, block: number): ValueId => {
  const [rank, own] = [n.rank(0), n.shapeOf(i)];
  if (own.every((d) => d === 1)) return n.reshape(value, []);
  if (block === 0) {
    if (own.length !== 1) return n.malformed(`input ${i} has shape [${own.join(', ')}], but a vector along axis ${axis} is wanted`);
    return n.reshape(value, [...own, ...new Array<number>(rank - 1 - axis).fill(1)]);
  }
  const shape = n.staticShape(0);
  const blocks = own[axis];
  if (own.length !== rank || typeof blocks !== 'number' || blocks !== Math.ceil(at(shape, axis) / block))
    return n.malformed(`input ${i} has shape [${own.join(', ')}] for blocks of ${block} along axis ${axis} of [${shape.join(', ')}]`);
  const [lead, rest] = [shape.slice(0, axis), shape.slice(axis + 1)];
  const opened = n.reshape(value, [...lead, blocks, 1, ...rest]);
  const repeated = n.reshape(n.emit('expand', [opened], { shape: [...lead, blocks, block, ...rest] }), [...lead, blocks * block, ...rest]);
  if (blocks * block === at(shape, axis)) return repeated;
  const sizes = shape.map((d, k) => (k === axis ? d : -1));
  return n.emit('slice', [repeated], { starts: shape.map(() => 0), sizes, steps: shape.map(() => 1) });
};

/** Quantized type: output_dtype, or that of the zero point, or uint8. */
const quantizedElem = (n: OnnxNode): ElemName => {
  const code = n.since >= 21 ? n.int('output_dtype', 0) : 0;
  const stated = code === 0 ? undefined : (elemByCode(code) ?? n.refuse(`output_dtype is ${code}`));
  const own = n.has(2) ? n.elem(2) : undefined;
  if (stated !== undefined && own !== undefined && stated !== own)
    return n.malformed(`output_dtype is ${stated} but the zero point is ${own}`);
  const elem = stated ?? own ?? 'uint8';
  return elemOf(elem).kind === 'int' || isCode(elem) ? elem : n.refuse(`quantization to ${elem} is not supported`);
};

interface Layout {
  readonly axis: number;
  readonly block: number;
}

/** Axis and block size; per tensor before opset 13. */
const layoutOf = (n: OnnxNode): Layout => {
  const rank = n.rank(0);
  const axis = n.since < 13 ? 0 : n.int('axis', 1);
  const block = n.since < 21 ? 0 : n.int('block_size', 0);
  if (block < 0) return n.malformed(`block_size is ${block}`);
  const whole = n.shapeOf(1).every((d) => d === 1) && block === 0;
  return { axis: whole ? 0 : n.axis(axis, rank), block };
};

export const roundingNote = (n: OnnxNode): void =>
  n.approximate('quantization is kept as ONNX defines it, in float with ties to even; made integer by this compiler it rounds half up');

/** Axis of com.microsoft's pair: that of opset 13, without blocks. */
export const channelLayout = (n: OnnxNode): Layout => {
  const axis = n.int('axis', 1);
  return { axis: n.shapeOf(1).every((d) => d === 1) ? 0 : n.axis(axis, n.rank(0)), block: 0 };
};

const quantizeLinear = (n: OnnxNode): Made => {
  const precision = n.since < 23 ? 0 : n.int('precision', 0);
  if (precision !== 0 && precision !== ELEMS.float.code) n.approximate(`precision is ${precision}, but the division is one of float32`);
  const saturate = n.int('saturate', 1) !== 0;
  return quantizeTo(n, quantizedElem(n), layoutOf(n), saturate);
};

/** saturate(round(x / scale) + zero) of inputs x, scale, zero. */
export const quantizeTo = (n: OnnxNode, elem: ElemName, { axis, block }: Layout, saturate = true): Made => {
  const x = n.as(n.wire(0), 'f32');
  const scaled = n.emit('div', [x, along(n, 1, floatWire(n, 1), axis, block)], {});
  if (isCode(elem)) {
    const moved = n.has(2) ? n.emit('add', [scaled, along(n, 2, n.wire(2), axis, block)], {}) : scaled;
    return { value: n.emit('round_float', [moved], { format: elem, saturate }), elem };
  }
  const whole = n.emit('round', [scaled], {});
  const shifted = n.has(2) ? n.emit('add', [whole, along(n, 2, n.as(n.wire(2), 'f32'), axis, block)], {}) : whole;
  return { value: saturated(n, shifted, elem), elem };
};

const dequantizeLinear = (n: OnnxNode): Made => {
  const layout = layoutOf(n);
  const code = n.since >= 23 ? n.int('output_dtype', 0) : 0;
  const elem = code === 0 ? n.elem(1) : (elemByCode(code) ?? n.refuse(`output_dtype is ${code}`));
  if (elemOf(elem).kind !== 'float') return n.refuse(`dequantization to ${elem} is not supported`);
  return dequantizeTo(n, elem, layout);
};

/** (x - zero) * scale of inputs x, scale, zero. */
export const dequantizeTo = (n: OnnxNode, elem: ElemName, { axis, block }: Layout): Made => {
  const x = n.wire(0);
  const exact = n.typeOf(x).dtype === 'i32' && n.has(2);
  // the difference of two int32 is exact in int32, not in float32
  const centered = exact
    ? n.as(n.emit('sub', [x, along(n, 2, n.wire(2), axis, block)], {}), 'f32')
    : n.has(2)
      ? n.emit('sub', [n.as(x, 'f32'), along(n, 2, n.as(n.wire(2), 'f32'), axis, block)], {})
      : n.as(x, 'f32');
  return { value: n.emit('mul', [centered, along(n, 1, floatWire(n, 1), axis, block)], {}), elem };
};

/** y, scale and zero point of uint8 over the range of x widened to hold 0. */
const dynamicQuantize = (n: OnnxNode): readonly Made[] => {
  const x = floatWire(n, 0);
  const axes = span(0, n.rank(0));
  const zero = n.scalar(0);
  const high = n.emit('maximum', [n.emit('reduce_max', [x], { axes }), zero], {});
  const low = n.emit('minimum', [n.emit('reduce_min', [x], { axes }), zero], {});
  const scale = n.emit('div', [n.emit('sub', [high, low], {}), n.scalar(255)], {});
  const offset = saturated(n, n.emit('round', [n.emit('div', [n.emit('sub', [zero, low], {}), scale], {})], {}), 'uint8');
  const whole = n.emit('round', [n.emit('div', [x, scale], {})], {});
  const y = saturated(n, n.emit('add', [whole, n.as(offset, 'f32')], {}), 'uint8');
  return [
    { value: y, elem: 'uint8' },
    { value: scale, elem: 'float' },
    { value: offset, elem: 'uint8' },
  ];
};

/** Sums times scales, rounded to even, plus zero point, saturated. */
const requantized = (n: OnnxNode, sum: ValueId, factor: ValueId, scale: number, zero: number): Made => {
  const elem = n.elem(zero);
  const ratio = n.emit('div', [factor, n.reshape(floatWire(n, scale), [])], {});
  const whole = n.emit('round', [n.emit('mul', [n.as(sum, 'f32'), ratio], {})], {});
  const shifted = n.emit('add', [whole, n.reshape(n.as(n.wire(zero), 'f32'), [])], {});
  return { value: saturated(n, shifted, elem), elem };
};

/** One entry, or one per row (of the first operand) or column (of the second), as a factor of the product. */
export const perLine = (n: OnnxNode, i: number, value: ValueId, rows: boolean): ValueId => {
  const shape = n.shapeOf(i);
  if (shape.every((d) => d === 1)) return n.reshape(value, []);
  if (shape.length !== 1) return value;
  return rows ? n.reshape(value, [...shape, 1]) : value;
};

const qLinearMatMul = (n: OnnxNode): Made => {
  const sum = integerProduct(n, { a: 0, aZero: 2, b: 3, bZero: 5 });
  const factor = n.emit('mul', [perLine(n, 1, floatWire(n, 1), true), perLine(n, 4, floatWire(n, 4), false)], {});
  roundingNote(n);
  return requantized(n, sum, factor, 6, 7);
};

const qLinearConv = (n: OnnxNode): Made => {
  const sum = integerConv(n, { x: 0, xZero: 2, w: 3, wZero: 5, bias: 8 });
  const spatial = n.rank(0) - 2;
  const weights = floatWire(n, 4);
  const perChannel = n.shapeOf(4).every((d) => d === 1)
    ? n.reshape(weights, [])
    : n.reshape(weights, [...n.shapeOf(4), ...new Array<number>(spatial).fill(1)]);
  const factor = n.emit('mul', [n.reshape(floatWire(n, 1), []), perChannel], {});
  roundingNote(n);
  return requantized(n, sum, factor, 6, 7);
};

const QDQ = { since: [10, 13, 19, 21, 23, 24, 25], low: true } as const;

export const quantized = {
  QuantizeLinear: {
    ...QDQ,
    import: (n) => {
      roundingNote(n);
      return [quantizeLinear(n)];
    },
  },
  DequantizeLinear: { ...QDQ, dequantizes: true, import: (n) => [dequantizeLinear(n)] },
  DynamicQuantizeLinear: {
    since: [11],
    import: (n) => {
      roundingNote(n);
      return dynamicQuantize(n);
    },
  },
  QLinearMatMul: { since: [10, 21], import: (n) => [qLinearMatMul(n)] },
  QLinearConv: { since: [10], import: (n) => [qLinearConv(n)] },
  MatMulInteger: { since: [10], import: (n) => [{ value: integerProduct(n, { a: 0, aZero: 2, b: 1, bZero: 3 }), elem: 'int32' }] },
  ConvInteger: {
    since: [10],
    import: (n) => [{ value: integerConv(n, { x: 0, xZero: 2, w: 1, wZero: 3, bias: 99 }), elem: 'int32' }],
  },
} as const satisfies OnnxOps;
