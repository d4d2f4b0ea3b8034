import type { ValueId } from '../../../../ir/index.ts';
import { type Geometry, planeOf } from '../../../cpu/simd/geometry.ts';
import type { Context, Region } from '../context.ts';
import { uint } from '../wgsl.ts';

/** A conv of bytes, or a dense layer as one: each row an image of one position. */
export interface Layer {
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

export const CHANNELS_OF_A_WORD = 4;
/** Fewer channels than these waste more of a word than it saves. */
export const LEAST_PACKED = 3;

export const tapsOf = ({ geometry }: Layer): number => planeOf(geometry.kernel);
export const wordsOf = ({ inGroup }: Layer): number => Math.ceil(inGroup / CHANNELS_OF_A_WORD);

/** The bias, and for u8 128 times the sum of each output's weights: the image is packed as x - 128. */
export const packBias = (ctx: Context, { bias, w, groups, outGroup }: Layer, offset: number): Region => {
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
export const packImage = (ctx: Context, layer: Layer): Region => {
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

export const splat = (value: number): number => ((value & 255) * 0x01010101) >>> 0;
