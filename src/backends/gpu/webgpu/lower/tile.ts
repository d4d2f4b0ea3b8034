import type { OpNode, ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, planeOf } from '../../../cpu/simd/geometry.ts';
import type { Context, Region } from '../context.ts';
import { int, LANES, MOST_ITERATIONS, uint } from '../wgsl.ts';
import { CHANNELS_OF_A_WORD, type Layer, packBias, packImage, splat, tapsOf, wordsOf } from './layer.ts';
import { rescaleText, type RescaleText } from './rescale.ts';
import { divisor } from './strided.ts';

/** Output channels of an invocation: as many as one word of results has. */
const CHANNELS = 4;
/**
 * Positions of an invocation: so many words of pixels and four of weights are read for four times as many products of words. More make
 * compilers of shaders slow (SwiftShader takes ten times as long for four), which three are worth where there is much to do.
 */
const POSITIONS = { few: 2, many: 3 } as const;
/** Multiply-accumulates from which on there is much to do. */
const MUCH = 2 ** 25;

const positionsOf = (layer: Layer, count: number): number => {
  const macs = count * paddedOutputs(layer) * tapsOf(layer) * layer.inGroup;
  return Math.min(macs >= MUCH ? POSITIONS.many : POSITIONS.few, count);
};

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, k) => k);

/** Iterations of an invocation. */
const iterationsOf = ({ geometry: { kernel } }: Layer, words: number): number => {
  const [d, h] = kernel;
  return d + d * h + planeOf(kernel) * (1 + words);
};

/** Channels of the results as they lie: padded to whole words. */
const paddedOutputs = ({ groups, outGroup }: Layer): number => Math.ceil((groups * outGroup) / CHANNELS) * CHANNELS;

/** Whether a layer is done in tiles: quads of output channels do not cross groups, and an invocation ends before drivers end it. */
export const fitsTile = (layer: Layer): boolean =>
  (layer.groups === 1 || layer.outGroup % CHANNELS === 0) && iterationsOf(layer, wordsOf(layer)) < MOST_ITERATIONS;

/** Weights as [quad of outputs][tap][word of channels][output of the quad]; what is behind the last channel is zero. */
const packWeights = (ctx: Context, layer: Layer): Region => {
  const { inGroup, groups, outGroup, w } = layer;
  const [taps, words] = [tapsOf(layer), wordsOf(layer)];
  const bytes = paddedOutputs(layer) * taps * words * CHANNELS_OF_A_WORD;
  return ctx.constant(bytes, () => {
    const packed = new Int8Array(bytes);
    const tensor = ctx.param(w);
    for (let o = 0; tensor !== undefined && o < groups * outGroup; o++)
      for (let c = 0; c < inGroup; c++)
        for (let t = 0; t < taps; t++) {
          const word = ((Math.floor(o / CHANNELS) * taps + t) * words + Math.floor(c / CHANNELS_OF_A_WORD)) * CHANNELS + (o % CHANNELS);
          packed[word * CHANNELS_OF_A_WORD + (c % CHANNELS_OF_A_WORD)] = tensor.data[(o * inGroup + c) * taps + t] ?? 0;
        }
    return new Uint8Array(packed.buffer);
  });
};

/** Where position j of an invocation lies. Behind the last one the last is taken once more; it is not stored. */
const placeText = ({ geometry: { output, input } }: Layer, count: number, j: number): string => {
  const plane = divisor(planeOf(output));
  return `  let g${j} = min(first + ${uint(j)}, ${uint(count - 1)});
  let p${j} = g${j} % ${plane};
  let plane${j} = g${j} / ${plane} * ${uint(planeOf(input))};
  let ox${j} = bitcast<i32>(p${j} % ${divisor(output[2])});
  let oy${j} = bitcast<i32>(p${j} / ${divisor(output[2])} % ${divisor(output[1])});
  let oz${j} = bitcast<i32>(p${j} / ${divisor(output[1] * output[2])});
`;
};

/** The words of the positions at one tap: their first place, and whether the image has them. */
const tapText = (g: Geometry, words: number, stride: number, j: number): string => {
  const axis = (d: 0 | 1 | 2, n: string): string =>
    `let i${n}${j} = o${n}${j} * ${int(g.stride[d])} + k${n} * ${int(g.dilation[d])} - ${int(g.begin[d])};`;
  const inside = (['z', 'y', 'x'] as const).map((n, d) => `i${n}${j} >= 0 && i${n}${j} < ${int(at(g.input, d))}`).join(' && ');
  const pixel = `bitcast<u32>((iz${j} * ${int(g.input[1])} + iy${j}) * ${int(g.input[2])} + ix${j})`;
  const from = `(plane${j} + ${pixel}) * ${uint(stride)} + group * ${uint(words)}`;
  const lines = [axis(0, 'z'), axis(1, 'y'), axis(2, 'x')].join('\n    ');
  return g.copies
    ? `    ${lines}\n    let in${j} = ${inside};\n    let a${j} = select(0u, ${from}, in${j});`
    : `    ${lines}\n    let a${j} = ${from};`;
};

/**
 * The end: bias, rescale, and the results of each position as the words that they are. Loops, since compilers put the rescale in wherever
 * it is called.
 */
