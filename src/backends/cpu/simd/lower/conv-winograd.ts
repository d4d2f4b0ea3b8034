import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { planeOf } from '../geometry.ts';
import { byteConstants } from '../kernels/bytes.ts';
import { EPILOGUE_BYTES, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { type GridShare, gridShareOf, wholeGridOf } from '../kernels/grid-share.ts';
import { type Share, shareOf, wholeOf } from '../kernels/share.ts';
import { emitPaddedRows, PAD_SLACK } from '../kernels/window.ts';
import { FORMS, type WinogradForm } from '../kernels/winograd-form.ts';
import { outputKernel } from '../kernels/winograd-output.ts';
import { inputKernel, multiplyKernel, SCRATCH_BYTES, weightsKernel } from '../kernels/winograd.ts';
import type { Local, Val } from '../lift.ts';
import { type Finish, roundUp } from './accumulate.ts';
import { mayDivide, ownPart, type Plan } from './conv-plan.ts';

/** Channels times tiles of a block: their transforms, 72 bytes each, stay in the second-level cache. */
const BLOCK_CELLS = 4096;
const [LEAST_BLOCK, MOST_BLOCK] = [16, 64];
/** Bytes of products between the transforms, which share that cache. */
const PRODUCT_BUDGET = 128 * 1024;
/** Transformed weights are 8 times as big as weights: beyond this, streaming them costs more than it saves. */
const MOST_WEIGHT_BYTES = 64 * 2 ** 20;
/** So few tiles are half a group. */
const NARROW = 4;
/** Fewer tiles an image than this: images of a batch are taken together. */
const FEW_TILES = 32;

/** Least and greatest sum of products of any output channel, given the range of the input. */
const sumsWithin = (bound: number, weights: ArrayLike<number>, perOutput: number, lo: number, hi: number): boolean => {
  let [least, most] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    if (i % perOutput === 0) [least, most] = [0, 0];
    const w = weights[i] ?? 0;
    least += w < 0 ? w * hi : w * lo;
    most += w < 0 ? w * lo : w * hi;
    if (least < -bound || most >= bound) return false;
  }
  return true;
};

/** Tiles of an image: the last of a row or column ends at the border, over its neighbour. */
const tileCounts = (plan: Plan, { side }: WinogradForm): { readonly down: number; readonly across: number } => {
  const [, height, width] = plan.geometry.output;
  return { down: Math.ceil(height / side), across: Math.ceil(width / side) };
};

/** What it costs to read the bytes of a position of an input and an output channel once for a block of tiles: from a cache, and from memory. */
const STREAMING = { near: 10 / 36, far: 60 / 36 } as const;
/** Weights of a layer that may still be in a cache when the layer comes again. */
const NEAR_BYTES = 2 * 2 ** 20;

/** Vector instructions per tile, all channels: products and sums, transforms, and weights that stream through the caches. */
const costOf = (plan: Plan, form: WinogradForm): number => {
  const { inGroup: channels, outGroup: outputs } = plan;
  const { down, across } = tileCounts(plan, form);
  const tiles = down * across * plan.batch;
  const lanes = tiles <= NARROW ? NARROW : roundUp(tiles, TILE_PIXELS);
  const far = 2 * form.positions * channels * outputs > NEAR_BYTES;
  const streamed = STREAMING[far ? 'far' : 'near'] * channels * outputs * Math.ceil(tiles / MOST_BLOCK);
  return form.positions * (lanes * (channels * outputs + 7 * outputs + 5 * channels) * 0.25 + streamed);
};

/** The same without transforms. */
const plainCost = (plan: Plan): number => (9 / 4) * plan.inGroup * plan.outGroup * plan.positions * plan.batch;

/**
 * The form in which the sums of a conv are computed by transforms: 3 x 3, stride 1, and known weights that cannot leave the bound;
 * undefined where none pays.
 */
export const winogradForm = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8'): WinogradForm | undefined => {
  const { geometry: g, groups, inGroup, outGroup } = plan;
  const is = (t: readonly number[], ...wanted: number[]): boolean => t.every((n, i) => n === wanted[i]);
  if (groups !== 1 || inGroup % 2 === 1 || !is(g.kernel, 1, 3, 3) || !is(g.stride, 1, 1, 1) || !is(g.dilation, 1, 1, 1)) return undefined;
  const data = ctx.paramData(w)?.data;
  if (g.output[0] !== 1 || g.padded[0] !== 1 || data === undefined) return undefined;
  const [lo, hi] = access === 'u8' ? [0, 255] : [-128, 127];
  const fits = (form: WinogradForm): boolean =>
    g.output[1] >= form.side &&
    g.output[2] >= form.side &&
    form.positions * inGroup * 2 * roundUp(outGroup, TILE_CHANNELS) <= MOST_WEIGHT_BYTES &&
    costOf(plan, form) < 0.9 * plainCost(plan) &&
    sumsWithin(form.sumBound, data, plan.inner, lo, hi);
  const [best] = [FORMS[4], FORMS[2]].filter(fits).sort((a, b) => costOf(plan, a) - costOf(plan, b));
  return best;
};

