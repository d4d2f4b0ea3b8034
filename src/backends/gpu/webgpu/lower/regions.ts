import { elementCount, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, limitIterations, refuse } from '../context.ts';
import { int, LANES, uint } from '../wgsl.ts';
import { divisor } from './strided.ts';
import { WIDE } from './wide.ts';

/** A cell is 16 units of positions. */
const UNIT_BITS = 4;

/**
 * Values between the cells of an image (NUMERICS §1.7): positions in sixteenths, each axis with two cells and their weights, cells outside
 * left out.
 */
export const lowerInterpolate = (ctx: Context, node: OpNode<'interpolate'>): void => {
  const [x, positions, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  if (dtype === 'f32') refuse('f32');
  const [from, by] = [ctx.use(x), ctx.use(positions)];
  const sizes = shape.slice(2);
  const strides = stridesOf(sizes);
  const [, groups = 1, count = 0] = ctx.type(positions).shape;
  const channels = shape[1] ?? 0;
  const axes = sizes.length;
  const text = (): string => {
    const taps = sizes.map((_, d) => {
      const place = `first${d}`;
      return `  let ${place} = row * ${uint(axes)} + ${uint(d)};
  let p${d} = ${by.load('i32', place)};
  let low${d} = p${d} >> ${UNIT_BITS}u;
  let part${d} = p${d} & 15;`;
    });
    // a loop, not a list: eight cells of three axes are more than some compilers of shaders end with
    const corners = sizes.map(
      (size, d) => `    let high${d} = bitcast<i32>((q >> ${axes - 1 - d}u) & 1u);
    let c${d} = low${d} + high${d};
    inside = inside && c${d} >= 0 && c${d} < ${int(size)};
    weight *= select(16 - part${d}, part${d}, high${d} == 1);
    cell += bitcast<u32>(c${d}) * ${uint(strides[d] ?? 1)};`,
    );
    const cells = `  for (var q = 0u; q < ${2 ** axes}u; q++) {
    var weight = 1;
    var inside = true;
    var cell = base;
${corners.join('\n')}
    if (inside) { sum += weight * (${from.load(dtype, 'cell')} - ${int(node.attrs.zero)}); }
  }`;
    return `  let channel = i / ${divisor(count)};
  let image = channel / ${divisor(channels)};
  let group = channel % ${divisor(channels)} / ${divisor(channels / groups)};
  let row = (image * ${uint(groups)} + group) * ${uint(count)} + i % ${divisor(count)};
  let base = channel * ${uint(elementCount(sizes))};
${taps.join('\n')}
  var sum = 0;
${cells}
  return ${axes === 1 ? 'sum' : `(sum + ${int(2 ** (UNIT_BITS * (axes - 1) - 1))}) >> ${UNIT_BITS * (axes - 1)}u`};`;
  };
  ctx.elements(y, [x, positions], text, 2 ** axes);
};

/** Corners stay within 2^14 cells of the image, in 256ths or whole. */
const CORNER_LIMIT = { roi_align: 2 ** 22, roi_pool: 2 ** 14 } as const;
const ONE = 256;

type RegionNode = OpNode<'roi_align'> | OpNode<'roi_pool'>;

/** What both ops read, and the names of an element's place: region, channel, bin, and the first element of its plane. */
const regionOf = (ctx: Context, node: RegionNode) => {
  const [x, rois, batch] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2)];
  const { dtype, shape } = ctx.type(x);
  if (dtype === 'f32') refuse('f32');
  const [images = 1, channels = 1, height = 1, width = 1] = shape;
  const [rows = 1, columns = 1] = node.attrs.size;
  const [from, corners, of] = [ctx.use(x), ctx.use(rois), ctx.use(batch)];
  const { multiplier, shift } = node.attrs;
  const limit = CORNER_LIMIT[node.op];
  const corner = (k: number): string => {
    const value = corners.load('i32', `(region * 4u + ${k}u)`);
    return `clamp64(rshr64(mul64(${value}, ${int(multiplier)}), ${uint(shift)}), ${int(-limit)}, ${int(limit)})`;
  };
  const start = (): string => `  let column = i % ${uint(columns)};
  let row = i / ${uint(columns)} % ${uint(rows)};
  let channel = i / ${uint(columns * rows)} % ${uint(channels)};
  let region = i / ${uint(columns * rows * channels)};
  let image = bitcast<u32>(clamp(${of.load('i32', 'region')}, 0, ${int(images - 1)}));
  let base = (image * ${uint(channels)} + channel) * ${uint(height * width)};
`;
  return { dtype, height, width, rows, columns, from, corner, start };
};

