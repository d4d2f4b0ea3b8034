import { describe, expect, test } from '@jest/globals';
import { randomProgram } from '../conformance/index.ts';
import {
  canonicalize,
  DTYPE_INFO,
  endorphinOf,
  identityHash,
  OP_NAMES,
  printProgram,
  type Program,
  ProgramBuilder,
  programCost,
  runProgram,
  zeros,
} from '../ir/index.ts';
import { ByteWriter, type Result, unwrap } from '../support/index.ts';
import { bytecodeCost, decodeProgram, disassemble, encodeProgram, isBytecode, loadFrom, readHeader, verifyBytecode } from './index.ts';
import { readModule, type SectionSpan } from './read.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : [...new Set(result.diagnostics.map((d) => d.code))]);
const i8 = (...values: number[]) => Int8Array.from(values);
const i32 = (...values: number[]) => Int32Array.from(values);

/** x -> dense -> rescale, and relu-like clamp of it. */
const smallProgram = (weights = i8(1, -2, 3, 4, 5, -127), names = { input: 'x', output: 'y' }): Program => {
  const b = new ProgramBuilder('small');
  const x = b.input(names.input, { dtype: 'i8', shape: [1, 3] });
  const w = b.param('w', { dtype: 'i8', shape: [2, 3], data: weights });
  const bias = b.param('bias', { dtype: 'i32', shape: [2], data: i32(1000, -7) });
  const m = b.param('m', { dtype: 'i32', shape: [1], data: i32(20000) });
  const s = b.param('s', { dtype: 'i32', shape: [1], data: i32(20) });
  const acc = b.emit('dense', [x, w, bias], {});
  const y = b.emit('rescale', [acc, m, s], { lo: -128, hi: 127, dtype: 'i8', output_zero: -3 });
  b.output(names.output, b.emit('clamp', [y], { lo: 0, hi: 100 }));
  b.output('raw', y);
  return b.finish();
};

const program = smallProgram();
const bytes = unwrap(encodeProgram(program));

const sectionsOf = (source: Uint8Array): readonly SectionSpan[] => readModule(source).sections;

/** The bytes with one section's payload replaced, lengths right. */
const withSection = (index: number, edit: (payload: Uint8Array) => Uint8Array): Uint8Array => {
  const writer = new ByteWriter();
  writer.bytes(bytes.subarray(0, 5));
  sectionsOf(bytes).forEach((span, i) => {
    const payload = bytes.subarray(span.start, span.end);
    const edited = i === index ? edit(payload) : payload;
    writer.u8(i + 1);
    writer.uleb(edited.length);
    writer.bytes(edited);
  });
  return writer.finish();
};

const replaced = (payload: Uint8Array, at: number, remove: number, ...insert: number[]): Uint8Array =>
  Uint8Array.from([...payload.subarray(0, at), ...insert, ...payload.subarray(at + remove)]);

/** What both readers say: structure without parameters first, then with them. */
const problems = (source: Uint8Array): readonly string[] => codesOf(decodeProgram(source, loadFrom(program)));

test('results without elements have bounds too', () => {
  const b = new ProgramBuilder('empty');
  const x = b.input('x', { dtype: 'i8', shape: [2, 0, 2] });
  b.output('y', b.emit('table', [x, b.param('t', { dtype: 'i8', shape: [0, 256], data: i8() })], {}));
  const encoded = unwrap(encodeProgram(b.finish()));
  expect(unwrap(encodeProgram(unwrap(decodeProgram(encoded, loadFrom(b.finish())))))).toEqual(encoded);
});

