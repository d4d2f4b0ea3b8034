import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { readFileSync } from 'node:fs';
import { differenceOf } from '../../../conformance/frameworks/round-trip.ts';
import { opCases } from '../../../conformance/frameworks/cases.ts';
import { functionDigests, importOnnx } from '../../frontend/onnx/index.ts';
import { OWN_DIGESTS } from '../../frontend/onnx/own-digests.ts';
import { OP_NAMES, type Program, ProgramBuilder, type Tensor, typeOf } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { functionLibrary, onnxExporter, onnxFiles } from './index.ts';

const f32 = (shape: readonly number[], value = 1): Tensor => ({
  dtype: 'f32',
  shape,
  data: new Float32Array(shape.reduce((a, d) => a * d, 1)).fill(value),
});
const i32 = (...values: readonly number[]): Tensor => ({ dtype: 'i32', shape: [values.length], data: Int32Array.from(values) });

const schema = protobuf
  .parse(readFileSync(new URL('../../../grammar/onnx.proto', import.meta.url), 'utf8'))
  .root.lookupType('onnx.ModelProto');

interface Model {
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly functions: readonly { readonly name: string }[];
  readonly graph: {
    readonly node: readonly {
      readonly name: string;
      readonly opType: string;
      readonly input: readonly string[];
      readonly output: readonly string[];
    }[];
    readonly initializer: readonly { readonly name: string }[];
    readonly input: readonly { readonly type: { readonly tensorType: { readonly shape: { readonly dim: readonly object[] } } } }[];
  };
}

const bytesOf = (program: Program): Uint8Array => {
  const content = unwrap(onnxExporter.export(program)).files.find((f) => f.name === 'model.onnx')?.content;
  if (!(content instanceof Uint8Array)) throw new TypeError('model.onnx is not there');
  return content;
};
const decode = (bytes: Uint8Array): Model => schema.toObject(schema.decode(bytes), { arrays: true, longs: Number }) as Model;
/** Nodes as `name: outputs = Operator(inputs)`. */
const nodesOf = (model: Model): readonly string[] =>
  model.graph.node.map((n) => `${n.name}: ${n.output.join(', ')} = ${n.opType}(${n.input.join(', ')})`);

const small = (): Program => {
  const b = new ProgramBuilder('small');
  const x = b.input('image', { dtype: 'f32', shape: ['N', 3, 8, 8] });
  const conv = b.emit(
    'conv',
    [x, b.param('conv1.weight', f32([4, 3, 3, 3]))],
    { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] },
    'conv1',
  );
  const y = b.emit('relu', [conv], {}, 'relu1');
  const [low, high] = b.emitAll('split', [y], { axis: 1, sizes: [2, 2] }, 'halves');
  b.output('low', at([low ?? y], 0));
  b.output('sum', b.emit('add', [at([low ?? y], 0), at([high ?? y], 0)], {}, 'sum'));
  b.output('again', x);
  return b.finish();
};

