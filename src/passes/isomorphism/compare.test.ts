import { describe, expect, test } from '@jest/globals';
import {
  type AnyAttrs,
  type OpName,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { type CompareOptions, describeDifference, verdictOf } from './compare.ts';
import { comparePrograms } from './compare-views.ts';
import { randomNetwork } from './testing/random-network.ts';

const f32 = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);

type Build = (b: ProgramBuilder, emit: (op: OpName, operands: readonly ValueId[], attrs?: AnyAttrs) => ValueId) => void;

const program = (build: Build): Program => {
  const b = new ProgramBuilder('test');
  build(b, (op, operands, attrs = {}) => at(unwrap(b.tryEmit(op, operands, attrs, `${op} node`)), 0));
  return b.finish();
};

/** An image through one op, or several. */
const image = (body: (emit: Parameters<Build>[1], x: ValueId, b: ProgramBuilder) => ValueId): Program =>
  program((b, emit) => b.output('y', body(emit, b.input('x', { dtype: 'f32', shape: [1, 4, 6, 6] }), b)));

const reached = (a: Program, b: Program, options: CompareOptions = {}): number => comparePrograms(a, b, options).reached;
const told = (a: Program, b: Program): string => {
  const { difference } = comparePrograms(a, b);
  return difference === undefined ? '' : describeDifference(difference);
};

const CONV = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

describe('sharing', () => {
  const layers = (tied: boolean): Program =>
    image((emit, x, b) => {
      const w = [b.param('w', f32([4, 4, 3, 3], 1))];
      if (!tied) w.push(b.param('v', f32([4, 4, 3, 3], 2)));
      return emit('conv', [emit('conv', [x, at(w, 0)], CONV), at(w, w.length - 1)], CONV);
    });

  test('one weight used twice is not two weights', () => {
    expect(reached(layers(true), layers(false))).toBe(-1);
    expect(told(layers(true), layers(false))).toMatch(/sharing .*parameter/);
    expect(reached(layers(false), layers(true))).toBe(-1);
  });

  test('x + x is not x + y', () => {
    const sum = (same: boolean): Program =>
      program((b, emit) => {
        const x = b.input('x', { dtype: 'f32', shape: [4] });
        const y = b.input('y', { dtype: 'f32', shape: [4] });
        b.output('z', emit('mul', [emit('add', [x, same ? x : y]), y]));
      });
    expect(reached(sum(true), sum(false))).toBe(-1);
  });
});

describe('operands and ports', () => {
  const difference = (swapped: boolean, names: readonly [string, string], reversed = false): Program =>
    program((b, emit) => {
      const [x, y] = names.map((n) => b.input(n, { dtype: 'f32', shape: [4] })) as [ValueId, ValueId];
      const [p, q] = reversed ? [y, x] : [x, y];
      b.output('z', emit('sub', swapped ? [q, p] : [p, q]));
    });

  test('a swapped operand of a non-commutative op is caught where inputs are named', () => {
    expect(reached(difference(false, ['x', 'y']), difference(true, ['x', 'y']))).toBe(-1);
    expect(told(difference(false, ['x', 'y']), difference(true, ['x', 'y']))).toMatch(/operand 0/);
  });

  test('inputs are matched by name, else by what is done with them', () => {
    expect(reached(difference(false, ['x', 'y']), difference(false, ['y', 'x'], true))).toBe(3);
    const { reached: level, notes } = comparePrograms(difference(false, ['x', 'y']), difference(true, ['p', 'q']));
    expect(level).toBe(3);
    expect(notes.join()).toContain('x is q, y is p');
  });

  test('other numbers of outputs are told', () => {
    const two = program((b, emit) => {
      const x = b.input('x', { dtype: 'f32', shape: [4] });
      b.output('y', emit('relu', [x]));
      b.output('z', x);
    });
    const one = program((b, emit) => b.output('y', emit('relu', [b.input('x', { dtype: 'f32', shape: [4] })])));
    expect(told(two, one)).toMatch(/number of outputs.*2: y, z.*1: y/);
  });
});

