import { elementCount, type FAMILIES, type LoweringTable, type OpNode, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Asm } from '../asm.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { type Geometry, geometryOf, isPointwise, naturalRows, planeOf, pointwiseRows, type Rows, tapOffsets } from '../geometry.ts';
import { directFloatKernel, directKernel, packPairsKernel } from '../kernels/direct.ts';
import { EPILOGUE_BYTES, gemmFloatKernel, gemmKernel, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { packFloatKernel, packKernel, packWeightsFloatKernel, packWeightsKernel, pixelStep } from '../kernels/pack.ts';
import { emitPadded } from '../kernels/window.ts';
import type { Local, Val } from '../lift.ts';
import { type Finish, planFinish, roundUp } from './accumulate.ts';

/** Bytes of panel that one block of output pixels may take: stays in the second-level cache beside a tile of weights. */
const PANEL_BUDGET = 160 * 1024;

/** Everything about a conv that its dtype does not change. */
interface Plan {
  readonly geometry: Geometry;
  readonly batch: number;
  readonly channels: number;
  readonly groups: number;
  /** Input and output channels of a group. */
  readonly inGroup: number;
  readonly outGroup: number;
  /** Products per output element. */
  readonly inner: number;
  readonly positions: number;
  readonly elementBytes: 1 | 4;
  readonly x: Slot;
  readonly padded: Slot | undefined;
}

const planOf = (ctx: Context, node: OpNode<'conv'>): Plan => {
  const [x, w] = [ctx.type(at(node.operands, 0)), ctx.type(at(node.operands, 1))];
  const y = ctx.type(at(node.results, 0));
  const geometry = geometryOf(x.shape.slice(2), y.shape.slice(2), w.shape.slice(2), node.attrs);
  const { groups } = node.attrs;
  const channels = at(x.shape, 1);
  const elementBytes = x.dtype === 'f32' ? 4 : 1;
  return {
    geometry,
    batch: at(x.shape, 0),
    channels,
    groups,
    inGroup: at(w.shape, 1),
    outGroup: at(w.shape, 0) / groups,
    inner: elementCount(w.shape.slice(1)),
    positions: planeOf(geometry.output),
    elementBytes,
    x: ctx.use(at(node.operands, 0)),
    padded: geometry.copies ? ctx.temporary(channels * planeOf(geometry.padded) * elementBytes) : undefined,
  };
};

/** Rows of the output and how many of them share a panel. */
interface Blocks {
  readonly rows: Rows;
  readonly perBlock: number;
  /** Pixels from one inner index of the panel to the next: an odd multiple of 8, so that they spread over cache sets. */
  readonly panelPixels: number;
  readonly rowTable: Slot;
}

const blocksOf = (ctx: Context, plan: Plan, bytesPerPixel: number): Blocks => {
  const fit = Math.max(TILE_PIXELS, Math.floor(PANEL_BUDGET / Math.max(1, bytesPerPixel) / TILE_PIXELS) * TILE_PIXELS);
  const pointwise = isPointwise(plan.geometry);
  const rows = pointwise ? pointwiseRows(plan.geometry, Math.min(fit, roundUp(plan.positions, TILE_PIXELS))) : naturalRows(plan.geometry);
  const perBlock = pointwise ? 1 : Math.min(rows.starts.length, Math.max(1, Math.floor(fit / rows.width)));
  const pixels = roundUp(perBlock * rows.width, TILE_PIXELS);
  return {
    rows,
    perBlock,
    panelPixels: (pixels / TILE_PIXELS) % 2 === 0 ? pixels + TILE_PIXELS : pixels,
    rowTable: ctx.table(Int32Array.from(rows.starts, (s) => s * plan.elementBytes)),
  };
};

/** Loops over images (padding each) and groups. @param body - gets the group's input, its first result and its index */
const forEachGroup = (
  f: Fn,
  asm: Asm,
  plan: Plan,
  fill: number,
  y: number,
  resultBytes: number,
  body: (source: Local, to: Local, group: Local) => void,
): void => {
  const image = f.i32(plan.x.address);
  const to = f.i32(y);
  const source = f.local('i32');
  f.for(0, plan.batch, 1, () => {
    if (plan.padded === undefined) f.set(source, image);
    else {
      emitPadded(f, asm, plan.geometry, plan.channels, plan.padded.address, image, plan.elementBytes, { byte: fill });
      f.set(source, plan.padded.address);
    }
    f.for(0, plan.groups, 1, (group) => {
      body(source, to, group);
      f.inc(source, plan.inGroup * planeOf(plan.geometry.padded) * plan.elementBytes);
      f.inc(to, plan.outGroup * plan.positions * resultBytes);
    });
    f.inc(image, plan.channels * planeOf(plan.geometry.input) * plan.elementBytes);
  });
};

/** Loops over blocks of rows: packs a panel, then calls the matrix kernel for every tile of channels and pixels. */
const forEachTile = (
  f: Fn,
  plan: Plan,
  blocks: Blocks,
  resultBytes: number,
  to: Local,
  pack: (rows: Val, count: Local, width: Local) => void,
  tile: (t: { pixel: Local; to: Val; pixels: Val; channel: Local; channels: Val }) => void,
): void => {
  const { i32 } = f.ops;
  const { rows, perBlock } = blocks;
  const count = rows.starts.length;
  const out = f.i32(to);
  f.for(0, count, perBlock, (row) => {
    const left = f.i32(i32.sub(count, row));
    const taken = f.i32(f.select(i32.lt_u(left, perBlock), left, perBlock));
    const width = f.i32(rows.lastWidth === rows.width ? rows.width : f.select(i32.eq(left, 1), rows.lastWidth, rows.width));
    const pixels = f.i32(i32.mul(taken, width));
    pack(i32.add(blocks.rowTable.address, i32.shl(row, 2)), taken, width);
    const plane = f.i32(out);
    f.for(0, plan.outGroup, TILE_CHANNELS, (channel) => {
      const cell = f.i32(plane);
      const channels = f.i32(i32.sub(plan.outGroup, channel));
      f.for(0, pixels, TILE_PIXELS, (pixel) => {
        tile({ pixel, to: cell, pixels: i32.sub(pixels, pixel), channel, channels });
        f.inc(cell, TILE_PIXELS * resultBytes);
      });
      f.inc(plane, TILE_CHANNELS * plan.positions * resultBytes);
    });
    f.inc(out, i32.mul(pixels, resultBytes));
  });
};

/** Groups of few output channels read the input directly: a panel would cost more than it saves. */
const isDirect = (plan: Plan): boolean => plan.outGroup < TILE_CHANNELS && plan.inGroup < 8;

const offsetTable = (ctx: Context, plan: Plan, even: boolean): Slot => {
  const offsets = tapOffsets(plan.geometry, plan.inGroup).map((o) => o * plan.elementBytes);
  // an odd end pairs with any readable place: its weight is 0
  if (even && offsets.length % 2 === 1) offsets.push(offsets[0] ?? 0);
  return ctx.table(Int32Array.from(offsets));
};

const convIntGemm = (ctx: Context, plan: Plan, w: ValueId, unsigned: boolean, finish: Finish, fill: number): Emit => {
  const { asm } = ctx;
  const pairs = Math.ceil(plan.inner / 2);
  const tiles = Math.ceil(plan.outGroup / TILE_CHANNELS);
  const groupBytes = tiles * pairs * 16;
  const blocks = blocksOf(ctx, plan, pairs * 4);
  const offsets = offsetTable(ctx, plan, true);
  const panel = ctx.temporary(pairs * blocks.panelPixels * 4 + 64);
  const weights = ctx.packed([w], plan.groups * groupBytes, (f, [from], to) => {
    for (let g = 0; g < plan.groups; g++) {
      const source = (from?.address ?? 0) + g * plan.outGroup * plan.inner;
      f.do(f.call(packWeightsKernel(asm), [to.address + g * groupBytes, source, plan.outGroup, plan.inner, 0]));
    }
  });
  const y = ctx.use(finish.result);
  const { step } = blocks.rows;
  const panelStep = blocks.panelPixels * 4;
  return (f) => {
    const { i32 } = f.ops;
    const kernel = gemmKernel(asm, finish.epilogue);
    const packer = packKernel(asm, unsigned, pixelStep(step));
    forEachGroup(f, asm, plan, fill, y.address, finish.bytes, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, groupBytes)));
      const table = f.i32(i32.add(finish.table.address, i32.mul(group, tiles * TILE_CHANNELS * EPILOGUE_BYTES)));
      forEachTile(
        f,
        plan,
        blocks,
        finish.bytes,
        to,
        (rows, count, width) => f.do(f.call(packer, [panel.address, panelStep, source, offsets.address, pairs, rows, count, width, step])),
        (t) => {
          const from = i32.add(panel.address, i32.shl(t.pixel, 2));
          const block = i32.add(groupWeights, i32.mul(t.channel, pairs * 4));
          const entry = i32.add(table, i32.mul(t.channel, EPILOGUE_BYTES));
          const rest = [t.to, plan.positions * finish.bytes, t.pixels, t.channels, entry, finish.zero, finish.lo, finish.hi];
          f.do(f.call(kernel, [from, panelStep, block, pairs, ...rest]));
        },
      );
    });
  };
};

