import { describe, expect, test } from '@jest/globals';
import { bindDims, runProgram, StoredTensor, TensorDesk, verifyProgram } from '../../ir/index.ts';
import { at, type ByteSource, bytesSource, diagnostic, fail, ok, unwrap } from '../../support/index.ts';
import { examineOnnx, importOnnx, type ReadExternal } from './index.ts';
import { codesOf, graph, model, node, port, rawTensor, tensor, tensorBytesOf } from './testing/build.ts';

const relu = (input: string, output: string, name?: string): object =>
  node('Relu', [input], [output], {}, name === undefined ? {} : { name });

describe('graph', () => {
  test('nodes carry the user’s names', () => {
    const bytes = model({
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
      nodes: [relu('x', 'h', 'block/act'), relu('h', 'y')],
    });
    expect(unwrap(importOnnx(bytes)).program.nodes.map((n) => n.origin)).toEqual(['block/act', 'Relu#1 -> y']);
  });
  test('nodes out of order are sorted, with a warning', () => {
    const bytes = model({
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
      nodes: [relu('h', 'y'), node('Neg', ['x'], ['h'])],
    });
    const { program, warnings } = unwrap(importOnnx(bytes));
    expect(program.nodes.map((n) => n.op)).toEqual(['neg', 'relu']);
    expect(warnings.map((w) => w.code)).toEqual(['ONX3003']);
  });
  test('nodes that no output needs are left out, even unsupported ones, and so are unused initializers', () => {
    const bytes = model({
      inputs: [port('x', 'float', [2])],
      outputs: [port('y', 'float', [2])],
      params: [tensor('unused', 'float', [1], [1])],
      nodes: [relu('x', 'y'), node('NonMaxSuppression', ['x'], ['z'])],
    });
    const { program, warnings } = unwrap(importOnnx(bytes));
    expect(program.params).toEqual([]);
    expect(warnings.map((w) => w.code)).toEqual(['ONX3004']);
  });
  test('inputs with initializers are parameters', () => {
    const bytes = model({
      inputs: [port('x', 'float', [2]), port('w', 'float', [2])],
      outputs: [port('y', 'float', [2])],
      params: [tensor('w', 'float', [2], [1, 2])],
      nodes: [node('Add', ['x', 'w'], ['y'])],
    });
    const { program } = unwrap(importOnnx(bytes));
    expect([program.inputs.map((p) => p.name), program.params.map((p) => p.name)]).toEqual([['x'], ['w']]);
  });
  test('source tells where the model comes from', () => {
    const bytes = model({ inputs: [port('x', 'float', [2])], outputs: [port('y', 'float', [2])], nodes: [relu('x', 'y')] }, 13);
    const { source, inputs, outputs } = unwrap(importOnnx(bytes));
    expect(source).toMatchObject({ irVersion: 8, opset: 13, producer: 'test', opsetImports: [{ domain: '', version: 13 }] });
    expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect([inputs, outputs]).toEqual([
      [{ name: 'x', elem: 'float', type: { dtype: 'f32', shape: [2] } }],
      [{ name: 'y', elem: 'float', type: { dtype: 'f32', shape: [2] } }],
    ]);
  });
  test('an input that is fixed to a stored tensor is no input any more', () => {
    const bytes = model({
      inputs: [port('x', 'float', [2, 3]), port('shape', 'int64', [1])],
      outputs: [port('y', 'float', [6])],
      nodes: [node('Reshape', ['x', 'shape'], ['y'])],
    });
    expect(codesOf(bytes)).toEqual(['ONX2004']);
    const constants = new Map([['shape', tensorBytesOf(tensor('shape', 'int64', [1], [6]))]]);
    const { program } = unwrap(importOnnx(bytes, { constants }));
    expect([program.inputs.length, program.types.at(-1)?.shape]).toEqual([1, [6]]);
  });
});

describe('symbolic dimensions', () => {
  test('height and width without numbers are named at once', () => {
    const pool = model({
      inputs: [port('x', 'float', ['N', 1, 'h', 'w'])],
      outputs: [port('y', 'float', ['N', 1, 'h', 'w'])],
      nodes: [node('MaxPool', ['x'], ['y'], { kernel_shape: [1, 1] })],
    });
    expect(importOnnx(pool)).toMatchObject({ diagnostics: [{ code: 'ONX2004', notes: ['Bind them: --bind h=224 --bind w=224.'] }] });
  });
  const bytes = model({
    inputs: [port('x', 'float', ['batch size', '?', 3]), port('z', 'float', ['batch size', '?', 3])],
    outputs: [port('y', 'float', []), port('w', 'float', [])],
    nodes: [relu('x', 'y'), relu('z', 'w')],
  });
  test('become unique identifiers; unnamed ones are all different', () => {
    const { inputs } = unwrap(importOnnx(bytes));
    expect(inputs.map((p) => p.type.shape)).toEqual([
      ['batch_size', 'x_1', 3],
      ['batch_size', 'z_1', 3],
    ]);
  });
  test('are bound by their identifier or their own name', () => {
    const bind = new Map([
      ['batch size', 2],
      ['x_1', 5],
    ]);
    expect(unwrap(importOnnx(bytes, { bind })).inputs.map((p) => p.type.shape)).toEqual([
      [2, 5, 3],
      [2, 'z_1', 3],
    ]);
  });
  test('of an imported program can be bound later', () => {
    const { program } = unwrap(importOnnx(bytes));
    const bound = unwrap(bindDims(program, new Map([['batch_size', 1]])));
    expect(at(bound.types, at(bound.inputs, 0).value).shape).toEqual([1, 'x_1', 3]);
  });
});

