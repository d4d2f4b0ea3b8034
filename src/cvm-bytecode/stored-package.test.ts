import { describe, expect, test } from '@jest/globals';
import { CarBufferReader } from '@ipld/car/buffer-reader';
import * as dagCbor from '@ipld/dag-cbor';
import fc from 'fast-check';
import type { CID } from 'multiformats/cid';
import { randomProgram } from '../conformance/index.ts';
import { Philox, type Program, ProgramBuilder, randomTensor } from '../ir/index.ts';
import { type Result, toHex, unwrap } from '../support/index.ts';
import { type Block, rawBlock, recordBlock } from './car.ts';
import { writeCar } from './testing/write-car.ts';
import {
  decodePackage,
  encodePackage,
  encodeParameter,
  type FloatParameter,
  isPackage,
  type MetadataInput,
  rewritePackage,
} from './index.ts';
import { pack6 } from './pack6.ts';

const codesOf = (result: Result<unknown>): readonly string[] =>
  result.ok ? ['accepted'] : [...new Set(result.diagnostics.map((d) => d.code))];

const metadata: MetadataInput = {
  name: 'm',
  author: '',
  description: '',
  licence: '',
  version: '1',
  source: { format: 'onnx', file: 'm.onnx', sha256: '0'.repeat(64), compilerVersion: '0.1.0' },
};

/** Parameters of each encoding: p0 i6 huffman, p1 and p2 codebook, p3 i8 sparse, p4 i8 plain, p5 equal to p3. */
const mixedProgram = (): Program => {
  const random = new Philox(7);
  const b = new ProgramBuilder('mixed');
  const x = b.input('image', { dtype: 'i8', shape: [1, 3, 8, 8] });
  const w = randomTensor({ dtype: 'i6', shape: [16, 3, 3, 3] }, random);
  const acc = b.emit('conv', [x, b.param('w', { ...w, data: w.data.map((v) => v >> 2) })], {
    stride: [1, 1],
    dilation: [1, 1],
    pads: [1, 1, 1, 1],
  });
  const m = b.param('m', { dtype: 'i32', shape: [16], data: new Int32Array(16).fill(20000) });
  const s = b.param('s', { dtype: 'i32', shape: [16], data: Int32Array.from({ length: 16 }, (_, i) => 22 + (i & 1)) });
  const y = b.emit('rescale', [acc, m, s], { lo: -128, hi: 127, dtype: 'i8' });
  const flat = b.emit('reshape', [y], { shape: [1, -1] });
  const sparse = Int8Array.from({ length: 2048 }, (_, i) => (i % 19 === 0 ? (i % 7) - 3 : 0));
  const first = b.emit('dense', [flat, b.param('w2', { dtype: 'i8', shape: [2, 1024], data: sparse })], {});
  const small = b.emit('dense', [flat, b.param('w3', randomTensor({ dtype: 'i8', shape: [1, 1024] }, random, -127, 127))], {});
  const again = b.emit('dense', [flat, b.param('w4', { dtype: 'i8', shape: [2, 1024], data: sparse.slice() })], {});
  b.output('first', first);
  b.output('small', small);
  b.output('again', again);
  return b.finish();
};

const program = mixedProgram();
const plain = unwrap(encodePackage({ program, metadata }));
const file = unwrap(encodePackage({ program, metadata, storage: 'compressed' }));
const floats: readonly FloatParameter[] = [
  { name: 'conv/weight', shape: [4, 3], data: Float32Array.from({ length: 12 }, (_, i) => i / 7 - 1) },
  { name: 'bias', shape: [300], data: new Float32Array(300).fill(-0) },
  { name: 'empty', shape: [0, 3], data: new Float32Array(0) },
];

interface Opened {
  readonly root: Record<string, unknown>;
  readonly record: Record<string, unknown>;
  /** Everything after the two records. */
  readonly blocks: Block[];
}
const open = (bytes: Uint8Array): Opened => {
  const blocks = CarBufferReader.fromBytes(bytes).blocks();
  return {
    root: dagCbor.decode<Record<string, unknown>>(blocks[0]!.bytes),
    record: dagCbor.decode<Record<string, unknown>>(blocks[1]!.bytes),
    blocks: blocks.slice(2).map((b) => ({ cid: b.cid as unknown as CID, bytes: b.bytes })),
  };
};
/** The file with another root, storage record or blocks; all names are true again. */
const rebuilt = (from: Uint8Array, edit: (o: Opened) => readonly Block[] | undefined): Uint8Array => {
  const opened = open(from);
  const blocks = edit(opened) ?? opened.blocks;
  const root = recordBlock(opened.root);
  if (String(opened.record['package']) === String(recordBlock(open(from).root).cid)) opened.record['package'] = root.cid;
  return writeCar([root, recordBlock(opened.record), ...blocks], 2);
};
type Entry = { encoding: string; blocks: CID[] };
const entries = (o: Opened): Entry[] => o.record['parameters'] as Entry[];

