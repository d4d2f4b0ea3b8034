import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { isPointwise, naturalRows, planeOf } from '../geometry.ts';
import { byteConstants } from '../kernels/bytes.ts';
import { EPILOGUE_BYTES, PARTIAL_BYTES, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { type Grid, type GridShare, gridShareOf, wholeGridOf } from '../kernels/grid-share.ts';
import { pixelStep } from '../kernels/pack.ts';
import {
  PRODUCTS,
  strassenKernel,
  strassenLineKernel,
  strassenPackKernel,
  strassenWeightsKernel,
  WEIGHT_SUMS,
} from '../kernels/strassen.ts';
import type { Local, Val } from '../lift.ts';
import { type Finish, roundUp } from './accumulate.ts';
import { oddLines, SWEEP_ROWS, TILE_ROW_BYTES } from './conv-panel.ts';
import { mayDivide, ownPart, type Plan } from './conv-plan.ts';

/** Fewer input channels: the sums around the products take what those save. */
const LEAST_INNER = 128;
/** Fewer pixels: weights, of which there are 7/4 as many, are read too often from memory. */
const LEAST_POSITIONS = 128;
/** Tiles that a thread should have, so that shares are equal enough. */
const LEAST_TILES = 6;
/** Bytes of the panels of a block of pixels: they stay in the second-level cache. */
const PANEL_BUDGET = 256 * 1024;

/** Pixels of a pair of tiles: the matrix of pixels is halved so that every other tile belongs to the same half. */
const PAIR_PIXELS = 2 * TILE_PIXELS;
const pairsOf = (plan: Plan): number => Math.ceil(plan.positions / PAIR_PIXELS);

/** Whether a conv of bytes is a product of matrices that is large enough in every direction to be divided in quarters. */
export const isStrassen = (ctx: Context, plan: Plan, w: ValueId): boolean =>
  plan.groups === 1 &&
  !plan.geometry.copies &&
  planeOf(plan.geometry.kernel) === 1 &&
  plan.inner >= LEAST_INNER &&
  plan.inner % 4 === 0 &&
  plan.inner / 4 <= SWEEP_ROWS &&
  plan.outGroup % (2 * TILE_CHANNELS) === 0 &&
  plan.positions >= LEAST_POSITIONS &&
  pairsOf(plan) >= LEAST_TILES * ctx.threads &&
  ctx.constantValue(w);

/** Everything decided: sizes, places. */
interface Quarters {
  readonly plan: Plan;
  readonly finish: Finish;
  readonly unsigned: boolean;
  /** Pairs of inner indices of a quarter, and its tiles of output channels. */
  readonly rows: number;
  readonly tiles: number;
  /** Pairs of tiles of a block. */
  readonly block: number;
  /** Bytes: from tile to tile and from panel to panel; of a product's weights; of the partial results of a block. */
  readonly tileStep: number;
  readonly panelStep: number;
  readonly weightStep: number;
  readonly partialStep: number;
  /** Where a stride leaves pixels out: those that are left, of four planes, and where their rows start. */
  readonly lines: { readonly slot: Slot; readonly step: number; readonly starts: Slot } | undefined;
  readonly weights: Slot;
  readonly panels: Slot;
  readonly partials: Slot;
  readonly constants: Slot;
  readonly y: Slot;
}

/** Partial results that are kept: P1, P1 + P6, P5, P1 + P6 + P7. */
const PARTIALS = 4;

/** Bytes behind a line that are written or read with it. */
const LINE_SLACK = 24;

const planLines = (ctx: Context, plan: Plan): Quarters['lines'] => {
  if (isPointwise(plan.geometry)) return undefined;
  const step = plan.positions + LINE_SLACK;
  const { starts } = naturalRows(plan.geometry);
  return { slot: ctx.temporary(4 * step, { each: true }), step, starts: ctx.table(Int32Array.from(starts)) };
};

const planQuarters = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', finish: Finish): Quarters => {
  const [rows, tiles] = [plan.inner / 4, plan.outGroup / 2 / TILE_CHANNELS];
  const tileStep = oddLines(rows * TILE_ROW_BYTES);
  const all = pairsOf(plan);
  const fit = Math.max(1, Math.floor(PANEL_BUDGET / (PRODUCTS * tileStep)));
  const block = Math.ceil(all / Math.ceil(all / fit));
  const weightStep = tiles * rows * 16;
  const [panelStep, partialStep] = [block * tileStep, block * PARTIAL_BYTES];
  return {
    plan,
    finish,
    unsigned: access === 'u8',
    rows,
    tiles,
    block,
    tileStep,
    panelStep,
    weightStep,
    partialStep,
    lines: planLines(ctx, plan),
    weights: ctx.packed([w], PRODUCTS * weightStep, (f, [from], to) =>
      WEIGHT_SUMS.forEach((sums, q) => {
        const sizes = [plan.outGroup / 2, plan.inner / 2];
        f.do(f.call(strassenWeightsKernel(ctx.asm), [to.address + q * weightStep, from?.address ?? 0, ...sizes, ...sums]));
      }),
    ),
    panels: ctx.temporary(PRODUCTS * panelStep, { each: true }),
    partials: ctx.temporary(PARTIALS * partialStep, { each: true }),
    constants: ctx.table(byteConstants(finish.zero, finish.lo, finish.hi)),
    y: ctx.use(finish.result),
  };
};