/** Everything decided: sizes, places, kernels. */
interface Transform {
  readonly plan: Plan;
  readonly form: WinogradForm;
  readonly finish: Finish;
  readonly access: 'i8' | 'u8';
  /** Images taken together. */
  readonly images: number;
  readonly tiles: number;
  /** There are 4 tiles at most. */
  readonly narrow: boolean;
  /** Groups of 8 tiles: in all, and in a block. */
  readonly groups: number;
  readonly block: number;
  readonly pairs: number;
  /** Blocks of 4 output channels: in all, and whose products are made before they are transformed. */
  readonly outputBlocks: number;
  readonly chunk: number;
  /** Bytes from one position to the next: of weights, of the transformed input, of the products. */
  readonly weightStep: number;
  readonly inputStep: number;
  readonly productStep: number;
  readonly weights: Slot;
  readonly input: Slot;
  readonly products: Slot;
  readonly scratch: Slot;
  /** Where each tile starts: in the padded input, in the result. */
  readonly starts: Slot;
  readonly targets: Slot;
  readonly y: Slot;
  readonly constants: Slot;
  readonly threads: number;
  /** Threads take tiles each, or output channels where there are few tiles. */
  readonly byTiles: boolean;
}

/** Starts of all tiles, in bytes; the last group is filled up with its last tile. */
const tileStarts = (plan: Plan, form: WinogradForm, images: number, image: number, pitch: number, bytes: number): Int32Array => {
  const [, height, width] = plan.geometry.output;
  const { side } = form;
  const { down, across } = tileCounts(plan, form);
  const starts: number[] = [];
  for (let n = 0; n < images; n++)
    for (let y = 0; y < down; y++)
      for (let x = 0; x < across; x++) {
        const cell = Math.min(side * y, height - side) * pitch + Math.min(side * x, width - side);
        starts.push((n * image + cell) * bytes);
      }
  while (starts.length % TILE_PIXELS !== 0) starts.push(starts.at(-1) ?? 0);
  return Int32Array.from(starts);
};

const planTransform = (ctx: Context, plan: Plan, form: WinogradForm, w: ValueId, access: 'i8' | 'u8', finish: Finish): Transform => {
  const { inGroup: channels, outGroup: outputs, geometry: g } = plan;
  const { positions } = form;
  const { down, across } = tileCounts(plan, form);
  const images = down * across < FEW_TILES ? plan.batch : 1;
  const tiles = down * across * images;
  const groups = Math.ceil(tiles / TILE_PIXELS);
  const most = Math.min(MOST_BLOCK, Math.max(LEAST_BLOCK, BLOCK_CELLS / channels)) / TILE_PIXELS;
  const block = Math.ceil(groups / Math.ceil(groups / Math.floor(most)));
  const pairs = channels / 2;
  const narrow = tiles <= NARROW;
  const outputBlocks = narrow ? 2 * Math.ceil(outputs / TILE_CHANNELS / 2) : Math.ceil(outputs / TILE_CHANNELS);
  const blockBytes = block * TILE_CHANNELS * TILE_PIXELS * 4;
  const fit = Math.max(2, Math.floor(PRODUCT_BUDGET / (positions * blockBytes)));
  const chunk = Math.min(outputBlocks, narrow ? fit & -2 : fit);
  const weightStep = outputBlocks * pairs * 16;
  // a cache line more, so that the positions of one tile do not all fall into one set of the cache
  const [inputStep, productStep] = [block * pairs * 32 + 64, chunk * blockBytes + 64];
  const { threads } = ctx;
  return {
    plan,
    form,
    finish,
    access,
    images,
    tiles,
    narrow,
    groups,
    block,
    pairs,
    outputBlocks,
    chunk,
    weightStep,
    inputStep,
    productStep,
    weights: ctx.packed([w], positions * weightStep + SCRATCH_BYTES, (f, [from], to) => {
      f.fill(to.address, 0, positions * weightStep);
      const scratch = to.address + positions * weightStep;
      f.do(f.call(weightsKernel(ctx.asm, form), [to.address, weightStep, from?.address ?? 0, outputs, channels, scratch]));
    }),
    input: ctx.temporary(positions * inputStep, { each: true }),
    products: ctx.temporary(positions * productStep, { each: true }),
    scratch: ctx.temporary(SCRATCH_BYTES, { each: true }),
    starts: ctx.table(tileStarts(plan, form, images, channels * planeOf(g.padded), g.padded[2], 1)),
    targets: ctx.table(tileStarts(plan, form, images, outputs * plan.positions, g.output[2], finish.bytes)),
    y: ctx.use(finish.result),
    constants: ctx.table(byteConstants(finish.zero, finish.lo, finish.hi)),
    threads,
    byTiles: !narrow && (groups >= 3 * threads || outputBlocks < 2 * threads),
  };
};

