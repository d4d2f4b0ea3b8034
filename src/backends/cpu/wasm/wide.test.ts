import { beforeAll, describe, expect, test } from '@jest/globals';
import { type AnyAttrs, DTYPE_INFO, type OpName, ProgramBuilder, type StaticType, type Tensor, zeros } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { referenceBackend } from '../reference/index.ts';
import { wasmBackend } from './index.ts';

beforeAll(async () => {
  await wasmBackend.prepare?.();
});

interface Case {
  readonly op: OpName;
  readonly x: StaticType;
  readonly w: StaticType;
  readonly attrs?: AnyAttrs;
  /** Weights are an operand at run time: nothing is known of them. */
  readonly dynamic?: boolean;
  /** Every element is the least of its dtype. */
  readonly least?: boolean;
  /** The accumulators go on to a rescale, which the kernel does itself. */
  readonly rescale?: 'i16' | 'i8' | undefined;
}

const tensorOf = ({ dtype, shape }: StaticType, entry: (i: number) => number): Tensor => {
  const tensor = zeros({ dtype, shape });
  for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = entry(i);
  return tensor;
};
const least = (type: StaticType): Tensor => tensorOf(type, () => DTYPE_INFO[type.dtype].lo);

/** The bits of a multiplicative walk through all 65536 codes; without the least one unless `whole`. */
const filled = (type: StaticType, seed: number, whole = true): Tensor => {
  const bits = type.dtype === 'i16' ? 16 : 8;
  const lo = DTYPE_INFO[type.dtype].lo;
  return tensorOf(type, (i) => Math.max(lo + (Math.imul(i + seed, 40503 * seed) & (2 ** bits - 1)), whole ? lo : lo + 1));
};

const check = ({ op, x, w, attrs = {}, dynamic = false, least: all = false, rescale }: Case): void => {
  const b = new ProgramBuilder('wide');
  const xs = all ? least(x) : filled(x, 1);
  const ws = all ? least(w) : filled(w, 2, dynamic);
  const inputs = dynamic ? [xs, ws] : [xs];
  const operands = [b.input('x', x), dynamic ? b.input('w', w) : b.param('w', ws)];
  const acc = b.emit(op, operands as never, attrs as never);
  const one = (name: string, v: number) => b.param(name, { dtype: 'i32', shape: [1], data: Int32Array.of(v) });
  const [lo, hi] = rescale === 'i8' ? [-128, 127] : [-32768, 32767];
  const scaled =
    rescale === undefined
      ? acc
      : b.emit('rescale', [acc, one('m', 1_398_101), one('s', rescale === 'i8' ? 42 : 35)], { width: 'w21', dtype: rescale, lo, hi });
  b.output('y', scaled);
  const program = b.finish();
  const [expected, actual] = [referenceBackend, wasmBackend].map((backend) => unwrap(backend.compile(program)).run(inputs));
  expect(actual).toEqual(expected);
};

const i16 = (...shape: number[]): StaticType => ({ dtype: 'i16', shape });
const i8 = (...shape: number[]): StaticType => ({ dtype: 'i8', shape });
const square = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

describe('i16 products give the bytes of the reference', () => {
  const conv = (x: StaticType, w: StaticType, attrs: AnyAttrs = {}): Case => ({
    op: 'conv',
    x,
    w,
    attrs: { ...square, accumulator_shift: 7, ...attrs },
  });
  const cases: Readonly<Record<string, Case>> = {
    'conv of several sweeps': conv(i16(1, 100, 6, 9), i16(9, 100, 3, 3), { accumulator_shift: 10 }),
    'conv of several sweeps, 8-bit weights': conv(i16(1, 100, 6, 9), i8(9, 100, 3, 3), { accumulator_shift: 2 }),
    'pointwise conv': conv(i16(2, 33, 7, 5), i16(17, 33, 1, 1), { pads: [0, 0, 0, 0] }),
    'conv of stride 2': conv(i16(1, 9, 15, 21), i16(6, 9, 3, 3), { stride: [2, 2] }),
    'conv of stride 3 in groups': conv(i16(1, 16, 15, 28), i16(16, 8, 3, 3), { stride: [3, 3], groups: 2 }),
    'depthwise conv': conv(i16(1, 8, 11, 19), i16(8, 1, 3, 3), { groups: 8, accumulator_shift: 3 }),
    'depthwise conv of stride 2': conv(i16(1, 8, 11, 19), i16(8, 1, 5, 5), { groups: 8, stride: [2, 2], pads: [2, 2, 2, 2] }),
    'depthwise conv of stride 3, 8-bit weights': conv(i16(1, 8, 11, 40), i8(16, 1, 3, 3), { groups: 8, stride: [3, 3] }),
    'depthwise conv with a long kernel and 8-bit weights': conv(i16(1, 2, 40, 40), i8(2, 1, 31, 31), { groups: 2, accumulator_shift: 0 }),
    'conv in three dimensions': conv(i16(1, 4, 5, 6, 7), i16(5, 4, 2, 2, 2), {
      stride: [1, 2, 1],
      dilation: [2, 1, 1],
      pads: [1, 0, 1, 0, 1, 0],
    }),
    'conv in one dimension': conv(i16(1, 4, 50), i16(5, 4, 7), { stride: [1], dilation: [3], pads: [2, 3] }),
    'conv with weights of a run': { ...conv(i16(1, 9, 8, 8), i16(6, 9, 3, 3)), dynamic: true },
    dense: { op: 'dense', x: i16(3, 700), w: i16(9, 700), attrs: { accumulator_shift: 9 } },
    'dense with 8-bit weights': { op: 'dense', x: i16(3, 5000), w: i8(9, 5000), attrs: { accumulator_shift: 3 } },
    'dense with weights of a run': { op: 'dense', x: i16(3, 19), w: i16(5, 19), attrs: { accumulator_shift: 4 }, dynamic: true },
    matmul: { op: 'matmul', x: i16(2, 1, 13, 70), w: i16(3, 70, 11), attrs: { accumulator_shift: 6 }, dynamic: true },
    'matmul of more pairs than one sum takes': {
      op: 'matmul',
      x: i16(2, 140_001),
      w: i16(140_001, 2),
      attrs: { accumulator_shift: 14 },
      dynamic: true,
    },
  };
  const names = Object.entries(cases);
  test.each(names)('%s', (_name, c) => check(c));
  test.each(names)('%s, everything at the least value', (_name, c) => check({ ...c, least: true }));
  test.each(names.filter(([, c]) => c.op !== 'matmul'))('%s, rescaled to i16 and i8', (_name, c) => {
    check({ ...c, rescale: 'i16' });
    check({ ...c, rescale: 'i8' });
  });
});

describe('an 8-bit layer may end in i16', () => {
  test.each([
    ['conv', { op: 'conv', x: i8(1, 9, 8, 11), w: i8(6, 9, 3, 3), attrs: square }],
    ['depthwise conv', { op: 'conv', x: i8(1, 8, 9, 21), w: i8(8, 1, 3, 3), attrs: { ...square, groups: 8 } }],
    ['dense', { op: 'dense', x: i8(3, 40), w: i8(7, 40) }],
  ] satisfies readonly (readonly [string, Case])[])('%s', (_name, c) => check({ ...c, rescale: 'i16' }));
});
