import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../support/index.ts';
import { bindDims, ProgramBuilder } from './builder.ts';
import { endorphinOf, programCost } from './cost.ts';
import { runProgram } from './evaluate.ts';
import { identityHash } from './identity.ts';
import type { OpNode, Program } from './program.ts';
import { proveProgram } from './proof.ts';
import type { StaticType, Tensor } from './types.ts';
import { verifyProgram } from './verify.ts';

const i8 = (shape: number[], data: number[]): Tensor => ({ dtype: 'i8', shape, data: Int8Array.from(data) });
const i32 = (shape: number[], data: number[]): Tensor => ({ dtype: 'i32', shape, data: Int32Array.from(data) });
const f32 = (shape: number[], data: number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

/** A dense layer of one output whose sum reaches `total` at most. */
const denseProgram = (weights: number[], bias: number): Program => {
  const b = new ProgramBuilder('dense');
  const x = b.input('x', { dtype: 'i8', shape: [1, weights.length] });
  b.output('y', b.emit('dense', [x, b.param('w', i8([1, weights.length], weights)), b.param('b', i32([1], [bias]))], {}, 'fc1'));
  return b.finish();
};

const codes = (r: ReturnType<typeof verifyProgram>): string[] => (r.ok ? [] : r.diagnostics.map((d) => d.code));

describe('verifier', () => {
  const good = (): Program => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'f32', shape: [2] });
    b.output('y', b.emit('add', [x, b.param('c', f32([2], [1, 2]))], {}, 'Add_1'));
    return b.finish();
  };
  const node = (p: Program, change: object): Program => ({ ...p, nodes: p.nodes.map((n) => ({ ...n, ...change }) as OpNode) });

  test('accepts a good program', () => expect(codes(verifyProgram(good()))).toEqual([]));
  test.each([
    ['operand before its definition', node(good(), { operands: [0, 2] }), ['IR0003']],
    ['wrong arity', node(good(), { operands: [0] }), ['IR0001']],
    ['unknown attribute', node(good(), { attrs: { alpha: 1 } }), ['IR0002']],
    ['stored type', { ...good(), types: [...good().types.slice(0, 2), { dtype: 'f32' as const, shape: [3] }] }, ['IR0004']],
    [
      'short data',
      { ...good(), params: good().params.map((p) => ({ ...p, tensor: { ...p.tensor, data: new Float32Array(1) } })) },
      ['IR0005'],
    ],
    [
      'NaN',
      { ...good(), params: good().params.map((p) => ({ ...p, tensor: { ...p.tensor, data: Float32Array.of(1, Number.NaN) } })) },
      ['IR0005'],
    ],
    ['name twice', { ...good(), params: good().params.map((p) => ({ ...p, name: 'x' })) }, ['IR0006']],
    ['no output', { ...good(), outputs: [] }, ['IR0009']],
    ['several problems at once', { ...node(good(), { operands: [0] }), outputs: [] }, ['IR0001', 'IR0009']],
  ])('%s', (_name, program, want) => expect(codes(verifyProgram(program))).toEqual(want));

  test('infinities are not NaN', () => {
    const p = good();
    expect(
      codes(
        verifyProgram({
          ...p,
          params: p.params.map((q) => ({
            ...q,
            tensor: { ...q.tensor, data: Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
          })),
        }),
      ),
    ).toEqual([]);
  });
});

describe('overflow proof', () => {
  const limit = 2 ** 31 - 1;
  const weights = new Array<number>(1000).fill(-127);
  const room = limit - 1000 * 127 * 128; // the greatest sum is reached at x = -128

  test('accepts a layer exactly at the limit and rejects it one above, by layer and channel', () => {
    expect(proveProgram(denseProgram(weights, room)).ok).toBe(true);
    const over = proveProgram(denseProgram(weights, room + 1));
    expect(over.ok).toBe(false);
    if (over.ok) return;
    expect(over.diagnostics.map((d) => [d.code, d.where])).toEqual([['IR0011', 'fc1 (dense)']]);
    expect(over.diagnostics[0]?.message).toContain('in channel 0');
    expect(over.diagnostics[0]?.message).toContain(String(limit + 1));
  });

  test('at the limit the interpreter reaches the bound without wrapping', () => {
    const [y] = runProgram(denseProgram(weights, room), [i8([1, 1000], new Array<number>(1000).fill(-128))]);
    expect(y?.data[0]).toBe(limit);
  });
});

describe('symbolic dimensions', () => {
  const program = (): Program => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'f32', shape: ['N', 2, 3] });
    b.output('y', b.emit('flatten', [x], {}));
    return b.finish();
  };

  test('an unbound program does not run, and says how to bind', () => {
    expect(() => runProgram(program(), [f32([1, 2, 3], [1, 2, 3, 4, 5, 6])])).toThrow(/IR0010|IR0008/);
  });

  test('binding infers all types anew', () => {
    const bound = unwrap(bindDims(program(), new Map([['N', 4]])));
    expect(bound.types.map((t) => t.shape)).toEqual([
      [4, 2, 3],
      [4, 6],
    ]);
    const [y] = runProgram(bound, [
      f32(
        [4, 2, 3],
        Array.from({ length: 24 }, (_, i) => i),
      ),
    ]);
    expect(y?.shape).toEqual([4, 6]);
    expect(y?.data[23]).toBe(23);
  });
});

test('cost counts multiply-accumulates; Endorphin rounds up', () => {
  expect(programCost(denseProgram([1, 2, 3], 0))).toBe(3);
  expect([endorphinOf(1), endorphinOf(20_000), endorphinOf(20_001)]).toEqual([1, 1, 2]);
});

test('convolution reads the zero point where it reads padding', () => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'i8', shape: [1, 1, 1, 1] } as StaticType);
  const w = b.param('w', i8([1, 1, 3, 3], [1, 1, 1, 1, 10, 1, 1, 1, 1]));
  b.output('y', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], pad_value: -5 }));
  expect(Array.from(runProgram(b.finish(), [i8([1, 1, 1, 1], [3])])[0]?.data ?? [])).toEqual([10 * 3 - 8 * 5]);
});

test('an integer attribute of -0 is 0: one program, one identity', () => {
  const identityWith = (zero: number): string => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1, 2, 2] } as StaticType);
    const w = b.param('w', i8([1, 1, 1, 1], [1]));
    b.output('y', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [0, zero, 0, 0], pad_value: zero }));
    return identityHash(b.finish());
  };
  expect(identityWith(-0)).toBe(identityWith(0));
});
