import type { OpName } from '../../src/ir/index.ts';

/** A bug planted in the sources of a backend: `find` stands exactly once in the file. */
export interface Mutation {
  readonly name: string;
  /** Relative to src/backends/cpu/simd/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Ops whose tests have to catch it. */
  readonly ops: readonly OpName[];
}

/** What one gets wrong when one writes kernels by hand. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'pad begins one too early',
    file: 'kernels/window.ts',
    find: '((g.begin[0] * ph + g.begin[1]) * pw + g.begin[2]) * bytes',
    replace: '((g.begin[0] * ph + g.begin[1]) * pw + Math.max(0, g.begin[2] - 1)) * bytes',
    ops: ['conv', 'max_pool', 'average_pool'],
  },
  {
    name: 'padding of a conv holds 0 instead of pad_value',
    file: 'lower/conv-plan.ts',
    find: 'fill: node.attrs.pad_value & 0xff',
    replace: 'fill: 0',
    ops: ['conv'],
  },
  {
    name: 'dilation ignored along a row',
    file: 'geometry.ts',
    find: '* w + x * g.dilation[2]);',
    replace: '* w + x);',
    ops: ['conv', 'max_pool', 'average_pool'],
  },
  {
    name: 'strides of two axes swapped',
    file: 'geometry.ts',
    find: 'starts.push((z * g.stride[0] * h + y * g.stride[1]) * w)',
    replace: 'starts.push((z * g.stride[1] * h + y * g.stride[0]) * w)',
    ops: ['conv', 'max_pool', 'average_pool'],
  },
  {
    name: 'every group of a conv reads the first one',
    file: 'lower/conv-plan.ts',
    find: 'f.inc(source, inBytes);',
    replace: '',
    ops: ['conv'],
  },
  {
    name: 'rescale truncates instead of rounding (int32 form)',
    file: 'kernels/rescale.ts',
    find: 'i32x4.shr_s(i32x4.add(i32x4.add(high, low), by.half), by.shift)',
    replace: 'i32x4.shr_s(i32x4.add(high, low), by.shift)',
    ops: ['rescale'],
  },
  {
    name: 'rescale rounds half away from zero (float64 form)',
    file: 'kernels/rescale.ts',
    find: 'f64x2.floor(f64x2.mul(f64x2.add(f64x2.mul(x, by.multiplier), by.half), by.shift))',
    replace: 'f64x2.trunc(f64x2.mul(f64x2.add(f64x2.mul(x, by.multiplier), by.half), by.shift))',
    ops: ['rescale'],
  },
  {
    name: 'rescale of a tail clamps to the wrong end',
    file: 'kernels/rescale.ts',
    find: 'i32.wrap(f.select(i64.gt_s(value, hi), hi, value))',
    replace: 'i32.wrap(f.select(i64.gt_s(value, hi), lo, value))',
    ops: ['rescale'],
  },
  {
    name: 'zero point of the input is missing',
    file: 'kernels/quantize.ts',
    find: 'i32x4.sub(loadFour(f, input, from), i32x4.splat(inputZero))',
    replace: 'loadFour(f, input, from)',
    ops: ['rescale'],
  },
  {
    name: 'rescale leaves out what does not fill a vector',
    file: 'kernels/quantize.ts',
    find: 'const end = f.i32(i32.add(to, i32.mul(count, bytes)));',
    replace: 'const end = f.i32(end4);',
    ops: ['rescale'],
  },
  {
    name: 'unsigned bytes are loaded as signed ones',
    file: 'kernels/pack.ts',
    find: "f.vload(unsigned ? 'load8x8_u' : 'load8x8_s', from)",
    replace: "f.vload('load8x8_s', from)",
    ops: ['conv', 'max_pool', 'average_pool'],
  },
  {
    name: 'dense skips the second eight of each sixteen products',
    file: 'kernels/direct.ts',
    find: "f.set(a, i32x4.add(a, i32x4.dot_i16x8_s(x1, f.vload('load8x8_s', row, 8))));",
    replace: '',
    ops: ['dense'],
  },
  {
    name: 'average divides by the window instead of the cells inside',
    file: 'lower/pool.ts',
    find: 'const cells = node.attrs.include_pad ? padded : inside;',
    replace: 'const cells = padded;',
    ops: ['average_pool'],
  },
  {
    name: 'average rounds down',
    file: 'kernels/pool.ts',
    find: 'f64.floor(f64.div(f64.add(f64.mul(2, s), c), f64.mul(2, c)))',
    replace: 'f64.floor(f64.div(s, c))',
    ops: ['average_pool'],
  },
  {
    name: 'max_pool drops the last block of a row',
    file: 'kernels/pool.ts',
    find: 'f.set(width, f.select(i32.gt_u(width, 8), i32.sub(width, 8), 0));',
    replace: 'f.set(width, f.select(i32.gt_u(width, 15), i32.sub(width, 8), 0));',
    ops: ['max_pool', 'average_pool'],
  },
  {
    name: 'padding of max_pool wins over negative values',
    file: 'lower/pool.ts',
    find: "{ byte: access === 'u8' ? 0 : 0x80 }",
    replace: '{ byte: 0 }',
    ops: ['max_pool'],
  },
  {
    name: 'table is addressed from its start for signed bytes',
    file: 'lower/quantized.ts',
    find: "const offset = tx.dtype === 'i8' ? 128 * bytes : 0;",
    replace: 'const offset = 0;',
    ops: ['table'],
  },
  {
    name: 'quantize truncates instead of rounding half up',
    file: 'lower/quantized.ts',
    find: 'f32.floor(f32.add(f32.mul(x, inverse), 0.5))',
    replace: 'f32.trunc(f32.mul(x, inverse))',
    ops: ['quantize'],
  },
  {
    name: 'quantize does not saturate at the upper end',
    file: 'lower/quantized.ts',
    find: 'f.select(i32.lt_s(q, -128), -128, f.select(i32.gt_s(q, 127), 127, q))',
    replace: 'f.select(i32.lt_s(q, -128), -128, q)',
    ops: ['quantize'],
  },
  {
    name: 'cast wraps instead of saturating',
    file: 'lower/quantized.ts',
    find: "to === 'i32' ? v : f.select(i32.lt_s(v, lo), lo, f.select(i32.gt_s(v, hi), hi, v))",
    replace: "to === 'i32' || lo > hi ? v : v",
    ops: ['cast'],
  },
  {
    name: 'division of the least int32 by -1 wraps',
    file: 'lower/arithmetic.ts',
    find: '() => f.set(q, 2 ** 31 - 1)',
    replace: '() => f.set(q, -(2 ** 31))',
    ops: ['div'],
  },
  {
    name: 'float maximum loses NaN and the sign of zero',
    file: 'lower/arithmetic.ts',
    find: 'f32x4: (f, a, b) => f.ops.f32x4.max(a, b)',
    replace: 'f32x4: (f, a, b) => f.ops.f32x4.pmax(a, b)',
    ops: ['maximum'],
  },
  {
    name: 'argmax takes the last of equal elements',
    file: 'kernels/reduce.ts',
    find: ': i32.gt_s(value, best)',
    replace: ': i32.ge_s(value, best)',
    ops: ['argmax'],
  },
  {
    name: 'argmax of NaN first keeps the NaN',
    file: 'kernels/reduce.ts',
    find: 'i32.and(f32.ne(best, best), f32.eq(value, value))',
    replace: '0',
    ops: ['argmax', 'argmin'],
  },
  {
    name: 'float sum in one lane order instead of the tree',
    file: 'kernels/reduce.ts',
    find: 'f32x4.add(f32x4.add(a, c), f32x4.add(b, d))',
    replace: 'f32x4.add(f32x4.add(a, b), f32x4.add(c, d))',
    ops: ['reduce_sum'],
  },
  {
    name: 'float sum leaves out the elements after the last sixteen',
    file: 'kernels/reduce.ts',
    find: 'f.if(i32.and(count, 15), () => {',
    replace: 'f.if(i32.gt_u(i32.and(count, 15), 14), () => {',
    ops: ['reduce_sum', 'reduce_mean'],
  },
  {
    name: 'integer product takes 16 bits of one factor',
    file: 'lower/arithmetic.ts',
    find: 'i32x4: (f, a, b) => f.ops.i32x4.mul(a, b)',
    replace: 'i32x4: (f, a, b) => f.ops.i32x4.mul(a, f.ops.v128.and(b, f.ops.i32x4.splat(0xffff)))',
    ops: ['mul'],
  },
  {
    name: 'scan runs forward when it is reversed',
    file: 'lower/scan.ts',
    find: '(node.attrs.reverse ? -inner : inner) * bytes',
    replace: 'inner * bytes',
    ops: ['cumsum', 'cumprod'],
  },
  {
    name: 'exclusive scan includes the element',
    file: 'kernels/scan.ts',
    find: 'if (!exclusive) store();',
    replace: 'store();',
    ops: ['cumsum', 'cumprod'],
  },
  {
    name: 'equal keys of a sort change their order',
    file: 'kernels/sort.ts',
    find: 'i32.le_s(keyOf(left), keyOf(right))',
    replace: 'i32.lt_s(keyOf(left), keyOf(right))',
    ops: ['top_k', 'sort', 'argsort'],
  },
  {
    name: 'sort tells -0 from 0',
    file: 'kernels/sort.ts',
    find: 'f.select(f32.eq(x, 0), 0, i32.reinterpret(x))',
    replace: 'i32.reinterpret(x)',
    ops: ['top_k', 'sort', 'argsort'],
  },
  {
    name: 'NaN sorts as its bits',
    file: 'kernels/sort.ts',
    find: 'f.set(key, f.select(f32.ne(x, x), NAN_KEY, key));',
    replace: '',
    ops: ['top_k', 'sort', 'argsort'],
  },
  {
    name: 'gather does not clamp the upper end of an index',
    file: 'lower/shape.ts',
    find: 'f.select(i32.lt_s(index, 0), 0, f.select(i32.gt_s(index, n - 1), n - 1, index))',
    replace: 'f.select(i32.lt_s(index, 0), 0, index)',
    ops: ['gather'],
  },
  {
    name: 'reflection repeats the edge',
    file: 'lower/shape.ts',
    find: 'i < 0 ? -i : 2 * (size - 1) - i',
    replace: 'i < 0 ? -i - 1 : 2 * size - 1 - i',
    ops: ['pad'],
  },
  {
    name: 'scatter out of range writes to the edge',
    file: 'lower/scatter.ts',
    find: 'f.if(i32.lt_u(index, at(type.shape, axis)), () =>',
    replace: 'f.if(i32.le_u(index, at(type.shape, axis)), () =>',
    ops: ['scatter_elements'],
  },
  {
    name: 'transpose takes the inverse permutation',
    file: 'lower/shape.ts',
    find: 'node.attrs.perm.map((p) => at(strides, p))',
    replace: 'node.attrs.perm.map((_, p) => at(strides, node.attrs.perm.indexOf(p)))',
    ops: ['transpose'],
  },
];

/** A short run: one of the geometry, one of the rounding, one of the order. */
export const QUICK: readonly string[] = [
  'pad begins one too early',
  'rescale truncates instead of rounding (int32 form)',
  'equal keys of a sort change their order',
];
