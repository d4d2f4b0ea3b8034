import { decodePackage, layPackage, type PackageFile } from '../../../cvm-bytecode/index.ts';
import { ProgramBuilder } from '../../../ir/index.ts';
import { joinBytes, unwrap } from '../../../support/index.ts';

/** Elements of a row of the weights. */
const ROW = 4096;

/** Numbers that do not repeat within a package: its chunks are all different. */
const fill = (data: Int8Array, seed: number): void => {
  let state = (seed * 2_654_435_769) >>> 0 || 1;
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = ((state >>> 0) % 255) - 127;
  }
};

/** A package with so many bytes of parameters: y = w x with a w of int8. @param compressible - few values, so that the compressed form has other blocks */
export const syntheticFile = (bytes: number, seed: number, compressible = false): PackageFile => {
  const rows = Math.max(1, Math.round(bytes / ROW));
  const data = new Int8Array(rows * ROW);
  fill(data, seed);
  if (compressible) for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) % 5;
  const b = new ProgramBuilder('synthetic');
  const x = b.input('x', { dtype: 'i8', shape: [1, ROW] });
  b.output('y', b.emit('dense', [x, b.param('w', { dtype: 'i8', shape: [rows, ROW], data })], {}));
  const source = { format: 'mrl', file: 'synthetic.mrl', sha256: '0'.repeat(64), compilerVersion: 'test' };
  const words = { name: 'synthetic', author: '', description: '', licence: '', version: String(seed) };
  return unwrap(layPackage({ program: b.finish(), metadata: { ...words, source }, storage: compressible ? 'compressed' : 'plain' }));
};

export interface SyntheticPackage {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export const syntheticPackage = (size: number, seed: number, compressible = false): SyntheticPackage => {
  const bytes = joinBytes(Array.from(syntheticFile(size, seed, compressible).pieces(), (piece) => piece.slice()));
  return { bytes, hash: unwrap(decodePackage(bytes)).modelHash };
};
