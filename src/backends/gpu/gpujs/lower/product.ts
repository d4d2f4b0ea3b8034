import { DTYPE_INFO, elementCount, type OpNode, type StaticType, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, geometryOf, isPointwise, planeOf } from '../../../cpu/simd/geometry.ts';
import { EXACT, num, plus, times } from '../code.ts';
import { type Context, type KernelText, refuse, type Store } from '../context.ts';
import { carry, fits, I32, type Int, RADIX, single, toPair, wrap } from '../integers.ts';
import type { Dims } from '../program.ts';
import { rescaleText } from './rescale.ts';
import { padTo } from './shape.ts';
import { broadcastOffset } from './strided.ts';

/** A conv, or a dense layer as one: each row an image of one position. */
interface Layer {
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

/** Taps of a kernel position up to which they are written out instead of looped over. */
const MOST_UNROLLED = 16;

/** Bounds of a sum of products, and how many of them float32 adds before a carry; 0 products where none are needed. */
interface Sums {
  readonly min: number;
  readonly max: number;
  /** Products between carries; undefined where every partial sum is exact. */
  readonly run: number | undefined;
}

/** What any order of adding can reach, by the weights where they are known, and by the greatest product where not. */
const sumsOf = (ctx: Context, { x, w, bias, groups, inGroup, outGroup, geometry, pad }: Layer): Sums => {
  const outputs = groups * outGroup;
  const [image, weights] = [ctx.use(x), ctx.use(w)];
  const most = Math.max(-image.min, image.max, Math.abs(pad));
  const each = inGroup * planeOf(geometry.kernel);
  const [own, biases] = [ctx.param(w), bias === undefined ? undefined : ctx.param(bias)];
  const limits = bias === undefined ? { min: 0, max: 0 } : ctx.use(bias);
  const known = own !== undefined && (bias === undefined || biases !== undefined);
  const greatest = Math.max(-weights.min, weights.max);
  let reach = each * greatest * most + Math.max(-limits.min, limits.max);
  if (known) {
    reach = 0;
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let k = o * each; k < (o + 1) * each; k++) sum += Math.abs(Number(own.data[k]));
      reach = Math.max(reach, sum * most + Math.abs(Number(biases?.data[o] ?? 0)));
    }
  }
  const product = Math.max(1, greatest * most);
  return { min: -reach, max: reach, run: reach <= EXACT ? undefined : Math.floor((EXACT - RADIX) / product) };
};

/** An accumulator, which carries from its lower to its upper part where float32 would round. */
class Accumulator {
  private readonly lo: string;
  private readonly hi: string | undefined;
  private readonly sums: Sums;
  private readonly kernel: KernelText;
  constructor(kernel: KernelText, sums: Sums, start: Int) {
    this.kernel = kernel;
    this.sums = sums;
    const { code } = kernel;
    if (sums.run === undefined) this.lo = code.variable(start.lo);
    else {
      const pair = toPair(code, start);
      this.lo = code.variable(pair.lo);
      this.hi = code.variable(pair.hi);
    }
  }
  add(terms: readonly string[]): void {
    this.kernel.code.line(`${this.lo} = ${this.lo} + ${terms.join(' + ')};`);
  }
  carry(): void {
    if (this.hi === undefined) return;
    const { code } = this.kernel;
    const up = code.floor(`${this.lo} * ${num(1 / RADIX)}`);
    code.line(`${this.lo} = ${this.lo} - ${up} * ${RADIX};`);
    code.line(`${this.hi} = ${this.hi} + ${up};`);
  }
  /** The sum as int32, which wraps. */
  result(): Int {
    const { min, max } = this.sums;
    const { code } = this.kernel;
    if (this.hi === undefined) return single(this.lo, min, max);
    const pair = carry(code, this.lo, this.hi, min, max);
    return wrap(code, pair);
  }
}

/**
 * Runs `body` for 0..count-1, each of which adds `each` products, and carries as rarely as float32 allows.
 * @param isCarried - whether the body carries by itself
 */
const accumulate = (sum: Accumulator, sums: Sums, kernel: KernelText, count: number, each: number, body: (k: string) => void): void => {
  const { code } = kernel;
  if (sums.run === undefined) return code.loop(0, count, body);
  const block = Math.floor(sums.run / each);
  if (block === 0) refuse(`${each} products are added before a carry, but float32 has only ${sums.run} of them exactly`);
  const whole = Math.floor(count / block);
  const run = (from: string, to: number): void => {
    code.loop(0, to, (k) => body(from === '0' ? k : plus(from, k)));
    sum.carry();
  };
  code.loop(0, whole, (b) => run(b === '0' ? '0' : code.let(`${b} * ${num(block)}`), block));
  if (count > whole * block) run(num(whole * block), count - whole * block);
};