describe('round trip', () => {
  const programs = Array.from({ length: 80 }, (_, seed) => randomProgram(seed, 1 + (seed % 12)));

  test('decode(encode(p)) is the canonical program, and encodes to the same bytes', () => {
    const seen = new Set<string>();
    for (const p of programs) {
      const encoded = unwrap(encodeProgram(p));
      const again = unwrap(decodeProgram(encoded, loadFrom(p)));
      expect(printProgram(again, { form: 'canonical' })).toBe(printProgram(p, { form: 'canonical' }));
      expect(identityHash(again)).toBe(identityHash(p));
      expect(again.nodes).toEqual(canonicalize(p).nodes);
      expect(again.inputs.map((port) => port.name)).toEqual(p.inputs.map((port) => port.name));
      expect(again.outputs.map((port) => port.name)).toEqual(p.outputs.map((port) => port.name));
      expect(unwrap(encodeProgram(again))).toEqual(encoded);
      for (const node of again.nodes) seen.add(node.op);
    }
    expect(seen.size).toBeGreaterThan(OP_NAMES.length / 2);
  });

  test('the bytes do not depend on dead code, parameter names or the order of independent nodes', () => {
    const build = (first: boolean): Program => {
      const b = new ProgramBuilder(first ? 'one' : 'two');
      const x = b.input('x', { dtype: 'i32', shape: [2] });
      const emitA = () => b.emit('clamp', [x], { lo: 0, hi: 9 });
      const emitB = () => b.emit('clamp', [x], { lo: 1, hi: 8 });
      const dead = first ? b.param('dead', { dtype: 'i32', shape: [1], data: i32(4) }) : undefined;
      const one = first ? emitA() : emitB();
      const two = first ? emitB() : emitA();
      if (dead !== undefined) b.emit('clamp', [dead], { lo: 0, hi: 1 });
      b.output('y', b.emit('sub', first ? [one, two] : [two, one], {}));
      return b.finish();
    };
    expect(unwrap(encodeProgram(build(true)))).toEqual(unwrap(encodeProgram(build(false))));
  });

  test('parameter names avoid those of inputs, so that the decoded program is valid', () => {
    const p = smallProgram(undefined, { input: 'p0', output: 'p1' });
    const again = unwrap(decodeProgram(unwrap(encodeProgram(p)), loadFrom(p)));
    expect(again.params.map((param) => param.name)).toEqual(['pp0', 'pp1', 'pp2', 'pp3']);
    expect(encodeProgram(again).ok).toBe(true);
  });

  test('the decoded program runs like the one encoded', () => {
    const again = unwrap(decodeProgram(bytes, loadFrom(program)));
    const x = { dtype: 'i8' as const, shape: [1, 3], data: i8(127, -128, 5) };
    expect(runProgram(again, [x])).toEqual(runProgram(program, [x]));
  });
});

describe('facts from the bytecode alone', () => {
  test('cost equals that of the program', () => {
    const cost = unwrap(bytecodeCost(bytes));
    expect(cost.operations).toBe(programCost(program));
    expect(cost.endorphin).toBe(endorphinOf(programCost(program)));
    expect(cost.parameterBytes).toBe(6 + 8 + 4 + 4);
    // Fullest while rescale runs: x is dead, acc (8) and y (2) are alive.
    expect(cost.memoryBytes).toBe(22 + 3 + 8);
  });

  test('header', () => {
    expect(unwrap(readHeader(bytes))).toMatchObject({ version: 1, inputs: 1, parameters: 4, nodes: 3, outputs: 2 });
    expect(isBytecode(bytes)).toBe(true);
    expect(isBytecode(bytes.subarray(1))).toBe(false);
  });

  test('disassembly shows offsets, opcodes, types, attributes and intervals', () => {
    const text = unwrap(disassemble(bytes));
    expect(text).toContain('; 1 inputs, 4 parameters, 3 nodes, 2 outputs');
    expect(text).toMatch(/[0-9a-f]{8} {2}08 {2}%5: i32\[1, 2\] in \[-?\d+, \d+\] = dense %0: i8\[1, 3\], %1: i8\[2, 3\], %2: i32\[2\]/);
    expect(text).toContain('%7: i8[1, 2] in [0, ');
    expect(text).toContain('clamp %6: i8[1, 2] hi=100 lo=0');
    expect(codesOf(disassemble(bytes.subarray(0, 40)))).toEqual(['CVM1004']);
  });
});