describe('ONNX', () => {
  test('nodes, values and parameters have the names of the user, and a symbolic batch stays', () => {
    const model = decode(bytesOf(small()));
    expect(nodesOf(model)).toEqual([
      'conv1: conv1 = Conv(image, conv1.weight)',
      'relu1: relu1 = Relu(conv1)',
      'halves: low, halves/y1 = Split(relu1, halves/sizes)',
      'sum: sum = Add(low, halves/y1)',
      'again: again = Identity(image)',
    ]);
    expect(model.graph.initializer.map((t) => t.name)).toEqual(['conv1.weight', 'halves/sizes']);
    expect(at(model.graph.input, 0).type.tensorType.shape.dim[0]).toMatchObject({ dimParam: 'N' });
    expect(model.opsetImport).toEqual([{ domain: '', version: 21 }]);
    expect(model.functions).toEqual([]);
  });

  test('integers are one call each of a function that the model holds', () => {
    const b = new ProgramBuilder('integers');
    const x = b.input('x', { dtype: 'i32', shape: [2, 3] });
    const y = b.emit('rescale', [x, b.param('m', i32(20000)), b.param('s', i32(20))], { dtype: 'i8', lo: -128, hi: 127 }, 'fc/requant');
    b.output('y', b.emit('rescale', [y, b.param('m2', i32(30000)), b.param('s2', i32(15))], { dtype: 'i8', lo: 0, hi: 127 }, 'act'));
    const model = decode(bytesOf(b.finish()));
    expect(nodesOf(model)).toEqual(['fc/requant: fc/requant = rescale(x, m, s)', 'act: y = rescale(fc/requant, m2, s2)']);
    expect(model.functions.map((f) => f.name)).toEqual(['rescale']);
  });

  test('parameters of more than a message holds stand in files of their own', () => {
    const b = new ProgramBuilder('large');
    b.output('y', b.emit('mul', [b.input('x', { dtype: 'f32', shape: [400] }), b.param('w', f32([400], 3))], {}, 'scaled'));
    const [model, weights, ...rest] = unwrap(onnxFiles(b.finish(), 'exact', 100)).files;
    expect(rest).toEqual([]);
    expect(weights?.name).toBe('weights/0.bin');
    expect(Number(weights?.content.length)).toBe(1600);
    expect(Number(model?.content.length)).toBeLessThan(400);
  });

  test('layers of bytes stand between quantizers where that is asked for', () => {
    const b = new ProgramBuilder('layer');
    const x = b.input('x', { dtype: 'i8', shape: [1, 2, 4, 4] });
    const w: Tensor = { dtype: 'i8', shape: [3, 2, 1, 1], data: Int8Array.of(1, 2, 3, 4, 5, 6) };
    const attrs = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], pad_value: -3 };
    const sum = b.emit('conv', [x, b.param('w', w), b.param('b', i32(1, 2, 3))], attrs, 'conv1');
    b.output('y', b.emit('rescale', [sum, b.param('m', i32(20000)), b.param('s', i32(20))], { dtype: 'i8', lo: 0, hi: 127 }, 'act'));
    const content = at(unwrap(onnxFiles(b.finish(), 'qdq')).files, 0).content;
    const nodes = content instanceof Uint8Array ? decode(content).graph.node : [];
    const layer = ['DequantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', 'Clip', 'QuantizeLinear'];
    expect(nodes.map((n) => n.opType)).toEqual(layer);
  });

  test('indices that count from the end are left to Gather', () => {
    const b = new ProgramBuilder('table');
    const scalar = (value: number): Tensor => ({ dtype: 'i32', shape: [], data: Int32Array.of(value) });
    const [rows, ids] = [b.param('rows', f32([5, 2])), b.input('ids', { dtype: 'i32', shape: [3] })];
    const below = b.emit('less', [ids, b.param('zero', scalar(0))], {}, 'look/less');
    const moved = b.emit('add', [ids, b.param('five', scalar(5))], {}, 'look/add');
    const index = b.emit('select', [below, moved, ids], {}, 'look/select');
    b.output('y', b.emit('gather', [rows, index], { axis: 0 }, 'look'));
    const program = b.finish();
    const bytes = bytesOf(program);
    expect(nodesOf(decode(bytes))).toEqual(['look: y = Gather(rows, ids)']);
    expect(decode(bytes).graph.initializer.map((t) => t.name)).toEqual(['rows']);
    expect(differenceOf(program, unwrap(importOnnx(bytes)).program)).toBeUndefined();
  });

  test('every node that cannot be written is listed by its name', () => {
    const b = new ProgramBuilder('refused');
    const seed = b.input('seed', { dtype: 'i32', shape: [2] });
    const bits = b.emit('random_bits', [seed], { shape: [2, 3] }, 'noise');
    b.output('y', b.emit('add', [bits, b.emit('random_bits', [seed], { shape: [3] }, 'more')], {}, 'sum'));
    const result = onnxExporter.export(b.finish());
    expect(result.ok ? [] : result.diagnostics.map((d) => [d.code, d.where])).toEqual([
      ['EXP0001', 'noise'],
      ['EXP0001', 'more'],
    ]);
  });

  test('the importer knows every function by what it computes', () => {
    expect(unwrap(functionDigests(functionLibrary()))).toEqual(OWN_DIGESTS);
  });

  test('a function of our name with another body is not taken for the op', () => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'i32', shape: [4] });
    b.output('y', b.emit('clz', [x], {}, 'zeros'));
    const bytes = bytesOf(b.finish());
    expect(unwrap(importOnnx(bytes)).program.nodes.map((n) => n.op)).toEqual(['clz']);
    const model = schema.decode(bytes) as unknown as { functions: { node: { opType: string }[] }[] };
    const last = at(model.functions, 0).node.at(-1);
    if (last !== undefined) last.opType = 'Identity';
    const changed = importOnnx(new Uint8Array(schema.encode(model).finish()));
    expect(changed.ok ? changed.value.program.nodes.map((n) => n.op) : []).not.toContain('clz');
  });

  test('all ops are in the table, and few are refused', () => {
    const refused = OP_NAMES.filter((op) => onnxExporter.refusal(op) !== undefined);
    expect(refused).toEqual(
      ['interpolate', 'nms', 'random_bits', 'random_uniform', 'random_int', 'random_bernoulli', 'random_normal', 'random_gumbel'].sort(
        (a, c) => OP_NAMES.indexOf(a as never) - OP_NAMES.indexOf(c as never),
      ),
    );
  });
});