const storeText = (to: Region, dtype: keyof typeof LANES, { layer, positions, count }: Tile): string => {
  const lanes = LANES[dtype];
  const bits = 32 / lanes;
  const mask = uint(lanes === 1 ? 2 ** 32 - 1 : 2 ** bits - 1);
  const others = range(positions).slice(1);
  const choice = others.map((j) => `      case ${j}u: { sums = s${j}; }\n`).join('');
  const place = `((first + j) * ${uint(paddedOutputs(layer))} + channel + k) / ${uint(lanes)}`;
  return `  for (var j = 0u; j < ${uint(positions)} && first + j < ${uint(count)}; j++) {
    var sums = s0;
${others.length === 0 ? '' : `    switch j {\n${choice}      default: {}\n    }\n`}    var word = 0u;
    for (var k = 0u; k < ${CHANNELS}u; k++) {
      word |= (bitcast<u32>(finish(sums[k], channel + k)) & ${mask}) << (k % ${lanes}u * ${bits % 32}u);
      if (k % ${lanes}u == ${lanes - 1}u) {
        ${to.word(place)} = word;
        word = 0u;
      }
    }
  }
`;
};

interface Tile {
  readonly layer: Layer;
  readonly image: Region;
  readonly weights: Region;
  readonly bias: Region;
  readonly border: number;
  readonly positions: number;
  /** Positions of all images. */
  readonly count: number;
}

const bodyText = ({ layer, image, weights, border, positions, count }: Tile, store: string): string => {
  const { geometry: g, groups, outGroup } = layer;
  const [kd, kh, kw] = g.kernel;
  const [taps, words] = [tapsOf(layer), wordsOf(layer)];
  const quads = paddedOutputs(layer) / CHANNELS;
  const all = range(positions);
  const pixel = (j: number): string => {
    const word = image.word(`a${j} + u`);
    return `      let x${j} = ${g.copies ? `select(${uint(border)}, ${word}, in${j})` : word};
      s${j} += vec4<i32>(${range(CHANNELS)
        .map((k) => `dot4(x${j}, w[${k}])`)
        .join(', ')});`;
  };
  return `  let quad = id % ${uint(quads)};
  let first = id / ${uint(quads)} * ${uint(positions)};
  let channel = quad * ${uint(CHANNELS)};
  let group = ${groups === 1 ? '0u' : `channel / ${uint(outGroup)}`};
${all.map((j) => `${placeText(layer, count, j)}  var s${j} = vec4<i32>();\n`).join('')}  var b = quad * ${uint(taps * words)};
  for (var kz = 0; kz < ${kd}; kz++) {
  for (var ky = 0; ky < ${kh}; ky++) {
  for (var kx = 0; kx < ${kw}; kx++) {
${all.map((j) => tapText(g, words, words * groups, j)).join('\n')}
    for (var u = 0u; u < ${uint(words)}; u++) {
      let w = ${weights.vector('b')};
      b++;
${all.map(pixel).join('\n')}
    }
  } } }
${store}`;
};

/**
 * A layer of bytes in tiles: an invocation takes four output channels at two or three positions, so that the words that are read are used
 * several times. Results lie channels last, padded to whole words.
 * @param to - where they go: `batch * positions * padded channels` elements of `dtype`
 */
const launchTile = (ctx: Context, layer: Layer, to: Region, dtype: keyof typeof LANES, finish: RescaleText | undefined): void => {
  const offset = ctx.type(layer.x).dtype === 'u8' ? 128 : 0;
  const outputs = paddedOutputs(layer);
  const count = layer.batch * planeOf(layer.geometry.output);
  const tile: Tile = {
    layer,
    image: packImage(ctx, layer),
    weights: packWeights(ctx, layer),
    bias: packBias(ctx, layer, offset),
    border: splat(layer.pad - offset),
    positions: positionsOf(layer, count),
    count,
  };
  const { image, weights, bias, positions } = tile;
  const last = uint(layer.groups * layer.outGroup - 1);
  ctx.launch({
    invocations: Math.ceil(count / positions) * (outputs / CHANNELS),
    reads: [image, weights, bias, ...(finish?.reads ?? [])],
    writes: to,
    vectors: [weights],
    functions: () => `fn finish(sum: i32, place: u32) -> i32 {
  let channel = min(place, ${last});
  let v = sum + ${bias.load('i32', 'channel')};
  return ${finish === undefined ? 'v' : finish.text('v')};
}
`,
    body: () => bodyText(tile, storeText(to, dtype, tile)),
  });
};

/** Results in the order of the definition, from those of `launchTile`. */
const launchPlanes = (ctx: Context, layer: Layer, from: Region, y: ValueId): void => {
  const { dtype } = ctx.type(y);
  const [plane, outputs] = [planeOf(layer.geometry.output), layer.groups * layer.outGroup];
  const text = (): string => `  let position = i % ${divisor(plane)};
  let channel = i / ${divisor(plane)} % ${divisor(outputs)};
  let at = (i / ${divisor(plane * outputs)} * ${uint(plane)} + position) * ${uint(paddedOutputs(layer))} + channel;
  return ${from.load(dtype, 'at')};`;
  ctx.elementsAt(ctx.use(y), dtype, ctx.count(y), [from], text);
};

/** A layer whose weights and bias are parameters, with what is fused into it. */
export const launchTiled = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, layer: Layer): void => {
  const fused = ctx.fusedInto(node);
  const y = at((fused ?? node).results, 0);
  const { dtype } = ctx.type(y);
  const finish = fused === undefined ? undefined : rescaleText(ctx, fused, 'channel');
  const outputs = paddedOutputs(layer);
  const plane = planeOf(layer.geometry.output);
  if (plane === 1 && outputs === layer.groups * layer.outGroup) return launchTile(ctx, layer, ctx.use(y), dtype, finish);
  const results = ctx.scratch((layer.batch * plane * outputs * 4) / LANES[dtype]);
  launchTile(ctx, layer, results, dtype, finish);
  launchPlanes(ctx, layer, results, y);
};
