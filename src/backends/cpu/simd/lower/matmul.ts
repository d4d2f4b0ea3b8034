import { elementCount, type FAMILIES, type LoweringTable, type OpNode, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Asm } from '../asm.ts';
import { type Context, type Emit, MACS_PER_ELEMENT, type Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { emitCopy } from '../kernels/copy.ts';
import { denseFloatKernel, dotKernel, packDenseFloatKernel } from '../kernels/direct.ts';
import { EPILOGUE_BYTES, gemmFloatKernel, gemmKernel, TILE_CHANNELS, TILE_PIXELS } from '../kernels/gemm.ts';
import { broadcastStrides, collapse, nest } from '../kernels/nest.ts';
import { packColumnsKernel, packWeightsFloatKernel, packWeightsKernel } from '../kernels/pack.ts';
import { dotWideKernel, gemmWideKernel, MOST_PAIRS, packRowsKernel, WIDE_PARTIAL_BYTES } from '../kernels/wide.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import type { Local, Val } from '../lift.ts';
import { type Finish, planFinish, roundUp, sumFormOf } from './accumulate.ts';
import { bytesOf, pixelAccess } from './common.ts';
import { ownPart } from './conv-plan.ts';

/** Inner elements that one round of the dot kernel takes. */
const DOT_STEP = 16;
/** Outputs that one call of the float dense kernel computes. */
const DENSE_TILE = 16;

/** What differs between the dot kernels of 8-bit and 16-bit inputs. */
interface Dot {
  readonly kernel: string;
  /** Bytes of a row of packed weights. */
  readonly rowBytes: number;
  readonly weights: Slot;
  /** Arguments of the kernel behind the common ones. */
  readonly extra: readonly number[];
}

/** Loops over the thread's share of outputs in tiles of `tile`. */
const eachTile = (f: Fn, divided: boolean, n: number, tile: number, body: (o: Local) => void): void => {
  const { i32 } = f.ops;
  const own = divided ? shareOf(f, n, tile) : wholeOf(f, n);
  f.while(
    () => i32.lt_u(own.first, own.end),
    () => {
      body(own.first);
      f.inc(own.first, tile);
    },
  );
};

const emitDots = (ctx: Context, x: ValueId, n: number, finish: Finish, dot: Dot): Emit => {
  const type = ctx.type(x);
  const rows = elementCount(type.shape.slice(0, -1));
  const rowBytes = (type.shape.at(-1) ?? 0) * bytesOf(type);
  const [source, y] = [ctx.use(x), ctx.use(finish.result)];
  const divided = ctx.divide((rows * n * (type.shape.at(-1) ?? 0)) / MACS_PER_ELEMENT);
  return (f) => {
    const { i32 } = f.ops;
    eachTile(f, divided, n, 4, (o) => {
      const [from, to] = [f.i32(source.address), f.i32(i32.add(y.address, i32.mul(o, finish.bytes)))];
      f.for(0, rows, 1, () => {
        const own = i32.add(dot.weights.address, i32.mul(o, dot.rowBytes));
        const entry = i32.add(finish.table.address, i32.mul(o, EPILOGUE_BYTES));
        const bounds = [finish.zero, finish.lo, finish.hi];
        f.do(f.call(dot.kernel, [from, own, dot.rowBytes, to, i32.sub(n, o), entry, ...bounds, ...dot.extra]));
        f.inc(from, rowBytes);
        f.inc(to, n * finish.bytes);
      });
    });
  };
};

const denseInt = (ctx: Context, node: OpNode<'dense'>, x: ValueId, w: ValueId): Emit => {
  const { asm } = ctx;
  const [n = 0, k = 0] = ctx.type(w).shape;
  const finish = planFinish(ctx, at(node.results, 0), ctx.fusedInto(node), node.operands[2], 1, n);
  const { dtype } = ctx.type(x);
  const wide = dtype === 'i16';
  const rowBytes = wide ? 2 * roundUp(k, DOT_STEP / 2) : roundUp(k, DOT_STEP);
  const weights = ctx.packed([w], roundUp(n, 4) * rowBytes, (f, [from], to) => {
    f.fill(to.address, 0, roundUp(n, 4) * rowBytes);
    const source = from?.address ?? 0;
    const strides = [
      [rowBytes, 1],
      [k, 1],
    ];
    if (wide) f.do(f.call(packRowsKernel(asm, ctx.type(w).dtype === 'i16' ? 'i16' : 'i8'), [to.address, source, n, k, rowBytes]));
    else emitCopy(f, asm, { sizes: [n, k], strides }, to.address, source, 1);
  });
  const kernel = wide ? dotWideKernel(asm, sumFormOf(ctx, w), finish.epilogue) : dotKernel(asm, dtype === 'u8', finish.epilogue);
  return emitDots(ctx, x, n, finish, { kernel, rowBytes, weights, extra: wide ? [node.attrs.accumulator_shift] : [] });
};

const denseFloat = (ctx: Context, node: OpNode<'dense'>, x: ValueId, w: ValueId): Emit => {
  const { asm } = ctx;
  const [n = 0, k = 0] = ctx.type(w).shape;
  const rows = elementCount(ctx.type(x).shape.slice(0, -1));
  const padded = roundUp(n, DENSE_TILE);
  const [, , biasValue] = node.operands;
  const bias =
    biasValue === undefined
      ? ctx.table(new Float32Array(padded))
      : ctx.packed([biasValue], padded * 4, (f, [from], to) => f.copy(to.address, from?.address ?? 0, n * 4));
  const panel = ctx.packed([w], padded * k * 4, (f, [from], to) =>
    f.do(f.call(packDenseFloatKernel(asm), [to.address, from?.address ?? 0, n, k])),
  );
  const [source, y] = [ctx.use(x), ctx.use(at(node.results, 0))];
  const divided = ctx.divide((rows * n * k) / MACS_PER_ELEMENT);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = denseFloatKernel(asm);
    eachTile(f, divided, n, DENSE_TILE, (o) => {
      const [from, to] = [f.i32(source.address), f.i32(i32.add(y.address, i32.shl(o, 2)))];
      f.for(0, rows, 1, () => {
        const own = i32.add(panel.address, i32.mul(o, k * 4));
        f.do(f.call(kernel, [from, own, k, to, i32.sub(n, o), i32.add(bias.address, i32.shl(o, 2))]));
        f.inc(from, k * 4);
        f.inc(to, n * 4);
      });
    });
  };
};

