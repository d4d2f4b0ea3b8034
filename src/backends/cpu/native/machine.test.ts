import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import binaryen from 'binaryen';
import { at } from '../../../support/index.ts';
import { cLevels, hasCompiler } from '../../../../tests/support/c-levels.ts';
import { type Case, CASES, LANES, type Place, SAMPLES } from '../../../../tests/support/machine-cases.ts';

// Every instruction runs on the same operands in WebAssembly and in C, on linear memories of one layout: the operands of
// each kind of lane, then the results of each case. The memories must be equal afterwards, but for the bits of NaNs.

/** The part of the engine's WebAssembly API that is used here. */
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: () => void } };
};

const SLOT_BYTES = 16;
const TABLE_BYTES = SAMPLES * SLOT_BYTES;
const TABLES_OF_A_KIND = 3;
const OPERAND_BYTES = LANES.length * TABLES_OF_A_KIND * TABLE_BYTES;
const MEMORY_BYTES = OPERAND_BYTES + CASES.length * TABLE_BYTES;
const PAGE_BYTES = 65536;

const tableOf = ({ lanes, table }: Pick<Place, 'lanes' | 'table'>): number =>
  (LANES.indexOf(lanes) * TABLES_OF_A_KIND + table) * TABLE_BYTES;
const resultOf = (index: number): number => OPERAND_BYTES + index * TABLE_BYTES;

/** A small generator (xorshift32): the same operands in every run. */
const randomFrom = (seed: number): (() => number) => {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
};

const INTEGER_EDGES: readonly bigint[] = [0n, 1n, 2n, 3n, 5n, 7n, 8n, 15n, 16n, 31n, 32n, 63n, 64n, 100n];
const FLOAT_EDGES: readonly number[] = [
  [0, 0.25, 0.5, 1, 1.5, 2.5, 3.5, 0.1, 1e-45, 1e-38, 1e-310, 5e-324, 3.4e38, 1.7e308, 2147483647, 2147483648, 2147483649],
  [2147483520, 4294967295, 4294967296, 4294967040, 2 ** 63, 2 ** 63 - 1024, 2 ** 64, 2 ** 64 - 2048, 8388607.5, 8388609],
  [4503599627370495.5, 4503599627370497, 16777217, 1e10, Number.POSITIVE_INFINITY, Number.NaN],
].flatMap((row) => row.flatMap((x) => [x, -x]));

/** Bits of the lanes that are worth trying, of a width in bits. */
const edgesOf = (lanes: (typeof LANES)[number], bits: number): readonly bigint[] => {
  const view = new DataView(new ArrayBuffer(8));
  if (lanes === 'f32x4') return [...FLOAT_EDGES.map((x) => (view.setFloat32(0, x), BigInt(view.getUint32(0)))), 0x7f800001n, 0xffc01234n];
  if (lanes === 'f64x2') return [...FLOAT_EDGES.map((x) => (view.setFloat64(0, x), view.getBigUint64(0))), 0x7ff0000000000001n];
  const powers = [7n, 8n, 15n, 16n, 31n, 32n, 63n].filter((p) => p < bits).map((p) => 1n << p);
  const near = powers.flatMap((p) => [p - 1n, p, p + 1n]);
  return [...INTEGER_EDGES, ...near].flatMap((x) => [BigInt.asUintN(bits, x), BigInt.asUintN(bits, -x)]);
};

