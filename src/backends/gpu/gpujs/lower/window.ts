import { DTYPE_INFO, elementCount, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { type Code, EXACT, num, plus, times } from '../code.ts';
import { type Context, type KernelText, refuse, type Store } from '../context.ts';
import { carry, choose, constant, fits, I32, type Int, less, maximum, minimum, RADIX, single, toPair, wrap } from '../integers.ts';
import type { Dims } from '../program.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { stridedOffset } from './strided.ts';

/** 1 / (2 n) as float32 for n = 0..most; where n is 0 nothing is divided. */
const inverses = (ctx: Context, most: number): number =>
  ctx.floats(most + 1, () => Float32Array.from({ length: most + 1 }, (_, n) => (n === 0 ? 0 : 1 / (2 * n))));

/**
 * rdiv(sum, n) = floor((2 sum + n) / (2 n)), halves up. With |2 sum + n| <= 2^24 and a quotient below 2^16 the product by the rounded inverse is off by
 * less than 1, which the remainder tells.
 */
const roundedDivision = (code: Code, sum: string, n: string, twiceN: string, inverse: string): string => {
  const twice = code.let(`2 * ${sum} + ${n}`);
  const q = code.variable(`Math.floor(${twice} * ${inverse})`);
  const rest = code.let(`${twice} - ${q} * ${twiceN}`);
  code.line(`if (${rest} < 0) { ${q} = ${q} - 1; }`);
  code.line(`if (${rest} >= ${twiceN}) { ${q} = ${q} + 1; }`);
  return q;
};

/** Sums of so many elements within bounds can be divided. */
const checkDivision = ({ min, max }: Store, pad: number, count: number): void => {
  const most = Math.max(-min, max, Math.abs(pad)) * count;
  if (2 * most + count > EXACT) refuse(`a mean of ${count} elements has sums of up to ${most}, which float32 does not divide exactly`);
};

/** What a cell of a window is, and whether it lies inside of the image. */
type Cell = (kernel: KernelText, index: string, inside: string, declared: string) => void;

const axes = ['z', 'y', 'x'] as const;

/** Loops over the cells of a window; those outside are read at the edge, since some targets read where a condition does not hold. */
const windowLoops = (
  kernel: KernelText,
  g: Geometry,
  plane: string,
  corner: readonly string[],
  ends: readonly number[],
  cell: Cell,
): void => {
  const { code } = kernel;
  const [kd, kh, kw] = g.kernel;
  code.loop(0, kd, (kz) =>
    code.loop(0, kh, (ky) =>
      code.loop(0, kw, (kx) => {
        const at3 = [kz, ky, kx].map((t, d) => code.let(plus(at(corner, d), times(t, g.dilation[d as 0 | 1 | 2]))));
        const within = (limits: readonly number[], low: boolean): string =>
          axes
            .flatMap((_, d) => {
              const conditions = low ? [`${at3[d]} >= 0`] : [];
              return [...conditions, `${at3[d]} < ${num(at(limits, d))}`];
            })
            .join(' && ');
        const [iz, iy, ix] = at3.map((v, d) => `Math.max(0, Math.min(${v}, ${num(at(g.input, d) - 1)}))`);
        const index = code.let(`${plane} + (${iz} * ${num(g.input[1])} + ${iy}) * ${num(g.input[2])} + ${ix}`);
        cell(kernel, index, within(g.input, true), within(ends, false));
      }),
    ),
  );
};

interface Window {
  readonly dims: Dims;
  readonly start: (kernel: KernelText) => { readonly plane: string; readonly corner: readonly string[] };
}

const windowOf = (g: Geometry, planes: number): Window => {
  const [depth, height, width] = g.output;
  return {
    dims: [width, height * depth, planes],
    start: ({ code, place: [x, y, z] }) => {
      const oz = code.quotient(y, height, height * depth);
      const oy = oz === '0' ? y : code.let(`${y} - ${oz} * ${num(height)}`);
      const corner = [oz, oy, x].map((o, d) => code.let(`${o} * ${num(g.stride[d as 0 | 1 | 2])} - ${num(g.begin[d as 0 | 1 | 2])}`));
      return { plane: code.let(times(z, planeOf(g.input))), corner };
    },
  };
};

export const lowerPool = (ctx: Context, node: OpNode<'max_pool'> | OpNode<'average_pool'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  if (ctx.count(y) === 0) return void ctx.use(y);
  const spatial = tx.shape.length - 2;
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), node.attrs.kernel, node.attrs);
  const cells = planeOf(g.kernel);
  const from = ctx.use(x);
  const { dims, start } = windowOf(g, elementCount(tx.shape.slice(0, 2)));
  if (node.op === 'max_pool') {
    const body = (kernel: KernelText): Int => {
      const { plane, corner } = start(kernel);
      const best = kernel.code.variable(num(-32768));
      windowLoops(kernel, g, plane, corner, g.input, (k, index, inside) => {
        const v = k.read(from, index);
        k.code.line(`if (${inside}) { ${best} = Math.max(${best}, ${v.lo}); }`);
      });
      return single(best, from.min, from.max);
    };
    return ctx.map(y, body, dims);
  }
  const { include_pad: include, pad_value: pad } = node.attrs;
  checkDivision(from, include ? pad : 0, cells);
  const table = inverses(ctx, cells);
  // the declared padding of the end counts; cells behind it, which ceil reaches, do not
  const ends = g.input.map((size, d) => size + (d < 3 - spatial ? 0 : (node.attrs.pads[spatial + d - (3 - spatial)] ?? 0)));
  const body = (kernel: KernelText): Int => {
    const { code } = kernel;
    const { plane, corner } = start(kernel);
    const [sum, count] = [code.variable('0'), code.variable('0')];
    windowLoops(kernel, g, plane, corner, ends, (k, index, inside, declared) => {
      const v = k.read(from, index);
      const [value, one] = [code.variable('0'), code.variable('0')];
      if (include) code.line(`if (${declared}) { ${value} = ${num(pad)}; ${one} = 1; }`);
      code.line(`if (${inside}) { ${value} = ${v.lo}; ${one} = 1; }`);
      code.line(`${sum} = ${sum} + ${value};`);
      code.line(`${count} = ${count} + ${one};`);
    });
    const mean = roundedDivision(code, sum, count, code.let(`2 * ${count}`), code.let(kernel.raw(table, count)));
    return single(mean, Math.min(from.min, pad), Math.max(from.max, pad));
  };
  ctx.map(y, body, dims);
};

