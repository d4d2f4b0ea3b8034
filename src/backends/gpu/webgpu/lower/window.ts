import { elementCount, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { type Context, limitIterations, refuse } from '../context.ts';
import { int, LANES, MOST_ITERATIONS, uint } from '../wgsl.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { divisor, stridedOffset } from './strided.ts';

/** 2 * sum + cells of 16-bit elements stays below 2^31. */
const MOST_CELLS = 2 ** 14;
/** Elements of a sum that one kernel takes. */
const PART = MOST_ITERATIONS - 1;

/** floor((2 a + b) / (2 b)): division of i32 truncates, and one less is the floor where a remainder is negative. */
const roundedDivision = (sum: string, cells: string): string => `  let twice = 2 * ${sum} + ${cells};
  let by = 2 * ${cells};
  return twice / by - select(0, 1, twice % by < 0);`;

/** Loops over the cells of a window, `inside` and `outside` for those that the image has and has not. */
const windowLoops = (g: Geometry, inside: string, outside: string): string => {
  const coordinate = (axis: 0 | 1 | 2, out: string, tap: string): string =>
    `bitcast<i32>(${out} * ${uint(g.stride[axis])} + ${tap} * ${uint(g.dilation[axis])}) - ${int(g.begin[axis])}`;
  return `  for (var kz = 0u; kz < ${uint(g.kernel[0])}; kz++) {
    let iz = ${coordinate(0, 'oz', 'kz')};
  for (var ky = 0u; ky < ${uint(g.kernel[1])}; ky++) {
    let iy = ${coordinate(1, 'oy', 'ky')};
  for (var kx = 0u; kx < ${uint(g.kernel[2])}; kx++) {
    let ix = ${coordinate(2, 'ox', 'kx')};
    if (iz >= 0 && iz < ${int(g.input[0])} && iy >= 0 && iy < ${int(g.input[1])} && ix >= 0 && ix < ${int(g.input[2])}) {
      let cell = plane + bitcast<u32>((iz * ${int(g.input[1])} + iy) * ${int(g.input[2])} + ix);
      ${inside}
    }${outside === '' ? '' : ` else {\n      ${outside}\n    }`}
  } } }`;
};

export const lowerPool = (ctx: Context, node: OpNode<'max_pool'> | OpNode<'average_pool'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const { dtype } = tx;
  const spatial = tx.shape.length - 2;
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), node.attrs.kernel, node.attrs);
  const cells = planeOf(g.kernel);
  if (cells > MOST_CELLS) refuse(`a window of ${cells} cells is larger than ${MOST_CELLS}`);
  const [from, positions] = [ctx.use(x), divisor(planeOf(g.output))];
  const start = `  let position = i % ${positions};
  let plane = i / ${positions} * ${uint(planeOf(g.input))};
  let ox = position % ${divisor(g.output[2])};
  let oy = position / ${divisor(g.output[2])} % ${divisor(g.output[1])};
  let oz = position / ${divisor(g.output[1] * g.output[2])};
`;
  const most = (): string =>
    `${start}  var best = ${int(-32768)};\n${windowLoops(g, `best = max(best, ${from.load(dtype, 'cell')});`, '')}\n  return best;`;
  const mean = (include: boolean, pad: number): string => {
    const taken = `sum += ${from.load(dtype, 'cell')};\n      cells++;`;
    // the declared padding of the end counts; cells behind it, which ceil reaches, do not
    const ends = g.input.map((size, d) => size + (d < 3 - spatial ? 0 : (node.attrs.pads[spatial + d - (3 - spatial)] ?? 0)));
    const declared = ['z', 'y', 'x'].map((n, d) => `i${n} < ${int(at(ends, d))}`).join(' && ');
    const around = include ? `if (${declared}) { sum += ${int(pad)}; cells++; }` : '';
    return `${start}  var sum = 0;\n  var cells = 0;\n${windowLoops(g, taken, around)}\n${roundedDivision('sum', 'cells')}`;
  };
  const text = node.op === 'max_pool' ? most : (): string => mean(node.attrs.include_pad, node.attrs.pad_value);
  ctx.elements(y, [x], text, g.kernel[0] * (1 + g.kernel[1]) + cells);
};

