import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { isPointwise } from '../geometry.ts';
import { byteConstants } from '../kernels/bytes.ts';
import { EPILOGUE_BYTES, gemmFloatKernel, gemmKernel, PARTIAL_BYTES, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { packFloatKernel, packKernel, packWeightsFloatKernel, packWeightsKernel, pixelStep } from '../kernels/pack.ts';
import { type Share, shareOf, wholeOf } from '../kernels/share.ts';
import type { Local, Val } from '../lift.ts';
import { gemmWideKernel, MOST_PAIRS, WIDE_PARTIAL_BYTES } from '../kernels/wide.ts';
import { type Finish, sumFormOf } from './accumulate.ts';
import { type Blocks, blocksOf, packGroups, type PanelForm, SWEEP_ROWS, sweepsOf } from './conv-panel.ts';
import { type Division, forEachGroup, type Layout, layoutOf, mayDivide, offsetTable, ownPart, type Plan } from './conv-plan.ts';

/** What differs between the int32 and the float form of a conv as a matrix product. */
interface Form extends PanelForm {
  readonly packer: string;
  readonly partial: string;
  readonly last: string;
  readonly weights: Slot;
  /** Table with what each output channel starts from and ends with. */
  readonly table: Slot;
  readonly entryBytes: number;
  /** Whether a call of the kernels does all tiles of a block; else one. */
  readonly manyTiles: boolean;
  /** Arguments of the last kernel behind the common ones; known when memory is planned. */
  readonly extra: () => readonly number[];
  readonly result: ValueId;
  readonly resultBytes: 1 | 2 | 4;
  /** Bytes of the partial results of a tile. */
  readonly partialBytes: number;
}

/** Making a row of the panel costs about as much as this many tiles of 4 output channels take to use it. */
const PACK_TILES = 0.4;

/** What threads share so that the slowest has least to do: groups, rows of pixels, or output channels, which all need the panel. */
const divisionOf = (ctx: Context, plan: Plan): Division => {
  if (!mayDivide(ctx, plan)) return 'none';
  const share = (units: number): number => Math.ceil(units / ctx.threads) / units;
  const tiles = Math.ceil(plan.outGroup / TILE_CHANNELS);
  const units = isPointwise(plan.geometry) ? Math.ceil(plan.positions / TILE_PIXELS) : plan.geometry.output[0] * plan.geometry.output[1];
  const costs = [
    ['groups', share(plan.groups) * (1 + PACK_TILES / tiles)],
    ['rows', share(units) * (1 + PACK_TILES / tiles)],
    ['channels', share(tiles) + PACK_TILES / tiles],
  ] as const;
  const [least] = [...costs].sort((a, b) => a[1] - b[1]);
  return least?.[0] ?? 'none';
};

/** One sweep: a stretch of panel rows, packed and multiplied into all tiles of a block. */
interface Sweep {
  readonly first: Val;
  readonly count: number;
  readonly last: boolean;
}

/** A conv as a matrix product with everything decided: sizes, places, kernels. */
interface Product {
  readonly ctx: Context;
  readonly plan: Plan;
  readonly layout: Layout;
  readonly form: Form;
  readonly blocks: Blocks;
  readonly sweeps: number;
  /** Panel rows of every sweep but the last, which may have fewer. */
  readonly sweepRows: number;
  readonly tiles: number;
  readonly offsets: Slot;
  readonly panel: Slot;
  readonly line: Slot | undefined;
  /** Sums between sweeps, when there are several: a tile of each output channel block and pixel block. */
  readonly partials: Slot | undefined;
  readonly partialStep: number;
  readonly y: Slot;
}

const planProduct = (ctx: Context, plan: Plan, form: Form): Product => {
  const { sweeps, sweepRows } = sweepsOf(form);
  const division = divisionOf(ctx, plan);
  const blocks = blocksOf(ctx, plan, form, sweepRows, division === 'rows' ? ctx.threads : 1);
  const each = division !== 'none';
  const tiles = Math.ceil(plan.outGroup / TILE_CHANNELS);
  const partialStep = blocks.tiles * form.partialBytes;
  return {
    ctx,
    plan,
    layout: layoutOf(ctx, plan, division),
    form,
    blocks,
    sweeps,
    sweepRows,
    tiles,
    offsets: offsetTable(ctx, plan, form.offsetsPerRow === 2),
    panel: ctx.temporary(blocks.panelBytes, { each }),
    line: blocks.lineBytes > 0 ? ctx.temporary(blocks.lineBytes, { each }) : undefined,
    partials: sweeps > 1 ? ctx.temporary(tiles * partialStep, { each }) : undefined,
    partialStep,
    y: ctx.use(form.result),
  };
};

/** Where a block of rows reads and writes. */
interface BlockPlace {
  readonly source: Local;
  readonly weights: Local;
  readonly table: Local;
  readonly pixels: Local;
  readonly out: Local;
  /** The thread's own panel, line and partial sums. */
  readonly panel: Local;
  readonly line: Local;
  readonly partials: Local;
  /** Tiles of output channels that the thread computes. */
  readonly tiles: Share;
}

/** What a call of a kernel works on. */
interface TilePlace {
  readonly from: Local;
  readonly own: Val;
  readonly to: Local;
  readonly partial: Local;
  readonly entry: Local;
  readonly pixels: Val;
  readonly channels: Val;
}

/** The tiles of one block of output channels, by a kernel that does all of them. */
const emitManyTiles = (f: Fn, p: Product, sweep: Sweep, first: Local, t: TilePlace): void => {
  const { form, blocks } = p;
  const steps = [blocks.rowStep, blocks.tileStep];
  const args = [t.from, ...steps, t.own, sweep.count, t.to, p.plan.positions * form.resultBytes, t.pixels, t.channels, t.entry, t.partial];
  f.do(f.call(sweep.last ? form.last : form.partial, [...args, p.partials === undefined ? 0 : first, ...(sweep.last ? form.extra() : [])]));
};

/** The same by a kernel that does one. */
const emitSingleTiles = (f: Fn, p: Product, sweep: Sweep, first: Local, t: TilePlace): void => {
  const { i32 } = f.ops;
  const { form, plan, blocks } = p;
  const [from, cell, partial, start, own, pixels] = [f.i32(t.from), f.i32(t.to), f.i32(t.partial), f.i32(0), f.i32(t.own), f.i32(t.pixels)];
  const channels = f.i32(t.channels);
  f.for(0, pixels, TILE_PIXELS, (pixel) => {
    if (p.partials !== undefined) f.set(start, f.select(first, partial, 0));
    const sizes = [plan.positions * form.resultBytes, i32.sub(pixels, pixel), channels];
    const common = [from, blocks.rowStep, own, sweep.count, sweep.last ? cell : partial, ...sizes, t.entry, start];
    f.do(f.call(sweep.last ? form.last : form.partial, [...common, ...(sweep.last ? form.extra() : [])]));
    f.inc(cell, TILE_PIXELS * form.resultBytes);
    f.inc(partial, form.partialBytes);
    f.inc(from, blocks.tileStep);
  });
};

/** Multiplies the packed panel into every tile of the block. */
const emitTiles = (f: Fn, p: Product, sweep: Sweep, first: Local, place: BlockPlace): void => {
  const { i32 } = f.ops;
  const { form, plan } = p;
  const channelStep = plan.positions * form.resultBytes;
  const from0 = place.tiles.first;
  const to = f.i32(i32.add(place.out, i32.mul(from0, TILE_CHANNELS * channelStep)));
  const partial = f.i32(i32.add(place.partials, i32.mul(from0, p.partialStep)));
  const entry = f.i32(i32.add(place.table, i32.mul(from0, TILE_CHANNELS * form.entryBytes)));
  const stretch = f.i32(i32.add(place.weights, i32.mul(first, p.tiles * 16)));
  const own = f.i32(i32.add(stretch, i32.mul(from0, sweep.count * 16)));
  const [tile, channel] = [f.i32(from0), f.i32(i32.mul(from0, TILE_CHANNELS))];
  f.while(
    () => i32.lt_u(tile, place.tiles.end),
    () => {
      const channels = i32.sub(plan.outGroup, channel);
      const t = { from: place.panel, own, to, partial, entry, pixels: place.pixels, channels };
      (form.manyTiles ? emitManyTiles : emitSingleTiles)(f, p, sweep, first, t);
      f.inc(to, TILE_CHANNELS * channelStep);
      f.inc(partial, p.partialStep);
      f.inc(entry, TILE_CHANNELS * form.entryBytes);
      f.inc(own, sweep.count * 16);
      f.inc(channel, TILE_CHANNELS);
      f.inc(tile, 1);
    },
  );
};

/** All sweeps of one block of `taken` rows of `width` pixels from row `row` on. */
const emitBlock = (f: Fn, p: Product, place: BlockPlace, row: Local, taken: Local, width: Local): void => {
  const { i32 } = f.ops;
  const { form, plan } = p;
  const rowTable = f.i32(i32.add(p.blocks.rowTable.address, i32.shl(row, 2)));
  const step = p.blocks.rows.step * plan.elementBytes;
  const emitSweep = (sweep: Sweep): void => {
    const first = f.i32(sweep.first);
    const list = i32.add(p.offsets.address, i32.mul(first, 4 * form.offsetsPerRow));
    const panel = [place.panel, form.tilesApart ? p.blocks.tileStep : p.blocks.rowStep, place.line];
    f.do(f.call(form.packer, [...panel, place.source, list, sweep.count, rowTable, taken, width, step]));
    emitTiles(f, p, sweep, first, place);
  };
  const before = (p.sweeps - 1) * p.sweepRows;
  if (before > 0) f.for(0, before, p.sweepRows, (first) => emitSweep({ first, count: p.sweepRows, last: false }));
  emitSweep({ first: before, count: form.rows - before, last: true });
};

/** The rows of pixels of the thread: whole blocks. */
const ownRows = (f: Fn, p: Product): Share => {
  const { starts } = p.blocks.rows;
  return p.layout.division === 'rows' ? shareOf(f, starts.length, p.blocks.perBlock) : wholeOf(f, starts.length);
};

/** The rows of the output themselves, where they are divided and of two dimensions. */
const outputRows = (p: Product, own: Share): Share | undefined =>
  p.layout.division === 'rows' && p.plan.geometry.output[0] === 1 && !isPointwise(p.plan.geometry) ? own : undefined;

const emitProduct = (f: Fn, p: Product): void => {
  const { i32 } = f.ops;
  const { starts, width: full, lastWidth } = p.blocks.rows;
  const { perBlock } = p.blocks;
  const { form, layout, ctx } = p;
  const each = layout.division !== 'none';
  const panel = ownPart(f, ctx, p.panel, each);
  const [line, partials] = [p.line, p.partials].map((slot) => (slot === undefined ? f.i32(0) : ownPart(f, ctx, slot, each)));
  if (line === undefined || partials === undefined) return;
  const own = ownRows(f, p);
  const tiles = layout.division === 'channels' ? shareOf(f, p.tiles) : wholeOf(f, p.tiles);
  const [row, left, taken, width] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
  const body = (source: Local, to: Local, group: Local): void => {
    const weights = f.i32(i32.add(form.weights.address, i32.mul(group, p.tiles * form.rows * 16)));
    const table = f.i32(i32.add(form.table.address, i32.mul(group, p.tiles * TILE_CHANNELS * form.entryBytes)));
    const out = f.i32(i32.add(to, i32.mul(own.first, full * form.resultBytes)));
    f.set(row, own.first);
    f.while(
      () => i32.lt_u(row, own.end),
      () => {
        f.set(left, i32.sub(own.end, row));
        f.set(taken, f.select(i32.lt_u(left, perBlock), left, perBlock));
        f.set(width, lastWidth === full ? full : f.select(i32.eq(row, starts.length - 1), lastWidth, full));
        const pixels = f.i32(i32.mul(taken, width));
        emitBlock(f, p, { source, weights, table, pixels, out, panel, line, partials, tiles }, row, taken, width);
        f.set(out, i32.add(out, i32.mul(pixels, form.resultBytes)));
        f.inc(row, perBlock);
      },
    );
  };
  const run = (): void => forEachGroup(f, ctx, p.plan, layout, p.y.address, form.resultBytes, body, outputRows(p, own));
  if (layout.division === 'rows') f.if(i32.lt_u(own.first, own.end), run);
  else run();
};

const lowerGemm = (ctx: Context, plan: Plan, form: Form): Emit => {
  const product = planProduct(ctx, plan, form);
  return (f) => emitProduct(f, product);
};

export const convIntGemm = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', finish: Finish): Emit => {
  const { asm } = ctx;
  const sizes = { rows: Math.ceil(plan.inner / 2), offsetsPerRow: 2, mostRows: SWEEP_ROWS, tilesApart: true };
  const step = isPointwise(plan.geometry) ? 1 : plan.geometry.stride[2];
  const constants = ctx.table(byteConstants(finish.zero, finish.lo, finish.hi));
  return lowerGemm(ctx, plan, {
    ...sizes,
    packer: packKernel(asm, access, pixelStep(step)),
    partial: gemmKernel(asm, 'partial'),
    last: gemmKernel(asm, finish.epilogue),
    weights: packGroups(ctx, plan, w, sizes, packWeightsKernel(asm), [0]),
    table: finish.table,
    entryBytes: EPILOGUE_BYTES,
    manyTiles: true,
    extra: () => [constants.address],
    result: finish.result,
    resultBytes: finish.bytes,
    partialBytes: PARTIAL_BYTES,
  });
};

