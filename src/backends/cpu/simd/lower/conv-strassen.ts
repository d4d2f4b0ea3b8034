import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { isPointwise, naturalRows, planeOf } from '../geometry.ts';
import { byteConstants } from '../kernels/bytes.ts';
import { EPILOGUE_BYTES, PARTIAL_BYTES, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { pixelStep } from '../kernels/pack.ts';
import { type Share, shareOf, wholeOf } from '../kernels/share.ts';
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

/** Pixels of the first half; the second has as many or up to four fewer. */
const halfOf = (plan: Plan): number => roundUp(Math.ceil(plan.positions / 2), TILE_PIXELS / 2);

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
  Math.ceil(halfOf(plan) / TILE_PIXELS) >= LEAST_TILES * ctx.threads &&
  ctx.constantValue(w);

/** Everything decided: sizes, places. */
interface Quarters {
  readonly plan: Plan;
  readonly finish: Finish;
  readonly unsigned: boolean;
  /** Pairs of inner indices of a quarter, and its tiles of output channels. */
  readonly rows: number;
  readonly tiles: number;
  /** Pixels of the first half, and the tiles of a block of them. */
  readonly half: number;
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
  const [rows, tiles, half] = [plan.inner / 4, plan.outGroup / 2 / TILE_CHANNELS, halfOf(plan)];
  const tileStep = oddLines(rows * TILE_ROW_BYTES);
  const all = Math.ceil(half / TILE_PIXELS);
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
    half,
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

/** A block of pixels: where its results begin in a plane, and how many there are in each half. */
interface Block extends Places {
  readonly to: Local;
  readonly first: Local;
  readonly second: Local;
}

/** All products of a block, for one tile of output channels of each half after another. */
const emitProducts = (f: Fn, ctx: Context, q: Quarters, b: Block): void => {
  const { i32 } = f.ops;
  const { plan, finish } = q;
  const channelStep = plan.positions * finish.bytes;
  const halfBytes = q.half * finish.bytes;
  const [upper, top] = [f.i32(b.to), f.i32(finish.table.address)];
  const [lower, bottom] = [f.i32(0), f.i32(0)];
  const weights = f.i32(q.weights.address);
  const partial = [0, 1, 2, 3].map((i) => f.i32(i32.add(b.partials, i * q.partialStep)));
  const [p1 = upper, p16 = upper, p5 = upper, p167 = upper] = partial;
  const product = (i: number): readonly Val[] => [
    i32.add(b.panels, i * q.panelStep),
    TILE_ROW_BYTES,
    q.tileStep,
    i32.add(weights, i * q.weightStep),
    q.rows,
  ];
  const keep = (i: number, at: Local, first: Val): void =>
    f.do(f.call(strassenKernel(ctx.asm, 'partial'), [...product(i), at, 0, b.first, TILE_CHANNELS, 0, first, 0]));
  const end = (of: readonly Val[], to: Val, pixels: Local, entry: Local, first: Val, second: Val): void =>
    f.do(
      f.call(strassenKernel(ctx.asm, finish.epilogue), [
        ...of,
        to,
        channelStep,
        pixels,
        TILE_CHANNELS,
        entry,
        first,
        second,
        q.constants.address,
      ]),
    );
  f.for(0, q.tiles, 1, () => {
    f.set(lower, i32.add(upper, (plan.outGroup / 2) * channelStep));
    f.set(bottom, i32.add(top, (plan.outGroup / 2) * EPILOGUE_BYTES));
    keep(0, p1, 0);
    end(product(1), upper, b.first, top, p1, 0);
    keep(2, p16, p1);
    keep(3, p5, 0);
    keep(4, p167, p16);
    end(product(5), i32.add(upper, halfBytes), b.second, top, p16, p5);
    end(product(6), lower, b.first, bottom, p167, 0);
    end([0, 0, 0, 0, 0], i32.add(lower, halfBytes), b.second, bottom, p167, p5);
    f.inc(weights, q.rows * 16);
    f.inc(upper, TILE_CHANNELS * channelStep);
    f.inc(top, TILE_CHANNELS * EPILOGUE_BYTES);
  });
};

/** The panels of `taken` tiles from `pixel` on. */
const emitPanels = (f: Fn, ctx: Context, q: Quarters, from: Local, pixel: Local, taken: Local, p: Places): void => {
  const { i32 } = f.ops;
  const { geometry: g, inner, positions } = q.plan;
  const pack = strassenPackKernel(ctx.asm, q.unsigned);
  const steps = [q.panelStep, q.tileStep];
  const plane = planeOf(g.input);
  const { lines } = q;
  if (lines === undefined) {
    const sizes = [positions, q.half, (inner / 2) * positions, q.rows, taken];
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
    f.do(f.call(pack, [panel, ...steps, i32.add(p.lines, pixel), lines.step, q.half, 2 * lines.step, 1, taken]));
    f.inc(source, 2 * plane);
    f.inc(panel, TILE_ROW_BYTES);
  });
};

/** Block after block of the tiles of a share. */
const emitBlocks = (f: Fn, ctx: Context, q: Quarters, from: Local, to: Local, own: Share, places: Places): void => {
  const { i32 } = f.ops;
  const { plan, finish } = q;
  const [tile, taken, pixel] = [f.i32(own.first), f.local('i32'), f.local('i32')];
  const [first, second, results] = [f.local('i32'), f.local('i32'), f.local('i32')];
  /** Pixels of the block before `end`. */
  const within = (end: number): Val => {
    const left = f.i32(i32.sub(end, pixel));
    const most = f.i32(i32.mul(taken, TILE_PIXELS));
    const least = f.i32(f.select(i32.lt_s(left, most), left, most));
    return f.select(i32.lt_s(least, 0), 0, least);
  };
  f.while(
    () => i32.lt_u(tile, own.end),
    () => {
      f.set(taken, i32.sub(own.end, tile));
      f.set(taken, f.select(i32.gt_u(taken, q.block), q.block, taken));
      f.set(pixel, i32.mul(tile, TILE_PIXELS));
      f.scope(() => emitPanels(f, ctx, q, from, pixel, taken, places));
      f.set(first, within(q.half));
      f.set(second, within(plan.positions - q.half));
      f.set(results, i32.add(to, i32.mul(pixel, finish.bytes)));
      f.scope(() => emitProducts(f, ctx, q, { ...places, to: results, first, second }));
      f.inc(tile, q.block);
    },
  );
};

/** A 1 x 1 conv by products of quarters. */
export const convStrassen = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', finish: Finish): Emit => {
  const q = planQuarters(ctx, plan, w, access, finish);
  const divided = mayDivide(ctx, plan);
  const tiles = Math.ceil(q.half / TILE_PIXELS);
  return (f) => {
    const mine = (slot: Slot | undefined): Local => (slot === undefined ? f.i32(0) : ownPart(f, ctx, slot, divided));
    const places = { panels: mine(q.panels), partials: mine(q.partials), lines: mine(q.lines?.slot) };
    const own = divided ? shareOf(f, tiles) : wholeOf(f, tiles);
    const [from, to] = [f.i32(plan.x.address), f.i32(q.y.address)];
    f.for(0, plan.batch, 1, () => {
      emitBlocks(f, ctx, q, from, to, own, places);
      f.inc(from, plan.channels * planeOf(plan.geometry.input));
      f.inc(to, plan.outGroup * plan.positions * finish.bytes);
    });
  };
};