/** Samples whose exported form means the same by other ops than those of the program; each is run by onnxruntime all the same. */
const OTHER_FORM: ReadonlySet<string> = new Set([
  // updates and regions that may lie outside
  'scatter_elements',
  'scatter_nd',
  'roi_align',
  'roi_pool',
  'max_unpool',
  'col2im',
  // or and and of truth values are an extreme there and a sum here
  'reduce_any',
  'reduce_all',
  // masks of -infinity have no residual
  'attention',
]);
/** Single samples of that kind: windows of an even number of channels, partial ones of integers, a bias that is computed. */
const OTHER_SAMPLES: ReadonlySet<string> = new Set([
  'lrn-1',
  'average_pool-20',
  'average_pool-32',
  'dense-6',
  'rnn-1',
  'rnn-6',
  'lstm-1',
  'lstm-2',
  'gru-1',
  'gru-2',
]);
const hasSixBits = (p: Program): boolean => p.types.some((t) => t.dtype === 'i6');
const isEmpty = (p: Program): boolean => p.types.some((t) => t.shape.includes(0));

describe('round trip', () => {
  // parameters in place of inputs change nothing here; the run in frameworks has both
  const cases = [...opCases()].filter((c) => !c.name.endsWith('-params') && !hasSixBits(c.program) && !isEmpty(c.program));
  test.each([0, 1, 2, 3])('op samples are read back as they were, part %i', (part) => {
    const different = cases.flatMap((c, i) => {
      if (i % 4 !== part || OTHER_SAMPLES.has(c.name) || OTHER_FORM.has(c.name.slice(0, c.name.lastIndexOf('-')))) return [];
      const exported = onnxExporter.export(c.program);
      if (!exported.ok) return [];
      const back = importOnnx(bytesOf(c.program));
      if (!back.ok) return [`${c.name}: ${back.diagnostics.map((d) => d.message).join('; ')}`];
      const difference = differenceOf(c.program, back.value.program);
      return difference === undefined ? [] : [`${c.name}: ${difference}`];
    });
    expect(different).toEqual([]);
  });

  test('a whole model with a symbolic batch is read back as it was', () => {
    const program = small();
    const back = unwrap(importOnnx(bytesOf(program))).program;
    expect(back.outputs.map((o) => o.name)).toEqual(['low', 'sum', 'again']);
    expect(typeOf(back, at(back.inputs, 0).value).shape).toEqual(['N', 3, 8, 8]);
    expect(back.nodes.map((n) => n.origin)).toEqual(['conv1', 'relu1', 'halves', 'sum']);
  });
});
