import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, type InferResult, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, MAX_ELEMENTS, sameShape, type TensorType } from '../types.ts';
import { describe, productDType, resultCount } from './util.ts';
import { spatialOf, windowAttrs, windowOutput, windowProblem } from './window.ts';

interface DeformAttrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly groups: number;
  readonly offset_groups: number;
  readonly zero: number;
}

/** Integer offsets are in sixteenths of a cell (NUMERICS §1.7, F = 4). */
const UNIT = 16;

const plain = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };

interface Operands {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly offset: TensorType;
  readonly bias: TensorType | undefined;
  readonly mask: TensorType | undefined;
}

const inferShapes = ({ x, w, offset, bias, mask }: Operands, a: DeformAttrs, dtype: 'f32' | 'i32'): InferResult => {
  const [n = 1, channels = 0] = x.shape;
  const [outChannels = 0] = w.shape;
  const spatial = spatialOf(x.shape) ?? [];
  const kernel = spatialOf(w.shape) ?? [];
  const problem = windowProblem(2, { ...a, kernel });
  if (problem !== undefined) return violates('c3', problem);
  const out = windowOutput(spatial, { ...a, kernel });
  const sampled = Math.max(Number(n) || 1, 1) * Math.max(Number(channels), 2) * elementCount(kernel) * elementCount(out);
  if (out.some((s) => s < 1) || sampled > MAX_ELEMENTS)
    return violates('c4', `output sizes are ${formatShape(out)}, ${sampled} values are sampled`);
  if (Number(channels) % a.offset_groups !== 0) return violates('c5', `${channels} channels in ${a.offset_groups} offset groups`);
  const taps = a.offset_groups * elementCount(kernel);
  if (!sameShape(offset.shape, [n, 2 * taps, ...out]))
    return violates('c5', `${describe('offset', offset)} but ${formatShape([n, 2 * taps, ...out])} is wanted`);
  if (mask !== undefined && !sameShape(mask.shape, [n, taps, ...out]))
    return violates('c6', `${describe('mask', mask)} but ${formatShape([n, taps, ...out])} is wanted`);
  if (bias !== undefined && !sameShape(bias.shape, [outChannels]))
    return violates('c7', `${describe('bias', bias)} but there are ${outChannels} output channels`);
  return types({ dtype, shape: [n, outChannels, ...out] });
};

const infer = (o: Operands, a: DeformAttrs): InferResult => {
  const { x, w, offset, bias, mask } = o;
  const sizes = x.shape.slice(1);
  if (x.shape.length !== 4 || sizes.some((d) => typeof d !== 'number' || d < 1 || d > 2 ** 20)) return violates('c1', describe('x', x));
  const [outChannels, perGroup, ...kernel] = w.shape.map(Number);
  const whole = [outChannels ?? 0, perGroup ?? 0, ...kernel].every((d) => d >= 1);
  if (w.shape.length !== 4 || !whole || Number(perGroup) * a.groups !== x.shape[1] || Number(outChannels) % a.groups !== 0)
    return violates('c2', `${describe('x', x)} but ${describe('w', w)} in ${a.groups} groups`);
  const dtype = productDType(x, w, bias);
  const [offsets, masks] = dtype === 'f32' ? (['f32', 'f32'] as const) : (['i16', 'i16'] as const);
  if (dtype === undefined || offset.dtype !== offsets || (mask !== undefined && mask.dtype !== masks))
    return violates(
      'c8',
      `x is ${x.dtype}, w is ${w.dtype}, offset is ${offset.dtype}${mask === undefined ? '' : `, mask is ${mask.dtype}`}`,
    );
  const lo = x.dtype === 'i8' ? -128 : 0;
  if (dtype === 'f32' ? a.zero !== 0 : a.zero < lo || a.zero > lo + 255) return violates('c9', `zero ${a.zero} for ${x.dtype}`);
  return inferShapes(o, a, dtype);
};

