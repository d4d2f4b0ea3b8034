import { describe, expect, test } from '@jest/globals';
import { runProgram, type Tensor } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { codesOf, graph, model, node, port, tensor } from './testing/build.ts';

const floats = (shape: readonly number[], ...values: readonly number[]): Tensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});

const run = (bytes: Uint8Array, ...inputs: readonly Tensor[]): readonly (readonly [readonly number[], readonly number[]])[] =>
  runProgram(unwrap(importOnnx(bytes)).program, inputs).map((t) => [t.shape, Array.from(t.data)] as const);

/** y += x * w each time; the sums so far are the scan output. */
const accumulate = (more: { readonly condition?: readonly object[]; readonly out?: string } = {}): object =>
  graph({
    inputs: [port('i', 'int64', []), port('go', 'bool', []), port('y', 'float', [2])],
    params: [tensor('w', 'float', [2], [1, 10])],
    nodes: [node('Mul', ['x', 'w'], ['step']), node('Add', ['y', 'step'], ['next']), ...(more.condition ?? [])],
    outputs: [port(more.out ?? 'go', 'bool', []), port('next', 'float', [2]), port('next', 'float', [2])],
  });

const looped = (trips: readonly object[], body: object, inputs: readonly string[], outputs = ['last', 'all']): Uint8Array =>
  model({
    inputs: [port('x', 'float', [2]), port('start', 'float', [2])],
    params: trips,
    nodes: [node('Loop', [...inputs, 'start'], outputs, { body: { graph: body } })],
    outputs: outputs.map((name) => port(name, 'float', [])),
  });

const three = tensor('m', 'int64', [], [3]);
const x = floats([2], 1, 2);
const start = floats([2], 5, -1);

describe('Loop', () => {
  test('with a known trip count is unrolled: states and scan outputs', () => {
    expect(run(looped([three], accumulate(), ['m', '']), x, start)).toEqual([
      [[2], [8, 59]],
      [
        [3, 2],
        [6, 19, 7, 39, 8, 59],
      ],
    ]);
  });
  test('an initializer of the body is one parameter', () => {
    const { program } = unwrap(importOnnx(looped([three], accumulate(), ['m', ''])));
    expect(program.params.filter((p) => p.name.startsWith('w')).map((p) => p.name)).toEqual(['w']);
  });
  test('without a trip count runs while the known condition holds', () => {
    const condition = [node('Constant', [], ['two'], { value_int: 2 }), node('Less', ['i', 'two'], ['more'])];
    const bytes = looped([tensor('yes', 'bool', [], [1])], accumulate({ condition, out: 'more' }), ['', 'yes']);
    expect(run(bytes, x, start)[0]).toEqual([[2], [8, 59]]);
  });
  test('whose condition is false at first gives back its states', () => {
    const none = looped([three, tensor('no', 'bool', [], [0])], accumulate(), ['m', 'no'], ['last']);
    expect(codesOf(none)).toEqual(['ONX2002']); // the scan output has no shape
  });
  test('with a condition or a trip count that data decides is refused by name', () => {
    const condition = [node('ReduceSum', ['next'], ['sum'], { keepdims: 0 }), node('Cast', ['sum'], ['more'], { to: 9 })];
    const byData = importOnnx(looped([three], accumulate({ condition, out: 'more' }), ['m', '']));
    expect(byData.ok ? '' : byData.diagnostics.map((d) => d.message)).toEqual([
      'Loop (opset 17): the condition after iteration 0 (more) must be known at import',
    ]);
    const count = model({
      inputs: [port('x', 'float', [2]), port('start', 'float', [2]), port('m', 'int64', [])],
      nodes: [node('Loop', ['m', '', 'start'], ['last'], { body: { graph: accumulate() } })],
      outputs: [port('last', 'float', [2])],
    });
    expect(codesOf(count)).toEqual(['ONX2004']);
  });
  test('that would run on and on, or too often, is above a limit', () => {
    expect(codesOf(looped([tensor('yes', 'bool', [], [1])], accumulate(), ['', 'yes']))).toEqual(['ONX1012']);
    expect(codesOf(looped([tensor('m', 'int64', [], [5000])], accumulate(), ['m', '']))).toEqual(['ONX1012']);
    const nested = (depth: number): object =>
      graph({
        inputs: [port('i', 'int64', []), port('go', 'bool', []), port('y', 'float', [2])],
        nodes: depth === 0 ? [] : [node('Loop', ['many', '', 'y'], ['z'], { body: { graph: nested(depth - 1) } })],
        outputs: [port('go', 'bool', []), port(depth === 0 ? 'y' : 'z', 'float', [2])],
      });
    expect(codesOf(looped([tensor('many', 'int64', [], [4000])], nested(3), ['many', ''], ['last']))).toContain('ONX1012');
  });
  test('a body that cannot be imported is reported once', () => {
    const body = graph({
      inputs: [port('i', 'int64', []), port('go', 'bool', []), port('y', 'float', [2])],
      nodes: [node('Mystery', ['y'], ['next'])],
      outputs: [port('go', 'bool', []), port('next', 'float', [2])],
    });
    expect(codesOf(looped([three], body, ['m', ''], ['last']))).toEqual(['ONX2001']);
  });
});