/** All pairs of edges in the lanes of the first two tables as far as they fit, lane by lane; random bits in every third lane else. */
const fillTables = (memory: DataView): void => {
  const random = randomFrom(42);
  for (const lanes of LANES) {
    const count = Number(lanes.slice(lanes.indexOf('x') + 1));
    const bits = 128 / count;
    const edges = edgesOf(lanes, bits);
    const put = (table: number, lane: number, value: bigint): void => {
      const address = tableOf({ lanes, table }) + (lane * bits) / 8;
      for (let byte = 0; byte < bits / 8; byte++) memory.setUint8(address + byte, Number((value >> BigInt(8 * byte)) & 0xffn));
    };
    const any = (): bigint =>
      random() % 3 === 0 ? BigInt.asUintN(bits, (BigInt(random()) << 32n) | BigInt(random())) : at(edges, random() % edges.length);
    for (let sample = 0; sample < SAMPLES; sample++) {
      for (let k = 0; k < count; k++) {
        const lane = sample * count + k;
        // the first lane of a slot is also the scalar operand, so it sees the pairs in order
        const paired = k === 0 && sample < edges.length ** 2;
        put(0, lane, paired ? at(edges, sample % edges.length) : any());
        put(1, lane, paired ? at(edges, Math.floor(sample / edges.length)) : any());
        put(2, lane, any());
      }
    }
  }
};

/** What a case is as text in either language. `i` counts bytes of the tables. */
const load = (place: Place, how: { wat: boolean }): string => {
  const op = place.kind === 'v128' ? 'v128.load' : `${place.kind}.load`;
  return how.wat ? `(${op} offset=${tableOf(place)} (local.get $i))` : `${op.replace('.', '_')}(m, i, ${tableOf(place)})`;
};

const watOf = (c: Case, index: number): string => {
  const args = c.places.map((p) => load(p, { wat: true }));
  const body =
    c.result === undefined
      ? c.wat(args, { base: resultOf(index), table: tableOf })
      : `(${c.result}.store offset=${resultOf(index)} (local.get $i) ${c.wat(args, { base: resultOf(index), table: tableOf })})`;
  return `(func $f${index} (local $i i32) (loop $l ${body}
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const ${SLOT_BYTES}))) (i32.const ${TABLE_BYTES})))))`;
};

const cOf = (c: Case, index: number): string => {
  const args = c.places.map((p) => load(p, { wat: false }));
  const text = c.c(args, { base: resultOf(index), table: tableOf });
  const body = c.result === undefined ? text : `${c.result}_store(m, i, ${resultOf(index)}, ${text})`;
  return `static void f${index}(uint8_t *m) { for (uint32_t i = 0; i < ${TABLE_BYTES}; i += ${SLOT_BYTES}) { ${body}; } }`;
};

const runInWasm = (operands: Uint8Array): Uint8Array => {
  const pages = Math.ceil(MEMORY_BYTES / PAGE_BYTES);
  const calls = CASES.map((_, i) => `(call $f${i})`).join(' ');
  const text = `(module (memory (export "memory") ${pages}) ${CASES.map(watOf).join('\n')} (func (export "run") ${calls}))`;
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  const { memory, run: runAll } = new WebAssembly.Instance(new WebAssembly.Module(module.emitBinary())).exports;
  module.dispose();
  const bytes = new Uint8Array(memory.buffer, 0, MEMORY_BYTES);
  bytes.set(operands);
  runAll();
  return bytes;
};

const PROGRAM = `#include "cx_machine.h"
#include <stdio.h>
#include <stdlib.h>
${CASES.map(cOf).join('\n')}
/* What WebAssembly traps on is written in cx_machine_scalar.h. */
static int guarded(volatile uint32_t zero) {
  return i32_div_s(5, zero) == 0 && i32_div_u(5, zero) == 0 && i32_rem_s(5, zero) == 5 && i32_rem_u(5, zero) == 5 &&
         i64_div_s(5, zero) == 0 && i64_rem_u(5, zero) == 5 && i32_div_s(0x80000000u, zero - 1) == 0x80000000u;
}
int main(int argc, char **argv) {
  uint8_t *const m = malloc(${MEMORY_BYTES});
  FILE *const from = argc == 3 ? fopen(argv[1], "rb") : 0, *const to = argc == 3 ? fopen(argv[2], "wb") : 0;
  if (!m || !from || !to || fread(m, 1, ${OPERAND_BYTES}, from) != ${OPERAND_BYTES}) return 1;
  memset(m + ${OPERAND_BYTES}, 0, ${MEMORY_BYTES - OPERAND_BYTES});
${CASES.map((_, i) => `  f${i}(m);`).join('\n')}
  if (!guarded(0)) return 2;
  return fwrite(m, 1, ${MEMORY_BYTES}, to) == ${MEMORY_BYTES} && fclose(to) == 0 ? 0 : 3;
}
`;

