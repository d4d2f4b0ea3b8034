import { decodeChunk, decodePackage, encodePackage, type StoredAs } from '../cvm-bytecode/index.ts';
import { ProgramBuilder, type StaticType } from '../ir/index.ts';
import { fail, fromHex, MrlError, ok, type Result, unwrap } from '../support/index.ts';
import { everyOne, type HostileCase, prefixes } from './hostile-case.ts';

/** A block of a compressed package (docs/bytecode.md), given byte by byte. */
const block = (type: StaticType, as: StoredAs, hex: string): Result<unknown> => {
  try {
    return ok(decodeChunk(type, as, fromHex(hex), 0, { what: 'parameter 0', offset: 0 }));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};
const bytes = (count: number): StaticType => ({ dtype: 'u8', shape: [count] });

/** Code lengths of symbols 3 and 9, one bit each. */
const PAIR = 'fbfd7ebfdfeff793c7c87ebfdfeff7fb15';
/** Symbols 3, 4 and 5 with one bit each: Kraft sum 3/2. */
const ABOVE = 'fbfd7ebfdfeff79307fbfd7ebfdfef97';
/** Symbol 3 with one bit, 4 with two: Kraft sum 3/4. */
const BELOW = 'fbfd7ebfdfeff79347f6fbfd7ebfdf4f01';
/** Symbol 3 alone, with two bits. */
const LONE = 'fbfd7ebfdfeff793cb7ebfdfeff7fb2d';

const compressed = (): Uint8Array => {
  const b = new ProgramBuilder('tiny');
  const data = Int8Array.from({ length: 64 }, (_, i) => (i % 3) - 1);
  b.output('y', b.emit('dense', [b.input('x', { dtype: 'i8', shape: [1, 64] }), b.param('w', { dtype: 'i8', shape: [1, 64], data })], {}));
  const source = { format: 'mrl', file: 'x', sha256: '0'.repeat(64), compilerVersion: '0' };
  const metadata = { name: 'x', author: '', description: '', licence: '', version: '', source };
  return unwrap(encodePackage({ program: b.finish(), metadata, storage: 'compressed' }));
};

/** Hostile compressed packages and their blocks. */
export const STORAGE_CASES: readonly HostileCase[] = [
  { id: 'storage-kraft-above-1', codes: ['CVM2012'], run: () => block(bytes(8), 'huffman', `01${ABOVE}0100`) },
  { id: 'storage-kraft-below-1', codes: ['CVM2012'], run: () => block(bytes(8), 'huffman', `01${BELOW}0100`) },
  { id: 'storage-lone-symbol-of-2-bits', codes: ['CVM2012'], run: () => block(bytes(8), 'huffman', `01${LONE}0100`) },
  { id: 'storage-bits-after-the-stream', codes: ['CVM2012'], run: () => block(bytes(4), 'huffman', `01${PAIR}0110`) },
  { id: 'storage-bytes-after-the-stream', codes: ['CVM2012'], run: () => block(bytes(4), 'huffman', `01${PAIR}010000`) },
  { id: 'storage-stream-too-short', codes: ['CVM2012'], run: () => block(bytes(9), 'huffman', `01${PAIR}0100`) },
  { id: 'storage-stream-too-long', codes: ['CVM2012'], run: () => block(bytes(4), 'huffman', `01${PAIR}ffffff7f00`) },
  { id: 'storage-gap-count', codes: ['CVM2012'], run: () => block(bytes(8), 'sparse', '04090000') },
  { id: 'storage-code-above-63', codes: ['CVM2012'], run: () => block({ dtype: 'i6', shape: [4] }, 'huffman', '0001024003') },
  { id: 'storage-decoded-size-bomb', codes: ['CVM2015'], run: () => block(bytes(2 ** 20), 'sparse', '04000000') },
  {
    id: 'storage-every-prefix',
    codes: ['CVM2001', 'CVM2002', 'CVM2003', 'CVM2004', 'CVM2015'],
    run: () => everyOne(prefixes(compressed()), /^CVM2/, decodePackage),
  },
];