interface Geometry {
  readonly kernel: readonly number[];
  readonly out: readonly number[];
  readonly taps: number;
  readonly count: number;
}

/** Undeformed positions o stride - pad + k dilation [taps, OH, OW, 2], in units of 1 / `unit` cell: sums of small constants. */
const basePositions = (b: Decomposer, dtype: 'f32' | 'i32', unit: number, g: Geometry, a: DeformAttrs): Wire => {
  const [kh = 1, kw = 1] = g.kernel;
  const [oh = 1, ow = 1] = g.out;
  const constant = (shape: readonly number[], pairs: readonly (readonly [number, number])[]): Wire =>
    b.constant(
      { dtype, shape },
      pairs.flatMap(([row, column]) => [row * unit, column * unit]),
    );
  const [dh = 1, dw = 1] = a.dilation;
  const taps = Array.from({ length: kh * kw }, (_, k) => [Math.floor(k / kw) * dh, (k % kw) * dw] as const);
  const rows = Array.from({ length: oh }, (_, o) => [o * (a.stride[0] ?? 1) - (a.pads[0] ?? 0), 0] as const);
  const columns = Array.from({ length: ow }, (_, o) => [0, o * (a.stride[1] ?? 1) - (a.pads[1] ?? 0)] as const);
  const outputs = b.emit('add', [constant([oh, 1, 2], rows), constant([ow, 2], columns)]);
  return b.emit('reshape', [b.emit('add', [constant([g.taps, 1, 1, 2], taps), outputs])], { shape: [g.taps, g.count, 2] });
};

/** x at the deformed positions: [N, C, taps * outputs]; integers in sixteenths. */
const columns = (b: Decomposer, x: Wire, offset: Wire, mask: Wire | undefined, g: Geometry, a: DeformAttrs): Wire => {
  const integer = x.type.dtype !== 'f32';
  const pairs = b.emit('reshape', [offset], { shape: [0, a.offset_groups, g.taps, 2, g.count] });
  const vectors = b.emit('transpose', [pairs], { perm: [0, 1, 2, 4, 3] });
  const moved = integer ? b.emit('cast', [vectors], { dtype: 'i32' }) : vectors;
  const base = basePositions(b, integer ? 'i32' : 'f32', integer ? UNIT : 1, g, a);
  const positions = b.emit('reshape', [b.emit('add', [moved, base])], { shape: [0, a.offset_groups, g.taps * g.count, 2] });
  const values = b.emit('interpolate', [x, positions], { zero: a.zero });
  if (mask === undefined) return values;
  const channels = Number(x.type.shape[1]);
  const grouped = { shape: [0, a.offset_groups, channels / a.offset_groups, g.taps * g.count] };
  const factors = b.emit('reshape', [mask], { shape: [0, a.offset_groups, 1, g.taps * g.count] });
  const split = b.emit('reshape', [values], grouped);
  const scaled = integer ? maskInteger(b, split, factors) : b.emit('mul', [split, factors]);
  return b.emit('reshape', [scaled], { shape: [0, channels, g.taps * g.count] });
};

/** rshr(u m, 8) with m in [0, 256]. */
const maskInteger = (b: Decomposer, values: Wire, factors: Wire): Wire => {
  const bounded = b.emit('clamp', [b.emit('cast', [factors], { dtype: 'i32' })], { lo: 0, hi: 256 });
  const product = b.emit('mul', [b.emit('cast', [values], { dtype: 'i32' }), bounded]);
  return within(b, shiftRight(b, b.emit('add', [product, scalar(b, 128)]), 8), 4080);
};

const scalar = (b: Decomposer, value: number): Wire => b.constant({ dtype: 'i32', shape: [] }, [value]);
/** Tells the overflow proof what the arithmetic gives: no value changes. */
const within = (b: Decomposer, x: Wire, bound: number): Wire => b.emit('clamp', [x], { lo: -bound, hi: bound });
const shiftRight = (b: Decomposer, x: Wire, bits: number): Wire => b.emit('shift_right', [x, scalar(b, bits)]);