describe('programs that have no bytecode', () => {
  test('symbolic dimension', () => {
    const b = new ProgramBuilder('symbolic');
    b.output('y', b.emit('clamp', [b.input('x', { dtype: 'i8', shape: ['N', 3] })], { lo: 0, hi: 1 }));
    expect(codesOf(encodeProgram(b.finish()))).toEqual(['CVM1010']);
  });

  test('weight -128 in conv or dense', () => {
    expect(codesOf(encodeProgram(smallProgram(i8(1, -128, 3, 4, 5, 6))))).toEqual(['CVM1014']);
  });

  test('names with control characters, and overflow', () => {
    expect(codesOf(encodeProgram(smallProgram(undefined, { input: 'a\u0007', output: '' })))).toEqual(['CVM1011']);
    const b = new ProgramBuilder('overflow');
    const x = b.input('x', { dtype: 'i32', shape: [1] });
    b.output('y', b.emit('add', [x, x], {}));
    expect(codesOf(encodeProgram(b.finish()))).toEqual(['IR0011']);
  });

  test('a composite whose definition does not work out, or takes too much work', () => {
    const wide = new ProgramBuilder('wide kernel');
    const x = wide.input('x', { dtype: 'i8', shape: [1, 1, 1] });
    const w = wide.param('w', { dtype: 'i8', shape: [1, 1, 600_000], data: new Int8Array(600_000) });
    wide.output('y', wide.emit('conv_transpose', [x, w], { stride: [1], dilation: [3], pads: [0, 0], output_padding: [0] }));
    // Its padding is above what pad takes.
    expect(codesOf(encodeProgram(wide.finish()))).toEqual(['IR0002']);
    const tiles = new ProgramBuilder('tiles');
    let y = tiles.input('x', { dtype: 'i8', shape: [0, 0] });
    for (let i = 0; i < 600; i++) y = tiles.emit('tile', [y], { repeats: [65_536, 65_536] });
    tiles.output('y', y);
    expect(codesOf(encodeProgram(tiles.finish()))).toEqual(['CVM1009']);
  });

  test('more outputs than a call has room for arguments', () => {
    const b = new ProgramBuilder('vocabulary');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1] });
    const w = b.param('w', { dtype: 'i8', shape: [200_000, 1], data: new Int8Array(200_000).fill(3) });
    b.output('y', b.emit('dense', [x, w], {}));
    const p = b.finish();
    expect(decodeProgram(unwrap(encodeProgram(p)), loadFrom(p)).ok).toBe(true);
  });

  test('memory counts the values inside composites', () => {
    const b = new ProgramBuilder('spread');
    const x = b.input('x', { dtype: 'i8', shape: [1, 1, 100] });
    const w = b.param('w', { dtype: 'i8', shape: [1, 1, 1], data: i8(1) });
    b.output('y', b.emit('conv_transpose', [x, w], { stride: [1000], dilation: [1], pads: [49_000, 49_000], output_padding: [0] }));
    const cost = unwrap(bytecodeCost(unwrap(encodeProgram(b.finish()))));
    // 100 elements, 1000 apart, stand in memory before the pads crop them.
    expect(cost.memoryBytes).toBeGreaterThan(99_000);
  });

  test('more work for the proof than the limit', () => {
    const b = new ProgramBuilder('wide');
    const x = b.input('x', { dtype: 'i8', shape: [0, 1, 1, 1] });
    const w = b.param('w', { dtype: 'i8', shape: [2 ** 22, 0, 1, 1], data: i8() });
    const noChannels = b.emit('slice', [x], { starts: [0, 0, 0, 0], sizes: [-1, 0, -1, -1], steps: [1, 1, 1, 1] });
    const y = b.tryEmit('conv', [noChannels, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
    if (!y.ok) throw new Error('conv refused the shapes');
    b.output('y', y.value[0]!);
    expect(codesOf(encodeProgram(b.finish()))).toEqual(['CVM1009']);
  });
});