/** Rows of every output channel of a group, one kernel call each. */
const forEachRow = (
  f: Fn,
  plan: Plan,
  rows: Rows,
  rowTable: Slot,
  source: Local,
  to: Local,
  resultBytes: number,
  body: (from: Val, to: Local, channel: Local) => void,
): void => {
  const { i32 } = f.ops;
  const out = f.i32(to);
  f.for(0, plan.outGroup, 1, (channel) => {
    f.for(0, rows.starts.length, 1, (row) => {
      body(i32.add(source, f.load('i32', i32.add(rowTable.address, i32.shl(row, 2)))), out, channel);
      f.inc(out, rows.width * resultBytes);
    });
  });
};

const convIntDirect = (ctx: Context, plan: Plan, w: ValueId, unsigned: boolean, finish: Finish, fill: number): Emit => {
  const { asm } = ctx;
  const pairs = Math.ceil(plan.inner / 2);
  const rows = naturalRows(plan.geometry);
  const rowTable = ctx.table(Int32Array.from(rows.starts));
  const offsets = offsetTable(ctx, plan, true);
  const outChannels = plan.groups * plan.outGroup;
  const weights = ctx.packed([w], outChannels * pairs * 4, (f, [from], to) =>
    f.do(f.call(packPairsKernel(asm), [to.address, from?.address ?? 0, outChannels, plan.inner])),
  );
  const y = ctx.use(finish.result);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = directKernel(asm, unsigned, pixelStep(rows.step), finish.epilogue);
    forEachGroup(f, asm, plan, fill, y.address, finish.bytes, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, plan.outGroup * pairs * 4)));
      const table = f.i32(i32.add(finish.table.address, i32.mul(group, TILE_CHANNELS * EPILOGUE_BYTES)));
      forEachRow(f, plan, rows, rowTable, source, to, finish.bytes, (from, cell, channel) => {
        const own = i32.add(groupWeights, i32.mul(channel, pairs * 4));
        const entry = i32.add(table, i32.mul(channel, EPILOGUE_BYTES));
        const rest = [cell, rows.width, rows.step, entry, finish.zero, finish.lo, finish.hi];
        f.do(f.call(kernel, [from, offsets.address, own, pairs, ...rest]));
      });
    });
  };
};