const C_FOLDER = fileURLToPath(new URL('./c', import.meta.url));
const run = promisify(execFile);

/** All levels compile at once, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;

/** Bits of the canonical NaN in place of any NaN, as the programs write it. */
const withCanonicalNaNs = (bytes: Uint8Array, lanes: 'f32x4' | 'f64x2'): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  const values = lanes === 'f32x4' ? new Float32Array(copy.buffer) : new Float64Array(copy.buffer);
  values.forEach((x, i) => {
    if (Number.isNaN(x)) values[i] = Number.NaN;
  });
  return copy;
};

const hex = (bytes: Uint8Array, sample: number): string =>
  Buffer.from(bytes.subarray(sample * SLOT_BYTES, (sample + 1) * SLOT_BYTES)).toString('hex');

/** One line a case that differs, with the first operands that show it. */
const differences = (expected: Uint8Array, actual: Uint8Array): readonly string[] =>
  CASES.flatMap((c, index) => {
    const part = (memory: Uint8Array): Uint8Array => {
      const bytes = memory.subarray(resultOf(index), resultOf(index) + TABLE_BYTES);
      return c.anyNaN === 'f32x4' || c.anyNaN === 'f64x2' ? withCanonicalNaNs(bytes, c.anyNaN) : bytes;
    };
    const [e, a] = [part(expected), part(actual)];
    const where = Buffer.compare(e, a) === 0 ? -1 : e.findIndex((x, i) => x !== a[i]);
    if (where < 0) return [];
    const sample = Math.floor(where / SLOT_BYTES);
    const operands = c.places.map((p) => hex(expected.subarray(tableOf(p)), sample)).join(' ');
    return [`${c.name}: ${operands} gives ${hex(a, sample)}, WebAssembly ${hex(e, sample)}`];
  });

describe('the machine in C does what WebAssembly does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-machine-'));
  const source = join(folder, 'machine.c');
  const operandFile = join(folder, 'operands');
  let expected: Uint8Array;

  beforeAll(() => {
    const operands = new Uint8Array(OPERAND_BYTES);
    fillTables(new DataView(operands.buffer));
    writeFileSync(operandFile, operands);
    writeFileSync(source, PROGRAM);
    expected = runInWasm(operands);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  for (const level of cLevels()) {
    if ('missing' in level) {
      console.warn(`The machine is not tested for ${level.name}: ${level.missing}`);
      test.skip(level.name, () => undefined);
      continue;
    }
    // at once: the compilers share the processors that there are
    test.concurrent(
      level.name,
      async () => {
        const stem = join(folder, level.name.replaceAll(' ', '-'));
        await run(level.compiler, [...level.flags, '-O1', `-I${C_FOLDER}`, source, '-o', stem, '-lm']);
        const command = level.emulator === undefined ? [stem] : [level.emulator, stem];
        await run(at(command, 0), [...command.slice(1), operandFile, `${stem}.out`]);
        expect(differences(expected, readFileSync(`${stem}.out`))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
});

(hasCompiler() ? describe : describe.skip)('floating point that cannot be exact is refused', () => {
  test.each([
    ['-ffast-math', 'exact to the bit'],
    ['-ffinite-math-only', 'exact to the bit'],
  ])('%s', (flag, reason) => {
    const text = spawnSync('cc', [`-I${C_FOLDER}`, flag, '-fsyntax-only', '-x', 'c', join(C_FOLDER, 'cx_machine.h')], { encoding: 'utf8' });
    expect(text.status).not.toBe(0);
    expect(text.stderr).toContain(reason);
  });
});
