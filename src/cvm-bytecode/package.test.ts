import { describe, expect, test } from '@jest/globals';
import { CarBufferReader } from '@ipld/car/buffer-reader';
import * as dagCbor from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomProgram } from '../conformance/index.ts';
import { importOnnx } from '../frontend/onnx/index.ts';
import {
  bindDims,
  identityHash,
  Philox,
  printProgram,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type StaticType,
} from '../ir/index.ts';
import { type Result, sha256, toHex, unwrap } from '../support/index.ts';
import { type Block, rawBlock, recordBlock } from './car.ts';
import { writeCar } from './testing/write-car.ts';
import { decodePackage, encodePackage, encodeProgram, isPackage, type MetadataInput } from './index.ts';
import { pack6, packedBytes, unpack6 } from './pack6.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : [...new Set(result.diagnostics.map((d) => d.code))]);
const messagesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.message));

const metadata: MetadataInput = {
  name: 'digits',
  author: 'A. Author',
  description: 'Recognizes digits.',
  labels: ['zero', 'one'],
  licence: 'MIT',
  version: '1.0.0',
  source: {
    format: 'onnx',
    file: 'digits.onnx',
    sha256: '0'.repeat(64),
    opset: 13,
    producer: 'pytorch 2.0',
    compilerVersion: '0.1.0',
    quantization: { method: 'minmax', bits: 8, samples: 100, calibration: '1'.repeat(64) },
  },
};

/** Two layers, the first with i6 weights, whose rows need padding. */
const smallProgram = (): Program => {
  const random = new Philox(7);
  const b = new ProgramBuilder('small');
  const x = b.input('image', { dtype: 'i8', shape: [1, 3, 4, 4] });
  const w = b.param('w', randomTensor({ dtype: 'i6', shape: [2, 3, 3, 3] }, random));
  const m = b.param('m', { dtype: 'i32', shape: [1], data: Int32Array.of(20000) });
  const s = b.param('s', { dtype: 'i32', shape: [1], data: Int32Array.of(24) });
  const acc = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] });
  const y = b.emit('rescale', [acc, m, s], { lo: -128, hi: 127, dtype: 'i8' });
  const flat = b.emit('reshape', [y], { shape: [1, -1] });
  const w2 = b.param('w2', randomTensor({ dtype: 'i8', shape: [2, 32] }, random, -127, 127));
  b.output('logits', b.emit('dense', [flat, w2], {}));
  return b.finish();
};

/** As few bytes as a package can have, for the tests that try every bit. */
const tinyFile = (): Uint8Array => {
  const b = new ProgramBuilder('tiny');
  const x = b.input('x', { dtype: 'i8', shape: [1, 3] });
  b.output('y', b.emit('dense', [x, b.param('w', { dtype: 'i6', shape: [1, 3], data: Int8Array.of(1, -2, 31) })], {}));
  const source = { format: 'mrl', file: 'x', sha256: '0'.repeat(64), compilerVersion: '0' };
  return unwrap(
    encodePackage({ program: b.finish(), metadata: { name: 'x', author: '', description: '', licence: '', version: '', source } }),
  );
};

const program = smallProgram();
const file = unwrap(encodePackage({ program, metadata }));
const decoded = unwrap(decodePackage(file));

/** The name of a DAG-CBOR block, whatever its bytes hold. */
const recordCid = (bytes: Uint8Array): CID => CID.createV1(dagCbor.code, Digest.create(0x12, sha256(bytes)));

/** The package taken apart and put together again with another root or other blocks. */
const rebuilt = (edit: (root: Record<string, unknown>, blocks: Block[]) => readonly Block[] | undefined): Uint8Array => {
  const blocks = CarBufferReader.fromBytes(file)
    .blocks()
    .slice(1)
    .map((b): Block => rawBlock(b.bytes));
  const root = dagCbor.decode<Record<string, unknown>>(CarBufferReader.fromBytes(file).blocks()[0]!.bytes);
  const rest = edit(root, blocks) ?? blocks;
  return writeCar([recordBlock(root), ...rest]);
};
const meta = (root: Record<string, unknown>): Record<string, unknown> => root['metadata'] as Record<string, unknown>;