type Reduction = OpNode<'reduce_sum'> | OpNode<'reduce_mean'> | OpNode<'reduce_max'> | OpNode<'reduce_min'>;

/** The offset of kept element `i`, and of element `k` of those that are reduced relative to it. */
export const reducedOffsets = (shape: readonly number[], given: readonly number[]) => {
  const axes = new Set(given.map((a) => axisOf(a, shape.length)));
  const strides = stridesOf(shape);
  const pick = (inside: boolean, name: string): string => {
    const dims = shape.map((_, d) => d).filter((d) => axes.has(d) === inside);
    return stridedOffset(
      dims.map((d) => shape[d] ?? 1),
      dims.map((d) => strides[d] ?? 1),
      0,
      name,
    );
  };
  return { count: elementCount(shape.filter((_, d) => axes.has(d))), kept: pick(false, 'i'), inner: pick(true, 'k') };
};

const RANGE = { i8: [-128, 127], u8: [0, 255], i16: [-32768, 32767], i32: [-(2 ** 31), 2 ** 31 - 1] } as const;

export const lowerReduction = (ctx: Context, node: Reduction): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  if (dtype !== 'i8' && dtype !== 'u8' && dtype !== 'i16' && dtype !== 'i32') return refuse(`${dtype} is not reduced here`);
  const { count, kept, inner } = reducedOffsets(shape, node.attrs.axes);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const fold = (first: string, first0: number, last: number, step: (v: string) => string, end: string): string => {
    if (count === 0) return `  return ${first};`;
    return `  let base = ${kept};
  var all = ${first};
  for (var k = ${uint(first0)}; k < ${uint(last)}; k++) {
    let element = base + ${inner};
    ${step(from.load(dtype, 'element'))}
  }
${end}`;
  };
  const sum = (v: string): string => `all += ${v};`;
  if (node.op === 'reduce_sum') {
    // long sums in parts, each of which adds to those before it
    for (let first = 0; first === 0 || first < count; first += PART) {
      const last = Math.min(first + PART, count);
      const start = (): string => (first === 0 ? int(0) : to.load('i32', 'i'));
      ctx.elementsAt(to, 'i32', ctx.count(y), [from], () => fold(start(), first, last, sum, '  return all;'), last - first);
    }
    return;
  }
  limitIterations((count + 1) * LANES[dtype], `a reduction of ${count} elements`);
  const [lo, hi] = RANGE[dtype];
  const texts: Readonly<Record<Exclude<Reduction['op'], 'reduce_sum'>, () => string>> = {
    reduce_mean: () => fold(int(0), 0, count, sum, roundedDivision('all', int(count))),
    reduce_max: () => fold(int(lo), 0, count, (v) => `all = max(all, ${v});`, '  return all;'),
    reduce_min: () => fold(int(hi), 0, count, (v) => `all = min(all, ${v});`, '  return all;'),
  };
  if (node.op === 'reduce_mean' && count > MOST_CELLS) refuse(`a mean of ${count} elements is of more than ${MOST_CELLS}`);
  ctx.elementsAt(to, dtype, ctx.count(y), [from], texts[node.op], count);
};

/** The lowest index of the extreme, or the highest with `last`. */
export const lowerArg = (ctx: Context, node: OpNode<'argmax'> | OpNode<'argmin'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const axis = axisOf(node.attrs.axis, shape.length);
  const [n, inner] = [shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
  limitIterations(n, `a search among ${n} elements`);
  const from = ctx.use(x);
  const better = `${node.op === 'argmax' ? '>' : '<'}${node.attrs.last ? '=' : ''}`;
  const index = (k: string): string => `first + ${k} * ${uint(inner)}`;
  const text = (): string =>
    n === 0
      ? `  return ${int(0)};`
      : `  let first = i / ${divisor(inner)} * ${uint(n * inner)} + i % ${divisor(inner)};
  var best = 0u;
  var found = ${from.load(dtype, 'first')};
  for (var k = 1u; k < ${uint(n)}; k++) {
    let place = ${index('k')};
    let v = ${from.load(dtype, 'place')};
    if (v ${better} found) {
      found = v;
      best = k;
    }
  }
  return bitcast<i32>(best);`;
  ctx.elements(y, [x], text, n);
};
