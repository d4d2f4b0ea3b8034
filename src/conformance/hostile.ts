import { decodePackage, decodeProgram, encodePackage, encodeProgram, loadFrom, verifyBytecode } from '../cvm-bytecode/index.ts';
import { type AnyAttrs, type OpName, type Program, ProgramBuilder, type Tensor, verifyProgram } from '../ir/index.ts';
import { type Result, unwrap } from '../support/index.ts';
import { bitFlips, everyOne, type HostileCase, prefixes } from './hostile-case.ts';
import { STORAGE_CASES } from './hostile-storage.ts';

export type { HostileCase } from './hostile-case.ts';

const i8 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'i8', shape, data: Int8Array.from(data) });
const i32 = (...data: readonly number[]): Tensor => ({ dtype: 'i32', shape: [data.length], data: Int32Array.from(data) });

/** x -> op with parameters, checked as a submitted program is. */
const use = (op: OpName, x: Pick<Tensor, 'dtype' | 'shape'>, params: readonly Tensor[], attrs: AnyAttrs = {}): Result<unknown> => {
  const b = new ProgramBuilder('hostile');
  const values = [b.input('x', x), ...params.map((p, i) => b.param(`p${i}`, p))];
  const results = b.tryEmit(op, values, attrs);
  if (!results.ok) return results;
  results.value.forEach((r, i) => b.output(`y${i}`, r));
  return encodeProgram(b.finish());
};

const ACC = { dtype: 'i32', shape: [1, 2] } as const;
const RESCALE = { lo: -128, hi: 127, dtype: 'i8' } as const;
const ROW = { dtype: 'i8', shape: [1, 3] } as const;
const WINDOW = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } as const;
/** One product above what int32 holds: 132105 x 16256. */
const OVER = 132105;

const tooManyElements = (): Result<unknown> => use('expand', { dtype: 'i8', shape: [1, 1] }, [], { shape: [2 ** 20, 2 ** 20] });

const twoNames = (): Result<unknown> => {
  const b = new ProgramBuilder('names');
  b.output('y', b.emit('clamp', [b.input('x', ROW)], { lo: 0, hi: 1 }));
  b.output('y', b.input('x', ROW));
  return verifyProgram(b.finish());
};

/** A node that reads its own result. */
const cycle = (): Result<unknown> => {
  const b = new ProgramBuilder('cycle');
  b.output('y', b.emit('clamp', [b.input('x', ROW)], { lo: 0, hi: 1 }));
  const program = b.finish();
  return verifyProgram({ ...program, nodes: program.nodes.map((node) => ({ ...node, operands: node.results })) } as Program);
};

const programs: readonly HostileCase[] = [
  { id: 'weight-minus-128', codes: ['CVM1014'], run: () => use('dense', ROW, [i8([1, 3], [1, -128, 2])]) },
  {
    id: 'conv-weight-minus-128',
    codes: ['CVM1014'],
    run: () => use('conv', { dtype: 'i8', shape: [1, 1, 2, 2] }, [i8([1, 1, 1, 1], [-128])], WINDOW),
  },
  {
    id: 'weight-6-bit-minus-32',
    codes: ['IR0005'],
    run: () => use('dense', ROW, [{ dtype: 'i6', shape: [1, 3], data: Int8Array.of(1, -32, 2) }]),
  },
  { id: 'multiplier-16-bits', codes: ['IR0005'], run: () => use('rescale', ACC, [i32(2 ** 15), i32(20)], RESCALE) },
  { id: 'multiplier-negative', codes: ['IR0005'], run: () => use('rescale', ACC, [i32(-1), i32(20)], RESCALE) },
  { id: 'shift-48', codes: ['IR0005'], run: () => use('rescale', ACC, [i32(20000), i32(48)], RESCALE) },
  { id: 'shift-0', codes: ['IR0005'], run: () => use('rescale', ACC, [i32(20000), i32(0)], RESCALE) },
  { id: 'table-255-entries', codes: ['table_c2'], run: () => use('table', ROW, [i8([255], new Array<number>(255).fill(0))]) },
  {
    id: 'parameter-nan',
    codes: ['IR0005'],
    run: () => use('add', { dtype: 'f32', shape: [2] }, [{ dtype: 'f32', shape: [2], data: Float32Array.of(1, Number.NaN) }]),
  },
  {
    id: 'attribute-beyond-int32',
    codes: ['IR0002'],
    run: () => use('conv', { dtype: 'i8', shape: [1, 1, 2, 2] }, [i8([1, 1, 1, 1], [1])], { ...WINDOW, stride: [2 ** 31, 1] }),
  },
  { id: 'shape-product', codes: ['IR0007', 'IR0002'], run: tooManyElements },
  {
    id: 'accumulator-one-too-long',
    codes: ['IR0011'],
    run: () => use('dense', { dtype: 'i8', shape: [1, OVER] }, [i8([1, OVER], new Array<number>(OVER).fill(-127))]),
  },
  { id: 'sum-overflows', codes: ['IR0011'], run: () => use('add', { dtype: 'i32', shape: [1] }, [i32(1)]) },
  { id: 'names-twice', codes: ['IR0006'], run: twoNames },
  { id: 'cyclic-graph', codes: ['IR0003'], run: cycle },
];