/** Places of the calling thread. */
interface Places {
  readonly panels: Local;
  readonly partials: Local;
  readonly lines: Local;
}

/** A block of pairs of tiles. */
interface Block extends Places {
  /** Where its results begin in a plane. */
  readonly to: Local;
  /** Pairs, and pixels of the image from the first of them on. */
  readonly taken: Local;
  readonly left: Local;
  /** The first pair is another thread's for the tiles of output channels before this one, the last one for those from this one on. */
  readonly from: Local;
  readonly until: Local;
}

/** What the thread computes of a block for one tile of output channels of each half. */
interface Piece {
  readonly panels: Local;
  readonly to: Local;
  /** Pixels in each half. */
  readonly first: Local;
  readonly second: Local;
}

const pieceOf = (f: Fn, q: Quarters, b: Block, tile: Local): Piece => {
  const { i32 } = f.ops;
  const lead = f.i32(i32.lt_u(tile, b.from));
  const pairs = f.i32(i32.sub(i32.sub(b.taken, i32.ge_u(tile, b.until)), lead));
  const most = f.i32(i32.mul(f.select(i32.lt_s(pairs, 0), 0, pairs), PAIR_PIXELS));
  const left = f.i32(i32.sub(b.left, i32.mul(lead, PAIR_PIXELS)));
  const pixels = f.i32(f.select(i32.lt_s(left, most), left, most));
  // all tiles but those of the last pair are full
  const full = f.i32(i32.shl(i32.shr_u(pixels, 4), 3));
  const rest = f.i32(i32.and(pixels, PAIR_PIXELS - 1));
  const head = f.select(i32.gt_u(rest, TILE_PIXELS), TILE_PIXELS, rest);
  const tail = f.select(i32.gt_u(rest, TILE_PIXELS), i32.sub(rest, TILE_PIXELS), 0);
  return {
    panels: f.i32(i32.add(b.panels, i32.mul(lead, q.tileStep))),
    to: f.i32(i32.add(b.to, i32.mul(lead, PAIR_PIXELS * q.finish.bytes))),
    first: f.i32(i32.add(full, head)),
    second: f.i32(i32.add(full, tail)),
  };
};

/** All products of a block, for one tile of output channels of each half after another. */
const emitProducts = (f: Fn, ctx: Context, q: Quarters, b: Block): void => {
  const { i32 } = f.ops;
  const { plan, finish } = q;
  const channelStep = plan.positions * finish.bytes;
  const [results, top, weights] = [f.i32(b.to), f.i32(finish.table.address), f.i32(q.weights.address)];
  const partial = [0, 1, 2, 3].map((i) => f.i32(i32.add(b.partials, i * q.partialStep)));
  const [p1 = top, p16 = top, p5 = top, p167 = top] = partial;
  const emitPiece = ({ panels, to, first, second }: Piece): void => {
    const lower = f.i32(i32.add(to, (plan.outGroup / 2) * channelStep));
    const bottom = f.i32(i32.add(top, (plan.outGroup / 2) * EPILOGUE_BYTES));
    const half = TILE_PIXELS * finish.bytes;
    const product = (i: number): readonly Val[] => {
      const [panel, own] = [i32.add(panels, i * q.panelStep), i32.add(weights, i * q.weightStep)];
      return [panel, TILE_ROW_BYTES, q.tileStep, own, q.rows];
    };
    const keep = (i: number, at: Local, sum: Val): void =>
      f.do(f.call(strassenKernel(ctx.asm, 'partial'), [...product(i), at, 0, first, TILE_CHANNELS, 0, sum, 0]));
    const end = (of: readonly Val[], at: Val, pixels: Local, entry: Local, sums: readonly [Val, Val]): void => {
      const rest = [at, channelStep, pixels, TILE_CHANNELS, entry, ...sums, q.constants.address];
      f.do(f.call(strassenKernel(ctx.asm, finish.epilogue), [...of, ...rest]));
    };
    keep(0, p1, 0);
    end(product(1), to, first, top, [p1, 0]);
    keep(2, p16, p1);
    keep(3, p5, 0);
    keep(4, p167, p16);
    end(product(5), i32.add(to, half), second, top, [p16, p5]);
    end(product(6), lower, first, bottom, [p167, 0]);
    end([0, 0, 0, 0, 0], i32.add(lower, half), second, bottom, [p167, p5]);
  };
  f.for(0, q.tiles, 1, (tile) => {
    f.scope(() => emitPiece(pieceOf(f, q, { ...b, to: results }, tile)));
    f.inc(weights, q.rows * 16);
    f.inc(results, TILE_CHANNELS * channelStep);
    f.inc(top, TILE_CHANNELS * EPILOGUE_BYTES);
  });
};