const lowerDense = (ctx: Context, node: OpNode<'dense'>): Emit => {
  const [x, w] = node.operands;
  if (x === undefined || w === undefined || ctx.count(at(node.results, 0)) === 0) return () => undefined;
  return (ctx.type(x).dtype === 'f32' ? denseFloat : denseInt)(ctx, node, x, w);
};

/** One tile of a product of i16 matrices: more pairs than a sum may take go in parts, with int64 sums in between. */
const emitWideTile = (f: Fn, asm: Asm, args: readonly Val[], pairs: number, shift: number, sums: Local): void => {
  const { i32 } = f.ops;
  const [panel = 0, panelStep = 0, own = 0, , to = 0, ...rest] = args;
  const tail = rest.slice(0, 4);
  const [p, w] = [f.i32(panel), f.i32(own)];
  const start = f.i32(0);
  let left = pairs;
  for (; left > MOST_PAIRS.careful; left -= MOST_PAIRS.careful) {
    f.do(f.call(gemmWideKernel(asm, 'careful', 'partial'), [p, panelStep, w, MOST_PAIRS.careful, sums, 0, 0, 0, 0, start]));
    f.set(p, i32.add(p, i32.mul(panelStep, MOST_PAIRS.careful)));
    f.inc(w, MOST_PAIRS.careful * 16);
    f.set(start, sums);
  }
  f.do(f.call(gemmWideKernel(asm, 'careful', 'i32'), [p, panelStep, w, left, to, ...tail, start, 0, 0, 0, shift]));
};