/** Places of the calling thread. */
interface Own {
  readonly input: Local;
  readonly products: Local;
  readonly scratch: Local;
  readonly source: Local;
  readonly target: Local;
}

/** B' d B of `count` groups of tiles from `group` on, all channels. */
const emitInput = (f: Fn, ctx: Context, t: Transform, own: Own, group: Local, count: Local): void => {
  const { i32 } = f.ops;
  const plane = planeOf(t.plan.geometry.padded);
  const kernel = inputKernel(ctx.asm, t.form, t.access === 'u8');
  const [a, to] = [f.i32(own.source), f.i32(own.input)];
  f.for(0, t.pairs, 1, () => {
    const [cell, list] = [f.i32(to), f.i32(i32.add(t.starts.address, i32.shl(group, 5)))];
    f.for(0, count, 1, () => {
      f.do(f.call(kernel, [cell, t.inputStep, a, i32.add(a, plane), list, t.plan.geometry.padded[2], own.scratch]));
      f.inc(cell, t.pairs * 32);
      f.inc(list, 32);
    });
    f.inc(a, 2 * plane);
    f.inc(to, 32);
  });
};

/** Groups of tiles whose transforms are made: `count` from `group` on, which begin at `input`. */
interface Groups {
  readonly group: Local;
  readonly count: Local;
  readonly input: Local;
}

/** Products and results of the output channels of `blocks` blocks from `first` on. */
const emitOutputs = (f: Fn, ctx: Context, t: Transform, own: Own, { group, count, input }: Groups, first: Local, blocks: Local): void => {
  const { i32 } = f.ops;
  const { finish, plan } = t;
  const [multiply, output] = [multiplyKernel(ctx.asm, t.narrow), outputKernel(ctx.asm, t.form, finish.epilogue)];
  const weights = f.i32(i32.add(t.weights.address, i32.mul(first, t.pairs * 16)));
  const [panel, product] = [f.i32(input), f.i32(own.products)];
  f.for(0, t.form.positions, 1, () => {
    f.do(f.call(multiply, [panel, weights, t.pairs, count, blocks, product]));
    f.inc(weights, t.weightStep);
    f.inc(panel, t.inputStep);
    f.inc(product, t.productStep);
  });
  const channel = f.i32(i32.mul(first, TILE_CHANNELS));
  const end = f.i32(i32.mul(i32.add(first, blocks), TILE_CHANNELS));
  f.set(end, f.select(i32.gt_u(end, plan.outGroup), plan.outGroup, end));
  const to = f.i32(i32.add(own.target, i32.mul(channel, plan.positions * finish.bytes)));
  const entry = f.i32(i32.add(finish.table.address, i32.mul(channel, EPILOGUE_BYTES)));
  const list = f.i32(i32.add(t.targets.address, i32.shl(group, 5)));
  f.set(product, own.products);
  f.while(
    () => i32.lt_u(channel, end),
    () => {
      const place = [to, plan.geometry.output[2] * finish.bytes, own.scratch, entry, t.constants.address];
      f.do(f.call(output, [product, t.productStep, t.narrow ? 1 : i32.shl(count, 1), list, ...place]));
      f.inc(channel, 1);
      f.inc(to, plan.positions * finish.bytes);
      f.inc(entry, EPILOGUE_BYTES);
      f.inc(product, 32);
      // behind the fourth channel of a block come its other groups of tiles
      f.if(i32.eqz(i32.and(channel, 3)), () => f.inc(product, i32.shl(i32.sub(count, 1), 7)));
    },
  );
};

