import { at } from '../../../../support/index.ts';

/** How products are summed: by tensor cores of sm_90a, by those of sm_80 and newer, or by products of four bytes. */
export type Engine = 'wgmma' | 'mma' | 'dp4a';

/** cxg_tile: pixels, channels and bytes of inner of a block's tile, warps (or warpgroups) along the first two, and stages. */
export interface Tile {
  readonly engine: Engine;
  readonly pixels: number;
  readonly channels: number;
  readonly inner: 64 | 128;
  readonly warps: readonly [number, number];
  readonly stages: number;
}

/** A tile, and the blocks that share each along inner. */
export interface Choice {
  readonly tile: Tile;
  readonly splits: number;
}

/** A matrix product of a layer. */
export interface Product {
  readonly pixels: number;
  readonly channels: number;
  readonly inner: number;
  readonly groups: number;
}

const tile = (engine: Engine, pixels: number, channels: number, inner: 64 | 128, m: number, n: number, stages: number): Tile => ({
  engine,
  pixels,
  channels,
  inner,
  warps: [m, n],
  stages,
});

/** Tiles to choose from: those that bench/gpu/igemm times. The kernels take others too. */
const MMA_TILES: readonly Tile[] = [
  tile('mma', 128, 128, 64, 2, 4, 4),
  tile('mma', 128, 128, 64, 2, 2, 4),
  tile('mma', 128, 64, 64, 4, 2, 4),
  tile('mma', 64, 128, 64, 2, 4, 4),
  tile('mma', 64, 64, 64, 2, 2, 4),
  tile('mma', 64, 64, 128, 2, 2, 4),
  tile('mma', 64, 32, 64, 4, 1, 6),
  tile('mma', 32, 64, 128, 1, 4, 4),
  tile('mma', 32, 32, 128, 2, 2, 4),
];
const WGMMA_TILES: readonly Tile[] = [
  tile('wgmma', 128, 256, 128, 2, 1, 4),
  tile('wgmma', 256, 128, 128, 2, 1, 4),
  tile('wgmma', 128, 128, 128, 2, 1, 3),
  tile('wgmma', 128, 128, 128, 2, 1, 4),
  tile('wgmma', 128, 64, 128, 2, 1, 4),
  tile('wgmma', 64, 128, 128, 1, 1, 4),
  tile('wgmma', 64, 64, 128, 1, 1, 4),
];
/** What has wgmma has mma.sync as well, which is better for small layers. */
export const TILES: Readonly<Record<Engine, readonly Tile[]>> = {
  wgmma: [...MMA_TILES, ...WGMMA_TILES],
  mma: MMA_TILES,
  dp4a: [tile('dp4a', 64, 64, 64, 8, 1, 2)],
};

export const threadsOf = ({ engine, warps: [m, n] }: Tile): number => m * n * (engine === 'wgmma' ? 128 : 32);
const stageBytes = (t: Tile): number => (t.pixels + t.channels) * t.inner;
/** Bytes of a tile of results in order (cxg_stage). */
export const orderedBytes = (t: Tile): number => t.pixels * (t.channels + 16);
/** Shared memory of a block: stages, and after them the results in order. */
export const sharedBytes = (t: Tile): number => Math.max(t.stages * stageBytes(t), orderedBytes(t));

/** The text of the type. */
export const tileType = ({ engine, pixels, channels, inner, warps: [m, n], stages }: Tile): string =>
  `cxg_tile<${pixels}, ${channels}, ${inner}, ${m}, ${n}, ${stages}, ${engine === 'wgmma' ? 128 : 32}>`;

export const blocksOf = (t: Tile, p: Product): number => Math.ceil(p.pixels / t.pixels) * Math.ceil(p.channels / t.channels);
export const stepsOf = (t: Tile, p: Product): number => Math.ceil(p.inner / t.inner);

/** An H100: multiprocessors, and what one has. */
const MULTIPROCESSORS = 132;
const SHARED_BYTES = 227 * 1024;
const MOST_THREADS = 2048;
const REGISTERS = 65536;

/**
 * What a kernel takes, in clocks of a multiprocessor, fitted to bench/gpu/igemm/h100.csv: predicted times are 10 % off on
 * average, and the tile that is chosen takes 4 % longer than the best one.
 */