type Reduction = OpNode<'reduce_sum'> | OpNode<'reduce_mean'> | OpNode<'reduce_max'> | OpNode<'reduce_min'>;

/** The offset of kept element `i`, and of element `k` of those that are reduced relative to it. */
const reducedOffsets = (shape: readonly number[], given: readonly number[]) => {
  const reduced = new Set(given.map((a) => axisOf(a, shape.length)));
  const strides = stridesOf(shape);
  const pick = (code: Code, inside: boolean, name: string): string => {
    const dims = shape.map((_, d) => d).filter((d) => reduced.has(d) === inside);
    const sizes = dims.map((d) => shape[d] ?? 1);
    const steps = dims.map((d) => strides[d] ?? 1);
    return stridedOffset(code, sizes, steps, 0, name);
  };
  return {
    count: elementCount(shape.filter((_, d) => reduced.has(d))),
    kept: (code: Code, i: string) => pick(code, false, i),
    inner: (code: Code, k: string) => pick(code, true, k),
  };
};

/** The sum of `count` elements as int32, which wraps; carried after as many as are exact. */
const sumOf = (kernel: KernelText, from: Store, count: number, element: (k: string) => string): Int => {
  const { code } = kernel;
  const most = Math.max(1, -from.min, from.max);
  const [min, max] = [from.min * count, from.max * count];
  const lo = code.variable('0');
  if (fits(-most * count, most * count)) {
    code.loop(0, count, (k) => {
      const v = kernel.read(from, element(k));
      code.line(`${lo} = ${lo} + ${v.lo};`);
    });
    return single(lo, Math.min(min, 0), Math.max(max, 0));
  }
  const hi = code.variable('0');
  // parts below 2048 of pairs, or whole elements; upper parts are kept within int32 by wrapping at each carry
  const run = from.wide ? 8 : Math.floor((EXACT - RADIX) / most);
  const settle = (): void => {
    const pair = wrap(code, carry(code, lo, hi, I32.min * 16, I32.max * 16));
    code.line(`${lo} = ${pair.lo};`);
    code.line(`${hi} = ${pair.hi};`);
  };
  const part = (first: string, length: number): void => {
    code.loop(0, length, (k) => {
      const v = kernel.read(from, element(code.let(plus(first, k))));
      code.line(`${lo} = ${lo} + ${v.lo};`);
      if (v.hi !== undefined) code.line(`${hi} = ${hi} + ${v.hi};`);
    });
    settle();
  };
  const whole = Math.floor(count / run);
  code.loop(0, whole, (b) => part(code.let(times(b, run)), run));
  if (count > whole * run) part(num(whole * run), count - whole * run);
  return { lo, hi, ...I32 };
};

