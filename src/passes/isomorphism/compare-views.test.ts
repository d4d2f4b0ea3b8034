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
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { certificateOf, checkCertificate, parseCertificate } from './certificate.ts';
import { describeDifference, verdictOf } from './compare.ts';
import { comparePrograms } from './compare-views.ts';
import { seenThrough } from './picture-view.ts';

const run = (p: Program) => (inputs: readonly Tensor[]) => runProgram(p, inputs);

interface Spelling {
  /** Takes pictures turned, every kernel transposed. */
  readonly turned?: boolean;
  /** Channel c of the picture as it stands is channel channels[c] here. */
  readonly channels?: readonly number[];
  /** The one layer whose kernel is not what the spelling asks for. */
  readonly except?: 'conv2' | 'dense';
}

const place = (t: Tensor, shape: readonly number[], index: (i: readonly number[]) => number): Tensor => {
  const data = t.data.slice();
  const [, m = 1, h = 1, w = 1] = shape;
  for (let i = 0; i < data.length; i++) {
    const at4 = [Math.floor(i / (m * h * w)), Math.floor(i / (h * w)) % m, Math.floor(i / w) % h, i % w];
    data[i] = at(t.data, index(at4));
  }
  return { ...t, shape, data };
};

/** A picture of 9 x 7 with kernels, strides and pads that are not square, constants over the plane, a branch, and a head behind a flatten. */
const network = ({ turned = false, channels = [0, 1, 2], except }: Spelling = {}): Program => {
  const b = new ProgramBuilder('pictures');
  const random = new Philox(5);
  const draw = (shape: readonly number[]): Tensor => randomTensor({ dtype: 'f32', shape }, random, -1, 1);
  const emit = (op: OpName, operands: readonly ValueId[], attrs: AnyAttrs = {}): ValueId =>
    at(unwrap(b.tryEmit(op, operands, attrs, `${op} node`)), 0);
  const swap = <T>(list: readonly T[]): readonly T[] => (turned ? [...list].reverse() : list);
  // element [o, i, y, x] of the kernel here is [o, channel of i, x, y] as it stands
  const turn = (t: Tensor, name: string, order?: readonly number[]): Tensor => {
    const [o = 1, m = 1, h = 1, w = 1] = t.shape;
    const side = turned && except !== name;
    const from = (c: number): number => (order === undefined ? c : order.indexOf(c));
    return place(t, [o, m, ...(turned ? [w, h] : [h, w])], ([r = 0, c = 0, y = 0, x = 0]) => {
      const [row, column] = side ? [x, y] : [y, x];
      return ((r * m + from(c)) * h + row) * w + column;
    });
  };
  const window = (stride: readonly number[], pads: readonly number[]): AnyAttrs => ({
    stride: swap(stride),
    dilation: [1, 1],
    pads: turned ? [1, 0, 3, 2].map((i) => at(pads, i)) : pads,
  });
  const x = b.input('x', { dtype: 'f32', shape: [1, 3, ...swap([9, 7])] });
  const scaled = emit('mul', [x, b.param('spread', draw([]))]);
  const c1 = emit(
    'conv',
    [scaled, b.param('k1', turn(draw([8, 3, 3, 2]), 'conv1', channels)), b.param('b1', draw([8]))],
    window([2, 1], [1, 0, 0, 1]),
  );
  const plane = b.typeOf(c1).shape as readonly number[];
  const [, , ph = 1, pw = 1] = turned ? [1, 8, at(plane, 3), at(plane, 2)] : plane;
  const shift = turn(draw([1, 1, ph, pw]), 'plane');
  const active = emit('prelu', [emit('add', [c1, b.param('shift', shift)]), b.param('slope', draw([8, 1, 1]))]);
  const c2 = emit('conv', [active, b.param('k2', turn(draw([4, 8, 3, 3]), 'conv2'))], window([1, 1], [1, 1, 1, 1]));
  const pooled = emit('max_pool', [active], { kernel: swap([3, 3]), ...window([1, 1], [1, 1, 1, 1]) });
  const both = emit('concat', [c2, pooled], { axis: 1 });
  const flat = emit('flatten', [emit('relu', [both])], { axis: 1 });
  const columns = draw([5, 12 * ph * pw]);
  const head =
    turned && except !== 'dense'
      ? place(columns, [5, 12, pw, ph], ([o = 0, c = 0, y = 0, z = 0]) => ((o * 12 + c) * ph + z) * pw + y)
      : columns;
  b.output('class', emit('dense', [flat, b.param('w', { ...head, shape: [5, 12 * ph * pw] })]));
  b.output('map', emit('sigmoid', [both]));
  return b.finish();
};