describe('what is the same, and what is not', () => {
  const activations: Readonly<Record<string, (emit: Parameters<Build>[1], x: ValueId, b: ProgramBuilder) => ValueId>> = {
    silu: (emit, x) => emit('silu', [x]),
    'hard swish': (emit, x) => emit('hard_swish', [x]),
    gelu: (emit, x) => emit('gelu', [x], { approximate: 'none' }),
    'gelu by tanh': (emit, x) => emit('gelu', [x], { approximate: 'tanh' }),
    relu: (emit, x) => emit('relu', [x]),
    relu6: (emit, x) => emit('relu6', [x]),
  };
  const number = (b: ProgramBuilder, v: number): ValueId => b.constant({ dtype: 'f32', shape: [], data: Float32Array.of(v) });

  test('activations are told apart', () => {
    const all = Object.values(activations).map((body) => image(body));
    const matrix = all.map((a) => all.map((b) => reached(a, b) >= 2));
    expect(matrix).toEqual(all.map((_, i) => all.map((__, j) => i === j)));
  });

  test.each<[string, Parameters<typeof image>[0]]>([
    ['silu', (emit, x) => emit('div', [x, emit('add', [emit('exp', [emit('neg', [x])]), x])])],
  ])('%s with a wrong operand is another function', (name, body) => {
    expect(
      reached(
        image(
          at(
            [activations[name]].filter((f) => f !== undefined),
            0,
          ),
        ),
        image(body),
      ),
    ).toBe(-1);
  });

  test.each<[string, Parameters<typeof image>[0]]>([
    ['silu', (emit, x, b) => emit('div', [x, emit('add', [number(b, 1), emit('exp', [emit('neg', [x])])])])],
    [
      'hard swish',
      (emit, x, b) => emit('div', [emit('mul', [emit('clip', [emit('add', [x, number(b, 3)])], { min: 0, max: 6 }), x]), number(b, 6)]),
    ],
    [
      'gelu',
      (emit, x, b) =>
        emit('mul', [
          emit('mul', [x, emit('add', [emit('erf', [emit('div', [x, number(b, Math.SQRT2)])]), number(b, 1)])]),
          number(b, 0.5),
        ]),
    ],
    ['relu6', (emit, x, b) => emit('minimum', [number(b, 6), emit('maximum', [x, number(b, 0)])])],
  ])('%s spelled out is the same', (name, body) => {
    expect(
      reached(
        image(
          at(
            [activations[name]].filter((f) => f !== undefined),
            0,
          ),
        ),
        image(body),
      ),
    ).toBe(3);
  });

  test('padding on the other side is another model, and says which', () => {
    const conv = (pads: readonly number[]): Program =>
      image((emit, x, b) => emit('conv', [x, b.param('w', f32([4, 4, 3, 3], 1))], { ...CONV, pads, stride: [2, 2] }));
    expect(told(conv([1, 1, 1, 1]), conv([0, 0, 1, 1]))).toMatch(
      /pads: conv node \(conv\) \(1, 1, [01], [01]\) ≠ conv node \(conv\) \(0, 0, 1, 1\)/,
    );
  });

  test('one weight too far off is told with its place and both values', () => {
    const conv = (w: Tensor): Program => image((emit, x, b) => emit('conv', [x, b.param('w', w)], CONV));
    const w = f32([4, 4, 3, 3], 1);
    const data = w.data.slice();
    data[17] = 0.75;
    expect(told(conv(w), conv({ ...w, data }))).toMatch(/weights: .*w\[0, 1, 2, 2\] = .* ≠ .*w\[0, 1, 2, 2\] = 0\.75/);
    const probed = comparePrograms(conv(w), conv({ ...w, data }), { run: (p) => (inputs) => runProgram(p, inputs), probes: 9 });
    expect(probed.levels.map((l) => l.outcome)).toEqual(['refuted', 'proven', 'proven', 'refuted', 'refuted']);
    expect(probed.probes?.counterexample).toBeDefined();
  });

  test('models that no rule equates and that compute the same are undecided; without probes their forms differ', () => {
    const relu = image((emit, x) => emit('relu', [x]));
    // (x + |x|) / 2
    const half: Tensor = { dtype: 'f32', shape: [1], data: Float32Array.of(0.5) };
    const spelled = image((emit, x, b) => emit('mul', [emit('add', [x, emit('abs', [x])]), b.constant(half)]));
    const comparison = comparePrograms(relu, spelled, { run: (p) => (inputs) => runProgram(p, inputs), probes: 9 });
    expect(comparison.levels.map((l) => l.outcome)).toEqual(['refuted', 'refuted', 'refuted', 'skipped', 'proven']);
    expect([2, 3].map((level) => verdictOf(comparison, level))).toEqual(['undecided', 'undecided']);
    expect(verdictOf(comparePrograms(relu, spelled), 2)).toBe('different');
  });

  test('a proof that probes speak against is no answer', () => {
    const relu = image((emit, x) => emit('relu', [x]));
    let calls = 0;
    const comparison = comparePrograms(relu, relu, {
      run: () => () => [{ dtype: 'f32', shape: [1], data: Float32Array.of(calls++) }],
      probes: 2,
    });
    expect(comparison.reached).toBe(3);
    expect(verdictOf(comparison, 3)).toBe('undecided');
  });

  test('every random network is itself, and no other', () => {
    const nets = [3, 4, 5, 6, 7, 8].map((seed) => randomNetwork(seed, 5));
    expect(nets.map((a) => nets.map((b) => reached(a, b)).filter((l) => l >= 0))).toEqual(nets.map(() => [3]));
  });
});