/** Bias of float outputs, zeros where there is none, each group rounded up to a tile. */
const floatBias = (ctx: Context, plan: Plan, bias: ValueId | undefined): Slot => {
  const padded = roundUp(plan.outGroup, TILE_CHANNELS);
  if (bias === undefined) return ctx.table(new Float32Array(plan.groups * padded));
  return ctx.packed([bias], plan.groups * padded * 4, (f, [from], to) => {
    for (let g = 0; g < plan.groups; g++)
      f.copy(to.address + g * padded * 4, (from?.address ?? 0) + g * plan.outGroup * 4, plan.outGroup * 4);
  });
};

const convFloatGemm = (ctx: Context, plan: Plan, w: ValueId, bias: Slot, result: ValueId): Emit => {
  const { asm } = ctx;
  const tiles = Math.ceil(plan.outGroup / TILE_CHANNELS);
  const groupBytes = tiles * plan.inner * 16;
  const blocks = blocksOf(ctx, plan, plan.inner * 4);
  const offsets = offsetTable(ctx, plan, false);
  const panel = ctx.temporary(plan.inner * blocks.panelPixels * 4 + 64);
  const weights = ctx.packed([w], plan.groups * groupBytes, (f, [from], to) => {
    for (let g = 0; g < plan.groups; g++) {
      const source = (from?.address ?? 0) + g * plan.outGroup * plan.inner * 4;
      f.do(f.call(packWeightsFloatKernel(asm), [to.address + g * groupBytes, source, plan.outGroup, plan.inner]));
    }
  });
  const y = ctx.use(result);
  const step = blocks.rows.step * 4;
  const panelStep = blocks.panelPixels * 4;
  return (f) => {
    const { i32 } = f.ops;
    const kernel = gemmFloatKernel(asm);
    const packer = packFloatKernel(asm, step === 4);
    forEachGroup(f, asm, plan, 0, y.address, 4, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, groupBytes)));
      const groupBias = f.i32(i32.add(bias.address, i32.mul(group, tiles * TILE_CHANNELS * 4)));
      forEachTile(
        f,
        plan,
        blocks,
        4,
        to,
        (rows, count, width) =>
          f.do(f.call(packer, [panel.address, panelStep, source, offsets.address, plan.inner, rows, count, width, step])),
        (t) => {
          const from = i32.add(panel.address, i32.shl(t.pixel, 2));
          const block = i32.add(groupWeights, i32.mul(t.channel, plan.inner * 4));
          const rest = [t.to, plan.positions * 4, t.pixels, t.channels, i32.add(groupBias, i32.shl(t.channel, 2))];
          f.do(f.call(kernel, [from, panelStep, block, plan.inner, ...rest]));
        },
      );
    });
  };
};