describe('element types', () => {
  test('aligned float weights are views of the file', () => {
    const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const bytes = model({
      inputs: [port('x', 'float', [4])],
      outputs: [port('y', 'float', [4])],
      params: [rawTensor('w', 'float', [4], weights)],
      nodes: [node('Add', ['x', 'w'], ['y'])],
    });
    // the same file at each of the four alignments
    const shared = [0, 1, 2, 3].map((shift) => {
      const buffer = new Uint8Array(bytes.length + 4);
      buffer.set(bytes, shift);
      const { program } = unwrap(importOnnx(buffer.subarray(shift, shift + bytes.length)));
      const { data } = at(program.params, 0).tensor;
      expect(Array.from(data)).toEqual([1, 2, 3, 4]);
      return data.buffer === buffer.buffer;
    });
    expect(shared.filter((s) => s)).toHaveLength(1);
  });
  test('float16 and double weights become float32, with one warning each', () => {
    const bytes = model({
      inputs: [port('x', 'float16', [3])],
      outputs: [port('y', 'float16', [3]), port('d', 'double', [1])],
      // 1, -2, and the least subnormal 2^-24
      params: [tensor('w', 'float16', [3], [0x3c00, 0xc000, 1]), tensor('e', 'double', [1], [0.1])],
      nodes: [node('Add', ['x', 'w'], ['y']), node('Identity', ['e'], ['d'])],
    });
    const { program, warnings } = unwrap(importOnnx(bytes));
    expect(program.params.map((p) => Array.from(p.tensor.data))).toEqual([[1, -2, 2 ** -24], [Math.fround(0.1)]]);
    expect(new Set(warnings.map((w) => w.code))).toEqual(new Set(['ONX3001']));
    expect(warnings.length).toBe(new Set(warnings.map((w) => w.message)).size);
  });
  test('int64 that stays becomes int32 and has to fit', () => {
    const of = (v: number): Uint8Array =>
      model({
        inputs: [port('x', 'int64', [1])],
        outputs: [port('y', 'int64', [1])],
        params: [tensor('w', 'int64', [1], [v])],
        nodes: [node('Add', ['x', 'w'], ['y'])],
      });
    expect(unwrap(importOnnx(of(2 ** 31 - 1))).warnings.map((w) => w.code)).toEqual(['ONX3002']);
    expect(codesOf(of(2 ** 31))).toEqual(['ONX1011']);
  });
  test.each(['string'] as const)('inputs of %s are refused', (elem) => {
    const bytes = model({ inputs: [port('x', elem, [1])], outputs: [port('y', elem, [1])], nodes: [node('Identity', ['x'], ['y'])] });
    expect(codesOf(bytes)).toEqual(['ONX2003']);
  });
  test('sequences are refused by name', () => {
    const input = { name: 's', type: { sequenceType: { elemType: { tensorType: { elemType: 1 } } } } };
    const bytes = model({ inputs: [input], outputs: [port('y', 'int64', [])], nodes: [node('SequenceLength', ['s'], ['y'])] });
    const result = importOnnx(bytes);
    expect(result.ok ? [] : result.diagnostics.map((d) => [d.code, d.message])).toEqual([
      ['ONX2003', 'it is a sequence, but a tensor is needed'],
    ]);
  });
});

