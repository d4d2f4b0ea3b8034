import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ProgramBuilder } from '../ir/index.ts';
import { fail, ok, type Result, unwrap } from '../support/index.ts';
import { CHUNK_BYTES, decodePackage, encodePackage, PackageStream, type StreamedChunk, type StreamedFront } from './index.ts';

const source = { format: 'mrl', file: 'x', sha256: '0'.repeat(64), compilerVersion: '0' };
const metadata = { name: 'x', author: '', description: '', licence: '', version: '', source };

const program = (() => {
  const b = new ProgramBuilder('two');
  const x = b.input('x', { dtype: 'i8', shape: [1, 1000] });
  const data = Int8Array.from({ length: 1_200_000 }, (_, i) => ((i * 7919) % 19) - 9);
  const y = b.emit('dense', [x, b.param('w', { dtype: 'i8', shape: [1200, 1000], data })], {});
  b.output('y', b.emit('add', [y, b.param('c', { dtype: 'i32', shape: [1200], data: new Int32Array(1200).fill(5) })], {}));
  return b.finish();
})();
const floatParameters = [{ name: 'w', shape: [100], data: new Float32Array(100).fill(0.5) }];
const files = [
  unwrap(encodePackage({ program, metadata })),
  unwrap(encodePackage({ program, metadata, storage: 'compressed' })),
  unwrap(encodePackage({ program, metadata, storage: 'compressed', floatParameters })),
];

/** Pushes a file in pieces of the given sizes, over and over. */
const stream = (file: Uint8Array, sizes: readonly number[]): Result<{ front: StreamedFront; chunks: readonly StreamedChunk[] }> => {
  const reader = new PackageStream();
  const chunks: StreamedChunk[] = [];
  for (let offset = 0, i = 0; offset < file.length; offset += sizes[i++ % sizes.length] ?? 1) {
    const pushed = reader.push(file.subarray(offset, offset + (sizes[i % sizes.length] ?? 1)));
    if (!pushed.ok) return fail(...pushed.diagnostics);
    chunks.push(...pushed.value);
  }
  const front = reader.finish();
  return front.ok ? ok({ front: front.value, chunks }) : front;
};

describe('a package that arrives in pieces', () => {
  test.each([0, 1, 2])('file %i: chunks, front and identity are those of the whole', (index) => {
    const file = files[index]!;
    const whole = unwrap(decodePackage(file));
    for (const sizes of [[file.length], [70_000], [1, 5, 100_000, 3]]) {
      const { front, chunks } = unwrap(stream(file, sizes));
      expect(front.cid).toBe(whole.cid);
      expect(front.modelHash).toEqual(whole.modelHash);
      expect(front.metadata).toEqual(whole.metadata);
      expect(front.bytecode).toEqual(whole.bytecode);
      expect(chunks.map((c) => [c.parameter, c.chunk, c.bytes.length])).toEqual([
        [0, 0, CHUNK_BYTES],
        [0, 1, 1_200_000 - CHUNK_BYTES],
        [1, 0, 4800],
      ]);
      const data = whole.program.params[0]!.tensor.data as Int8Array;
      expect(chunks[1]!.bytes.every((v, i) => (v << 24) >> 24 === data[CHUNK_BYTES + i])).toBe(true);
    }
  });

  test('chunks come before the file ends', () => {
    const [, file] = files;
    const reader = new PackageStream();
    expect(unwrap(reader.push(file!.subarray(0, file!.length - 10)))).toHaveLength(2);
    expect(reader.front?.cid).toBe(unwrap(decodePackage(file!)).cid);
    expect(reader.finish()).toMatchObject({ ok: false, diagnostics: [{ code: 'CVM2004' }] });
    expect(unwrap(reader.push(file!.subarray(file!.length - 10)))).toHaveLength(1);
    expect(reader.finish().ok).toBe(true);
    expect(reader.push(Uint8Array.of(0))).toMatchObject({ ok: false, diagnostics: [{ code: 'CVM2004' }] });
  });

  test('a frame that says it is longer than any is refused before it arrives', () => {
    const header = files[1]!.subarray(0, 100);
    const reader = new PackageStream();
    expect(reader.push(header).ok).toBe(true);
    expect(reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f))).toMatchObject({ ok: false, diagnostics: [{ code: 'CVM2010' }] });
    expect(new PackageStream().push(Uint8Array.of(5, 1, 2, 3, 4, 5))).toMatchObject({ ok: false, diagnostics: [{ code: 'CVM2001' }] });
  });

  test('changed files: refused with the codes of packages', () => {
    const small = (() => {
      const b = new ProgramBuilder('small');
      const data = Int8Array.from({ length: 2000 }, (_, i) => (i % 5) - 2);
      b.output(
        'y',
        b.emit('dense', [b.input('x', { dtype: 'i8', shape: [1, 2000] }), b.param('w', { dtype: 'i8', shape: [1, 2000], data })], {}),
      );
      return unwrap(encodePackage({ program: b.finish(), metadata, storage: 'compressed' }));
    })();
    fc.assert(
      fc.property(fc.nat(small.length - 1), fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 400 }), (i, change, size) => {
        const changed = small.slice();
        changed[i]! ^= change;
        const result = stream(changed, [size]);
        expect(result.ok).toBe(false);
        if (!result.ok) expect(result.diagnostics[0]?.code).toMatch(/^CVM2/);
      }),
      { seed: 5, numRuns: 400 },
    );
  });
});