/** s += a - b for each column pair; also gives a * b. */
const body = graph({
  inputs: [port('s', 'float', [2]), port('a', 'float', [2]), port('b', 'float', [2])],
  nodes: [node('Sub', ['a', 'b'], ['d']), node('Add', ['s', 'd'], ['t']), node('Mul', ['a', 's'], ['p'])],
  outputs: [port('t', 'float', [2]), port('p', 'float', [2])],
});

const scanned = (attrs: Readonly<Record<string, number | readonly number[]>>): Uint8Array =>
  model({
    inputs: [port('s0', 'float', [2]), port('A', 'float', [2, 3]), port('B', 'float', [3, 2])],
    nodes: [node('Scan', ['s0', 'A', 'B'], ['last', 'all'], { body: { graph: body }, num_scan_inputs: 2, ...attrs })],
    outputs: [port('last', 'float', []), port('all', 'float', [])],
  });

describe('Scan', () => {
  const inputs = [floats([2], 1, 2), floats([2, 3], 1, 2, 3, 10, 20, 30), floats([3, 2], 1, 1, 0, 2, 5, 5)];
  test('axes and directions of inputs and outputs', () => {
    // columns of A from the last on, rows of B in order: s is (1, 2), (3, 31), (5, 49), (1, 54)
    const bytes = scanned({ scan_input_axes: [-1, 0], scan_input_directions: [1, 0], scan_output_axes: [1], scan_output_directions: [1] });
    expect(run(bytes, ...inputs)).toEqual([
      [[2], [1, 54]],
      [
        [2, 3],
        [5, 6, 3, 490, 620, 60],
      ],
    ]);
  });
  test('inputs of different length are refused', () => {
    expect(codesOf(scanned({}))).toEqual(['ONX1013']);
  });
  test('an attribute that is not known is refused', () => {
    expect(codesOf(scanned({ scan_input_axes: [1, 0], speed: 1 }))).toEqual(['ONX2002']);
  });
  test('of version 8 scans every batch entry, and refuses lengths', () => {
    const old = (lengths: string): Uint8Array =>
      model(
        {
          inputs: [port('s0', 'float', [2, 2]), port('A', 'float', [2, 2, 2]), port('B', 'float', [2, 2, 2])],
          params: [tensor('n', 'int64', [2], [2, 1])],
          nodes: [
            node('Scan', [lengths, 's0', 'A', 'B'], ['last', 'all'], { body: { graph: body }, num_scan_inputs: 2, directions: [0, 1] }),
          ],
          outputs: [port('last', 'float', []), port('all', 'float', [])],
        },
        8,
      );
    const [a, b] = [floats([2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8), floats([2, 2, 2], 0, 0, 1, 1, 2, 2, 3, 3)];
    expect(run(old(''), floats([2, 2], 0, 1, 2, 3), a, b)).toEqual([
      [
        [2, 2],
        [3, 6, 9, 12],
      ],
      [
        [2, 2, 2],
        [0, 2, 0, 8, 10, 18, 28, 48],
      ],
    ]);
    expect(codesOf(old('n'))).toEqual(['ONX2002']);
  });
});