const CLOCKS = {
  /** Of a launch, of a block, and of a KiB of its shared memory. */
  launch: 2200,
  block: 585,
  shared: 9,
  /** Products, and bytes that arrive, in a clock. */
  products: { wgmma: 3060, mma: 1420, dp4a: 231 },
  bytes: 44,
  /** Of a step, and of the wait for memory that stages hide. */
  step: 184,
  wait: 702,
  /** Of a sum that is stored. */
  sum: 0.139,
  /** Of blocks that add up their sums, and of each sum. */
  join: 2510,
  joinSum: 0.391,
  /** How much a last wave of few blocks costs of a whole one. */
  tail: 0.43,
} as const;

/** Registers of a thread, by the sums that it holds. */
const registersOf = (t: Tile): number => {
  const sums = (t.pixels * t.channels) / threadsOf(t);
  return sums <= 32 ? 64 : sums <= 64 ? 128 : 255;
};

/** Blocks that a multiprocessor holds at once. */
const residentOf = (t: Tile): number => {
  const fit = [SHARED_BYTES / (sharedBytes(t) + 1024), MOST_THREADS / threadsOf(t), REGISTERS / (registersOf(t) * threadsOf(t))];
  return Math.max(Math.floor(Math.min(...fit)), 1);
};

/** Estimated clocks of a layer. */
const clocksOf = (t: Tile, splits: number, p: Product): number => {
  const blocks = blocksOf(t, p) * splits * p.groups;
  const steps = Math.ceil(stepsOf(t, p) / splits);
  const active = Math.min(residentOf(t), Math.ceil(blocks / MULTIPROCESSORS));
  const products = (active * t.pixels * t.channels * t.inner) / CLOCKS.products[t.engine];
  const loads = (active * stageBytes(t)) / CLOCKS.bytes;
  const step = Math.max(products, loads, CLOCKS.wait / (t.stages - 1)) + CLOCKS.step;
  const even = blocks / (MULTIPROCESSORS * active);
  const waves = Math.max(CLOCKS.tail * Math.ceil(even) + (1 - CLOCKS.tail) * even, 1);
  const sums = active * t.pixels * t.channels;
  const join = splits > 1 ? CLOCKS.join + CLOCKS.joinSum * sums : 0;
  return CLOCKS.launch + waves * (CLOCKS.block + (CLOCKS.shared * sharedBytes(t)) / 1024 + steps * step + CLOCKS.sum * sums + join);
};

/** int32 sums that the workspace of split layers holds, and tiles that it counts. */
export const MOST_SUMS = 2 ** 21;
export const MOST_TILES = 2 ** 14;

/** Splits without an empty part, none shorter than two steps. */
const splitsOf = (t: Tile, p: Product): readonly number[] => {
  const [steps, tiles] = [stepsOf(t, p), blocksOf(t, p) * p.groups];
  if (tiles > MOST_TILES || tiles * t.pixels * t.channels > MOST_SUMS) return [1];
  const counts = new Set([1]);
  for (const want of [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]) {
    const each = Math.ceil(steps / want);
    if (each >= 2 && tiles * want <= 4 * MULTIPROCESSORS) counts.add(Math.ceil(steps / each));
  }
  return [...counts];
};

/**
 * A choice without stages that a short sweep never fills: then more blocks fit. Beside the tiles on their way there is the one that is
 * multiplied, and with wgmma one whose products still run.
 */
const trimmed = ({ tile: t, splits }: Choice, p: Product): Choice => {
  const steps = Math.ceil(stepsOf(t, p) / splits);
  return { tile: { ...t, stages: Math.min(t.stages, steps + (t.engine === 'wgmma' ? 2 : 1)) }, splits };
};

/** The tile and the splits that a layer is expected to take least time with. */
export const chooseTile = (engine: Engine, p: Product): Choice => {
  const choices = TILES[engine].flatMap((t) => splitsOf(t, p).map((splits) => ({ tile: t, splits })));
  const costs = choices.map((c) => clocksOf(c.tile, c.splits, p));
  return trimmed(at(choices, costs.indexOf(Math.min(...costs))), p);
};