/** The image with its padding, so that the loops have no conditions; itself where there is none. */
const padded = (ctx: Context, { x, batch, groups, inGroup, geometry: g, pad }: Layer): Store => {
  const from = ctx.use(x);
  if (!g.copies) return from;
  const planes = batch * groups * inGroup;
  const to = ctx.scratch(planes * planeOf(g.padded), Math.min(from.min, pad), Math.max(from.max, pad));
  const [shape, out] = [
    [planes, ...g.input],
    [planes, ...g.padded],
  ];
  padTo(ctx, to, from, { shape, out, pads: [0, ...g.begin], mode: 'constant', value: pad });
  return to;
};

/** How output elements lie in the result, and what a kernel knows of its own. */
interface Place {
  readonly dims: Dims;
  /** The output channel, and the offset of the window's first cell in the image. */
  readonly of: (kernel: KernelText) => { readonly output: string; readonly first: string; readonly group: string };
}

const placeOf = ({ batch, groups, inGroup, outGroup, geometry: g }: Layer): Place => {
  const [outputs, plane] = [groups * outGroup, planeOf(g.padded)];
  const images = groups * inGroup * plane;
  if (planeOf(g.output) === 1) {
    // lanes and neighbours of a GPU take neighbouring outputs
    const of: Place['of'] = ({ code, place: [x, y] }) => {
      const group = code.quotient(x, outGroup, outputs);
      return { output: x, group, first: code.let(plus(times(y, images), times(group, inGroup * plane))) };
    };
    return { dims: [outputs, batch, 1], of };
  }
  const flat = isPointwise(g);
  const [, height, width] = g.output;
  const dims: Dims = flat ? [planeOf(g.output), 1, outputs * batch] : [width, height * g.output[0], outputs * batch];
  const of: Place['of'] = ({ code, place: [x, y, z] }) => {
    const n = code.quotient(z, outputs, outputs * batch);
    const output = n === '0' ? z : code.let(`${z} - ${n} * ${num(outputs)}`);
    const group = code.quotient(output, outGroup, outputs);
    const oz = code.quotient(y, height, height * g.output[0]);
    const oy = oz === '0' ? y : code.let(`${y} - ${oz} * ${num(height)}`);
    const [sz, sy, sx] = [g.stride[0] * g.padded[1] * g.padded[2], g.stride[1] * g.padded[2], g.stride[2]];
    const offset = flat ? x : plus(times(oz, sz), times(oy, sy), times(x, sx));
    return { output, group, first: code.let(plus(times(n, images), times(group, inGroup * plane), offset)) };
  };
  return { dims, of };
};

/** Adds the products of all channels and taps. */
const addProducts = (
  kernel: KernelText,
  layer: Layer,
  sums: Sums,
  sum: Accumulator,
  image: Store,
  weights: Store,
  first: string,
  row: string,
): void => {
  const { inGroup, geometry: g } = layer;
  const { code } = kernel;
  const [kd, kh, kw] = g.kernel;
  const [plane, taps] = [planeOf(g.padded), planeOf(g.kernel)];
  const offset = (z: number, y: number, x: number): number =>
    (z * g.dilation[0] * g.padded[1] + y * g.dilation[1]) * g.padded[2] + x * g.dilation[2];
  const product = (from: string, cell: number, at0: string, tap: number): string =>
    `${kernel.raw(image.array, plus(from, num(cell)))} * ${kernel.raw(weights.array, plus(at0, num(tap)))}`;
  if (taps <= MOST_UNROLLED && (sums.run === undefined || taps <= sums.run)) {
    const list = Array.from({ length: taps }, (_, t) => [Math.floor(t / (kh * kw)), Math.floor(t / kw) % kh, t % kw] as const);
    return accumulate(sum, sums, kernel, inGroup, taps, (c) => {
      const [from, at0] = [code.let(plus(first, times(c, plane))), code.let(plus(row, times(c, taps)))];
      sum.add(list.map(([z, y, x], t) => product(from, offset(z, y, x), at0, t)));
    });
  }
  // large windows: a row of taps after the other, each with its own carries
  code.loop(0, inGroup, (c) =>
    code.loop(0, kd, (z) =>
      code.loop(0, kh, (y) => {
        const from = code.let(plus(first, times(c, plane), times(z, offset(1, 0, 0)), times(y, offset(0, 1, 0))));
        const at0 = code.let(plus(row, times(c, taps), times(z, kh * kw), times(y, kw)));
        accumulate(sum, sums, kernel, kw, 1, (x) => {
          const [cell, tap] = [plus(from, times(x, offset(0, 0, 1))), plus(at0, x)];
          sum.add([`${kernel.raw(image.array, cell)} * ${kernel.raw(weights.array, tap)}`]);
        });
      }),
    ),
  );
};

