import { DTYPE_INFO, elementCount, type OpNode, type StaticType } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { type Context, limitIterations, refuse, type Region } from '../context.ts';
import { CHANNELS_OF_A_WORD, type Layer, LEAST_PACKED, packBias, packImage, splat, tapsOf, wordsOf } from './layer.ts';
import { int, LANES, MOST_ITERATIONS, uint } from '../wgsl.ts';
import { rescaleText } from './rescale.ts';
import { broadcastOffset, divisor } from './strided.ts';
import { fitsTile, launchTiled } from './tile.ts';
import { WIDE } from './wide.ts';

/**
 * How the products of one kernel position of a group are taken: `units` of them, each an element of the sum. Words of four channels, which
 * lie next to each other (channels last) in both operands; or single channels where images and weights lie as they are defined.
 */
interface Units {
  readonly count: number;
  /** Unit u of the position with offset `pixel` in its plane (u32), times the weights of tap `tap`. */
  readonly product: (u: string, tap: string) => string;
  /** The same where the image has its padding. */
  readonly padded: (u: string, tap: string) => string;
  readonly reads: readonly Region[];
  /** The bias of output channel `channel`. */
  readonly bias: string | (() => string);
}

/** Weights as [output][tap][word], the channels behind the last one zero. */
const packWeights = (ctx: Context, layer: Layer): Region => {
  const { inGroup, groups, outGroup, w } = layer;
  const [taps, words] = [tapsOf(layer), wordsOf(layer)];
  const outputs = groups * outGroup;
  return ctx.constant(outputs * taps * words * CHANNELS_OF_A_WORD, () => {
    const packed = new Int8Array(outputs * taps * words * CHANNELS_OF_A_WORD);
    const tensor = ctx.param(w);
    if (tensor === undefined) return new Uint8Array(packed.buffer);
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < inGroup; c++)
        for (let t = 0; t < taps; t++)
          packed[(o * taps + t) * words * CHANNELS_OF_A_WORD + c] = tensor.data[(o * inGroup + c) * taps + t] ?? 0;
    return new Uint8Array(packed.buffer);
  });
};

/** Words of four channels. Pixels of u8 are taken as x - 128, which i8 holds. */
const packedUnits = (ctx: Context, layer: Layer): Units => {
  const { groups, geometry, pad } = layer;
  const [taps, words, plane] = [tapsOf(layer), wordsOf(layer), planeOf(geometry.input)];
  const offset = ctx.type(layer.x).dtype === 'u8' ? 128 : 0;
  const image = packImage(ctx, layer);
  const weights = packWeights(ctx, layer);
  const bias = packBias(ctx, layer, offset);
  const weight = (u: string, tap: string): string => weights.word(`(output * ${uint(taps)} + ${tap}) * ${uint(words)} + ${u}`);
  const border = splat(pad - offset);
  return {
    count: words,
    reads: [image, weights, bias],
    product: (u, tap) =>
      `dot4(${image.word(`((batch * ${uint(plane)} + pixel) * ${uint(groups)} + group) * ${uint(words)} + ${u}`)}, ${weight(u, tap)})`,
    padded: (u, tap) => (border === 0 ? '' : `dot4(${uint(border)}, ${weight(u, tap)})`),
    bias: () => bias.load('i32', 'output'),
  };
};

const plainUnits = (ctx: Context, { x, w, bias, groups, inGroup, geometry, pad }: Layer): Units => {
  const [image, weights] = [ctx.use(x), ctx.use(w)];
  const biases = bias === undefined ? undefined : ctx.use(bias);
  const [taps, plane] = [planeOf(geometry.kernel), planeOf(geometry.input)];
  const [dx, dw] = [ctx.type(x).dtype, ctx.type(w).dtype];
  const weight = (u: string, tap: string): string => weights.load(dw, `(output * ${uint(inGroup)} + ${u}) * ${uint(taps)} + ${tap}`);
  const channel = (u: string): string => `(batch * ${uint(groups)} + group) * ${uint(inGroup)} + ${u}`;
  return {
    count: inGroup,
    reads: biases === undefined ? [image, weights] : [image, weights, biases],
    product: (u, tap) => `${image.load(dx, `(${channel(u)}) * ${uint(plane)} + pixel`)} * ${weight(u, tap)}`,
    padded: (u, tap) => (pad === 0 ? '' : `${int(pad)} * ${weight(u, tap)}`),
    bias: () => (biases === undefined ? int(0) : biases.load('i32', 'output')),
  };
};

type Add = (term: string) => string;
const addWord: Add = (term) => `sum += ${term};`;
/** To a sum of 64 bits: products of 16 bits fit i32, their sum does not. */
const addPair: Add = (term) => `let p = ${term}; sum = add64(sum, bitcast<u32>(p), bitcast<u32>(p >> 31u));`;