describe('inner graphs', () => {
  const branches = (condition: object): Uint8Array =>
    model({
      inputs: [port('x', 'float', [1])],
      outputs: [port('y', 'float', [1])],
      params: [condition],
      nodes: [
        node('If', ['c'], ['y'], {
          then_branch: { graph: graph({ nodes: [node('Neg', ['x'], ['t'])], outputs: [port('t', 'float', [1])] }) },
          else_branch: { graph: graph({ nodes: [node('Exp', ['x'], ['e'])], outputs: [port('e', 'float', [1])] }) },
        }),
      ],
    });
  test.each([
    [1, 'neg'],
    [0, 'exp'],
  ])('If with the known condition %d', (value, op) => {
    expect(unwrap(importOnnx(branches(tensor('c', 'bool', [], [value])))).program.nodes.map((n) => n.op)).toEqual([op]);
  });
  test('If at run time and a Loop without a body are refused by name', () => {
    const bytes = model({
      inputs: [port('c', 'bool', []), port('x', 'float', [1])],
      outputs: [port('y', 'float', [1]), port('z', 'float', [1])],
      nodes: [
        node('If', ['c'], ['y'], { then_branch: { graph: graph({ nodes: [], outputs: [port('x', 'float', [1])] }) } }),
        node('Loop', ['', '', 'x'], ['z']),
      ],
    });
    expect(codesOf(bytes)).toEqual(['ONX2004', 'ONX2002']);
  });
  const scaled = {
    name: 'Scaled',
    domain: 'local',
    input: ['a', 'unused'],
    output: ['r'],
    attribute: ['by'],
    opsetImport: [{ domain: '', version: 17 }],
    node: [
      { opType: 'LeakyRelu', input: ['a'], output: ['m'], attribute: [{ name: 'alpha', refAttrName: 'by', type: 1 }] },
      { opType: 'Clip', input: ['m', 'unused'], output: ['r'] },
    ],
  };
  test('model-local functions are inlined, attributes and absent inputs included', () => {
    const bytes = model(
      {
        inputs: [port('x', 'float', [2])],
        outputs: [port('y', 'float', [2])],
        nodes: [node('Scaled', ['x'], ['y'], { by: 0.5 }, { domain: 'local', name: 'call' })],
      },
      17,
      { functions: [scaled] },
    );
    const { program } = unwrap(importOnnx(bytes));
    expect(program.nodes.map((n) => n.origin)).toEqual(['call/LeakyRelu#0 -> m']);
    const [y] = runProgram(unwrap(verifyProgram(program)), [{ dtype: 'f32', shape: [2], data: Float32Array.of(-2, 2) }]);
    expect(Array.from(y?.data ?? [])).toEqual([-1, 2]);
  });
  test('a function that calls itself, and calls that double at each level, end', () => {
    const call = (name: string): object => ({ opType: name, domain: 'local', input: ['a'], output: [`${name}_out`] });
    const self = { ...scaled, name: 'F', input: ['a'], output: ['F_out'], node: [call('F')] };
    const of = (functions: readonly object[]): Uint8Array =>
      model(
        {
          inputs: [port('x', 'float', [1])],
          outputs: [port('y', 'float', [1])],
          nodes: [node('F', ['x'], ['y'], {}, { domain: 'local' })],
        },
        17,
        { functions },
      );
    expect(codesOf(of([self]))).toContain('ONX1012');
    const twice = (name: string, inner: string, domain: string): object => ({
      ...scaled,
      name,
      input: ['a'],
      output: ['o'],
      node: [
        { opType: inner, domain, input: ['a'], output: ['b'] },
        { opType: inner, domain, input: ['b'], output: ['o'] },
      ],
    });
    const levels = Array.from({ length: 40 }, (_, i) =>
      twice(i === 0 ? 'F' : `F${i}`, i === 39 ? 'Relu' : `F${i + 1}`, i === 39 ? '' : 'local'),
    );
    const started = process.hrtime.bigint();
    expect(codesOf(of(levels))).toContain('ONX1012');
    expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(20);
  });
});

describe('examineOnnx', () => {
  const bytes = model(
    {
      inputs: [port('x', 'float', [1, 4])],
      outputs: [port('y', 'float', [1, 4])],
      valueInfo: [port('q', 'float', [1, 4])],
      nodes: [
        relu('x', 'a', 'first'),
        node('Relux', ['a'], ['b'], {}, { name: 'typo' }),
        node('Quant', ['b'], ['q'], {}, { name: 'custom', domain: 'my.domain' }),
        node('Pad', ['q'], ['p'], { mode: 'around', pads: [0, 0, 0, 0] }, { name: 'pads' }),
        node('StringNormalizer', ['p'], ['s'], {}, { name: 'words' }),
        relu('s', 'y', 'last'),
      ],
    },
    10,
  );
  test('says everything at once, per node', () => {
    const report = examineOnnx(bytes);
    expect(report.nodes.map((n) => [n.name, n.verdict, n.becomes])).toEqual([
      ['first', 'ok', ['relu']],
      ['typo', 'unsupported', []],
      ['custom', 'unsupported', []],
      ['pads', 'unsupported', []],
      ['words', 'unsupported', []],
      ['last', 'ok', []],
    ]);
    expect(report.totals).toEqual({ nodes: 6, ok: 2, approximated: 0, unsupported: 4 });
    expect(report.problems.map((d) => [d.code, d.where, d.notes[0]?.slice(0, 24)])).toEqual([
      ['ONX2001', 'typo', 'Did you mean Relu?'],
      ['ONX2001', 'custom', 'It belongs to the custom'],
      ['ONX2002', 'pads', undefined],
      ['ONX2001', 'words', 'Strings are not numbers.'],
    ]);
    expect(report.nodes.at(-1)?.reason).toBe('only the operator was checked: s depends on words');
    expect(report.partial).toBe(true);
  });
  test('a model without problems has its whole program', () => {
    const good = model({ inputs: [port('x', 'double', [2])], outputs: [port('y', 'double', [2])], nodes: [relu('x', 'y', 'r')] });
    const report = examineOnnx(good);
    expect(report.partial).toBe(false);
    expect(report.nodes).toMatchObject([{ verdict: 'ok', becomes: ['relu'] }]);
    // one warning for the input, the node and the output
    expect(report.warnings).toMatchObject([{ code: 'ONX3001', message: 'double values are float32 in the program', where: 'input x' }]);
    expect(report.program?.nodes.length).toBe(1);
  });
  test('bytes that are no model are one problem', () => {
    expect(examineOnnx(Uint8Array.of(1, 2, 3)).problems.map((d) => d.code)).toEqual(['ONX1001']);
  });
});