/** A product of matrices as tiles of the matrix kernels: rows of a are its channels, columns of b its pixels. */
const lowerMatmul = (ctx: Context, node: OpNode<'matmul'>): Emit => {
  const { asm } = ctx;
  const [a, b] = [at(node.operands, 0), at(node.operands, 1)];
  const result = at(node.results, 0);
  const [ta, tb, ty] = [ctx.type(a), ctx.type(b), ctx.type(result)];
  if (ctx.count(result) === 0) return () => undefined;
  const [m = 0, k = 0] = ta.shape.slice(-2);
  const n = tb.shape.at(-1) ?? 0;
  const batch = ty.shape.slice(0, -2);
  const float = ty.dtype === 'f32';
  const wide = ta.dtype === 'i16';
  const unit = float ? 4 : wide ? 2 : 1;
  const inner = float ? k : Math.ceil(k / 2);
  const panelStep = float ? n * 4 : roundUp(n, TILE_PIXELS) * 4;
  const many = elementCount(batch) >= ctx.threads;
  const divided = ctx.divide((elementCount(batch) * m * k * n) / MACS_PER_ELEMENT);
  // each thread packs what it multiplies: whole matrices of a batch, or rows of a and all of b
  const weights = ctx.temporary(roundUp(m, TILE_CHANNELS) * inner * 4, { each: divided });
  const panel = float ? undefined : ctx.temporary(inner * panelStep, { each: divided });
  const sums = wide && inner > MOST_PAIRS.careful ? ctx.temporary(WIDE_PARTIAL_BYTES, { each: divided }) : undefined;
  const zeros = ctx.table(new Int32Array(TILE_CHANNELS * (EPILOGUE_BYTES / 4)));
  const [pa, pb, py] = [ctx.use(a), ctx.use(b), ctx.use(result)];
  const walk = collapse({
    sizes: batch,
    strides: [
      broadcastStrides(batch, batch, m * n * 4),
      broadcastStrides(ta.shape.slice(0, -2), batch, m * k * unit),
      broadcastStrides(tb.shape.slice(0, -2), batch, k * n * unit),
    ],
  });
  return (f) => {
    const { i32 } = f.ops;
    const mine = (slot: Slot | undefined): Local => (slot === undefined ? f.i32(0) : ownPart(f, ctx, slot, divided));
    const [ownWeights, ownPanel, ownSums] = [mine(weights), mine(panel), mine(sums)];
    const rows = divided && !many ? shareOf(f, m, TILE_CHANNELS) : wholeOf(f, m);
    const product = ([y, x, z]: readonly Local[]): void => {
      if (y === undefined || x === undefined || z === undefined) return;
      const count = f.i32(i32.sub(rows.end, rows.first));
      const first = f.i32(i32.add(x, i32.mul(rows.first, k * unit)));
      if (float) f.do(f.call(packWeightsFloatKernel(asm), [ownWeights, first, count, k, k]));
      else {
        f.do(f.call(packWeightsKernel(asm, pixelAccess(ta.dtype)), [ownWeights, first, count, k, k, node.attrs.a_zero]));
        f.do(f.call(packColumnsKernel(asm, pixelAccess(tb.dtype)), [ownPanel, panelStep, z, k, n, node.attrs.b_zero]));
      }
      const out = f.i32(i32.add(y, i32.mul(rows.first, n * 4)));
      const columns = panel === undefined ? z : ownPanel;
      f.for(0, count, TILE_CHANNELS, (row) => {
        const own = f.i32(i32.add(ownWeights, i32.mul(row, inner * 4)));
        const target = f.i32(i32.add(out, i32.mul(row, n * 4)));
        const left = f.i32(i32.sub(count, row));
        if (!wide) {
          const args = [columns, panelStep, TILE_PIXELS * 4, own, inner, target, n * 4, n, left, zeros.address, 0, 0];
          f.do(f.call(float ? gemmFloatKernel(asm, false) : gemmKernel(asm, 'i32'), float ? args : [...args, 0]));
          return;
        }
        f.for(0, n, TILE_PIXELS, (column) => {
          const [from, to] = [columns, target].map((p) => i32.add(p, i32.shl(column, 2)));
          const args = [from ?? 0, panelStep, own, inner, to ?? 0, n * 4, i32.sub(n, column), left, zeros.address, 0];
          emitWideTile(f, asm, args, inner, node.attrs.accumulator_shift, ownSums);
        });
      });
    };
    const all = (): void => nest(f, walk, [py.address, pa.address, pb.address], product, divided && many);
    if (divided) f.if(i32.lt_u(rows.first, rows.end), all);
    else all();
  };
};

export const matmulRows = { dense: lowerDense, matmul: lowerMatmul } satisfies LoweringTable<
  Context,
  Emit,
  keyof (typeof FAMILIES)['matmul']
>;