describe('rejection of what is not canonical', () => {
  const where = Object.fromEntries(sectionsOf(bytes).map((s) => [s.name, s])) as Record<string, SectionSpan>;

  test('the unchanged bytes pass', () => {
    expect(problems(bytes)).toEqual([]);
    expect(problems(withSection(0, (p) => p))).toEqual([]);
  });

  test('magic and version', () => {
    expect(problems(new Uint8Array(0))).toEqual(['CVM1001']);
    expect(problems(replaced(bytes, 1, 1, 0x64))).toEqual(['CVM1001']);
    expect(problems(replaced(bytes, 4, 1, 2))).toEqual(['CVM1002']);
    expect(problems(replaced(bytes, 4, 1, 0x81, 0x00))).toEqual(['CVM1003']);
  });

  test('longer LEB128 than needed, in every section', () => {
    const padded = (payload: Uint8Array) => replaced(payload, 0, 1, payload[0]! | 0x80, 0);
    for (let i = 0; i < 5; i++) expect(problems(withSection(i, padded))).toEqual(['CVM1003']);
    expect(problems(replaced(bytes, where['types']!.start - 1, 1, (where['types']!.end - where['types']!.start) | 0x80, 0))).toEqual([
      'CVM1003',
    ]);
  });

  test('sections out of order, missing, too long or too short, and trailing bytes', () => {
    const types = where['types']!;
    expect(problems(replaced(bytes, types.start - 2, 1, 2))).toEqual(['CVM1004']);
    expect(problems(bytes.subarray(0, where['bounds']!.start - 2))).toEqual(['CVM1004']);
    expect(problems(Uint8Array.from([...bytes, 0]))).toEqual(['CVM1004']);
    expect(problems(withSection(3, (p) => Uint8Array.from([...p, 0])))).toEqual(['CVM1004']);
    expect(problems(withSection(3, (p) => p.subarray(0, p.length - 1)))).toEqual(['CVM1003']);
  });

  test('nodes or parameters in another order, or unused', () => {
    const twoOutputs = (p: Uint8Array) => p;
    expect(problems(withSection(3, twoOutputs))).toEqual([]);
    // The clamp goes unused: the outputs are the rescale twice.
    const unused = withSection(3, (p) => {
      const copy = p.slice();
      copy[copy.indexOf(7)] = 6;
      return copy;
    });
    expect(codesOf(verifyBytecode(unused))).toEqual(['CVM1008']);
    // m and s exchanged.
    const exchanged = withSection(2, (p) => {
      const i = p.findIndex((v, k) => v === 5 && p[k + 1] === 3 && p[k + 2] === 4);
      return replaced(p, i, 3, 5, 4, 3);
    });
    expect(codesOf(verifyBytecode(exchanged))).toEqual(['CVM1008']);
  });

  test('types listed twice, unused or not by first use', () => {
    const types = (p: Uint8Array, extra: readonly number[]) =>
      replaced(p, 0, 1, p[0]! + 1).length > 0 && Uint8Array.from([p[0]! + 1, ...p.subarray(1), ...extra]);
    expect(problems(withSection(0, (p) => types(p, [...p.subarray(1, 5)]) || p))).toEqual(['CVM1007']);
    expect(problems(withSection(0, (p) => types(p, [5, 0]) || p))).toEqual(['CVM1008']);
    expect(problems(withSection(0, (p) => types(p, [9, 0]) || p))).toEqual(['CVM1007']);
    expect(problems(withSection(0, (p) => types(p, [0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1]) || p))).toEqual(['CVM1007']);
  });

  test('value numbers, opcodes and attributes', () => {
    const edit = (from: readonly number[], to: readonly number[]) =>
      withSection(2, (p) => {
        const i = p.findIndex((_, k) => from.every((v, d) => p[k + d] === v));
        expect(i).toBeGreaterThan(0);
        return replaced(p, i, from.length, ...to);
      });
    expect(problems(edit([0x08, 3, 0, 1, 2], [0x08, 3, 0, 1, 99]))).toEqual(['CVM1006']);
    expect(problems(edit([0x08, 3, 0, 1, 2], [0x08, 3, 5, 1, 2]))).toEqual(['CVM1006']);
    expect(problems(edit([0x08, 3, 0, 1, 2], [0x07, 3, 0, 1, 2]))).toEqual(['CVM1005']);
    expect(problems(edit([0x08, 3, 0, 1, 2], [0x08, 4, 0, 1, 2]))).toEqual(['CVM1003']);
    expect(problems(edit([0x08, 3, 0, 1, 2], [0x08, 3, 0, 1, 3]))).toContain('dense_c4');
    // clamp: hi 100 -> 40, so that an i8 bound is wrong; lo above hi breaks the op's constraint.
    expect(problems(edit([0x37, 6, 200, 1, 0], [0x37, 6, 80, 0]))).toEqual(['IR0012']);
    expect(problems(edit([0x37, 6, 200, 1, 0], [0x37, 6, 200, 1, 202, 1]))).toEqual(['clamp_c2']);
  });

  test('names: twice, empty, not UTF-8, with control characters', () => {
    const exports = (name: readonly number[]) =>
      withSection(3, (p) => {
        const i = p.indexOf(0x79);
        return replaced(p, i - 1, 2, name.length, ...name);
      });
    expect(problems(exports([0x7a]))).toEqual([]);
    expect(problems(exports([0x72, 0x61, 0x77]))).toEqual(['CVM1011']);
    expect(problems(exports([]))).toEqual(['CVM1011']);
    expect(problems(exports([0x0a]))).toEqual(['CVM1011']);
    expect(problems(exports([0xff]))).toEqual(['CVM1003']);
    expect(problems(exports([0xc0, 0xaf]))).toEqual(['CVM1003']);
  });

  test('a bound that is off by one, either way, missing or reversed', () => {
    for (const delta of [1, -1])
      for (const end of [0, 1]) {
        const changed = withSection(4, (p) => {
          const writer = new ByteWriter();
          const intervals = readModule(bytes).bounds;
          writer.uleb(intervals.length);
          intervals.forEach(([lo, hi], i) => {
            writer.sleb(lo + (i === 0 && end === 0 ? delta : 0));
            writer.sleb(hi + (i === 0 && end === 1 ? delta : 0));
          });
          return p.length === 0 ? p : writer.finish();
        });
        expect(codesOf(verifyBytecode(changed))).toEqual([]);
        expect(problems(changed)).toEqual(['IR0012']);
      }
    expect(problems(withSection(4, () => Uint8Array.from([0])))).toEqual(['CVM1015']);
    expect(problems(withSection(4, () => Uint8Array.from([1, 2, 0])))).toEqual(['CVM1015']);
  });

  test('another parameter than the digest names', () => {
    const other = smallProgram(i8(1, -2, 3, 4, 5, -126));
    expect(codesOf(decodeProgram(bytes, loadFrom(other)))).toEqual(['CVM1013']);
    const wrong = decodeProgram(bytes, (ref) => ({ ok: true, value: { ...ref.type, data: DTYPE_INFO[ref.type.dtype].make(6) } }));
    expect(codesOf(wrong)).toEqual(['CVM1013']);
    const zero = decodeProgram(bytes, (ref) => ({ ok: true, value: zeros(ref.type) }));
    expect(zero.ok ? [] : zero.diagnostics.map((d) => `${d.code} ${d.where}`)).toEqual([0, 1, 2, 3].map((i) => `CVM1013 parameter ${i}`));
  });
});

describe('hostile bytes', () => {
  test('every prefix is rejected with a code', () => {
    for (let n = 0; n < bytes.length; n++) {
      const result = verifyBytecode(bytes.subarray(0, n));
      expect(result.ok).toBe(false);
      expect(codesOf(result).every((code) => code.startsWith('CVM1'))).toBe(true);
    }
  });

  test('every bit flip is rejected, or is other bytecode that encodes to itself', () => {
    let accepted = 0;
    for (let i = 0; i < bytes.length * 8; i++) {
      const flipped = bytes.slice();
      flipped[i >> 3]! ^= 1 << (i & 7);
      const result = decodeProgram(flipped, loadFrom(program));
      if (!result.ok) continue;
      accepted++;
      expect(unwrap(encodeProgram(result.value))).toEqual(flipped);
    }
    // Names of inputs and outputs, and attributes that the intervals do not show.
    expect(accepted).toBeLessThan(bytes.length);
  });

  test('counts that the bytes do not justify allocate nothing', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for (let i = 0; i < 5; i++) expect(problems(withSection(i, () => Uint8Array.from(huge)))).toEqual(['CVM1003']);
  });
});
