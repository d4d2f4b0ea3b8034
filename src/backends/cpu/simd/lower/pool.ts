import { elementCount, type FAMILIES, type LoweringTable, type OpNode, unsupported } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { type Geometry, geometryOf, naturalRows, planeOf, tapOffsets } from '../geometry.ts';
import { ACCESS_BYTES } from '../kernels/map.ts';
import { pixelStep } from '../kernels/pack.ts';
import {
  averagePlaneKernel,
  averagePoolFloatKernel,
  averagePoolKernel,
  maxPoolFloatKernel,
  maxPoolKernel,
  POOL_SUMS_BYTES,
} from '../kernels/pool.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import { emitPadded, type Fill, PAD_SLACK } from '../kernels/window.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { bytesOf, limitTable, operand, pixelAccess, result } from './common.ts';

type PoolNode = OpNode<'max_pool'> | OpNode<'average_pool'>;

/** Bits of -infinity. */
const NEGATIVE_INFINITY_BITS = 0xff800000 | 0;
/** Sums of 8-bit values stay in int32, and counts exact in float32, up to this many cells; sums of 16-bit values up to fewer. */
const MAX_CELLS = 2 ** 22;
const MAX_WIDE_CELLS = 2 ** 16 - 1;
/** Two times the least i16. */
const LEAST_HALVES = 0x80008000 | 0;

/** Loops over planes (padding each) and rows; `row` calls a kernel for one row of results. */
const lowerRows = (
  ctx: Context,
  node: PoolNode,
  g: Geometry,
  fill: Fill,
  row: (f: Fn, from: Val, offsets: number, taps: number, to: Val, rowIndex: Val, sums: Val) => void,
): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const type = ctx.type(x);
  const bytes = bytesOf(type);
  const planes = elementCount(type.shape.slice(0, 2));
  const rows = naturalRows(g);
  const taps = tapOffsets(g, 1);
  const offsets = ctx.table(Int32Array.from(taps, (t) => t * bytes));
  const rowTable = ctx.table(Int32Array.from(rows.starts, (s) => s * bytes));
  // a tap of eight pixels costs about as much as a vector of a plain pass
  const divided = ctx.divide(planes * rows.starts.length * Math.ceil(rows.width / 8) * taps.length * 8);
  const sums = ctx.temporary(POOL_SUMS_BYTES, { each: divided });
  const padded = g.copies ? ctx.temporary(planeOf(g.padded) * bytes + PAD_SLACK, { each: divided }) : undefined;
  const [from, to] = [ctx.use(x), ctx.use(y)];
  return (f) => {
    const { i32 } = f.ops;
    const own = divided ? shareOf(f, planes) : wholeOf(f, planes);
    const source = f.i32(i32.add(from.address, i32.mul(own.first, planeOf(g.input) * bytes)));
    const target = f.i32(i32.add(to.address, i32.mul(own.first, planeOf(g.output) * bytes)));
    const [base, mySums] = [f.local('i32'), ownPart(f, ctx, sums, divided)];
    const place = padded === undefined ? base : ownPart(f, ctx, padded, divided);
    f.while(
      () => i32.lt_u(own.first, own.end),
      () => {
        if (padded === undefined) f.set(base, source);
        else {
          emitPadded(f, ctx.asm, g, 1, place, source, bytes, fill);
          f.set(base, place);
        }
        f.for(0, rows.starts.length, 1, (r) => {
          row(f, i32.add(base, f.load('i32', i32.add(rowTable.address, i32.shl(r, 2)))), offsets.address, taps.length, target, r, mySums);
          f.inc(target, rows.width * bytes);
        });
        f.inc(source, planeOf(g.input) * bytes);
        f.inc(own.first, 1);
      },
    );
  };
};

const geometry = (ctx: Context, node: PoolNode): Geometry => {
  const [x, y] = [ctx.type(operand(node, 0)), ctx.type(result(node))];
  const g = geometryOf(x.shape.slice(2), y.shape.slice(2), node.attrs.kernel, node.attrs);
  const most = x.dtype === 'i16' ? MAX_WIDE_CELLS : MAX_CELLS;
  if (planeOf(g.kernel) > most) unsupported(`a window has ${planeOf(g.kernel)} cells, more than ${most}`)();
  limitTable(planeOf(g.output), 'the output plane');
  return g;
};

const lowerMax = (ctx: Context, node: OpNode<'max_pool'>): Emit => {
  if (ctx.count(result(node)) === 0) return () => undefined;
  const g = geometry(ctx, node);
  const { dtype } = ctx.type(operand(node, 0));
  const step = g.stride[2];
  const width = g.output[2];
  if (dtype === 'f32') {
    return lowerRows(ctx, node, g, { word: NEGATIVE_INFINITY_BITS }, (f, from, offsets, taps, to) =>
      f.do(f.call(maxPoolFloatKernel(ctx.asm, step === 1), [from, offsets, taps, to, width, step * 4])),
    );
  }
  const access = pixelAccess(dtype);
  const fill = access === 'i16' ? { word: LEAST_HALVES } : { byte: access === 'u8' ? 0 : 0x80 };
  return lowerRows(ctx, node, g, fill, (f, from, offsets, taps, to) =>
    f.do(f.call(maxPoolKernel(ctx.asm, access, pixelStep(step)), [from, offsets, taps, to, width, step * ACCESS_BYTES[access]])),
  );
};