/** x -> dense -> rescale -> clamp, with two outputs. */
const small = (weights: readonly number[] = [1, -2, 3, 4, 5, -127]): Program => {
  const b = new ProgramBuilder('small');
  const x = b.input('x', ROW);
  const acc = b.emit('dense', [x, b.param('w', i8([2, 3], weights)), b.param('bias', i32(1000, -7))], {});
  const y = b.emit('rescale', [acc, b.param('m', i32(20000)), b.param('s', i32(20))], { ...RESCALE, output_zero: -3 });
  b.output('y', b.emit('clamp', [y], { lo: 0, hi: 100 }));
  b.output('raw', y);
  return b.finish();
};

const edited = (bytes: Uint8Array, at: number, remove: number, ...insert: readonly number[]): Uint8Array =>
  Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]);

const source = { format: 'mrl', file: 'x', sha256: '0'.repeat(64), compilerVersion: '0' } as const;
const tinyPackage = (): Uint8Array => {
  const b = new ProgramBuilder('tiny');
  b.output('y', b.emit('dense', [b.input('x', ROW), b.param('w', { dtype: 'i6', shape: [1, 3], data: Int8Array.of(1, -2, 31) })], {}));
  return unwrap(
    encodePackage({ program: b.finish(), metadata: { name: 'x', author: '', description: '', licence: '', version: '', source } }),
  );
};

const bytecode = (): Uint8Array => unwrap(encodeProgram(small()));
const decoded = (bytes: Uint8Array): Result<unknown> => decodeProgram(bytes, loadFrom(small()));

const files: readonly HostileCase[] = [
  { id: 'bytecode-empty', codes: ['CVM1001'], run: () => decoded(new Uint8Array(0)) },
  { id: 'bytecode-magic', codes: ['CVM1001'], run: () => decoded(edited(bytecode(), 1, 1, 0x64)) },
  { id: 'bytecode-version', codes: ['CVM1002'], run: () => decoded(edited(bytecode(), 4, 1, 2)) },
  { id: 'bytecode-long-leb128', codes: ['CVM1003'], run: () => decoded(edited(bytecode(), 4, 1, 0x81, 0)) },
  { id: 'bytecode-trailing-byte', codes: ['CVM1004'], run: () => decoded(Uint8Array.from([...bytecode(), 0])) },
  {
    id: 'bytecode-every-prefix',
    codes: ['CVM1001', 'CVM1002', 'CVM1003', 'CVM1004'],
    run: () => everyOne(prefixes(bytecode()), /^CVM1/, verifyBytecode),
  },
  { id: 'parameter-hash', codes: ['CVM1013'], run: () => decodeProgram(bytecode(), loadFrom(small([1, -2, 3, 4, 5, -126]))) },
  {
    id: 'bytecode-order',
    codes: ['CVM1008'],
    run: () => {
      // the operands of rescale are parameters 3 and 4, numbered by first use: exchanged, the order is not canonical
      const bytes = bytecode();
      const i = bytes.findIndex((v, k) => v === 5 && bytes[k + 1] === 3 && bytes[k + 2] === 4);
      return verifyBytecode(edited(bytes, i, 3, 5, 4, 3));
    },
  },
  {
    id: 'package-every-prefix',
    codes: ['CVM2001', 'CVM2002', 'CVM2003', 'CVM2004'],
    run: () => everyOne(prefixes(tinyPackage()), /^CVM2/, decodePackage),
  },
  {
    id: 'package-every-bit-flip',
    codes: ['CVM2001', 'CVM2002', 'CVM2003', 'CVM2004', 'CVM2005'],
    run: () => everyOne(bitFlips(tinyPackage()), /^CVM2/, decodePackage),
  },
];

/** Every hostile case, its id as in a report. */
export const HOSTILE_CASES: readonly HostileCase[] = [...programs, ...files, ...STORAGE_CASES].map((c) => ({ ...c, id: `J/${c.id}` }));

/** What happened instead of a refusal with one of the codes; undefined when that happened. */
export const hostileProblem = (c: HostileCase): string | undefined => {
  const result = c.run();
  const found = result.ok ? ['accepted'] : [...new Set(result.diagnostics.map((d) => d.code))];
  return found.every((code) => c.codes.includes(code)) ? undefined : `${c.codes.join(' or ')} was expected but found: ${found.join(', ')}`;
};