describe('round trip', () => {
  test('a package is read back, runs like the program, and is written with the same bytes', () => {
    expect(isPackage(file)).toBe(true);
    expect(printProgram(decoded.program, { form: 'canonical' })).toBe(decoded.modelString);
    expect(decoded.metadata.modelHash).toBe(identityHash(program));
    expect(decoded.metadata.inputs).toEqual([{ name: 'image', dtype: 'i8', shape: [1, 3, 4, 4] }]);
    expect(decoded.metadata.rawSize).toBe(2 * 27 + 4 + 4 + 64);
    expect(decoded.bytecode).toEqual(unwrap(encodeProgram(program)));
    const x = randomTensor({ dtype: 'i8', shape: [1, 3, 4, 4] }, new Philox(1));
    expect(runProgram(decoded.program, [x])).toEqual(runProgram(program, [x]));
    const again = unwrap(encodePackage({ program: decoded.program, metadata: decoded.metadata, modelString: decoded.modelString }));
    expect(again).toEqual(file);
  });

  test('a strict-float program: the trained example model', () => {
    const model = new Uint8Array(readFileSync(join(import.meta.dirname, '../../examples/digits/model.onnx')));
    const imported = unwrap(importOnnx(model)).program;
    const symbols = imported.inputs.flatMap((p) => imported.types[p.value]!.shape.filter((d) => typeof d === 'string'));
    const float = unwrap(bindDims(imported, new Map(symbols.map((d) => [d, 1]))));
    const bytes = unwrap(encodePackage({ program: float, metadata }));
    const back = unwrap(decodePackage(bytes));
    expect(unwrap(encodePackage({ program: back.program, metadata: back.metadata }))).toEqual(bytes);
    const inputs = float.inputs.map((p) => randomTensor(float.types[p.value] as StaticType, new Philox(5)));
    expect(runProgram(back.program, inputs)).toEqual(runProgram(float, inputs));
  });

  test('random programs, with all metadata', () => {
    for (let seed = 100; seed < 130; seed++) {
      const p = randomProgram(seed, 6);
      const bytes = unwrap(encodePackage({ program: p, metadata }));
      const back = unwrap(decodePackage(bytes));
      expect(unwrap(encodePackage({ program: back.program, metadata: back.metadata }))).toEqual(bytes);
    }
  });

  test('the file is a CAR that others read; the on-chain hash is the digest of the root block', () => {
    const reader = CarBufferReader.fromBytes(file);
    expect(reader.getRoots().map(String)).toEqual([decoded.cid]);
    const [root, model, bytecode, ...chunks] = reader.blocks();
    expect(sha256(root!.bytes)).toEqual(decoded.modelHash);
    expect(new TextDecoder().decode(model!.bytes)).toBe(decoded.modelString);
    expect(bytecode!.bytes).toEqual(decoded.bytecode);
    expect(chunks).toHaveLength(4);
  });

  test('one-byte parameters of one chunk are views of the file', () => {
    const buffers = decoded.program.params.map((p) => p.tensor.data.buffer === file.buffer);
    expect(buffers[3]).toBe(true);
    expect(buffers[0]).toBe(false);
  });

  test('parameters of several chunks', () => {
    const b = new ProgramBuilder('big');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1000] });
    const data = Int8Array.from({ length: 2_500_000 }, (_, i) => ((i * 7919) % 255) - 127);
    const w = b.param('w', { dtype: 'i8', shape: [2500, 1000], data });
    b.output('y', b.emit('dense', [x, w], {}));
    const p = b.finish();
    const bytes = unwrap(encodePackage({ program: p, metadata }));
    const back = unwrap(decodePackage(bytes));
    expect(CarBufferReader.fromBytes(bytes).blocks()).toHaveLength(3 + 3);
    const hash = (data: Uint8Array | ArrayBufferView) => toHex(sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    expect(hash(back.program.params[0]!.tensor.data)).toBe(hash(p.params[0]!.tensor.data));
    expect(hash(unwrap(encodePackage({ program: back.program, metadata: back.metadata })))).toBe(hash(bytes));
  });
});

