import { describe, expect, test } from '@jest/globals';
import {
  type AnyNode,
  elementCount,
  OP_NAMES,
  opOf,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  sampleTensors,
  type StaticType,
  type Tensor,
  tensorBytes,
  type ValueId,
  verifyProgram,
} from '../ir/index.ts';
import { at, unwrap } from '../support/index.ts';
import { PASSES, runPasses } from './index.ts';
import { randomCnn } from './testing/random-cnn.ts';

const exact = PASSES.filter((p) => p.inexact === undefined);

const inputsOf = (program: Program, seed: number): readonly Tensor[] =>
  program.inputs.map((port, i) => randomTensor(at(program.types, port.value) as StaticType, new Philox(seed, i)));

/** Bytes, so that -0 and NaN count; a hash would hide where they differ. */
const bytesOf = (tensors: readonly Tensor[]): number[][] => tensors.map((t) => [...tensorBytes(t)]);

const expectSame = (before: Program, after: Program, inputs: readonly Tensor[]): void => {
  unwrap(verifyProgram(after));
  expect(after.inputs.map((p) => p.name)).toEqual(before.inputs.map((p) => p.name));
  expect(after.outputs.map((p) => p.name)).toEqual(before.outputs.map((p) => p.name));
  expect(bytesOf(runProgram(after, inputs))).toEqual(bytesOf(runProgram(before, inputs)));
};

describe('every exact pass keeps the result bit for bit and is idempotent', () => {
  const samples = OP_NAMES.flatMap((op) => opOf(op).samples.map((sample, i) => ({ op, i, sample })));
  for (const pass of exact) {
    test(`${pass.name}: op samples, operands as inputs and as constants`, () => {
      for (const { op, i, sample } of samples) {
        const tensors = sampleTensors(sample, i);
        for (const constants of [false, true]) {
          const b = new ProgramBuilder(op);
          // rescale data must be constant; half of the rest is
          const fixed = tensors.map((_, k) => (op.endsWith('rescale') && k > 0) || op === 'mul_rescale' || (constants && k % 2 === 0));
          const operands = tensors.map((t, k) => (fixed[k] === true ? b.param(`p${k}`, t) : b.input(`x${k}`, t)));
          unwrap(b.tryEmit(op, operands, sample.attrs ?? {})).forEach((v, k) => b.output(`y${k}`, v));
          const before = b.finish();
          const after = pass.run(before);
          expect(pass.run(after)).toBe(after);
          expectSame(
            before,
            after,
            tensors.filter((_, k) => fixed[k] !== true),
          );
        }
      }
    });

    test(`${pass.name}: random networks`, () => {
      for (let seed = 0; seed < 25; seed++) {
        const before = randomCnn(seed);
        const after = pass.run(before);
        expect(pass.run(after)).toBe(after);
        expectSame(before, after, inputsOf(before, seed));
      }
    });
  }

  test('all exact passes one after another', () => {
    const names = [...exact.map((p) => p.name), 'fold', 'dce', 'cse', 'canonicalize', 'dce'];
    let shrunk = 0;
    for (let seed = 100; seed < 125; seed++) {
      const before = randomCnn(seed);
      const after = unwrap(runPasses(before, names));
      if (after.nodes.length < unwrap(runPasses(before, ['expand'])).nodes.length) shrunk++;
      expectSame(before, after, inputsOf(before, seed));
    }
    expect(shrunk).toBeGreaterThan(5);
  });
});

const f32 = (shape: readonly number[], fill: (i: number) => number): Tensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: elementCount(shape) }, (_, i) => fill(i)),
});

