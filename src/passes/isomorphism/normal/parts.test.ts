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
  typeOf,
  type ValueId,
} from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { comparePrograms } from '../compare-views.ts';
import { evaluateGraph } from '../testing/evaluate-graph.ts';
import { normalize } from './index.ts';

const f32 = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);
type Emit = (op: OpName, operands: readonly ValueId[], attrs?: AnyAttrs) => ValueId;

const program = (shape: readonly number[], body: (emit: Emit, x: ValueId, b: ProgramBuilder) => ValueId): Program => {
  const b = new ProgramBuilder('test');
  const emit: Emit = (op, operands, attrs = {}) => at(unwrap(b.tryEmit(op, operands, attrs, op)), 0);
  b.output('y', body(emit, b.input('x', { dtype: 'f32', shape }), b));
  return b.finish();
};

/** Elements `from` to `to` of an axis. */
const cut = (emit: Emit, b: ProgramBuilder, x: ValueId, axis: number, from: number, to: number): ValueId => {
  const shape = b.typeOf(x).shape as readonly number[];
  return emit('slice', [x], {
    starts: shape.map((_, i) => (i === axis ? from : 0)),
    sizes: shape.map((d, i) => (i === axis ? to - from : d)),
    steps: shape.map(() => 1),
  });
};

const rowsOf = (t: Tensor, from: number, to: number): Tensor => {
  const per = t.data.length / at(t.shape, 0);
  return { ...t, shape: [to - from, ...t.shape.slice(1)], data: t.data.slice(from * per, to * per) };
};

const [TOKENS, MODEL, HEADS] = [5, 12, 3];
const [QKV, BIAS, OUT] = [f32([3 * MODEL, MODEL], 1), f32([3 * MODEL], 2), f32([MODEL, MODEL], 3)];

type Fusion = 'apart' | 'fused, cut' | 'fused, cut by heads';

/** Attention with queries, keys and values from one layer or three. */
const attention = (fusion: Fusion, order: readonly number[] = [0, 1, 2]): Program =>
  program([2, TOKENS, MODEL], (emit, x, b) => {
    const heads = (v: ValueId): ValueId =>
      emit('transpose', [emit('reshape', [v], { shape: [2, TOKENS, HEADS, MODEL / HEADS] })], { perm: [0, 2, 1, 3] });
    let parts: readonly ValueId[];
    if (fusion === 'apart') {
      parts = order.map((k) => {
        const w = rowsOf(QKV, k * MODEL, (k + 1) * MODEL);
        return heads(emit('dense', [x, b.param(`w${k}`, w), b.param(`b${k}`, rowsOf(BIAS, k * MODEL, (k + 1) * MODEL))]));
      });
    } else {
      const y = emit('dense', [x, b.param('w', QKV), b.param('b', BIAS)]);
      if (fusion === 'fused, cut') parts = order.map((k) => heads(cut(emit, b, y, 2, k * MODEL, (k + 1) * MODEL)));
      else {
        const split = emit('reshape', [y], { shape: [2, TOKENS, 3, HEADS, MODEL / HEADS] });
        const moved = emit('transpose', [split], { perm: [2, 0, 3, 1, 4] });
        parts = order.map((k) => emit('squeeze', [cut(emit, b, moved, 0, k, k + 1)], { axes: [0] }));
      }
    }
    const [q, k, v] = parts as [ValueId, ValueId, ValueId];
    const scores = emit('matmul', [q, emit('transpose', [k], { perm: [0, 1, 3, 2] })]);
    const mixed = emit('matmul', [emit('softmax', [scores], { axis: -1 }), v]);
    const joined = emit('reshape', [emit('transpose', [mixed], { perm: [0, 2, 1, 3] })], { shape: [2, TOKENS, MODEL] });
    return emit('dense', [joined, b.param('o', OUT)]);
  });

const CONV = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
const [GROUPED, GROUPED_BIAS] = [f32([8, 3, 3, 3], 4), f32([8], 5)];

/** A convolution of two groups, or two convolutions side by side, the second with its parts in another order if `crossed`. */
const groups = (spelling: 'grouped' | 'apart' | 'crossed'): Program =>
  program([1, 6, 5, 5], (emit, x, b) => {
    if (spelling === 'grouped')
      return emit('relu', [emit('conv', [x, b.param('w', GROUPED), b.param('b', GROUPED_BIAS)], { ...CONV, groups: 2 })]);
    const parts = [0, 1].map((g) => {
      const from = spelling === 'crossed' ? 1 - g : g;
      const own = cut(emit, b, x, 1, 3 * from, 3 * from + 3);
      const w = b.param(`w${g}`, rowsOf(GROUPED, 4 * g, 4 * g + 4));
      return emit('conv', [own, w, b.param(`b${g}`, rowsOf(GROUPED_BIAS, 4 * g, 4 * g + 4))], { ...CONV, groups: 1 });
    });
    return emit('relu', [emit('concat', parts, { axis: 1 })]);
  });

test('normal forms compute what the programs do', () => {
  const spellings = (['apart', 'fused, cut', 'fused, cut by heads'] as const).map((s) => attention(s, [2, 0, 1]));
  for (const p of [...spellings, groups('grouped'), groups('apart'), groups('crossed')]) {
    const x = f32(typeOf(p, at(p.inputs, 0).value).shape as readonly number[], 6);
    const [wanted, got] = [at(runProgram(p, [x]), 0), at(evaluateGraph(normalize(p).graph, [x]), 0)];
    const apart = Array.from(wanted.data).reduce((m, v, i) => Math.max(m, Math.abs(v - at(got.data, i))), 0);
    expect(apart).toBeLessThan(1e-5);
  }
});

const reached = (a: Program, b: Program): number => comparePrograms(a, b).reached;

describe('parts of layers', () => {
  const spellings: readonly Fusion[] = ['apart', 'fused, cut', 'fused, cut by heads'];

  test.each(spellings)('queries, keys and values: %s', (spelling) => {
    for (const other of spellings) expect(reached(attention(spelling), attention(other))).toBe(3);
  });

  test('keys and values that are swapped are another network', () => {
    for (const spelling of spellings) {
      expect(reached(attention('apart'), attention(spelling, [0, 2, 1]))).toBeLessThan(3);
      expect(comparePrograms(attention('apart'), attention(spelling, [0, 2, 1])).difference).toBeDefined();
    }
  });

  test('a convolution in groups and convolutions side by side', () => {
    expect(reached(groups('grouped'), groups('apart'))).toBe(3);
    expect(reached(groups('apart'), groups('grouped'))).toBe(3);
    expect(reached(groups('grouped'), groups('crossed'))).toBe(-1);
  });

  test('a layer that is cut and joined again is the layer', () => {
    const whole = (again: boolean): Program =>
      program([1, 6], (emit, x, b) => {
        const y = emit('dense', [x, b.param('w', f32([7, 6], 8)), b.param('b', f32([7], 9))]);
        return emit('relu', [again ? emit('concat', [cut(emit, b, y, 1, 0, 3), cut(emit, b, y, 1, 3, 7)], { axis: 1 }) : y]);
      });
    expect(reached(whole(true), whole(false))).toBe(3);
  });
});
