import { DTYPE_INFO, elementCount, type OpName, type Program, ProgramBuilder, type Tensor, type ValueId } from '../../../src/ir/index.ts';
import { at, unwrap } from '../../../src/support/index.ts';
import type { Choice, Engine, Tile } from '../../../src/backends/gpu/cuda/lower/tiles.ts';
import type { KernelOptions } from '../../../src/backends/gpu/cuda/lower/index.ts';

/** A network that ends in the kernels of one template, with the options that make it so. */
export interface Network {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  readonly options: KernelOptions;
}

let seed = 1;
const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
const filled = (dtype: 'i8' | 'i32', shape: readonly number[], lo: number, hi: number): Tensor => {
  const data = DTYPE_INFO[dtype].make(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = between(lo, hi);
  return { dtype, shape, data };
};

const emit = (b: ProgramBuilder, op: OpName, values: readonly ValueId[], attrs: Parameters<ProgramBuilder['tryEmit']>[2]): ValueId =>
  at(unwrap(b.tryEmit(op, values, attrs)), 0);

/** Ends sums in bytes that use their range, with a factor for each channel. */
const ended = (b: ProgramBuilder, sums: ValueId, channels: number, inner: number, name: string, width: 'n15' | 'w21' = 'n15'): ValueId => {
  // sums of `inner` products of bytes are about 74^2 sqrt(inner) wide
  const [lo, hi] = width === 'n15' ? [1 << 14, (1 << 15) - 1] : [1 << 20, (1 << 21) - 1];
  const least = Math.round(Math.log2(lo * 74 * 74 * Math.sqrt(inner)) - 6);
  const multiplier = b.param(`${name} multiplier`, filled('i32', [channels], lo, hi));
  const shift = b.param(`${name} shift`, filled('i32', [channels], least, least + 2));
  return emit(b, 'rescale', [sums, multiplier, shift], { input_zero: -9, output_zero: 4, lo: -100, hi: 127, dtype: 'i8', width });
};

interface Conv {
  readonly from: ValueId;
  readonly w: readonly number[];
  readonly stride?: number;
  readonly pad?: number;
  readonly groups?: number;
}

const conv = (b: ProgramBuilder, name: string, { from, w, stride = 1, pad = 0, groups = 1 }: Conv): ValueId => {
  const weights = b.param(`${name} w`, filled('i8', w, -127, 127));
  const bias = b.param(`${name} bias`, filled('i32', [at(w, 0)], -9000, 9000));
  const attrs = { stride: [stride, stride], dilation: [1, 1], pads: [pad, pad, pad, pad], groups, pad_value: pad === 0 ? 0 : 7 };
  const inner = at(w, 1) * at(w, 2) * at(w, 3);
  return ended(b, emit(b, 'conv', [from, weights, bias], attrs), at(w, 0), inner, name);
};

/** Convolutions of several shapes, and a dense layer; every layer is read by the next, so that one wrong byte is seen. */
const convolutions = (): Omit<Network, 'options'> => {
  const b = new ProgramBuilder('convolutions');
  const x = b.input('x', { dtype: 'i8', shape: [2, 3, 15, 13] });
  const first = conv(b, 'first', { from: x, w: [32, 3, 3, 3], stride: 2, pad: 1 });
  const second = conv(b, 'second', { from: first, w: [40, 32, 3, 3], pad: 1 });
  const third = conv(b, 'third', { from: second, w: [96, 40, 1, 1] });
  const fourth = conv(b, 'fourth', { from: third, w: [32, 48, 3, 3], pad: 1, groups: 2 });
  for (const [name, value] of [
    ['second', second],
    ['fourth', fourth],
  ] as const)
    b.output(`${name} y`, value);
  const flat = b.input('flat', { dtype: 'i8', shape: [3, 1500] });
  const weights = b.param('dense w', filled('i8', [37, 1500], -127, 127));
  b.output('dense y', ended(b, emit(b, 'dense', [flat, weights], {}), 37, 1500, 'dense', 'w21'));
  return { program: b.finish(), inputs: [filled('i8', [2, 3, 15, 13], -128, 127), filled('i8', [3, 1500], -128, 127)] };
};

const TILES: Readonly<Record<Engine, Tile>> = {
  mma: { engine: 'mma', pixels: 32, channels: 32, inner: 64, warps: [2, 1], stages: 3 },
  dp4a: { engine: 'dp4a', pixels: 32, channels: 32, inner: 64, warps: [4, 1], stages: 2 },
  wgmma: { engine: 'wgmma', pixels: 64, channels: 64, inner: 128, warps: [1, 1], stages: 4 },
};

/** Small tiles, so that small layers have several, and two blocks for each where inner is long. */
const chooseOf =
  (engine: Engine) =>
  ({ inner }: { readonly inner: number }): Choice => ({ tile: TILES[engine], splits: inner > 400 ? 2 : 1 });

/** Everything else that has a template: windows and maps. */
const others = (): Omit<Network, 'options'> => {
  const b = new ProgramBuilder('others');
  const x = b.input('x', { dtype: 'i8', shape: [2, 8, 9, 7] });
  const base = conv(b, 'base', { from: x, w: [32, 8, 1, 1] });
  const deep = conv(b, 'depthwise', { from: base, w: [32, 1, 3, 3], pad: 1, groups: 32 });
  const window = { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1] };
  const most = emit(b, 'max_pool', [base], window);
  const mean = emit(b, 'average_pool', [deep], window);
  const table = b.param('table', filled('i8', [256], -128, 127));
  const looked = emit(b, 'table', [mean, table], {});
  const sum = emit(b, 'add_rescale', [most, looked], { multipliers: [913, -411], zeros: [3, -4], shift: 10, output_zero: 2 });
  const joined = emit(b, 'concat', [sum, most], { axis: 1 });
  const last = conv(b, 'last', { from: joined, w: [16, 64, 1, 1] });
  b.output('last y', last);
  b.output('sums', emit(b, 'reduce_sum', [deep], { axes: [2, 3] }));
  return { program: b.finish(), inputs: [filled('i8', [2, 8, 9, 7], -128, 127)] };
};

export const NETWORKS = ['mma', 'dp4a', 'wgmma', 'others'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/** The same each time. */
export const networkOf = (name: NetworkName): Network => {
  seed = 20_260;
  return name === 'others' ? { ...others(), options: {} } : { ...convolutions(), options: { engine: name, choose: chooseOf(name) } };
};