/** The panels of `taken` pairs of tiles from `pixel` on. */
const emitPanels = (f: Fn, ctx: Context, q: Quarters, from: Local, pixel: Local, taken: Local, p: Places): void => {
  const { i32 } = f.ops;
  const { geometry: g, inner, positions } = q.plan;
  const pack = strassenPackKernel(ctx.asm, q.unsigned);
  const steps = [q.panelStep, q.tileStep];
  const plane = planeOf(g.input);
  const { lines } = q;
  if (lines === undefined) {
    const sizes = [positions, (inner / 2) * positions, q.rows, taken];
    f.do(f.call(pack, [p.panels, ...steps, i32.add(from, pixel), ...sizes]));
    return;
  }
  const step = g.stride[2];
  const line = strassenLineKernel(ctx.asm, pixelStep(step));
  const [source, panel] = [f.i32(from), f.i32(p.panels)];
  const rows = [lines.starts.address, g.output[0] * g.output[1], g.output[2], step];
  f.for(0, q.rows, 1, () => {
    [0, 1, inner / 2, inner / 2 + 1].forEach((k, i) =>
      f.do(f.call(line, [i32.add(p.lines, i * lines.step), i32.add(source, k * plane), ...rows])),
    );
    f.do(f.call(pack, [panel, ...steps, i32.add(p.lines, pixel), lines.step, 2 * lines.step, 1, taken]));
    f.inc(source, 2 * plane);
    f.inc(panel, TILE_ROW_BYTES);
  });
};

/** Block after block of a share. */
const emitBlocks = (f: Fn, ctx: Context, q: Quarters, from: Local, to: Local, own: GridShare, places: Places): void => {
  const { i32 } = f.ops;
  const { plan, finish } = q;
  const [pair, taken, pixel] = [f.i32(own.first), f.local('i32'), f.local('i32')];
  const [left, results, begin, until] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
  f.while(
    () => i32.lt_u(pair, own.end),
    () => {
      f.set(taken, i32.sub(own.end, pair));
      f.set(until, f.select(i32.gt_u(taken, q.block), q.tiles, own.until));
      f.set(taken, f.select(i32.gt_u(taken, q.block), q.block, taken));
      f.set(begin, f.select(i32.eq(pair, own.first), own.from, 0));
      f.set(pixel, i32.mul(pair, PAIR_PIXELS));
      f.scope(() => emitPanels(f, ctx, q, from, pixel, taken, places));
      f.set(left, i32.sub(plan.positions, pixel));
      f.set(results, i32.add(to, i32.mul(pixel, finish.bytes)));
      f.scope(() => emitProducts(f, ctx, q, { ...places, to: results, taken, left, from: begin, until }));
      f.inc(pair, q.block);
    },
  );
};

/** Pairs of tiles and, of each, tiles of output channels. */
const gridOf = ({ plan, tiles }: Quarters): Grid => {
  const units = pairsOf(plan);
  const rest = plan.positions - (units - 1) * PAIR_PIXELS;
  return { units, parts: tiles, last: roundUp(rest, TILE_PIXELS / 2) / PAIR_PIXELS };
};

/** A 1 x 1 conv by products of quarters. */
export const convStrassen = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', finish: Finish): Emit => {
  const q = planQuarters(ctx, plan, w, access, finish);
  const divided = mayDivide(ctx, plan);
  return (f) => {
    const mine = (slot: Slot | undefined): Local => (slot === undefined ? f.i32(0) : ownPart(f, ctx, slot, divided));
    const places = { panels: mine(q.panels), partials: mine(q.partials), lines: mine(q.lines?.slot) };
    const own = (divided ? gridShareOf : wholeGridOf)(f, gridOf(q));
    const [from, to] = [f.i32(plan.x.address), f.i32(q.y.address)];
    f.for(0, plan.batch, 1, () => {
      emitBlocks(f, ctx, q, from, to, own, places);
      f.inc(from, plan.channels * planeOf(plan.geometry.input));
      f.inc(to, plan.outGroup * plan.positions * finish.bytes);
    });
  };
};