test('external data is read through the given reader', () => {
  const external = {
    name: 'w',
    dataType: 1,
    dims: [2],
    dataLocation: 1,
    externalData: [
      { key: 'location', value: 'weights/w.bin' },
      { key: 'offset', value: '4' },
      { key: 'length', value: '8' },
    ],
  };
  const bytes = model({
    inputs: [port('x', 'float', [2])],
    outputs: [port('y', 'float', [2])],
    params: [external],
    nodes: [node('Add', ['x', 'w'], ['y'])],
  });
  const asked: string[] = [];
  const readExternal = (location: string) => {
    asked.push(location);
    return ok({ source: bytesSource(new Uint8Array(Float32Array.of(9, 1, 2).buffer)), desk: new TensorDesk() });
  };
  expect(Array.from(unwrap(importOnnx(bytes, { readExternal })).program.params[0]?.tensor.data ?? [])).toEqual([1, 2]);
  expect(asked).toEqual(['weights/w.bin']);
});

describe('external data of a file that is larger than memory', () => {
  const [inputs, outputs] = [512, 1024];
  const weights = Float32Array.from({ length: inputs * outputs }, (_, i) => ((i * 37) % 64) / 64 - 0.5);
  const bytes = model({
    inputs: [port('x', 'float', [1, inputs])],
    outputs: [port('y', 'float', [1, outputs])],
    params: [
      {
        name: 'w',
        dataType: 1,
        dims: [outputs, inputs],
        dataLocation: 1,
        externalData: [
          { key: 'location', value: 'w.bin' },
          { key: 'offset', value: '64' },
        ],
      },
    ],
    nodes: [node('Gemm', ['x', 'w'], ['y'], { transB: 1 })],
  });
  const file = new Uint8Array(64 + weights.byteLength);
  file.set(new Uint8Array(weights.buffer), 64);
  const x = { dtype: 'f32' as const, shape: [1, inputs], data: Float32Array.from({ length: inputs }, (_, i) => (i % 7) - 3) };

  test('a large tensor stays in its file until it is asked for', () => {
    let longest = 0;
    const source: ByteSource = {
      size: file.length,
      inMemory: false,
      read: (offset, length) => {
        longest = Math.max(longest, length);
        return file.slice(offset, offset + length);
      },
    };
    const stored = unwrap(importOnnx(bytes, { readExternal: () => ok({ source, desk: new TensorDesk() }) })).program;
    expect(stored.params.map((p) => p.tensor instanceof StoredTensor)).toContain(true);
    expect(longest).toBeLessThanOrEqual(2 ** 20);
    const whole = unwrap(importOnnx(bytes, { readExternal: () => ok({ source: bytesSource(file), desk: new TensorDesk() }) })).program;
    expect(whole.params.some((p) => p.tensor instanceof StoredTensor)).toBe(false);
    expect(runProgram(stored, [x])).toEqual(runProgram(whole, [x]));
  });

  test('a file that is cut off or missing: the tensor is named', () => {
    const messages = (readExternal: ReadExternal): readonly string[] => {
      const result = importOnnx(bytes, { readExternal });
      return result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.message}`);
    };
    const cut = bytesSource(file.subarray(0, 1000));
    expect(messages(() => ok({ source: cut, desk: new TensorDesk() }))).toEqual([
      'ONX1008 tensor w: bytes 64 to 2097216 of w.bin are wanted, but the file has 1000',
    ]);
    expect(messages(() => fail(diagnostic('CLI2001', 'the file does not exist')))).toEqual([
      'CLI2001 tensor w: its data: the file does not exist',
    ]);
  });
});
