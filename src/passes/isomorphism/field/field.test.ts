import { describe, expect, test } from '@jest/globals';
import {
  type AnyAttrs,
  type OpName,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  type Tensor,
  type ValueId,
} from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { verdictOf } from '../compare.ts';
import { comparePrograms } from '../compare-views.ts';
import { certificateOf } from '../certificate.ts';
import { normalize } from '../normal/index.ts';
import { randomNetwork } from '../testing/random-network.ts';
import { compareInField } from './fingerprint.ts';
import { Field, PRIMES } from './modular.ts';

const f32 = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);
type Emit = (op: OpName, operands: readonly ValueId[], attrs?: AnyAttrs) => ValueId;

const program = (shape: readonly number[], body: (emit: Emit, x: ValueId, b: ProgramBuilder) => ValueId): Program => {
  const b = new ProgramBuilder('test');
  const emit: Emit = (op, operands, attrs = {}) => at(unwrap(b.tryEmit(op, operands, attrs, op)), 0);
  b.output('y', body(emit, b.input('x', { dtype: 'f32', shape }), b));
  return b.finish();
};

const asked = (a: Program, b: Program): string => {
  const order = (p: Program['inputs']): readonly number[] => p.map((_, i) => i);
  return compareInField(normalize(a).graph, normalize(b).graph, order(a.inputs), order(a.outputs), 11).kind;
};

describe('numbers in the field', () => {
  test.each([...PRIMES])('modulo %i: products are those of big integers', (p) => {
    const field = new Field(p);
    const random = new Philox(p);
    for (let i = 0; i < 400; i++) {
      const [a, b] = [random.next() % p, random.next() % p];
      expect(field.mul(a, b)).toBe(Number((BigInt(a) * BigInt(b)) % BigInt(p)));
    }
    expect(field.mul(field.inverse(123_456_789) ?? 0, 123_456_789)).toBe(1);
  });

  test.each([...PRIMES])('modulo %i: sums and products of floats are those of their embeddings', (p) => {
    const field = new Field(p);
    for (const [a, b] of [
      [0.375, -12.5],
      [1.5e-40, 2 ** -120],
      [2 ** 60, -3],
      [0.1, 0.2],
    ] as const) {
      const [x, y] = [Math.fround(a), Math.fround(b)];
      // products of two floats are exact in double precision, down to the least exponents
      expect(field.mul(field.embed(x), field.embed(y))).toBe(field.embed(x * y));
      expect(field.embed(-x)).toBe((p - field.embed(x)) % p);
    }
    expect((field.embed(0.375) + field.embed(-12.5)) % p).toBe(field.embed(-12.125));
  });

  test('in one of the fields a factor of 2^31 counts', () => {
    expect(PRIMES.map((p) => new Field(p).embed(2 ** 31))).not.toEqual([1, 1]);
  });
});

describe('graphs over the field', () => {
  test('a network is itself, whatever its ops, and another one is not', () => {
    for (let seed = 1; seed <= 24; seed++) {
      const a = randomNetwork(seed, 3 + (seed % 7));
      expect({ seed, kind: asked(a, a) }).not.toEqual({ seed, kind: 'different' });
      const other = randomNetwork(seed + 1000, 3 + (seed % 7));
      if (a.inputs.length === other.inputs.length && a.outputs.length === other.outputs.length) expect(asked(a, other)).not.toBe('same');
    }
  });

  const W = [f32([4, 6], 1), f32([4, 6], 2)] as const;
  /** (U + V) x, or U x + V x, with U and V exact in binary so that their sum is. */
  const coarse = (t: Tensor): Tensor => ({ ...t, data: t.data.map((v) => Math.round(v * 256) / 256) });
  const [U, V] = W.map(coarse) as [Tensor, Tensor];
  const sum: Tensor = { ...U, data: U.data.map((v, i) => v + at(V.data, i)) };
  const together = program([3, 6], (emit, x, b) => emit('tanh', [emit('dense', [x, b.param('w', sum)])]));
  const apart = (v: Tensor, act: OpName = 'tanh'): Program =>
    program([3, 6], (emit, x, b) => emit(act, [emit('add', [emit('dense', [x, b.param('u', U)]), emit('dense', [x, b.param('v', v)])])]));

  test('proves what no rule does, and says how', () => {
    const comparison = comparePrograms(together, apart(V));
    expect(comparison).toMatchObject({ reached: 3, byField: true, difference: undefined });
    expect(comparison.levels.find((l) => l.level === 3)?.text).toMatch(/finite field/);
    expect(verdictOf(comparison, 3)).toBe('isomorphic');
    // there is no mapping that others could check
    expect(certificateOf(together, apart(V), comparison)).toBeUndefined();
  });

  test('one weight, one op, or a factor of 2^31 more is another network', () => {
    const changed = V.data.slice();
    changed[5] = at(changed, 5) + 1 / 256;
    const far = V.data.map((v, i) => (i === 3 ? v * 2 ** 31 : v));
    for (const other of [apart({ ...V, data: changed }), apart(V, 'sigmoid'), apart({ ...V, data: far })]) {
      expect(comparePrograms(together, other)).toMatchObject({ reached: -1, byField: false });
    }
  });

  test('a maximum over all and maxima of maxima, a mean over windows and its spelling', () => {
    const window = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };
    const quarter: Tensor = { dtype: 'f32', shape: [3, 1, 2, 2], data: new Float32Array(12).fill(0.25) };
    const pooled = program([1, 3, 4, 4], (emit, x) => emit('average_pool', [x], window));
    const spelled = program([1, 3, 4, 4], (emit, x, b) =>
      emit('conv', [x, b.param('w', quarter)], { stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0], groups: 3 }),
    );
    expect(asked(pooled, spelled)).toBe('same');
    const shifted = program([1, 3, 4, 4], (emit, x, b) =>
      emit('conv', [x, b.param('w', { ...quarter, data: quarter.data.map((v, i) => (i === 7 ? 0.5 : v)) })], {
        stride: [2, 2],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
        groups: 3,
      }),
    );
    expect(asked(pooled, shifted)).toBe('different');
  });
});