/** sum w u for u beyond 8 bits: u = 256 h + l with both h and l in int8, and one convolution each. */
const wideConv = (
  b: Decomposer,
  u: Wire,
  w: Wire,
  bias: Wire | undefined,
  attrs: Readonly<Record<string, number | readonly number[]>>,
): Wire => {
  const wide = u.type.dtype === 'i32' ? u : b.emit('cast', [u], { dtype: 'i32' });
  const high = within(b, shiftRight(b, b.emit('add', [wide, scalar(b, 128)]), 8), 16);
  const low = b.emit('sub', [wide, b.emit('mul', [high, scalar(b, 256)])]);
  const narrow = (x: Wire): Wire => b.emit('cast', [x], { dtype: 'i8' });
  const upper = b.emit('mul', [b.emit('conv', [narrow(high), w], attrs), scalar(b, 256)]);
  return b.emit('add', [upper, b.emit('conv', bias === undefined ? [narrow(low), w] : [narrow(low), w, bias], attrs)]);
};

export const convDeformable = composite({
  code: 0x133,
  summary: 'Deformable convolution over two dimensions, v1 and, with a mask, v2.',
  doc:
    'y[n, oc, o] = bias[oc] + sum over ic, k of w[oc, ic, k] * u[n, g(oc) + ic, k, o], u = x at o stride - pads_begin + k dilation + offset (interpolate: linear, 0 outside), times mask. ' +
    'offset [N, 2 offset_groups taps, OH, OW] holds (row, column) per tap, mask [N, offset_groups taps, OH, OW]; channels are divided into offset_groups. Float: order F2 over (ic, k). ' +
    'Integer: offset i16 in sixteenths of a cell; u i16 in sixteenths; mask i16 in 256ths, clamped to [0, 256], u = rshr(u * mask, 8); y i32 in units of x scale * w scale / 16; x - zero is sampled, so 0 outside is the zero point. ' +
    'The overflow proof goes through u = 256 h + l, h in [-16, 16], l in [-128, 127]: |y| <= |bias| + 4224 sum |w|. ONNX DeformConv; arXiv 1703.06211, 1811.11168; NUMERICS §1.7.',
  operands: ['x', 'w', 'offset', 'bias?', 'mask?'],
  attrs: {
    ...windowAttrs,
    groups: attr.int({ min: 1, max: 65536, default: 1 }),
    offset_groups: attr.int({ min: 1, max: 65536, default: 1 }),
    zero: attr.int({ min: -128, max: 255, default: 0 }),
  },
  constraints: {
    c1: constraint(
      'x has rank 4 and numbers from 1 to 2^20 as channel and spatial sizes.',
      ['f32[1,3,5]', 'f32[4,3,1,1]', 'f32[1,2,5,5]'],
      plain,
    ),
    c2: constraint(
      'w is [OC, C / groups, KH, KW] with sizes of at least 1, and groups divides OC.',
      ['f32[1,3,5,5]', 'f32[4,2,1,1]', 'f32[1,2,5,5]'],
      plain,
    ),
    c3: constraint('stride and dilation have two entries, pads four.', ['f32[1,3,5,5]', 'f32[4,3,1,1]', 'f32[1,2,5,5]'], {
      ...plain,
      stride: [1],
    }),
    c4: constraint(
      'Every output size is at least 1, and at most 2^31 - 1 values are sampled: one for each channel, tap and output.',
      ['f32[1,3,2,2]', 'f32[4,3,3,3]', 'f32[1,18,1,1]'],
      plain,
    ),
    c5: constraint(
      'offset_groups divides the channels, and offset is [N, 2 offset_groups KH KW, OH, OW].',
      ['f32[1,3,5,5]', 'f32[4,3,1,1]', 'f32[1,1,5,5]'],
      plain,
    ),
    c6: constraint(
      'mask is [N, offset_groups KH KW, OH, OW].',
      ['f32[1,3,5,5]', 'f32[4,3,1,1]', 'f32[1,2,5,5]', 'f32[4]', 'f32[1,2,5,5]'],
      plain,
    ),
    c7: constraint('bias has one entry per output channel.', ['f32[1,3,5,5]', 'f32[4,3,1,1]', 'f32[1,2,5,5]', 'f32[3]'], plain),
    c8: constraint(
      'All are f32; or x i8 or u8, w i8 or i6, offset i16, bias i32, mask i16.',
      ['f32[1,3,5,5]', 'f32[4,3,1,1]', 'i16[1,2,5,5]'],
      plain,
    ),
    c9: constraint('zero is a value of the dtype of x; 0 for f32.', ['i8[1,3,5,5]', 'i8[4,3,1,1]', 'i16[1,2,5,5]'], {
      ...plain,
      zero: 200,
    }),
  },
  infer: ([x, w, offset, bias, mask], a) => infer({ x, w, offset, bias, mask }, a),
  decompose: (b, [x, w, offset, bias, mask], a) => {
    const [outChannels = 1, perGroup = 1, ...kernel] = w.type.shape.map(Number);
    const out = offset.type.shape.slice(2).map(Number);
    const g = { kernel, out, taps: elementCount(kernel), count: elementCount(out) };
    const channels = Number(x.type.shape[1]);
    const u = b.emit('reshape', [columns(b, x, offset, mask, g, a)], { shape: [0, channels * g.taps, ...out] });
    const weights = b.emit('reshape', [w], { shape: [outChannels, perGroup * g.taps, 1, 1] });
    const attrs = { ...plain, groups: a.groups };
    if (u.type.dtype !== 'f32') return [wideConv(b, u, weights, bias, attrs)];
    return [b.emit('conv', bias === undefined ? [u, weights] : [u, weights, bias], attrs)];
  },
  weight: 2,
  cost: ([x, w], _a, results) =>
    resultCount(results) * elementCount(w.shape.slice(1)) +
    (resultCount(results) / (w.shape[0] ?? 1)) * (x.shape[1] ?? 1) * elementCount(w.shape.slice(2)) * 5,
  samples: [
    {
      operands: [
        'f32[2,4,5,6]',
        'f32[6,2,3,2]',
        { type: 'f32[2,24,3,5]', lo: -2, hi: 2 },
        'f32[6]',
        { type: 'f32[2,12,3,5]', lo: 0, hi: 1 },
      ],
      attrs: { stride: [2, 1], dilation: [1, 2], pads: [1, 0, 1, 1], groups: 2, offset_groups: 2 },
    },
    { operands: ['f32[1,3,4,4]', 'f32[2,3,2,2]', { type: 'f32[1,8,3,3]', lo: -1, hi: 1 }], attrs: plain },
    {
      operands: [
        'i8[1,4,5,5]',
        'i8[3,4,3,3]',
        { type: 'i16[1,18,5,5]', lo: -40, hi: 40 },
        'i32[3]',
        { type: 'i16[1,9,5,5]', lo: 0, hi: 256 },
      ],
      attrs: { ...plain, pads: [1, 1, 1, 1], zero: -5 },
    },
    {
      operands: ['u8[1,2,4,3]', 'i6[2,1,2,2]', { type: 'i16[1,16,3,2]', lo: -20, hi: 20 }],
      attrs: { ...plain, groups: 2, offset_groups: 2, zero: 128 },
    },
    {
      operands: ['i8[1,1,3,3]', 'i8[1,1,1,1]', 'i16[1,2,3,3]', { type: 'i32[1]', lo: -9, hi: 9 }, 'i16[1,1,3,3]'],
      attrs: plain,
    },
  ],
});
