import { describe, expect, test } from '@jest/globals';
import { type OpName, type OpNode, type Program, ProgramBuilder, type Tensor, type ValueId } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { assignLayouts, type LayoutRule } from './layouts.ts';
import { planProgram } from './plan.ts';
import { fuseResiduals, RESIDUAL_OPERAND, residualOf } from './residuals.ts';

type Attrs = Parameters<ProgramBuilder['tryEmit']>[2];
const emit = (b: ProgramBuilder, op: OpName, values: readonly ValueId[], attrs: Attrs = {}): ValueId =>
  at(unwrap(b.tryEmit(op, values, attrs)), 0);
const bytes = (shape: readonly number[]): Tensor => ({ dtype: 'i8', shape, data: new Int8Array(shape.reduce((a, c) => a * c, 1)) });
const words = (n: number, v: number): Tensor => ({ dtype: 'i32', shape: [n], data: new Int32Array(n).fill(v) });

/** A 3 x 3 conv with a bias, rescaled to bytes. */
const conv = (b: ProgramBuilder, name: string, x: ValueId, outputs: number, inputs: number): ValueId => {
  const weights = b.param(`${name} w`, bytes([outputs, inputs, 3, 3]));
  const sums = emit(b, 'conv', [x, weights, b.param(`${name} b`, words(outputs, 0))], {
    stride: [1, 1],
    dilation: [1, 1],
    pads: [1, 1, 1, 1],
  });
  const factors = [b.param(`${name} m`, words(1, 20000)), b.param(`${name} s`, words(1, 24))];
  return emit(b, 'rescale', [sums, ...factors], { lo: -128, hi: 127, dtype: 'i8' });
};

const rule = (node: OpNode): LayoutRule =>
  node.op === 'conv' ? 'both' : node.op === 'add_rescale' || node.op === 'concat' || node.op === 'max_pool' ? 'same' : 'plain';
const isLast = (program: Program, values: readonly ValueId[]): readonly boolean[] => {
  const { fusions } = unwrap(planProgram(program, () => true));
  const layouts = assignLayouts(program, fusions, rule);
  return values.map(layouts.isLast);
};
const ADD = { multipliers: [1000, 1000], zeros: [0, 0], shift: 10, output_zero: 0 };

describe('layouts', () => {
  test('what kernels write and read alone lies channels last; inputs, outputs and what others read do not', () => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i8', shape: [1, 4, 5, 5] });
    const first = conv(b, 'first', x, 8, 4);
    const second = conv(b, 'second', first, 8, 8);
    const third = conv(b, 'third', second, 8, 8);
    emit(b, 'transpose', [second], { perm: [0, 2, 3, 1] });
    b.output('y', third);
    expect(isLast(b.finish(), [x, first, second, third])).toEqual([false, true, false, false]);
  });
  test('channels come in fours', () => {
    const b = new ProgramBuilder('p');
    const first = conv(b, 'first', b.input('x', { dtype: 'i8', shape: [1, 4, 5, 5] }), 6, 4);
    b.output('y', conv(b, 'second', first, 8, 6));
    expect(isLast(b.finish(), [first])).toEqual([false]);
  });
  test('one operand that cannot keeps all of an elementwise op row-major, and what is joined with it', () => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i8', shape: [1, 8, 5, 5] });
    const first = conv(b, 'first', x, 8, 8);
    const sum = emit(b, 'add_rescale', [first, x], ADD);
    const joined = emit(b, 'concat', [sum, conv(b, 'other', first, 8, 8)], { axis: 1 });
    b.output('y', conv(b, 'last', joined, 8, 16));
    expect(isLast(b.finish(), [first, sum, joined])).toEqual([false, false, false]);
  });
  test('a result without extent is in nobody’s way', () => {
    const b = new ProgramBuilder('p');
    const first = conv(b, 'first', b.input('x', { dtype: 'i8', shape: [1, 4, 3, 3] }), 8, 4);
    const whole = emit(b, 'max_pool', [first], { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
    b.output('y', whole);
    expect(isLast(b.finish(), [first, whole])).toEqual([true, false]);
  });
});

describe('sums of two images', () => {
  const block = (late: boolean): { readonly program: Program; readonly sum: ValueId; readonly other: ValueId } => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i8', shape: [1, 8, 5, 5] });
    const [one, two] = [conv(b, 'one', x, 8, 8), conv(b, 'two', x, 8, 8)];
    const sum = emit(b, 'add_rescale', late ? [two, one] : [one, two], ADD);
    b.output('y', sum);
    return { program: b.finish(), sum, other: one };
  };
  test.each([true, false])('end in the later conv (its operand first: %s)', (late) => {
    const { program, sum, other } = block(late);
    const fused = fuseResiduals(unwrap(planProgram(program, () => true)), () => true);
    const convs = fused.program.nodes.filter((n) => n.op === 'conv');
    const [last] = convs.slice(-1);
    expect(fused.program.nodes.some((n) => n.op === 'add_rescale')).toBe(false);
    const residual = residualOf(last === undefined ? undefined : fused.fusions.into.get(last));
    expect(residual?.results).toEqual([sum]);
    expect(residual?.own).toBe(late ? 0 : 1);
    expect(last?.operands[RESIDUAL_OPERAND]).toBe(other);
  });
  test('stay where a kernel cannot', () => {
    const plan = unwrap(planProgram(block(true).program, () => true));
    expect(fuseResiduals(plan, () => false)).toBe(plan);
  });
  test('stay where the conv has another reader', () => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i8', shape: [1, 8, 5, 5] });
    const one = conv(b, 'one', x, 8, 8);
    b.output('y', emit(b, 'add_rescale', [one, x], ADD));
    b.output('z', one);
    const plan = unwrap(planProgram(b.finish(), () => true));
    expect(fuseResiduals(plan, () => true)).toBe(plan);
  });
});