describe('forms of one package', () => {
  test('CID, model hash, program and metadata are those of the plain package; the file is smaller', () => {
    const a = unwrap(decodePackage(plain));
    const b = unwrap(decodePackage(file));
    expect(isPackage(file)).toBe(true);
    expect(b.cid).toBe(a.cid);
    expect(b.modelHash).toEqual(a.modelHash);
    expect(b.metadata).toEqual(a.metadata);
    expect(b.modelString).toBe(a.modelString);
    expect(b.program).toEqual(a.program);
    expect(a.storage.form).toBe('plain');
    expect(b.storage.form).toBe('compressed');
    expect(b.storage.parameters.map((p) => p.encoding)).toEqual(['huffman', 'codebook', 'codebook', 'sparse', 'plain', 'sparse']);
    for (const p of b.storage.parameters) if (p.encoding !== 'plain') expect(p.storedBytes).toBeLessThan(p.decodedBytes);
    expect(file.length).toBeLessThan(plain.length);
    expect(CarBufferReader.fromBytes(file).getRoots()[0]!.toString()).toBe(a.cid);
  });

  test('each form turns into the other and back to the same bytes', () => {
    expect(unwrap(rewritePackage(plain, { storage: 'compressed' }))).toEqual(file);
    expect(unwrap(rewritePackage(file, { storage: 'plain' }))).toEqual(plain);
    expect(unwrap(rewritePackage(file, { storage: 'compressed' }))).toEqual(file);
  });

  test('random programs', () => {
    for (let seed = 200; seed < 230; seed++) {
      const p = randomProgram(seed, 6);
      const one = unwrap(encodePackage({ program: p, metadata }));
      const two = unwrap(rewritePackage(one, { storage: 'compressed' }));
      expect(unwrap(decodePackage(two)).cid).toBe(unwrap(decodePackage(one)).cid);
      expect(unwrap(rewritePackage(two, {}))).toEqual(one);
    }
  });

  test('parameters of several chunks', () => {
    const b = new ProgramBuilder('big');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1000] });
    const data = Int8Array.from({ length: 2_500_000 }, (_, i) => ((i * 7919) % 23) - 11);
    b.output('y', b.emit('dense', [x, b.param('w', { dtype: 'i8', shape: [2500, 1000], data })], {}));
    const one = unwrap(encodePackage({ program: b.finish(), metadata }));
    const two = unwrap(rewritePackage(one, { storage: 'compressed' }));
    expect(CarBufferReader.fromBytes(two).blocks()).toHaveLength(4 + 3);
    const hex = (bytes: Uint8Array): string => toHex(bytes.subarray(0, 2000));
    const back = unwrap(rewritePackage(two, {}));
    expect(back).toHaveLength(one.length);
    expect(hex(back)).toBe(hex(one));
  });
});