describe('models that take the picture in another view', () => {
  const plain = network();
  test.each([
    [{ turned: true }, /^equal when the input x of B is seen with H and W swapped$/],
    [{ channels: [2, 1, 0] }, /^equal when the input x of B is seen with its channels reversed$/],
    [{ turned: true, channels: [1, 2, 0] }, /^equal when .* with H and W swapped and its channels in the order 1, 2, 0$/],
  ] as const)('%j is found, told, certified and probed', (spelling, note) => {
    const other = network(spelling);
    const comparison = comparePrograms(plain, other, { run, probes: 9 });
    expect(comparison.levels.map((l) => l.outcome)).toEqual(['refuted', 'proven', 'proven', 'proven', 'proven']);
    expect(verdictOf(comparison, 3)).toBe('isomorphic');
    expect(comparison.notes[0]).toMatch(note);
    expect(comparison.levels[3]?.text).toMatch(/through a view/);
    expect(comparison.notes.includes('output map of B is seen with H and W swapped')).toBe('turned' in spelling);
    expect(comparePrograms(other, plain).reached).toBe(3);
    const certificate = certificateOf(plain, other, comparison);
    if (certificate === undefined) throw new Error('there is a certificate');
    expect(parseCertificate(JSON.stringify(certificate))).toEqual(certificate);
    expect(checkCertificate(certificate, plain, other)).toEqual([]);
    const { view, ...without } = certificate;
    expect(view).toEqual(comparison.view);
    expect(checkCertificate(without, plain, other)).not.toEqual([]);
    for (const channels of [
      [0, 0, 0],
      [0, 1],
      [0, 2, 1],
      [0, 1, 9],
    ]) {
      expect(checkCertificate({ ...certificate, view: { turned: false, channels } }, plain, other)).not.toEqual([]);
    }
  });

  test('one layer that is not seen so is a difference', () => {
    for (const except of ['conv2', 'dense'] as const) {
      const comparison = comparePrograms(plain, network({ turned: true, channels: [2, 1, 0], except }), { run, probes: 9 });
      expect(comparison.reached).toBeLessThan(3);
      expect(comparison.view).toBeUndefined();
      expect(verdictOf(comparison, 3)).not.toBe('isomorphic');
    }
    const square = (kernel: Tensor): Program => {
      const b = new ProgramBuilder('square');
      const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
      const first = b.param('k', randomTensor({ dtype: 'f32', shape: [4, 3, 3, 3] }, new Philox(1), -1, 1));
      const x = at(unwrap(b.tryEmit('conv', [b.input('x', { dtype: 'f32', shape: [1, 3, 6, 6] }), first], window, 'one')), 0);
      b.output('y', at(unwrap(b.tryEmit('conv', [x, b.param('l', kernel)], window, 'two')), 0));
      return b.finish();
    };
    const kernel = randomTensor({ dtype: 'f32', shape: [2, 4, 3, 3] }, new Philox(2), -1, 1);
    const transposed = place(kernel, kernel.shape, ([o = 0, c = 0, y = 0, x = 0]) => ((o * 4 + c) * 3 + x) * 3 + y);
    const comparison = comparePrograms(square(kernel), square(transposed));
    expect(verdictOf(comparison, 3)).toBe('different');
    expect(comparison.difference === undefined ? '' : describeDifference(comparison.difference)).toMatch(/two/);
  });

  test('the rewriting computes what the model does on the picture as it is', () => {
    const other = network({ turned: true, channels: [2, 0, 1] });
    const seen = seenThrough(other, { turned: true, channels: [1, 2, 0] });
    if (seen === undefined) throw new Error('every op has a rule');
    const picture = randomTensor({ dtype: 'f32', shape: [1, 3, 9, 7] }, new Philox(3), -1, 1);
    const own = place(picture, [1, 3, 7, 9], ([, c = 0, y = 0, x = 0]) => ([1, 2, 0].indexOf(c) * 9 + x) * 7 + y);
    const [scores, map] = runProgram(other, [own]);
    const [seenScores, seenMap] = runProgram(seen.program, [picture]);
    expect([...seen.turnedOutputs]).toEqual([1]);
    expect(at([seenScores], 0)?.data.every((v, i) => Math.abs(v - at(scores?.data ?? [], i)) < 1e-4)).toBe(true);
    const [, c = 1, h = 1, w = 1] = map?.shape ?? [];
    expect(seenMap?.shape).toEqual([1, c, w, h]);
    const turned = map === undefined ? undefined : place(map, [1, c, w, h], ([, k = 0, y = 0, x = 0]) => (k * h + x) * w + y);
    expect(seenMap?.data.every((v, i) => Math.abs(v - at(turned?.data ?? [], i)) < 1e-5)).toBe(true);
  });

  test('a kernel that two layers share is still one', () => {
    const shared = (kernels: readonly number[], turned: boolean): Program => {
      const b = new ProgramBuilder('shared');
      const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
      const draw = randomTensor({ dtype: 'f32', shape: [3, 3, 3, 3] }, new Philox(1), -1, 1);
      const kernel = turned ? place(draw, draw.shape, ([o = 0, c = 0, y = 0, x = 0]) => ((o * 3 + c) * 3 + x) * 3 + y) : draw;
      const made = Array.from({ length: Math.max(...kernels) + 1 }, (_, i) => b.param(`k${i}`, kernel));
      let x = b.input('x', { dtype: 'f32', shape: [1, 3, 6, 6] });
      for (const k of kernels) x = at(unwrap(b.tryEmit('conv', [x, at(made, k)], window, 'layer')), 0);
      b.output('y', x);
      return b.finish();
    };
    expect(comparePrograms(shared([0, 0], false), shared([0, 0], true)).levels[1]?.outcome).toBe('proven');
    const seen = seenThrough(shared([0, 0], true), { turned: true });
    expect(seen?.program.params.length).toBe(1);
    expect(seenThrough(shared([0, 1], true), { turned: true })?.program.params.length).toBe(2);
  });

  test('an op without a rule is no view', () => {
    const b = new ProgramBuilder('moved');
    const x = b.input('x', { dtype: 'f32', shape: [1, 3, 4, 4] });
    b.output('y', at(unwrap(b.tryEmit('transpose', [x], { perm: [0, 2, 1, 3] }, 'moved')), 0));
    const p = b.finish();
    expect(seenThrough(p, { turned: true })).toBeUndefined();
    expect(seenThrough(p, { turned: false, channels: [2, 1, 0] })).toBeUndefined();
    expect(typeOf(p, at(p.inputs, 0).value).shape).toEqual([1, 3, 4, 4]);
  });
});