const convFloatDirect = (ctx: Context, plan: Plan, w: ValueId, bias: Slot, result: ValueId): Emit => {
  const { asm } = ctx;
  const rows = naturalRows(plan.geometry);
  const rowTable = ctx.table(Int32Array.from(rows.starts, (s) => s * 4));
  const offsets = offsetTable(ctx, plan, false);
  const weights = ctx.use(w);
  const y = ctx.use(result);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = directFloatKernel(asm, rows.step === 1);
    forEachGroup(f, asm, plan, 0, y.address, 4, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, plan.outGroup * plan.inner * 4)));
      const groupBias = f.i32(i32.add(bias.address, i32.mul(group, TILE_CHANNELS * 4)));
      forEachRow(f, plan, rows, rowTable, source, to, 4, (from, cell, channel) => {
        const own = i32.add(groupWeights, i32.mul(channel, plan.inner * 4));
        const entry = i32.add(groupBias, i32.shl(channel, 2));
        f.do(f.call(kernel, [from, offsets.address, own, plan.inner, cell, rows.width, rows.step * 4, entry]));
      });
    });
  };
};

const lowerConv = (ctx: Context, node: OpNode<'conv'>): Emit => {
  const [x, w, bias] = node.operands;
  const result = at(node.results, 0);
  if (x === undefined || w === undefined || ctx.count(result) === 0) return () => undefined;
  const plan = planOf(ctx, node);
  const { dtype } = ctx.type(x);
  if (dtype === 'f32') return (isDirect(plan) ? convFloatDirect : convFloatGemm)(ctx, plan, w, floatBias(ctx, plan, bias), result);
  const finish = planFinish(ctx, result, ctx.fusedInto(node), bias, plan.groups, plan.outGroup);
  const lowerInt = isDirect(plan) ? convIntDirect : convIntGemm;
  return lowerInt(ctx, plan, w, dtype === 'u8', finish, node.attrs.pad_value & 0xff);
};

export const convRows = { conv: lowerConv } satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['conv']>;