describe('float parameters', () => {
  const kept = unwrap(encodePackage({ program, metadata, storage: 'compressed', floatParameters: floats }));
  const read = unwrap(decodePackage(kept, { keepFloats: true }));

  test('come back by name, in code-unit order; the metadata commits to them', () => {
    const found = read.storage.floatParameters;
    expect(found?.present).toBe(true);
    expect(found?.parameters?.map((p) => p.name)).toEqual(['bias', 'conv/weight', 'empty']);
    expect(found?.parameters?.[1]).toEqual({ name: 'conv/weight', shape: [4, 3], data: floats[0]!.data });
    expect(Object.is(found?.parameters?.[0]?.data[0], -0)).toBe(true);
    expect(read.metadata.floatParameters?.bytes).toBe(4 * 312);
    expect(unwrap(decodePackage(kept)).storage.floatParameters?.parameters).toBeUndefined();
    // the order in which they are given does not matter
    expect(unwrap(encodePackage({ program, metadata, storage: 'compressed', floatParameters: [...floats].reverse() }))).toEqual(kept);
  });

  test('the identity commits to them, whether the file has them or not', () => {
    const without = unwrap(rewritePackage(kept, { storage: 'compressed', dropFloats: true }));
    const dropped = unwrap(decodePackage(without));
    expect(dropped.storage.floatParameters).toMatchObject({ present: false });
    expect(dropped.cid).toBe(read.cid);
    expect(dropped.cid).not.toBe(unwrap(decodePackage(file)).cid);
    expect(dropped.metadata.modelHash).toBe(unwrap(decodePackage(file)).metadata.modelHash);
    expect(unwrap(decodePackage(unwrap(rewritePackage(kept, { dropFloats: true })))).storage.form).toBe('plain');
    const plainWith = unwrap(rewritePackage(kept, {}));
    expect(unwrap(decodePackage(plainWith)).storage.parameters.every((p) => p.encoding === 'plain')).toBe(true);
    expect(unwrap(rewritePackage(plainWith, { storage: 'compressed' }))).toEqual(kept);
    expect(unwrap(encodePackage({ program, metadata: dropped.metadata, storage: 'compressed', floatParameters: floats }))).toEqual(kept);
  });

  test('NaN, two of one name, sizes, other parameters than the metadata names', () => {
    const encode = (list: readonly FloatParameter[], more: Partial<MetadataInput> = {}) =>
      codesOf(encodePackage({ program, metadata: { ...metadata, ...more }, floatParameters: list }));
    expect(encode([{ name: 'a', shape: [2], data: Float32Array.of(1, Number.NaN) }])).toEqual(['CVM2016']);
    expect(encode([floats[1]!, floats[1]!])).toEqual(['CVM2016']);
    expect(encode([{ name: 'a', shape: [3], data: new Float32Array(2) }])).toEqual(['CVM2016']);
    expect(encode([{ name: '', shape: [], data: new Float32Array(1) }])).toEqual(['CVM2016']);
    expect(encode([floats[1]!], { floatParameters: { digest: 'a'.repeat(64), bytes: 1200 } })).toEqual(['CVM2016']);
    expect(encode([])).toEqual(['accepted']);
  });

  test('hostile blobs', () => {
    const edit = (change: (o: Opened) => readonly Block[] | undefined) => codesOf(decodePackage(rebuilt(kept, change)));
    const meta = (o: Opened) => o.root['metadata'] as Record<string, unknown>;
    expect(edit(() => undefined)).toEqual(['accepted']);
    expect(edit((o) => void delete meta(o)['floatParameters'])).toEqual(['CVM2016']);
    expect(edit((o) => void (meta(o)['floatParameters'] = { digest: 'a'.repeat(64), bytes: 1248 }))).toEqual(['CVM2016']);
    expect(edit((o) => void ((meta(o)['floatParameters'] as Record<string, unknown>)['bytes'] = 1244))).toEqual(['CVM2016']);
    expect(edit((o) => void (o.record['floatParameters'] as Record<string, unknown[]>)['tensors']!.pop())).toEqual(['CVM2013']);
    expect(edit((o) => o.blocks.slice(0, -1))).toEqual(['CVM2004']);
    // a NaN that manifest and metadata name truly
    const nan = (o: Opened): readonly Block[] => {
      const at = o.blocks.findIndex((b) => b.cid.code === dagCbor.code);
      const manifest = dagCbor.decode<{ tensors: { chunks: CID[] }[] }>(o.blocks[at]!.bytes);
      const bad = rawBlock(new Uint8Array(Float32Array.from({ length: 12 }, () => Number.NaN).buffer));
      const stored = o.record['floatParameters'] as { manifest: CID; tensors: Entry[] };
      manifest.tensors[1]!.chunks = [bad.cid];
      stored.tensors[1] = { encoding: 'plain', blocks: [bad.cid] };
      const block = recordBlock(manifest);
      stored.manifest = block.cid;
      meta(o)['floatParameters'] = { digest: toHex(block.cid.multihash.digest), bytes: 1248 };
      return o.blocks.map((b, i) => (i === at ? block : i === o.blocks.length - 1 ? bad : b));
    };
    expect(edit(nan)).toEqual(['CVM2016']);
  });
});

