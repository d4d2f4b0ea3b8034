import { elementCount, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, limitIterations, type Region } from '../context.ts';
import { uint } from '../wgsl.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { divisor } from './strided.ts';

/** Words that a line leaves for its elements: the greatest of it, and R = floor(2^46 / s) in two. */
const LINE_WORDS = 4;
/** Bits of 2^46 behind its first. */
const QUOTIENT_BITS = 46;

/** Entries of the table count as 0..65536. */
const entry = (table: Region, place: string): string => `clamp(${table.load('i32', `bitcast<u32>(${place})`)}, 0, 65536)`;

/** Element 0 of line `id`; the others follow at `inner`. */
const firstOf = (line: string, n: number, inner: number): string =>
  `${line} / ${divisor(inner)} * ${uint(n * inner)} + ${line} % ${divisor(inner)}`;

/**
 * Integer softmax through a table of E (NUMERICS 1.6). A first kernel finds the greatest of each line and R; s is at most 2^30, so the
 * remainders of the long division fit a word. A second one does the elements: e R <= 2^46 since e <= s, taken as a pair of words.
 */
export const lowerSoftmax = (ctx: Context, node: OpNode<'softmax_lut'>): void => {
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { shape } = ctx.type(x);
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  limitIterations(2 * n + QUOTIENT_BITS, `a line of ${n} elements`);
  const lines = n === 0 ? 0 : elementCount(shape) / n;
  const [source, table, to] = [ctx.use(x), ctx.use(t), ctx.use(y)];
  const found = ctx.scratch(lines * LINE_WORDS * 4);
  ctx.launch({
    invocations: lines,
    reads: [source, table],
    writes: found,
    functions: () => '',
    body: () => `  let first = ${firstOf('id', n, inner)};
  var most = -128;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = first + k * ${uint(inner)};
    most = max(most, ${source.load('i8', 'i')});
  }
  var sum = 0u;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = first + k * ${uint(inner)};
    sum += bitcast<u32>(${entry(table, `most - ${source.load('i8', 'i')}`)});
  }
  var quotient = vec2<u32>(0u, 0u);
  var rest = 1u;
  if (sum == 1u) {
    quotient.x = 1u;
    rest = 0u;
  }
  for (var k = 0u; k < ${uint(QUOTIENT_BITS)}; k++) {
    rest = rest << 1u;
    quotient = vec2<u32>(quotient.x << 1u, (quotient.y << 1u) | (quotient.x >> 31u));
    if (sum != 0u && rest >= sum) {
      rest -= sum;
      quotient.x |= 1u;
    }
    if (sum == 0u) { rest = 1u; }
  }
  ${found.word(`id * ${LINE_WORDS}u`)} = bitcast<u32>(most);
  ${found.word(`id * ${LINE_WORDS}u + 1u`)} = quotient.x;
  ${found.word(`id * ${LINE_WORDS}u + 2u`)} = quotient.y;`,
  });
  const text = (): string => `  let line = i / ${divisor(n * inner)} * ${uint(inner)} + i % ${divisor(inner)};
  let most = ${found.load('i32', `line * ${LINE_WORDS}u`)};
  let e = bitcast<u32>(${entry(table, `most - ${source.load('i8', 'i')}`)});
  let low = ${found.word(`line * ${LINE_WORDS}u + 1u`)};
  let high = mulhi(e, low) + e * ${found.word(`line * ${LINE_WORDS}u + 2u`)};
  return min(255, bitcast<i32>((high + 32u) >> 6u)) - 128;`;
  ctx.elementsAt(to, 'i8', elementCount(shape), [source, table, found], text);
};