/** Pads the images that are taken together, or the rows that the tiles of a share read. */
const emitPadding = (f: Fn, ctx: Context, t: Transform, from: Local, to: Local, tiles: Share): void => {
  const { i32 } = f.ops;
  const { geometry: g, channels, fill } = t.plan;
  const word = (fill * 0x01010101) | 0;
  if (t.images > 1) {
    emitPaddedRows(f, ctx.asm, g, t.images * channels, to, from, 1, word);
    return;
  }
  const { across } = tileCounts(t.plan, t.form);
  const top = (tile: Val): Local => {
    const row = f.i32(i32.mul(i32.div_u(tile, across), t.form.side));
    return f.i32(f.select(i32.gt_u(row, g.output[1] - t.form.side), g.output[1] - t.form.side, row));
  };
  const last = f.i32(i32.sub(i32.mul(tiles.end, TILE_PIXELS), 1));
  const first = top(i32.mul(tiles.first, TILE_PIXELS));
  const end = top(f.select(i32.gt_u(last, t.tiles - 1), t.tiles - 1, last));
  emitPaddedRows(f, ctx.asm, g, channels, to, from, 1, word, { first, count: i32.add(i32.sub(end, first), t.form.window) });
};

/** All output channels of a block of groups, chunk by chunk. The first group is another thread's before `from`, the last one from `until` on. */
const emitChunks = (f: Fn, ctx: Context, t: Transform, own: Own, block: Groups, outputs: Share, from: Local, until: Local): void => {
  const { i32 } = f.ops;
  const [first, end] = [f.i32(outputs.first), f.local('i32')];
  const endBy = (limit: Local): void => f.if(i32.and(i32.lt_u(first, limit), i32.lt_u(limit, end)), () => f.set(end, limit));
  f.while(
    () => i32.lt_u(first, outputs.end),
    () => {
      f.set(end, i32.add(first, t.chunk));
      for (const limit of [outputs.end, from, until]) endBy(limit);
      const lead = f.i32(i32.lt_u(first, from));
      const count = f.i32(i32.sub(i32.sub(block.count, lead), i32.ge_u(first, until)));
      const groups = {
        group: f.i32(i32.add(block.group, lead)),
        count,
        input: f.i32(i32.add(block.input, i32.mul(lead, t.pairs * 32))),
      };
      f.if(i32.gt_s(count, 0), () => emitOutputs(f, ctx, t, own, groups, first, f.i32(i32.sub(end, first))));
      f.set(first, end);
    },
  );
};

/** The groups of a share, block by block. */
const emitGroups = (f: Fn, ctx: Context, t: Transform, own: Own, tiles: GridShare, outputs: Share): void => {
  const { i32 } = f.ops;
  const [group, count, from, until] = [f.i32(tiles.first), f.local('i32'), f.local('i32'), f.local('i32')];
  f.while(
    () => i32.lt_u(group, tiles.end),
    () => {
      f.set(count, i32.sub(tiles.end, group));
      f.set(until, f.select(i32.gt_u(count, t.block), t.outputBlocks, tiles.until));
      f.set(count, f.select(i32.gt_u(count, t.block), t.block, count));
      f.set(from, f.select(i32.eq(group, tiles.first), tiles.from, 0));
      emitInput(f, ctx, t, own, group, count);
      emitChunks(f, ctx, t, own, { group, count, input: own.input }, outputs, from, until);
      f.inc(group, t.block);
    },
  );
};

/** A conv by transforms. */
export const convWinograd = (ctx: Context, plan: Plan, form: WinogradForm, w: ValueId, access: 'i8' | 'u8', finish: Finish): Emit => {
  const { geometry: g, channels, batch } = plan;
  const t = planTransform(ctx, plan, form, w, access, finish);
  const image = channels * planeOf(g.padded);
  const padded = g.copies ? ctx.temporary(t.images * image + PAD_SLACK, { each: true }) : undefined;
  const divided = mayDivide(ctx, plan);
  return (f) => {
    const { i32 } = f.ops;
    const mine = (slot: Slot): Local => ownPart(f, ctx, slot, divided);
    const [input, products, scratch] = [mine(t.input), mine(t.products), mine(t.scratch)];
    const tiles = (divided && t.byTiles ? gridShareOf : wholeGridOf)(f, { units: t.groups, parts: t.outputBlocks, last: 1 });
    const outputs = divided && !t.byTiles ? shareOf(f, t.outputBlocks, t.narrow ? 2 : 1) : wholeOf(f, t.outputBlocks);
    const [from, target, source] = [f.i32(plan.x.address), f.i32(t.y.address), f.local('i32')];
    if (padded !== undefined) f.set(source, mine(padded));
    f.for(0, batch, t.images, () => {
      if (padded === undefined) f.set(source, from);
      else f.if(i32.lt_u(tiles.first, tiles.end), () => emitPadding(f, ctx, t, from, source, tiles));
      emitGroups(f, ctx, t, { input, products, scratch, source, target }, tiles, outputs);
      f.inc(from, t.images * channels * planeOf(g.input));
      f.inc(target, t.images * plan.outGroup * plan.positions * finish.bytes);
    });
  };
};