/** Per result pixel: taps inside the input, and taps inside the input and its declared padding. */
const countCells = (g: Geometry, pads: readonly number[], spatial: number): { inside: number[]; padded: number[] } => {
  const lead = 3 - spatial;
  const axes = ([0, 1, 2] as const).map((d) => {
    const end = d < lead ? 0 : (pads[spatial + d - lead] ?? 0);
    return Array.from({ length: g.output[d] }, (_, o) => {
      let [inside, padded] = [0, 0];
      for (let k = 0; k < g.kernel[d]; k++) {
        const i = o * g.stride[d] - g.begin[d] + k * g.dilation[d];
        if (i >= 0 && i < g.input[d]) inside++;
        if (i < g.input[d] + end) padded++;
      }
      return { inside, padded };
    });
  });
  const [depth = [], height = [], wide = []] = axes;
  const cells = depth.flatMap((z) =>
    height.flatMap((y) => wide.map((x) => ({ inside: z.inside * y.inside * x.inside, padded: z.padded * y.padded * x.padded }))),
  );
  return { inside: cells.map((c) => c.inside), padded: cells.map((c) => c.padded) };
};

/** A window that is the plane: consecutive elements are summed, where a loop over its taps would fill one lane of eight. */
const lowerPlanes = (ctx: Context, node: OpNode<'average_pool'>, g: Geometry): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const { dtype, shape } = ctx.type(x);
  const planes = elementCount(shape.slice(0, 2));
  const cells = planeOf(g.input);
  const access = pixelAccess(dtype);
  const bytes = ACCESS_BYTES[access];
  const divided = ctx.divide(planes * Math.ceil(cells / 8) * 8);
  const kernel = averagePlaneKernel(ctx.asm, access);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  return (f) => {
    const { i32 } = f.ops;
    const own = divided ? shareOf(f, planes) : wholeOf(f, planes);
    const source = f.i32(i32.add(from.address, i32.mul(own.first, cells * bytes)));
    f.while(
      () => i32.lt_u(own.first, own.end),
      () => {
        f.store(access, i32.add(to.address, i32.mul(own.first, bytes)), f.call(kernel, [source, cells]));
        f.inc(source, cells * bytes);
        f.inc(own.first, 1);
      },
    );
  };
};

const lowerAverage = (ctx: Context, node: OpNode<'average_pool'>): Emit => {
  if (ctx.count(result(node)) === 0) return () => undefined;
  const g = geometry(ctx, node);
  const { dtype, shape } = ctx.type(operand(node, 0));
  const { inside, padded } = countCells(g, node.attrs.pads, shape.length - 2);
  const cells = node.attrs.include_pad ? padded : inside;
  const isPlane = planeOf(g.output) === 1 && !g.copies && planeOf(g.kernel) === planeOf(g.input) && cells[0] === planeOf(g.kernel);
  if (isPlane && dtype !== 'f32') return lowerPlanes(ctx, node, g);
  const [step, width] = [g.stride[2], g.output[2]];
  if (dtype === 'f32') {
    const table = ctx.table(Float32Array.from(cells));
    return lowerRows(ctx, node, g, { byte: 0 }, (f, from, offsets, taps, to, r) => {
      const own = f.ops.i32.add(table.address, f.ops.i32.mul(r, width * 4));
      f.do(f.call(averagePoolFloatKernel(ctx.asm, step === 1), [from, offsets, taps, to, width, step * 4, own]));
    });
  }
  const divisors = ctx.table(Int32Array.from(cells));
  const extra = ctx.table(Int32Array.from(cells, (c, i) => (c - at(inside, i)) * node.attrs.pad_value));
  const access = pixelAccess(dtype);
  const kernel = averagePoolKernel(ctx.asm, access, pixelStep(step));
  return lowerRows(ctx, node, g, { byte: 0 }, (f, from, offsets, taps, to, r, sums) => {
    const { i32 } = f.ops;
    const skip = f.i32(i32.mul(r, width * 4));
    const tables = [i32.add(divisors.address, skip), i32.add(extra.address, skip)];
    f.do(f.call(kernel, [from, offsets, taps, to, width, step * ACCESS_BYTES[access], ...tables, sums]));
  });
};

export const poolRows = { max_pool: lowerMax, average_pool: lowerAverage } satisfies LoweringTable<
  Context,
  Emit,
  keyof (typeof FAMILIES)['pool']
>;