/** Loops over the units from..to of all taps; adds to `sum`. */
const loops = (units: Units, g: Geometry, from: number, to: number, add = addWord): string => {
  const [kd, kh, kw] = g.kernel;
  const edge = (axis: 0 | 1 | 2, name: string, out: string, tap: string): string =>
    `let ${name} = bitcast<i32>(${out} * ${uint(g.stride[axis])} + ${tap} * ${uint(g.dilation[axis])}) - ${int(g.begin[axis])};`;
  const inside = (['z', 'y', 'x'] as const).map((n, d) => `i${n} >= 0 && i${n} < ${int(at(g.input, d))}`).join(' && ');
  const run = (term: string): string =>
    term === '' ? '' : `for (var u = ${uint(from)}; u < ${uint(to)}; u++) {\n        ${add(term)}\n      }`;
  const taken = run(units.product('u', 'tap'));
  const left = run(units.padded('u', 'tap'));
  const choice = !g.copies ? taken : `if (${inside}) {\n      ${taken}\n    }${left === '' ? '' : ` else {\n      ${left}\n    }`}`;
  return `  var tap = 0u;
  for (var kz = 0u; kz < ${uint(kd)}; kz++) {
    ${edge(0, 'iz', 'oz', 'kz')}
  for (var ky = 0u; ky < ${uint(kh)}; ky++) {
    ${edge(1, 'iy', 'oy', 'ky')}
  for (var kx = 0u; kx < ${uint(kw)}; kx++) {
    ${edge(2, 'ix', 'ox', 'kx')}
    let pixel = bitcast<u32>((iz * ${int(g.input[1])} + iy) * ${int(g.input[2])} + ix);
    ${choice}
    tap++;
  } } }`;
};

/** Names of the place that an output element has. */
const place = ({ groups, outGroup, geometry: { output } }: Layer): string => {
  const positions = divisor(planeOf(output));
  return `  let output = (i / ${positions}) % ${uint(groups * outGroup)};
  let batch = i / ${positions} / ${uint(groups * outGroup)};
  let group = output / ${uint(outGroup)};
  let position = i % ${positions};
  let ox = position % ${divisor(output[2])};
  let oy = position / ${divisor(output[2])} % ${divisor(output[1])};
  let oz = position / ${divisor(output[1] * output[2])};
`;
};

const biasText = ({ bias }: Units): string => (typeof bias === 'string' ? bias : bias());

/** Iterations of an element over so many units of each tap, those of the loops around counted. */
const iterationsOf = ({ geometry: { kernel } }: Layer, units: number): number => {
  const [d, h] = kernel;
  return d + d * h + planeOf(kernel) * (1 + units);
};

/**
 * sums[i] = bias + products, in one kernel, or in several that each add a part of the channels where one invocation would loop for too long.
 */
const launchSums = (ctx: Context, layer: Layer, units: Units, sums: Region, count: number): void => {
  let part = Math.max(units.count, 1);
  while (part > 1 && iterationsOf(layer, part) >= MOST_ITERATIONS) part = Math.ceil(part / 2);
  for (let from = 0; from === 0 || from < units.count; from += part) {
    const to = Math.min(from + part, units.count);
    const start = (): string => (from === 0 ? biasText(units) : sums.load('i32', 'i'));
    const text = (): string => `${place(layer)}  var sum = ${start()};\n${loops(units, layer.geometry, from, to)}\n  return sum;`;
    ctx.elementsAt(sums, 'i32', count, units.reads, text, iterationsOf(layer, part));
  }
};

/** Products of 16 bits: y = wrap32(rshr(sum, shift)) + bias, the sum exact (NUMERICS §4). */
const launchWide = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, layer: Layer): void => {
  const fused = ctx.fusedInto(node);
  const y = at((fused ?? node).results, 0);
  const units = plainUnits(ctx, layer);
  const finish = fused === undefined ? undefined : rescaleText(ctx, fused, 'output');
  const { accumulator_shift: shift } = node.attrs;
  const text = (): string => `${place(layer)}  var sum = vec2<u32>(0u, 0u);
${loops(units, layer.geometry, 0, units.count, addPair)}
  let total = bitcast<i32>(rshr64(sum, ${uint(shift)}).x) + ${biasText(units)};
  return ${finish === undefined ? 'total' : finish.text('total')};`;
  const reads = [...units.reads, ...(finish?.reads ?? [])];
  ctx.elementsAt(ctx.use(y), ctx.type(y).dtype, ctx.count(y), reads, text, iterationsOf(layer, units.count), WIDE);
};