describe('packed i6', () => {
  test('vector of NUMERICS §3', () => {
    expect(toHex(pack6(Int8Array.of(-31, 31, -1, 1), [4]))).toBe('e1f707');
    expect(unpack6(Uint8Array.of(0xe1, 0xf7, 0x07), [4])).toEqual({ ok: true, data: Int8Array.of(-31, 31, -1, 1) });
  });

  test('rows are padded one by one', () => {
    for (const shape of [[], [1], [7], [3, 5], [2, 2, 3], [4, 0], [0, 4], [2 ** 31 - 1, 0]]) {
      if (shape[1] === 0) {
        expect(unpack6(new Uint8Array(0), shape)).toEqual({ ok: true, data: new Int8Array(0) });
        continue;
      }
      const { data } = randomTensor({ dtype: 'i6', shape }, new Philox(shape.length));
      const packed = pack6(data, shape);
      expect(packed.length).toBe(packedBytes(shape));
      expect(unpack6(packed, shape)).toEqual({ ok: true, data });
    }
    expect(packedBytes([3, 5])).toBe(18);
  });

  test('code 32 and padding bits are refused', () => {
    expect(unpack6(Uint8Array.of(32, 0, 0), [4])).toMatchObject({ ok: false });
    expect(unpack6(Uint8Array.of(0, 0, 0x80), [4])).toMatchObject({ ok: false });
    for (let bit = 18; bit < 24; bit++) {
      const packed = new Uint8Array(3);
      packed[bit >> 3]! |= 1 << (bit & 7);
      expect(unpack6(packed, [3])).toMatchObject({ ok: false });
    }
  });
});

