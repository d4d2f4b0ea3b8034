import { DTYPE_INFO, elementCount, type OpNode, type StaticType, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { type Context, limitIterations, refuse, type Region } from '../context.ts';
import { int, LANES, MOST_ITERATIONS, uint } from '../wgsl.ts';
import { rescaleText } from './rescale.ts';
import { broadcastOffset, divisor } from './strided.ts';

/** A conv of bytes, or a dense layer as one: each row an image of one position. */
interface Layer {
  readonly x: ValueId;
  readonly w: ValueId;
  readonly bias: ValueId | undefined;
  readonly batch: number;
  readonly groups: number;
  /** Channels of a group, in and out. */
  readonly inGroup: number;
  readonly outGroup: number;
  readonly geometry: Geometry;
  readonly pad: number;
}

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

const CHANNELS_OF_A_WORD = 4;
/** Fewer channels than these waste more of a word than it saves. */
const LEAST_PACKED = 3;

const tapsOf = ({ geometry }: Layer): number => planeOf(geometry.kernel);
const wordsOf = ({ inGroup }: Layer): number => Math.ceil(inGroup / CHANNELS_OF_A_WORD);

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

/** The bias, and for u8 128 times the sum of each output's weights: the image is packed as x - 128. */
const packBias = (ctx: Context, { bias, w, groups, outGroup }: Layer, offset: number): Region => {
  const outputs = groups * outGroup;
  return ctx.constant(outputs * 4, () => {
    const sums = new Int32Array(outputs);
    const biases = bias === undefined ? undefined : ctx.param(bias);
    const weights = ctx.param(w);
    const each = (weights?.data.length ?? 0) / outputs;
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      if (offset !== 0) for (let k = 0; k < each; k++) sum += weights?.data[o * each + k] ?? 0;
      sums[o] = (biases?.data[o] ?? 0) + offset * sum;
    }
    return new Uint8Array(sums.buffer);
  });
};

/** The image as [batch][position][group][word], u8 less 128; itself where it lies so already. */
const packImage = (ctx: Context, layer: Layer): Region => {
  const { x, batch, groups, inGroup, geometry } = layer;
  const { dtype } = ctx.type(x);
  const from = ctx.use(x);
  const plane = planeOf(geometry.input);
  const words = wordsOf(layer);
  if (plane === 1 && dtype === 'i8' && inGroup % CHANNELS_OF_A_WORD === 0) return from;
  const count = batch * plane * groups * words;
  const to = ctx.scratch(count * 4);
  const lines = Array.from({ length: CHANNELS_OF_A_WORD }, (_, k) => {
    const element = `(pixel / ${uint(plane)} * ${uint(groups * inGroup)} + first + ${k}u) * ${uint(plane)} + pixel % ${uint(plane)}`;
    const lift = dtype === 'u8' ? ' - 128' : '';
    const put = (): string => `word |= (bitcast<u32>(${from.load(dtype, 'at')}${lift}) & 0xffu) << ${8 * k}u;`;
    return (): string => `  if (channel + ${k}u < ${uint(inGroup)}) { let at = ${element}; ${put()} }`;
  });
  ctx.launch({
    invocations: count,
    reads: [from],
    writes: to,
    functions: () => '',
    body: () => `  let pixel = id / ${uint(groups * words)};
  let channel = (id % ${uint(words)}) * 4u;
  let first = (id / ${uint(words)}) % ${uint(groups)} * ${uint(inGroup)} + channel;
  var word = 0u;
${lines.map((line) => line()).join('\n')}
  ${to.word('id')} = word;`,
  });
  return to;
};

const splat = (value: number): number => ((value & 255) * 0x01010101) >>> 0;

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

/** Loops over the units from..to of all taps; adds to `sum`. */
const loops = (units: Units, g: Geometry, from: number, to: number): string => {
  const [kd, kh, kw] = g.kernel;
  const edge = (axis: 0 | 1 | 2, name: string, out: string, tap: string): string =>
    `let ${name} = bitcast<i32>(${out} * ${uint(g.stride[axis])} + ${tap} * ${uint(g.dilation[axis])}) - ${int(g.begin[axis])};`;
  const inside = (['z', 'y', 'x'] as const).map((n, d) => `i${n} >= 0 && i${n} < ${int(at(g.input, d))}`).join(' && ');
  const run = (term: string): string =>
    term === '' ? '' : `for (var u = ${uint(from)}; u < ${uint(to)}; u++) {\n        sum += ${term};\n      }`;
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

const launchLayer = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, layer: Layer): void => {
  const fused = ctx.fusedInto(node);
  const y = at((fused ?? node).results, 0);
  const count = ctx.count(y);
  if (count === 0) return void ctx.use(y);
  const isPacked =
    layer.inGroup >= LEAST_PACKED && ctx.param(layer.w) !== undefined && (layer.bias === undefined || ctx.param(layer.bias) !== undefined);
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
  if (x.dtype !== 'i8' && x.dtype !== 'u8') refuse(`${x.dtype} is not multiplied here, only i8 and u8`);
  if (DTYPE_INFO[w.dtype].bytes !== 1) refuse(`weights of ${w.dtype} are not multiplied here, only i8 and i6`);
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
  if ([ta, tb].some((t) => t.dtype !== 'i8' && t.dtype !== 'u8'))
    refuse(`${ta.dtype} by ${tb.dtype} is not multiplied here, only i8 and u8`);
  const [m = 0, k = 0] = ta.shape.slice(-2);
  const n = tb.shape.at(-1) ?? 0;
  limitIterations(k, `a sum of ${k} products`);
  const [ra, rb] = [ctx.use(a), ctx.use(b)];
  const text = (): string => `  let column = i % ${divisor(n)};
  let row = i / ${divisor(n)} % ${divisor(m)};
  let batch = i / ${divisor(m * n)};
  let first = (${broadcastOffset(ta.shape.slice(0, -2), ty.shape.slice(0, -2), 'batch')}) * ${uint(m * k)} + row * ${uint(k)};
  let second = (${broadcastOffset(tb.shape.slice(0, -2), ty.shape.slice(0, -2), 'batch')}) * ${uint(k * n)} + column;
  var sum = 0;
  for (var q = 0u; q < ${uint(k)}; q++) {
    let ai = first + q;
    let bi = second + q * ${uint(n)};
    sum += (${ra.load(ta.dtype, 'ai')} - ${int(node.attrs.a_zero)}) * (${rb.load(tb.dtype, 'bi')} - ${int(node.attrs.b_zero)});
  }
  return sum;`;
  ctx.elements(y, [a, b], text, k);
};