const launchLayer = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, layer: Layer): void => {
  const fused = ctx.fusedInto(node);
  const y = at((fused ?? node).results, 0);
  const count = ctx.count(y);
  if (count === 0) return void ctx.use(y);
  if (ctx.type(layer.x).dtype === 'i16') return launchWide(ctx, node, layer);
  const isPacked =
    layer.inGroup >= LEAST_PACKED && ctx.param(layer.w) !== undefined && (layer.bias === undefined || ctx.param(layer.bias) !== undefined);
  if (isPacked && fitsTile(layer)) return launchTiled(ctx, node, layer);
  const units = isPacked ? packedUnits(ctx, layer) : plainUnits(ctx, layer);
  const { dtype } = ctx.type(y);
  if (fused === undefined) return launchSums(ctx, layer, units, ctx.use(y), count);
  const to = ctx.use(y);
  const channel = `(i / ${uint(planeOf(layer.geometry.output))}) % ${uint(layer.groups * layer.outGroup)}`;
  const finish = rescaleText(ctx, fused, channel);
  const iterations = iterationsOf(layer, units.count);
  if ((iterations + 1) * LANES[dtype] <= MOST_ITERATIONS) {
    const text = (): string =>
      `${place(layer)}  var sum = ${biasText(units)};\n${loops(units, layer.geometry, 0, units.count)}\n  return ${finish.text('sum')};`;
    return ctx.elementsAt(to, dtype, count, [...units.reads, ...finish.reads], text, iterations);
  }
  const sums = ctx.scratch(count * 4);
  launchSums(ctx, layer, units, sums, count);
  ctx.elementsAt(to, dtype, count, [sums, ...finish.reads], () => `  return ${finish.text(sums.load('i32', 'i'))};`);
};

/** Types that these kernels multiply. */
const checkTypes = (x: StaticType, w: StaticType): void => {
  if (x.dtype !== 'i8' && x.dtype !== 'u8' && x.dtype !== 'i16') refuse(`${x.dtype} is not multiplied here, only integers`);
  if (DTYPE_INFO[w.dtype].bytes > 2) refuse(`weights of ${w.dtype} are not multiplied here, only i16, i8 and i6`);
};

export const lowerConv = (ctx: Context, node: OpNode<'conv'>): void => {
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const [tx, tw, ty] = [ctx.type(x), ctx.type(w), ctx.type(at(node.results, 0))];
  checkTypes(tx, tw);
  const geometry = geometryOf(tx.shape.slice(2), ty.shape.slice(2), tw.shape.slice(2), node.attrs);
  const { groups, pad_value: pad } = node.attrs;
  launchLayer(ctx, node, {
    x,
    w,
    bias,
    batch: at(tx.shape, 0),
    groups,
    inGroup: at(tw.shape, 1),
    outGroup: at(tw.shape, 0) / groups,
    geometry,
    pad,
  });
};

const ONE = { stride: [], dilation: [], pads: [] } as const;

export const lowerDense = (ctx: Context, node: OpNode<'dense'>): void => {
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const [tx, tw] = [ctx.type(x), ctx.type(w)];
  checkTypes(tx, tw);
  const [outGroup = 0, inGroup = 0] = tw.shape;
  const batch = elementCount(tx.shape.slice(0, -1));
  launchLayer(ctx, node, { x, w, bias, batch, groups: 1, inGroup, outGroup, geometry: geometryOf([], [], [], ONE), pad: 0 });
};

/** y[…, i, j] = sum over k of (a[…, i, k] - a_zero) (b[…, k, j] - b_zero). */
export const lowerMatmul = (ctx: Context, node: OpNode<'matmul'>): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [ta, tb, ty] = [ctx.type(a), ctx.type(b), ctx.type(y)];
  if ([ta, tb].some((t) => t.dtype !== 'i8' && t.dtype !== 'u8' && t.dtype !== 'i16'))
    refuse(`${ta.dtype} by ${tb.dtype} is not multiplied here, only integers`);
  const isWide = ta.dtype === 'i16';
  const [m = 0, k = 0] = ta.shape.slice(-2);
  const n = tb.shape.at(-1) ?? 0;
  limitIterations(k, `a sum of ${k} products`);
  const [ra, rb] = [ctx.use(a), ctx.use(b)];
  const text = (): string => `  let column = i % ${divisor(n)};
  let row = i / ${divisor(n)} % ${divisor(m)};
  let batch = i / ${divisor(m * n)};
  let first = (${broadcastOffset(ta.shape.slice(0, -2), ty.shape.slice(0, -2), 'batch')}) * ${uint(m * k)} + row * ${uint(k)};
  let second = (${broadcastOffset(tb.shape.slice(0, -2), ty.shape.slice(0, -2), 'batch')}) * ${uint(k * n)} + column;
  var sum = ${isWide ? 'vec2<u32>(0u, 0u)' : '0'};
  for (var q = 0u; q < ${uint(k)}; q++) {
    let ai = first + q;
    let bi = second + q * ${uint(n)};
    let x = ${ra.load(ta.dtype, 'ai')} - ${int(node.attrs.a_zero)};
    let w = ${rb.load(tb.dtype, 'bi')} - ${int(node.attrs.b_zero)};
    ${isWide ? addPair('x * w') : addWord('x * w')}
  }
  return ${isWide ? `bitcast<i32>(rshr64(sum, ${uint(node.attrs.accumulator_shift)}).x)` : 'sum'};`;
  ctx.elements(y, [a, b], text, k, isWide ? WIDE : '');
};