describe('rejection', () => {
  const tiny = tinyFile();

  test('every bit flip of a small package', () => {
    for (let i = 0; i < tiny.length * 8; i++) {
      const flipped = tiny.slice();
      flipped[i >> 3]! ^= 1 << (i & 7);
      const result = decodePackage(flipped);
      if (result.ok) throw new Error(`flip of bit ${i} is accepted`);
      if (!codesOf(result).every((code) => code.startsWith('CVM2'))) throw new Error(`flip of bit ${i}: ${codesOf(result).join()}`);
    }
  });

  test('truncation at every byte, and trailing bytes', () => {
    expect(decodePackage(tiny).ok).toBe(true);
    for (let n = 0; n < tiny.length; n++) if (decodePackage(tiny.subarray(0, n)).ok) throw new Error(`${n} bytes are accepted`);
    expect(codesOf(decodePackage(Uint8Array.from([...tiny, 0])))).toEqual(['CVM2004']);
  });

  test('blocks missing, doubled or exchanged', () => {
    expect(unwrap(decodePackage(rebuilt(() => undefined))).cid).toBe(decoded.cid);
    expect(codesOf(decodePackage(rebuilt((_r, b) => b.slice(0, -1))))).toEqual(['CVM2004']);
    expect(codesOf(decodePackage(rebuilt((_r, b) => [...b, b[0]!])))).toEqual(['CVM2004']);
    expect(codesOf(decodePackage(rebuilt((_r, b) => [b[1]!, b[0]!, ...b.slice(2)])))).toEqual(['CVM2004']);
  });

  test('frame lengths in a longer form', () => {
    const [first] = file;
    expect(codesOf(decodePackage(Uint8Array.from([first! | 0x80, 0, ...file.subarray(1)])))).toEqual(['CVM2002']);
  });

  test('root record: format, version, fields, links, canonical form', () => {
    const root = (edit: (r: Record<string, unknown>) => void) =>
      codesOf(
        decodePackage(
          rebuilt((r) => {
            edit(r);
            return undefined;
          }),
        ),
      );
    expect(root((r) => (r['version'] = 2))).toEqual(['CVM2008']);
    expect(root((r) => (r['format'] = 'x'))).toEqual(['CVM2008']);
    expect(root((r) => (r['more'] = 1))).toEqual(['CVM2005']);
    expect(root((r) => delete r['parameters'])).toEqual(['CVM2005']);
    expect(root((r) => (r['model'] = 'text'))).toEqual(['CVM2005']);
    expect(root((r) => (r['parameters'] = []))).toEqual(['CVM2005']);
    expect(root((r) => (r['parameters'] as unknown[][]).forEach((c) => c.pop()))).toEqual(['CVM2009']);
    const blocks = CarBufferReader.fromBytes(file).blocks();
    // Deeper than any record needs: the decoder would descend by recursion.
    const deep = new Uint8Array(65_536).fill(0x81);
    const nested = writeCar([{ cid: recordCid(deep), bytes: deep }, ...blocks.slice(1).map((b) => rawBlock(b.bytes))]);
    expect(codesOf(decodePackage(nested))).toEqual(['CVM2005']);
    // The same record with its version, 01, in a longer form: 18 01.
    const record = blocks[0]!.bytes;
    const version = new TextDecoder('latin1').decode(record).lastIndexOf('gversion\u0001') + 8;
    expect(version).toBeGreaterThan(8);
    const longer = Uint8Array.from([...record.subarray(0, version), 0x18, ...record.subarray(version)]);
    const padded = writeCar([{ cid: recordCid(longer), bytes: longer }, ...blocks.slice(1).map((b) => rawBlock(b.bytes))]);
    expect(codesOf(decodePackage(padded))).toEqual(['CVM2005']);
    // The same fields in another order.
    const fields = Object.entries(dagCbor.decode<Record<string, unknown>>(record)).reverse();
    const turned = Uint8Array.from([0xa0 + fields.length, ...fields.flatMap((f) => f.flatMap((part) => [...dagCbor.encode(part)]))]);
    expect(turned).toHaveLength(record.length);
    const reordered = writeCar([{ cid: recordCid(turned), bytes: turned }, ...blocks.slice(1).map((b) => rawBlock(b.bytes))]);
    expect(codesOf(decodePackage(reordered))).toEqual(['CVM2005']);
  });

  test('metadata: every wrong field is listed', () => {
    const result = decodePackage(
      rebuilt((r) => {
        const m = meta(r);
        m['name'] = '../../etc/passwd';
        m['author'] = 'a\u0000b';
        m['rawSize'] = -1;
        delete m['licence'];
        m['extra'] = 1;
        (m['labels'] as string[])[1] = '\u202egnp.exe';
        return undefined;
      }),
    );
    expect(codesOf(result)).toEqual(['CVM2006']);
    expect(messagesOf(result).map((m) => m.split(' ')[0])).toEqual(
      expect.arrayContaining([
        'metadata.name',
        'metadata.author',
        'metadata.rawSize',
        'metadata.licence',
        'metadata.extra',
        'metadata.labels[1]',
      ]),
    );
    expect(messagesOf(result)).toHaveLength(6);
  });

  test('metadata that the program contradicts, and another model string', () => {
    const set = (field: string, value: unknown) => codesOf(decodePackage(rebuilt((r) => void (meta(r)[field] = value))));
    expect(set('endorphin', 99)).toEqual(['CVM2011']);
    expect(set('modelHash', 'f'.repeat(64))).toEqual(['CVM2011']);
    expect(set('parameterHash', 'f'.repeat(64))).toEqual(['CVM2011']);
    expect(set('inputs', [])).toEqual(['CVM2011']);
    const other = rawBlock(new TextEncoder().encode(decoded.modelString.replace('model main', 'model other')));
    const text = rebuilt((r, b) => {
      r['model'] = other.cid;
      return [other, ...b.slice(1)];
    });
    expect(codesOf(decodePackage(text))).toEqual(['CVM2007']);
    expect(codesOf(encodePackage({ program, metadata, modelString: 'mrl 1;' }))).toEqual(['CVM2007']);
    expect(codesOf(encodePackage({ program, metadata: { ...metadata, source: { ...metadata.source, file: '/tmp/x' } } }))).toEqual([
      'CVM2006',
    ]);
  });

  test('parameters: other values, bad padding, wrong chunk length', () => {
    const swap = (index: number, edit: (chunk: Uint8Array) => Uint8Array) =>
      codesOf(
        decodePackage(
          rebuilt((r, b) => {
            const chunk = rawBlock(edit(b[2 + index]!.bytes.slice()));
            (r['parameters'] as unknown[][])[index] = [chunk.cid];
            return b.map((block, i) => (i === 2 + index ? chunk : block));
          }),
        ),
      );
    expect(swap(3, (c) => c.map((v) => v ^ 1))).toEqual(['CVM1013']);
    expect(swap(0, (c) => c.map((v, i) => (i === 20 ? v | 0xfc : v)))).toEqual(['CVM2009']);
    expect(swap(0, (c) => c.map((v, i) => (i === 0 ? (v & 0xc0) | 32 : v)))).toEqual(['CVM2009']);
    expect(swap(1, (c) => c.subarray(0, 3))).toEqual(['CVM2009']);
  });
});
