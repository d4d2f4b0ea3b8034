import { describe, expect, test } from '@jest/globals';
import {
  isStaticType,
  OP_NAMES,
  opOf,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  sampleTensors,
  type Tensor,
  typeOf,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { evaluateGraph } from '../testing/evaluate-graph.ts';
import { randomNetwork } from '../testing/random-network.ts';
import { canNormalize, normalize } from './index.ts';

/** The greatest difference over the greatest value. Rules hold for real numbers: where one side is none, the other is none, of whatever sign. */
const apart = (a: Tensor, b: Tensor): number => {
  let [size, worst] = [1e-3, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [at(a.data, i), b.data[i] ?? Number.NaN];
    if (Object.is(x, y) || !(Number.isFinite(x) || Number.isFinite(y))) continue;
    if (Number.isFinite(x)) size = Math.max(size, Math.abs(x));
    worst = Math.max(worst, Number.isFinite(x - y) ? Math.abs(x - y) : Number.POSITIVE_INFINITY);
  }
  return a.data.length === b.data.length ? worst / size : Number.POSITIVE_INFINITY;
};

const expectSame = (program: Program, inputs: readonly Tensor[]): void => {
  const [wanted, got] = [runProgram(program, inputs), evaluateGraph(normalize(program).graph, inputs)];
  wanted.forEach((w, i) => {
    expect(got[i]?.shape).toEqual(w.shape);
    expect(apart(w, at(got, i))).toBeLessThan(1e-3);
  });
};

describe('the normal form computes what the program does', () => {
  test('for every sample of every op on floats', () => {
    let count = 0;
    for (const op of OP_NAMES) {
      opOf(op).samples.forEach((sample, k) => {
        const tensors = sampleTensors(sample, k + 1);
        if (tensors.length === 0 || tensors[0]?.dtype !== 'f32') return;
        // once with parameters, which rules look into, and once with inputs alone
        for (const fixed of [true, false]) {
          const b = new ProgramBuilder(op);
          const operands = tensors.map((t, i) =>
            i > 0 && fixed ? b.param(`p${i}`, t) : b.input(`x${i}`, { dtype: t.dtype, shape: t.shape }),
          );
          const results = b.tryEmit(op, operands, sample.attrs ?? {});
          if (!results.ok) return;
          results.value.forEach((v, i) => b.output(`y${i}`, v));
          const program = b.finish();
          if (!canNormalize(program) || program.types.some((t) => t.shape.includes(0))) return;
          try {
            expectSame(program, fixed ? tensors.slice(0, 1) : tensors);
          } catch (error) {
            throw new Error(`${op}, sample ${k}, ${fixed ? 'parameters' : 'inputs'}`, { cause: error });
          }
          count++;
        }
      });
    }
    expect(count).toBeGreaterThan(300);
  });

  test('for random networks', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const program = randomNetwork(seed, 3 + (seed % 9));
      const inputs = program.inputs.map((p) => {
        const type = typeOf(program, p.value);
        if (!isStaticType(type)) throw new Error('random networks have numbers as dimensions');
        return randomTensor(type, new Philox(seed), -1, 1);
      });
      try {
        expectSame(program, inputs);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});