/** The same of i16: sums of a sweep are exact, between sweeps they are int64. */
export const convWideGemm = (ctx: Context, plan: Plan, w: ValueId, shift: number, finish: Finish): Emit => {
  const { asm } = ctx;
  const step = isPointwise(plan.geometry) ? 1 : plan.geometry.stride[2];
  const sum = sumFormOf(ctx, w);
  const sizes = { rows: Math.ceil(plan.inner / 2), offsetsPerRow: 2, mostRows: Math.min(SWEEP_ROWS, MOST_PAIRS[sum]), tilesApart: true };
  return lowerGemm(ctx, plan, {
    ...sizes,
    packer: packKernel(asm, 'i16', pixelStep(step)),
    partial: gemmWideKernel(asm, sum, 'partial'),
    last: gemmWideKernel(asm, sum, finish.epilogue),
    weights: packGroups(ctx, plan, w, sizes, packWeightsKernel(asm, ctx.type(w).dtype === 'i16' ? 'i16' : 'i8'), [0]),
    table: finish.table,
    entryBytes: EPILOGUE_BYTES,
    manyTiles: false,
    extra: () => [finish.zero, finish.lo, finish.hi, shift],
    result: finish.result,
    resultBytes: finish.bytes,
    partialBytes: WIDE_PARTIAL_BYTES,
  });
};

export const convFloatGemm = (ctx: Context, plan: Plan, w: ValueId, bias: Slot, result: ValueId): Emit => {
  const { asm } = ctx;
  const step = isPointwise(plan.geometry) ? 1 : plan.geometry.stride[2];
  const sizes = { rows: plan.inner, offsetsPerRow: 1, mostRows: SWEEP_ROWS, tilesApart: false };
  return lowerGemm(ctx, plan, {
    ...sizes,
    packer: packFloatKernel(asm, step === 1),
    partial: gemmFloatKernel(asm, true),
    last: gemmFloatKernel(asm, false),
    weights: packGroups(ctx, plan, w, sizes, packWeightsFloatKernel(asm), []),
    table: bias,
    entryBytes: 4,
    manyTiles: true,
    extra: () => [],
    result,
    resultBytes: 4,
    partialBytes: PARTIAL_BYTES,
  });
};