export const lowerReduction = (ctx: Context, node: Reduction): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const { count, kept, inner } = reducedOffsets(shape, node.attrs.axes);
  const from = ctx.use(x);
  if (node.op === 'reduce_mean') {
    if (dtype === 'i32') refuse('a mean of i32 is not computed here');
    checkDivision(from, 0, count);
  }
  ctx.map(y, (k) => {
    const { code } = k;
    const base = kept(code, k.flat());
    const element = (e: string): string => code.let(plus(base, inner(code, e)));
    if (node.op === 'reduce_sum') return sumOf(k, from, count, element);
    if (node.op === 'reduce_mean') {
      if (count === 0) return constant(0);
      const sum = sumOf(k, from, count, element);
      return single(roundedDivision(code, sum.lo, num(count), num(2 * count), num(Math.fround(1 / (2 * count)))), from.min, from.max);
    }
    if (count === 0) return constant(node.op === 'reduce_max' ? DTYPE_INFO[dtype].lo : DTYPE_INFO[dtype].hi);
    const first = k.read(from, element('0'));
    const [lo, hi] = [code.variable(first.lo), first.hi === undefined ? undefined : code.variable(first.hi)];
    const best: Int = hi === undefined ? { ...first, lo } : { ...first, lo, hi };
    code.loop(1, count, (e) => {
      const v = k.read(from, element(e));
      const better = node.op === 'reduce_max' ? maximum(code, best, v) : minimum(code, best, v);
      code.line(`${lo} = ${better.lo};`);
      if (hi !== undefined) code.line(`${hi} = ${toPair(code, better).hi};`);
    });
    return best;
  });
};

/** The lowest index of the extreme, or the highest with `last`. */
export const lowerArg = (ctx: Context, node: OpNode<'argmax'> | OpNode<'argmin'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { shape } = ctx.type(x);
  const axis = axisOf(node.attrs.axis, shape.length);
  const [n, inner] = [shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
  const from = ctx.use(x);
  const isMost = node.op === 'argmax';
  ctx.map(y, (k) => {
    const { code } = k;
    if (n === 0) return constant(0);
    const first = stridedOffset(code, [elementCount(shape.slice(0, axis)), inner], [n * inner, 1], 0, k.flat());
    const start = k.read(from, first);
    const best = code.variable('0');
    const [lo, hi] = [code.variable(start.lo), start.hi === undefined ? undefined : code.variable(start.hi)];
    const found: Int = hi === undefined ? { ...start, lo } : { ...start, lo, hi };
    code.loop(1, n, (e) => {
      const v = k.read(from, code.let(plus(first, times(e, inner))));
      const [a, b] = isMost ? [found, v] : [v, found];
      const better = choose(code, node.attrs.last ? less(code, b, a) : less(code, a, b), constant(1), constant(0));
      const taken = node.attrs.last ? `${better.lo} < 0.5` : `${better.lo} > 0.5`;
      code.line(`if (${taken}) { ${best} = ${e}; ${lo} = ${v.lo}; ${hi === undefined ? '' : `${hi} = ${v.hi};`} }`);
    });
    return single(best, 0, Math.max(n - 1, 0));
  });
};