describe('rejection', () => {
  const tiny = ((): Uint8Array => {
    const b = new ProgramBuilder('tiny');
    const data = Int8Array.from({ length: 64 }, (_, i) => (i % 3) - 1);
    b.output(
      'y',
      b.emit('dense', [b.input('x', { dtype: 'i8', shape: [1, 64] }), b.param('w', { dtype: 'i8', shape: [1, 64], data })], {}),
    );
    return unwrap(encodePackage({ program: b.finish(), metadata, storage: 'compressed' }));
  })();

  test('every bit flip and every prefix of a small package', () => {
    for (let i = 0; i < tiny.length * 8; i++) {
      const flipped = tiny.slice();
      flipped[i >> 3]! ^= 1 << (i & 7);
      const codes = codesOf(decodePackage(flipped));
      if (!codes.every((code) => code.startsWith('CVM2'))) throw new Error(`flip of bit ${i}: ${codes.join()}`);
    }
    for (let n = 0; n < tiny.length; n++) if (decodePackage(tiny.subarray(0, n)).ok) throw new Error(`${n} bytes are accepted`);
    expect(codesOf(decodePackage(Uint8Array.of(...tiny, 0)))).toEqual(['CVM2004']);
  });

  test('storage record: fields, version, other package, entries missing, extra, doubled, of another encoding', () => {
    const edit = (change: (o: Opened) => unknown) =>
      codesOf(
        decodePackage(
          rebuilt(file, (o) => {
            change(o);
            return undefined;
          }),
        ),
      );
    expect(edit(() => undefined)).toEqual(['accepted']);
    expect(edit((o) => (o.record['version'] = 2))).toEqual(['CVM2008']);
    expect(edit((o) => (o.record['more'] = 1))).toEqual(['CVM2013']);
    expect(edit((o) => delete o.record['parameters'])).toEqual(['CVM2013']);
    expect(edit((o) => (o.record['package'] = recordBlock({}).cid))).toEqual(['CVM2013']);
    expect(edit((o) => (o.record['package'] = rawBlock(new Uint8Array(1)).cid))).toEqual(['CVM2013']);
    expect(edit((o) => (o.record['floatParameters'] = 1))).toEqual(['CVM2013']);
    expect(edit((o) => entries(o).pop())).toEqual(['CVM2013']);
    expect(edit((o) => entries(o).push(entries(o)[0]!))).toEqual(['CVM2013']);
    expect(edit((o) => (entries(o)[0]!.encoding = 'zip'))).toEqual(['CVM2013']);
    expect(edit((o) => (entries(o)[0]!.blocks = []))).toEqual(['CVM2013']);
    expect(edit((o) => entries(o)[0]!.blocks.push(entries(o)[0]!.blocks[0]!))).toEqual(['CVM2013']);
    expect(edit((o) => (entries(o)[0]!.encoding = 'plain'))).toEqual(['CVM2009']);
    expect(edit((o) => (entries(o)[0]!.encoding = 'sparse'))).toEqual(['CVM2012']);
    expect(edit((o) => entries(o).reverse())).toEqual(['CVM2004']);
  });

  test('blocks missing, doubled, exchanged, of another parameter; two parameters of one block', () => {
    const edit = (change: (o: Opened) => readonly Block[] | undefined) => codesOf(decodePackage(rebuilt(file, change)));
    expect(edit((o) => o.blocks.slice(0, -1))).toEqual(['CVM2004']);
    expect(edit((o) => [...o.blocks, o.blocks[0]!])).toEqual(['CVM2004']);
    expect(edit((o) => [...o.blocks.slice(0, 2), o.blocks[3]!, o.blocks[2]!, ...o.blocks.slice(4)])).toEqual(['CVM2004']);
    const opened = open(file);
    expect(String(entries(opened)[3]!.blocks[0])).toBe(String(entries(opened)[5]!.blocks[0]));
    // the shared block stands twice; once is refused
    expect(edit((o) => o.blocks.filter((_, i) => i !== 2 + 5))).toEqual(['CVM2004']);
    // the codebook of p1 in place of that of p2: well-formed, of the right size, but of other digests
    expect(
      edit((o) => {
        entries(o)[2]!.blocks = entries(o)[1]!.blocks;
        return o.blocks.map((b, i) => (i === 4 ? o.blocks[3]! : b));
      }),
    ).toEqual(['CVM2014']);
    // a plain block that is not the chunk of the root record
    expect(
      edit((o) => {
        const other = rawBlock(new Uint8Array(1024));
        entries(o)[4]!.blocks = [other.cid];
        return o.blocks.map((b, i) => (i === 6 ? other : b));
      }),
    ).toEqual(['CVM2014']);
  });

  test('blocks no shorter than their chunks, and packed codes that are illegal', () => {
    const replace = (from: Uint8Array, index: number, as: string, block: Uint8Array, chunk?: Uint8Array) =>
      codesOf(
        decodePackage(
          rebuilt(from, (o) => {
            const made = rawBlock(block);
            entries(o)[index] = { encoding: as, blocks: [made.cid] };
            if (chunk !== undefined) (o.root['parameters'] as CID[][])[index] = [rawBlock(chunk).cid];
            return o.blocks.map((b, i) => (i === 2 + index ? made : b));
          }),
        ),
      );
    const chunk = open(file).blocks[2 + 4]!.bytes;
    expect(replace(file, 4, 'huffman', Uint8Array.of(0, ...chunk))).toEqual(['CVM2012']);
    // i6 with code 32 everywhere: sparse or Huffman can say so, the digest can be true, the value is illegal
    const type = { dtype: 'i6', shape: [16, 3, 3, 3] } as const;
    const packed = pack6(new Int8Array(432).fill(-32), type.shape);
    const { encoding, blocks } = encodeParameter(type, packed);
    expect(encoding).toBe('huffman');
    expect(replace(file, 0, encoding, blocks[0]!, packed)).toEqual(['CVM2009']);
    // padding has no code, so that a block cannot fill it: a parameter with such bits is stored plainly, and refused
    packed[20] = 0x80;
    expect(encodeParameter(type, packed).encoding).toBe('plain');
    expect(replace(file, 0, 'plain', packed, packed)).toEqual(['CVM2009']);
  });

  test('a bomb: many declared bytes behind few stored ones', () => {
    const b = new ProgramBuilder('bomb');
    const data = new Int8Array(1 << 22).fill(1);
    b.output(
      'y',
      b.emit('dense', [b.input('x', { dtype: 'i8', shape: [1, 4096] }), b.param('w', { dtype: 'i8', shape: [1024, 4096], data })], {}),
    );
    const big = unwrap(encodePackage({ program: b.finish(), metadata, storage: 'compressed' }));
    const chunks = (block: Uint8Array, as: string) =>
      codesOf(
        decodePackage(
          rebuilt(big, (o) => {
            const made = rawBlock(block);
            entries(o)[0] = { encoding: as, blocks: [made.cid, made.cid, made.cid, made.cid] };
            return [...o.blocks.slice(0, 2), made, made, made, made];
          }),
        ),
      );
    expect(chunks(Uint8Array.of(4, 0, 0, 0), 'sparse')).toEqual(['CVM2015']);
    expect(chunks(new Uint8Array(100), 'plain')).toEqual(['CVM2015']);
    expect(chunks(new Uint8Array((1 << 14) - 1), 'sparse')).toEqual(['CVM2015']);
    expect(chunks(new Uint8Array(1 << 15), 'huffman')).toEqual(['CVM2012']);
  });

  test('changed blocks and records with true digests', () => {
    const opened = open(file);
    fc.assert(
      fc.property(
        fc.nat(opened.blocks.length - 3),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.option(fc.nat()),
        (which, edits, cut) => {
          const result = decodePackage(
            rebuilt(file, (o) => {
              const before = o.blocks[2 + which]!;
              const bytes = before.bytes.slice(0, cut === null ? undefined : cut % before.bytes.length);
              for (const [i, value] of edits) if (bytes.length > 0) bytes[i % bytes.length] = value;
              const made = rawBlock(bytes);
              entries(o)[which]!.blocks = [made.cid];
              return o.blocks.map((b, i) => (i === 2 + which ? made : b));
            }),
          );
          // accepted only when the change changed nothing
          if (!result.ok) expect(result.diagnostics.map((d) => d.code).filter((c) => !/^CVM20(0[49]|1[245])$/.test(c))).toEqual([]);
          else expect(unwrap(rewritePackage(file, {}))).toEqual(plain);
        },
      ),
      { seed: 4, numRuns: 600 },
    );
  });
});