describe('single passes', () => {
  const build = (body: (b: ProgramBuilder, x: ValueId) => ValueId, shape: readonly number[] = [1, 2, 3, 4]): Program => {
    const b = new ProgramBuilder('t');
    b.output('y', body(b, b.input('x', { dtype: 'f32', shape })));
    return b.finish();
  };
  const run = (program: Program, ...names: readonly string[]): Program => unwrap(runPasses(program, names));
  const opsOf = (program: Program): readonly string[] => program.nodes.map((n) => n.op);

  test('fold shares equal results and leaves NaN to run time', () => {
    const program = build((b, x) => {
      const c = b.constant(f32([2], () => -1));
      const a = b.emit('exp', [c], {});
      const d = b.emit('exp', [c], {});
      const nan = b.emit('log', [c], {});
      const pad = (v: ValueId): ValueId => b.emit('reshape', [v], { shape: [2, 1, 1] });
      return b.emit('add', [b.emit('add', [b.emit('add', [x, pad(a)], {}), pad(d)], {}), pad(nan)], {});
    });
    const after = run(program, 'fold', 'dce');
    expect(opsOf(after)).toEqual(['log', 'add', 'add', 'reshape', 'add']);
    expect(after.params).toHaveLength(2);
  });

  test('fold leaves results alone that would be much larger than their operands', () => {
    const program = build((b, x) => {
      const c = b.constant(f32([1], () => 1));
      return b.emit('reduce_sum', [b.emit('expand', [c], { shape: [2 ** 11, 2 ** 11] })], { axes: [0, 1] }) && b.emit('add', [x, c], {});
    });
    expect(opsOf(run(program, 'fold'))).toContain('expand');
  });

  test('cse merges nodes and parameters, and knows that -0 is not 0', () => {
    const program = build((b, x) => {
      const plus = (k: number): ValueId => b.emit('add', [b.constant(f32([1], () => k)), x], {});
      const swapped = b.emit('add', [x, b.constant(f32([1], () => 2))], {});
      return b.emit('concat', [plus(2), plus(2), swapped, plus(0), plus(-0)], { axis: 1 });
    });
    const after = run(program, 'cse', 'dce');
    expect(opsOf(after)).toEqual(['add', 'add', 'add', 'concat']);
    expect(after.params).toHaveLength(3);
  });

  test('cse tells attributes apart by the sign of zero', () => {
    const program = build((b, x) => {
      const padded = (value: number): ValueId => b.emit('pad', [x], { pads: [0, 0, 0, 1, 0, 0, 0, 0], value });
      return b.emit('concat', [padded(0), padded(-0), padded(0)], { axis: 0 });
    });
    expect(opsOf(run(program, 'cse', 'dce'))).toEqual(['pad', 'pad', 'concat']);
    expectSame(program, run(program, 'cse'), inputsOf(program, 1));
  });

  test('canonicalize does not merge clips into one point when that point is a zero', () => {
    const clips = (second: number): Program =>
      build((b, x) => b.emit('clip', [b.emit('clip', [x], { min: 1, max: 2 })], { min: -1, max: second }));
    const zeros = [f32([1, 2, 3, 4], () => -0)];
    for (const second of [0, 0.5]) {
      const after = run(clips(second), 'canonicalize', 'dce');
      expect(after.nodes).toHaveLength(second === 0 ? 2 : 1);
      expectSame(clips(second), after, zeros);
    }
  });

  test('dce drops unused nodes and parameters, keeps inputs', () => {
    const program = build((b, x) => {
      b.emit('mul', [x, b.constant(f32([1], () => 3))], {});
      b.input('unused', { dtype: 'f32', shape: [2] });
      return b.emit('relu', [x], {});
    });
    const after = run(program, 'dce');
    expect(opsOf(after)).toEqual(['relu']);
    expect(after.params).toEqual([]);
    expect(after.inputs.map((p) => p.name)).toEqual(['x', 'unused']);
  });

  test('canonicalize removes no-ops and merges chains', () => {
    const program = build((b, x) => {
      let v = b.emit('reshape', [x], { shape: [1, 24] });
      v = b.emit('reshape', [v], { shape: [1, 2, 3, 4] });
      v = b.emit('transpose', [b.emit('transpose', [v], { perm: [0, 2, 3, 1] })], { perm: [0, 3, 1, 2] });
      v = b.emit('pad', [v], { pads: [0, 0, 0, 0, 0, 0, 0, 0] });
      v = b.emit('slice', [v], { starts: [0, 0, 0, 0], sizes: [-1, 2, -1, -1], steps: [1, 1, 1, 1] });
      v = b.emit('expand', [v], { shape: [1, 1, 1, 4] });
      v = b.emit('mul', [b.constant(f32([1], () => 1)), v], {});
      v = b.emit('relu', [b.emit('relu', [v], {})], {});
      v = b.emit('clip', [b.emit('clip', [v], { min: 0, max: 6 })], { min: -1, max: 4 });
      return b.emit('neg', [b.emit('neg', [v], {})], {});
    });
    expect(opsOf(run(program, 'canonicalize', 'dce'))).toEqual(['relu', 'clip']);
  });

  test('canonicalize keeps x + 0, which is not x for -0', () => {
    expect(
      opsOf(
        run(
          build((b, x) => b.emit('add', [x, b.constant(f32([1], () => 0))], {})),
          'canonicalize',
        ),
      ),
    ).toEqual(['add']);
    expect(
      opsOf(
        run(
          build((b, x) => b.emit('add', [x, b.constant(f32([1], () => -0))], {})),
          'canonicalize',
          'dce',
        ),
      ),
    ).toEqual([]);
  });

  test('fold-pad widens the pads of a conv, not past a value that the conv does not read', () => {
    const conv = { stride: [1, 1], dilation: [1, 1], pads: [0, 1, 0, 1] };
    const padded = (value: number): Program =>
      build((b, x) => {
        const p = b.emit('pad', [x], { pads: [0, 0, 1, 2, 0, 0, 0, 1], value });
        return b.emit('conv', [p, b.constant(f32([3, 2, 2, 2], (i) => i - 7))], conv);
      });
    const after = run(padded(0), 'fold-pad', 'dce');
    expect(after.nodes.map((n) => (n as AnyNode).attrs['pads'])).toEqual([[1, 3, 0, 2]]);
    expectSame(padded(0), after, inputsOf(after, 1));
    expect(opsOf(run(padded(1), 'fold-pad'))).toEqual(['pad', 'conv']);
    expect(opsOf(run(padded(-0), 'fold-pad'))).toEqual(['pad', 'conv']);
  });

  test('fold-pad on integers: the pad must hold what the conv reads outside, when the conv has pads of its own', () => {
    const padded = (pads: readonly number[], padValue: number, value: number): Program => {
      const b = new ProgramBuilder('t');
      const x = b.input('x', { dtype: 'i8', shape: [1, 2, 3] });
      const w = b.constant({ dtype: 'i8', shape: [1, 2, 2], data: Int8Array.of(3, -4, 5, 6) });
      const p = b.emit('pad', [x], { pads: [0, 0, 1, 0, 0, 1], value });
      b.output('y', b.emit('conv', [p, w], { stride: [1], dilation: [1], pads, pad_value: padValue }));
      return b.finish();
    };
    const cases = [
      { program: padded([0, 0], 0, 7), left: 1 },
      { program: padded([1, 0], 7, 7), left: 1 },
      { program: padded([1, 0], 6, 7), left: 2 },
    ];
    for (const { program, left } of cases) {
      const after = run(program, 'fold-pad', 'dce');
      expect(after.nodes).toHaveLength(left);
      expectSame(program, after, inputsOf(program, 2));
    }
  });

  test('fold-batch-norm folds the norm and the arithmetic around it, within float rounding', () => {
    const random = new Philox(3);
    const tensor = (shape: readonly number[], lo: number, hi: number): Tensor => randomTensor({ dtype: 'f32', shape }, random, lo, hi);
    const program = build((b, x) => {
      const w = b.constant(tensor([3, 2, 2, 2], -1, 1));
      let v = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
      v = b.emit('batch_norm', [v, ...[-1, -1, -1, 0.5].map((lo) => b.constant(tensor([3], lo, 2)))], {});
      v = b.emit('sub', [b.constant(tensor([3, 1, 1], -1, 1)), v], {});
      v = b.emit('reshape', [b.emit('div', [v, b.constant(f32([1], () => 3))], {})], { shape: [1, 18] });
      v = b.emit('dense', [v, b.constant(tensor([4, 18], -1, 1))], {});
      return b.emit('add', [b.emit('mul', [v, b.constant(tensor([4], -1, 1))], {}), b.constant(tensor([1, 4], -1, 1))], {});
    });
    const after = run(program, 'fold-batch-norm', 'dce');
    expect(opsOf(after)).toEqual(['conv', 'reshape', 'dense']);
    const inputs = inputsOf(program, 5);
    const [want, got] = [program, after].map((p) => at(runProgram(p, inputs), 0).data);
    want?.forEach((v, i) => expect(Math.abs(v - (got?.[i] ?? 0))).toBeLessThan(1e-5));
  });

  test('fold-batch-norm leaves a conv alone whose result is used twice', () => {
    const program = build((b, x) => {
      const v = b.emit('conv', [x, b.constant(f32([2, 2, 1, 1], (i) => i))], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
      return b.emit('mul', [b.emit('mul', [v, b.constant(f32([1], () => 2))], {}), v], {});
    });
    expect(run(program, 'fold-batch-norm')).toBe(program);
  });

  test('runPasses names every unknown pass', () => {
    const result = runPasses(randomCnn(1), ['fold', 'canonicalise', 'zap']);
    expect(result.ok ? [] : result.diagnostics.map((d) => [d.code, d.message, d.notes[0]])).toEqual([
      ['OPT0001', 'there is no pass canonicalise', 'Did you mean canonicalize?'],
      ['OPT0001', 'there is no pass zap', `The passes are ${PASSES.map((p) => p.name).join(', ')}.`],
    ]);
  });
});