/** Samples along an axis: sample i of `count` at start + floor((2 i + 1) length / (2 count)), with its two cells and their weights. */
const SAMPLE = `struct Sample { low: i32, high: i32, low_weight: i32, high_weight: i32 }
fn sample(first: i32, length: i32, index: i32, count: i32, n: i32) -> Sample {
  var q = length / (2 * count);
  var r = length % (2 * count);
  if (r < 0) {
    q -= 1;
    r += 2 * count;
  }
  let p = first + (2 * index + 1) * q + (2 * index + 1) * r / (2 * count);
  if (p < -${ONE} || p > n * ${ONE}) { return Sample(-1, -1, 0, 0); }
  let inside = max(p, 0);
  let low = inside >> 8u;
  if (low >= n - 1) { return Sample(n - 1, n - 1, ${ONE}, 0); }
  return Sample(low, low + 1, ${ONE} - (inside & 255), inside & 255);
}
`;

/** The mean of samples in each bin, by integers (NUMERICS §1.7). */
export const lowerRoiAlign = (ctx: Context, node: OpNode<'roi_align'>): void => {
  const { dtype, height, width, rows, columns, from, corner, start } = regionOf(ctx, node);
  const { sampling: g, aligned, zero } = node.attrs;
  const offset = int(aligned ? ONE / 2 : 0);
  const axis = (name: string, first: number, last: number): string => `  let ${name}0 = ${corner(first)} - ${offset};
  let ${name}_end = ${corner(last)} - ${offset};
  let ${name}_length = ${aligned ? `${name}_end - ${name}0` : `max(${name}_end - ${name}0, ${ONE})`};
`;
  const cell = (y: string, x: string): string => {
    const place = `(base + bitcast<u32>(${y} * ${int(width)} + ${x}))`;
    return `(${from.load(dtype, place)} - ${int(zero)})`;
  };
  const line = (y: string): string => `(xs.low_weight * ${cell(y, 'xs.low')} + xs.high_weight * ${cell(y, 'xs.high')})`;
  const text = (): string => `${start()}${axis('x', 0, 2)}${axis('y', 1, 3)}  var sum = 0;
  for (var j = 0; j < ${g}; j++) {
    let ys = sample(y0, y_length, bitcast<i32>(row) * ${g} + j, ${rows * g}, ${height});
    for (var k = 0; k < ${g}; k++) {
      let xs = sample(x0, x_length, bitcast<i32>(column) * ${g} + k, ${columns * g}, ${width});
      if (ys.low >= 0 && xs.low >= 0) {
        sum += ys.low_weight * ${line('ys.low')} + ys.high_weight * ${line('ys.high')};
      }
    }
  }
  let count = ${int(g * g * ONE * ONE)};
  var q = sum / count;
  var r = sum % count;
  if (r < 0) {
    q -= 1;
    r += count;
  }
  return q + select(0, 1, 2 * r >= count) + ${int(zero)};`;
  ctx.elements(at(node.results, 0), node.operands, text, g * (g + 1), `${WIDE}${SAMPLE}`);
};

/** The maximum of each bin; a bin without cells is the zero point. */
export const lowerRoiPool = (ctx: Context, node: OpNode<'roi_pool'>): void => {
  const { dtype, height, width, rows, columns, from, corner, start } = regionOf(ctx, node);
  limitIterations(height * (width + 1) * LANES[dtype], `a bin of ${height} x ${width} cells`);
  const bins = (
    name: string,
    first: number,
    last: number,
    bin: string,
    cells: number,
    n: number,
  ): string => `  let ${name}_start = ${corner(first)};
  let ${name}_length = max(${corner(last)} - ${name}_start + 1, 1);
  let ${name}_bin = bitcast<i32>(${bin});
  let ${name}0 = clamp(${name}_start + ${name}_bin * ${name}_length / ${cells}, 0, ${n});
  let ${name}1 = clamp(${name}_start + ((${name}_bin + 1) * ${name}_length + ${cells - 1}) / ${cells}, 0, ${n});
`;
  const text =
    (): string => `${start()}${bins('x', 0, 2, 'column', columns, width)}${bins('y', 1, 3, 'row', rows, height)}  if (x0 >= x1 || y0 >= y1) { return ${int(node.attrs.zero)}; }
  var most = -32768;
  for (var y = y0; y < y1; y++) {
    for (var x = x0; x < x1; x++) {
      let cell = base + bitcast<u32>(y * ${int(width)} + x);
      most = max(most, ${from.load(dtype, 'cell')});
    }
  }
  return most;`;
  ctx.elements(at(node.results, 0), node.operands, text, height * (width + 1), WIDE);
};