describe('symmetry', () => {
  /** Towers of the same structure, summed in some order. */
  const towers = (count: number, order: readonly number[], broken = false): Program =>
    image((emit, x, b) => {
      const outputs = order.map((i) => {
        const first = emit('relu', [emit('conv', [x, b.param(`a${i}`, f32([2, 4, 1, 1], 2 * i + 1))], { ...CONV, pads: [0, 0, 0, 0] })]);
        return emit('conv', [first, b.param(`b${i}`, f32([4, 2, 1, 1], 2 * i + (broken && i === 3 ? 1001 : 2)))], {
          ...CONV,
          pads: [0, 0, 0, 0],
        });
      });
      let sum = at(outputs, 0);
      for (const o of outputs.slice(1, count)) sum = emit('add', [sum, o]);
      return sum;
    });
  const forward = Array.from({ length: 64 }, (_, i) => i);

  test('64 towers of one structure are matched by their weights, in any order', () => {
    const comparison = comparePrograms(towers(64, forward), towers(64, [...forward].reverse()));
    expect(comparison.reached).toBe(3);
    expect(reached(towers(64, forward), towers(64, [...forward].reverse(), true))).toBe(2);
  });

  test('one tower of 64 with other weights is never called equal, and a counter-example ends it', () => {
    const small = Array.from({ length: 6 }, (_, i) => i);
    const [a, b] = [towers(6, small), towers(6, small, true)];
    const comparison = comparePrograms(a, b, { run: (p) => (inputs) => runProgram(p, inputs), probes: 9 });
    expect(verdictOf(comparison, 3)).toBe('different');
  });

  /** Many values alike in structure, in pairs that form cycles: which is which matters only for what shares what. */
  const cycles = (lengths: readonly number[]): Program =>
    program((b, emit) => {
      const x = b.input('x', { dtype: 'f32', shape: [2] });
      const terms: ValueId[] = [];
      for (const [k, n] of lengths.entries()) {
        const nodes = Array.from({ length: n }, (_, i) => emit('mul', [x, b.param(`p${k}.${i}`, f32([2], i + 100 * k))]));
        for (let i = 0; i < n; i++) terms.push(emit('maximum', [at(nodes, i), at(nodes, (i + 1) % n)]));
      }
      // a balanced tree leaves every place alike
      let level = terms;
      while (level.length > 1)
        level = Array.from({ length: level.length / 2 }, (_, i) => emit('add', [at(level, 2 * i), at(level, 2 * i + 1)]));
      b.output('y', at(level, 0));
    });

  test('graphs that look alike everywhere end in an answer or undecided, never a wrong one', () => {
    const [one, two] = [cycles([32]), cycles([16, 16])];
    expect(reached(one, one)).toBe(3);
    const comparison = comparePrograms(one, two, { structureOnly: true });
    expect(comparison.reached).toBe(-1);
    expect(['different', 'undecided']).toContain(verdictOf(comparison, 2));
  });

  test('constants made of themselves again and again stay small', () => {
    const squares = (depth: number): Program =>
      program((b, emit) => {
        let c = b.param('c', { dtype: 'f32', shape: [3], data: Float32Array.of(1, -1, 0.5) });
        for (let i = 0; i < depth; i++) c = emit('mul', [c, c]);
        b.output('y', emit('mul', [b.input('x', { dtype: 'f32', shape: [3] }), c]));
      });
    expect(reached(squares(60), squares(60))).toBe(3);
    expect(reached(squares(60), squares(59))).toBe(3);
    expect(reached(squares(60), squares(0))).toBe(2);
  });
});
