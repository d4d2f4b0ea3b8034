import { describe, expect, test } from '@jest/globals';
import { TensorDesk, verifyProgram } from '../../ir/index.ts';
import { type ByteSource, bytesSource, ByteWriter, diagnostic, fail, ok } from '../../support/index.ts';
import { decodeTensorProto, importOnnx, type ReadExternal } from './index.ts';
import { isPlainLocation } from './tensor.ts';
import { codesOf, model, node, port, rawTensor, tensor, tensorBytesOf } from './testing/build.ts';

const x = port('x', 'float', [2]);
const y = port('y', 'float', [2]);
const add = node('Add', ['x', 'w'], ['y']);
const withParam = (w: object): Uint8Array => model({ inputs: [x], outputs: [y], params: [w], nodes: [add] });
const good = withParam(tensor('w', 'float', [2], [1, 2]));

describe('malformed models have a code', () => {
  test.each<readonly [string, Uint8Array, readonly string[]]>([
    ['no bytes', new Uint8Array(0), ['ONX1002', 'ONX1002']],
    ['no graph output', model({ inputs: [x], outputs: [], nodes: [] }), ['ONX1002']],
    ['no opset', model({ inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y'])] }, 17, { opsetImport: [] }), ['ONX1002']],
    [
      'a name defined twice',
      model({ inputs: [x], outputs: [y], nodes: [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])] }),
      ['ONX1003'],
    ],
    [
      'an initializer twice',
      model({ inputs: [x], outputs: [y], params: [tensor('w', 'float', [1], [1]), tensor('w', 'float', [1], [1])], nodes: [add] }),
      ['ONX1003'],
    ],
    ['an output that hides an input', model({ inputs: [x], outputs: [x], nodes: [node('Relu', ['x'], ['x'])] }), ['ONX1005']],
    ['a name nobody defines', model({ inputs: [x], outputs: [y], nodes: [node('Relu', ['z'], ['y'])] }), ['ONX1004']],
    ['an output nobody defines', model({ inputs: [x], outputs: [y], nodes: [] }), ['ONX1004']],
    ['a cycle', model({ inputs: [x], outputs: [y], nodes: [node('Add', ['x', 'y'], ['a']), node('Relu', ['a'], ['y'])] }), ['ONX1005']],
    ['too few elements', withParam(tensor('w', 'float', [3], [1, 2])), ['ONX1006']],
    ['raw data of the wrong length', withParam(rawTensor('w', 'float', [2], new Uint8Array(7))), ['ONX1006']],
    ['dims that declare terabytes', withParam(rawTensor('w', 'float', [2 ** 20, 2 ** 10], new Uint8Array(8))), ['ONX1006']],
    ['dims beyond 2^31', withParam(rawTensor('w', 'float', [2 ** 40], new Uint8Array(8))), ['ONX1007']],
    ['a product beyond 2^31 beside a zero', withParam(rawTensor('w', 'float', [0, 2 ** 30, 2 ** 30], new Uint8Array(0))), ['ONX1007']],
    ['negative dims', withParam(rawTensor('w', 'float', [-1, -2], new Uint8Array(8))), ['ONX1007']],
    ['nine dims', withParam(tensor('w', 'float', [1, 1, 1, 1, 1, 1, 1, 1, 2], [1, 2])), ['ONX1007']],
    [
      'a negative input dimension',
      model({ inputs: [port('x', 'float', [-1])], outputs: [y], nodes: [node('Relu', ['x'], ['y'])] }),
      ['ONX1007'],
    ],
    ['an element type that is not in onnx.proto', withParam({ name: 'w', dataType: 99, dims: [1] }), ['ONX1009']],
    [
      'float8 weights of an operator that computes',
      withParam({ name: 'w', dataType: 17, dims: [2], rawData: Uint8Array.of(0, 0) }),
      ['ONX2002'],
    ],
    ['scales of 8 bits', withParam({ name: 'w', dataType: 24, dims: [1], rawData: Uint8Array.of(0) }), ['ONX2003']],
    ['NaN weights', withParam(tensor('w', 'float', [2], [1, Number.NaN])), ['ONX1010']],
    ['a bool of 2', withParam(rawTensor('w', 'bool', [2], Uint8Array.of(1, 2))), ['ONX1006']],
    ['an int8 field of 200', withParam(tensor('w', 'int8', [1], [200])), ['ONX1006']],
    [
      'an attribute of another type',
      model({ inputs: [x], outputs: [y], nodes: [node('LeakyRelu', ['x'], ['y'], { alpha: 'big' })] }),
      ['ONX1013'],
    ],
    ['a missing input', model({ inputs: [x], outputs: [y], nodes: [node('Add', ['x'], ['y'])] }), ['ONX1013']],
    [
      'an output declared with another type',
      model({ inputs: [x], outputs: [port('y', 'int64', [2])], nodes: [node('Relu', ['x'], ['y'])] }),
      ['ONX1013'],
    ],
    ['an operator before its first version', model({ inputs: [x], outputs: [y], nodes: [node('Gelu', ['x'], ['y'])] }, 13), ['ONX2002']],
  ])('%s', (_name, bytes, codes) => {
    expect(codesOf(bytes)).toEqual(codes);
  });
  test('the name of a bad initializer is in the message', () => {
    const result = importOnnx(withParam(tensor('w', 'float', [2], [1, Number.NaN])));
    expect(result.ok ? '' : result.diagnostics[0]?.message).toBe('tensor w: element 1 is NaN');
  });
  test('inner graphs nested 1000 deep', () => {
    /** A length-delimited field of the wire format. */
    const field = (number: number, content: Uint8Array): Uint8Array => {
      const writer = new ByteWriter();
      writer.uleb(number * 8 + 2);
      writer.uleb(content.length);
      writer.bytes(content);
      return writer.finish();
    };
    let inner = new Uint8Array(0);
    // GraphProto.node = 1, NodeProto.attribute = 5, AttributeProto.g = 6; ModelProto.graph = 7
    for (let i = 0; i < 1000; i++) inner = new Uint8Array(field(1, field(5, field(6, inner))));
    const result = importOnnx(field(7, inner));
    expect(result.ok ? [] : result.diagnostics.map((d) => d.message)).toEqual(['the bytes are not an ONNX model: max depth exceeded']);
  });
  test('constants that double at each node stop growing', () => {
    const nodes = Array.from({ length: 60 }, (_, i) => node('Concat', [`c${i}`, `c${i}`], [`c${i + 1}`], { axis: 0 }));
    const bytes = model({ outputs: [port('c60', 'float', [])], params: [tensor('c0', 'float', [1], [1])], nodes });
    const before = process.memoryUsage().arrayBuffers;
    expect(codesOf(bytes)).toContain('IR0007');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
  });
});

describe('external data', () => {
  const external = (entries: Readonly<Record<string, string>>): Uint8Array =>
    withParam({
      name: 'w',
      dataType: 1,
      dims: [2],
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });
  const file: ReadExternal = () => ok({ source: bytesSource(new Uint8Array(16)), desk: new TensorDesk() });
  test.each([
    [{ location: '../w' }],
    [{ location: '/etc/passwd' }],
    [{ location: 'a/../../w' }],
    [{ location: 'a//w' }],
    [{ location: '' }],
    [{ location: 'C:\\w' }],
    [{ location: 'w\u0000' }],
    [{ location: 'w', offset: '-4' }],
    [{ location: 'w', offset: '12' }],
    [{ location: 'w', offset: '1e9' }],
    [{ location: 'w', length: '4' }],
    [{ location: 'w', offset: '999999999999999' }],
  ])('refused: %j', (entries) => {
    let asked = 0;
    const readExternal = () => {
      asked++;
      return file('');
    };
    expect(codesOf(external(entries), { readExternal })).toEqual(['ONX1008']);
    // no path that is not plain ever reaches the reader
    expect(asked === 0 || isPlainLocation(entries.location)).toBe(true);
  });
  test('without a reader, or with one that fails', () => {
    expect(codesOf(external({ location: 'w' }))).toEqual(['ONX1008']);
    expect(codesOf(external({ location: 'w' }), { readExternal: () => fail(diagnostic('ONX1008', 'no such file')) })).toEqual(['ONX1008']);
    expect(codesOf(external({ location: 'dir/w-1.bin' }), { readExternal: file })).toEqual([]);
  });

  // sha1sum of sixteen zero bytes, which is the whole file, not the eight of the tensor
  const SHA1 = 'e129f27c5103bc5cc44bcdf0a15e160d445066ff';
  test('a checksum that agrees with the file', () => {
    for (const checksum of [SHA1, SHA1.toUpperCase()])
      expect(codesOf(external({ location: 'w', offset: '8', checksum }), { readExternal: file })).toEqual([]);
  });
  test('a checksum of another file: tensor, file and both digests are named', () => {
    const other = SHA1.replace('e', 'f');
    const result = importOnnx(external({ location: 'dir/w.bin', checksum: other }), { readExternal: file });
    expect(result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([
      `ONX1008 tensor w: its checksum is ${other}, but the file dir/w.bin has the SHA-1 ${SHA1}`,
    ]);
  });
  test.each([[''], ['md5:1'], [SHA1.slice(1)]])('a checksum that is no SHA-1: %j', (checksum) => {
    expect(codesOf(external({ location: 'w', checksum }), { readExternal: file })).toEqual(['ONX1008']);
  });
  test('a file is read once for the checksums of all its tensors', () => {
    let bytesRead = 0;
    const zeros = new Uint8Array(16);
    const source: ByteSource = {
      size: 16,
      inMemory: false,
      read: (offset, length) => {
        const part = zeros.slice(offset, offset + length);
        bytesRead += part.length;
        return part;
      },
    };
    const readExternal: ReadExternal = () => ok({ source, desk: new TensorDesk() });
    expect(codesOf(external({ location: 'w' }), { readExternal })).toEqual([]);
    const plain = bytesRead;
    for (let i = 0; i < 3; i++) expect(codesOf(external({ location: 'w', checksum: SHA1 }), { readExternal })).toEqual([]);
    expect(bytesRead).toBe(4 * plain + 16);
  });
});

describe('damaged bytes', () => {
  test('every prefix of a model is refused with a code, or is a model', () => {
    for (let n = 0; n < good.length; n++) expect(codesOf(good.slice(0, n)).every((c) => /^(ONX|IR|[a-z_]+_c)\d+$/.test(c))).toBe(true);
  });
  test('every single flipped bit gives a diagnostic or a program that verifies', () => {
    for (let i = 0; i < 8 * good.length; i++) {
      const bytes = good.slice();
      bytes[i >> 3] = (bytes[i >> 3] ?? 0) ^ (1 << (i & 7));
      const result = importOnnx(bytes);
      if (result.ok) expect(verifyProgram(result.value.program).ok).toBe(true);
    }
  });
  test('a length that lies', () => {
    // field 7 (graph), 2^32 - 1 bytes long
    expect(codesOf(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0))).toEqual(['ONX1001']);
  });
  test('tensor files', () => {
    const bytes = tensorBytesOf(tensor('t', 'float', [2], [1, 2]));
    expect(decodeTensorProto(bytes)).toMatchObject({ ok: true, value: { dtype: 'f32', shape: [2] } });
    for (let n = 1; n < bytes.length; n++) {
      const cut = decodeTensorProto(bytes.slice(0, n));
      // only the name, which comes last, can be missing
      expect(cut.ok ? Array.from(cut.value.data) : [1, 2]).toEqual([1, 2]);
    }
    expect(decodeTensorProto(bytes.slice(0, 8)).ok).toBe(false);
  });
});