const launchLayer = (ctx: Context, node: OpNode<'conv'> | OpNode<'dense'>, layer: Layer): void => {
  const fused = ctx.fusedInto(node);
  const y = at((fused ?? node).results, 0);
  if (ctx.count(y) === 0) return void ctx.use(y);
  const sums = sumsOf(ctx, layer);
  if (Math.max(-sums.min, sums.max) / RADIX >= EXACT / 2) refuse(`sums of up to ${sums.max} need more than two parts`);
  const finish = fused === undefined ? undefined : rescaleText(ctx, fused);
  const [image, weights] = [padded(ctx, layer), ctx.use(layer.w)];
  const bias = layer.bias === undefined ? undefined : ctx.use(layer.bias);
  const { dims, of } = placeOf(layer);
  const each = layer.inGroup * planeOf(layer.geometry.kernel);
  const body = (kernel: KernelText): Int => {
    const { output, first } = of(kernel);
    const start = bias === undefined ? single('0', 0, 0) : kernel.read(bias, output);
    const sum = new Accumulator(kernel, sums, start);
    addProducts(kernel, layer, sums, sum, image, weights, first, kernel.code.let(times(output, each)));
    const total = sum.result();
    return finish === undefined ? total : finish(kernel, total, output);
  };
  ctx.map(y, body, dims);
};

/** What these kernels multiply. */
const checkTypes = (x: StaticType, w: StaticType, shift: number): void => {
  if (shift !== 0) refuse(`sums are not shifted by accumulator_shift (${shift}) here`);
  if (DTYPE_INFO[x.dtype].bytes > 2) refuse(`${x.dtype} is not multiplied here, only i8, u8 and i16`);
  if (DTYPE_INFO[w.dtype].bytes !== 1) refuse(`weights of ${w.dtype} are not multiplied here, only i8 and i6`);
};

export const lowerConv = (ctx: Context, node: OpNode<'conv'>): void => {
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const [tx, tw, ty] = [ctx.type(x), ctx.type(w), ctx.type(at(node.results, 0))];
  checkTypes(tx, tw, node.attrs.accumulator_shift);
  const geometry = geometryOf(tx.shape.slice(2), ty.shape.slice(2), tw.shape.slice(2), node.attrs);
  const { groups, pad_value: pad } = node.attrs;
  const [outputs, inGroup] = [at(tw.shape, 0), at(tw.shape, 1)];
  launchLayer(ctx, node, { x, w, bias, batch: at(tx.shape, 0), groups, inGroup, outGroup: outputs / groups, geometry, pad });
};

const ONE = { stride: [], dilation: [], pads: [] } as const;

export const lowerDense = (ctx: Context, node: OpNode<'dense'>): void => {
  const [x, w, bias] = [at(node.operands, 0), at(node.operands, 1), node.operands[2]];
  const [tx, tw] = [ctx.type(x), ctx.type(w)];
  checkTypes(tx, tw, node.attrs.accumulator_shift);
  const [outGroup = 0, inGroup = 0] = tw.shape;
  const batch = elementCount(tx.shape.slice(0, -1));
  launchLayer(ctx, node, { x, w, bias, batch, groups: 1, inGroup, outGroup, geometry: geometryOf([], [], [], ONE), pad: 0 });
};

/** y[…, i, j] = sum over k of (a[…, i, k] - a_zero) (b[…, k, j] - b_zero). */
export const lowerMatmul = (ctx: Context, node: OpNode<'matmul'>): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [ta, tb, ty] = [ctx.type(a), ctx.type(b), ctx.type(y)];
  const [m = 0, k = 0] = ta.shape.slice(-2);
  const n = tb.shape.at(-1) ?? 0;
  const batches = elementCount(ty.shape.slice(0, -2));
  const [ra, rb] = [ctx.use(a), ctx.use(b)];
  const { a_zero: za, b_zero: zb, accumulator_shift: shift } = node.attrs;
  if (shift !== 0) refuse(`sums are not shifted by accumulator_shift (${shift}) here`);
  const product = Math.max(za - ra.min, ra.max - za) * Math.max(zb - rb.min, rb.max - zb);
  if (product > EXACT - RADIX) refuse(`products of ${ta.dtype} by ${tb.dtype} are not exact in float32`);
  const reach = product * k;
  const sums: Sums = { min: -reach, max: reach, run: fits(-reach, reach) ? undefined : Math.floor((EXACT - RADIX) / product) };
  if (reach > -I32.min * 2) refuse(`sums of up to ${reach} need more than two parts`);
  const body = (kernel: KernelText): Int => {
    const { code, place } = kernel;
    const [column, row, batch] = place;
    const [pa, pb] = [ta, tb].map((t) => broadcastOffset(code, t.shape.slice(0, -2), ty.shape.slice(0, -2), batch));
    const first = code.let(`${pa} * ${num(m * k)} + ${row} * ${num(k)}`);
    const second = code.let(`${pb} * ${num(k * n)} + ${column}`);
    const sum = new Accumulator(kernel, sums, single('0', 0, 0));
    accumulate(sum, sums, kernel, k, 1, (q) => {
      const left = code.let(kernel.raw(ra.array, plus(first, q)));
      const right = code.let(kernel.raw(rb.array, plus(second, times(q, n))));
      sum.add([`(${left} - ${num(za)}) * (${right} - ${num(zb)})`]);
    });
    return sum.result();
  };
  if (ctx.count(y) === 0) return void ctx.use(y);
  ctx.map(y, body, [n, m, batches]);
};
