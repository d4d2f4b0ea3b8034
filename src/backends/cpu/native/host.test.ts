import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Result, unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { storeParameters } from '../cache/parameters.ts';
import { openLibrary } from './host.ts';
import { loadKoffi } from './host-koffi.ts';
import { buildLibrary } from './library.ts';
import {
  ELEMENTS,
  handInput,
  handOutputs,
  type HandOptions,
  handParameters,
  handSources,
  PARAMETER_BYTES,
  sameBytes,
} from './testing/hand-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-host-test-'));
const cache = new Cache({ folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const libraryOf = (options?: HandOptions): string => unwrap(buildLibrary(handSources(options), { cache })).path;
let library: string;
let file: string;
beforeAll(() => {
  library = libraryOf();
  file = unwrap(storeParameters(cache, handParameters(), PARAMETER_BYTES)).path;
});

const problems = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.message}`));

describe('a program written by hand', () => {
  test.each([1, 2, 3, 4])('gives the same bytes on %d threads, run after run', (threads) => {
    const native = unwrap(openLibrary(library, file, { threads }));
    expect(native.threads).toBe(threads);
    for (let seed = 0; seed < 30; seed++) {
      const x = handInput(seed);
      expect(sameBytes(native.run([x]), handOutputs(x))).toBe(true);
    }
    native.close();
  });
  test('uses no more threads than its memory plan has scratch for', () => {
    expect(unwrap(openLibrary(library, file, { threads: 9 })).threads).toBe(4);
  });
  test('tells its ports, steps and sizes', () => {
    const native = unwrap(openLibrary(library, file));
    expect(native.inputs).toEqual([{ name: 'x', dtype: 'i32', shape: [ELEMENTS], passes: undefined }]);
    expect(native.outputs.map((o) => [o.name, o.passes])).toEqual([
      ['y', undefined],
      ['z', undefined],
      ['w', 0],
    ]);
    expect(native.steps[1]).toEqual({ place: 'line 2', op: 'mul', parallel: true, macs: ELEMENTS });
    expect(native.parameterBytes).toBe(PARAMETER_BYTES);
  });
  test('results of run are the caller’s, those of look hold until the next run', () => {
    const native = unwrap(openLibrary(library, file, { threads: 2 }));
    const [a, b] = [handInput(1), handInput(2)];
    const first = native.run([a]);
    const looked = native.look([a]);
    expect(sameBytes(looked, handOutputs(a))).toBe(true);
    const again = native.look([b]);
    expect(again[0]).toBe(looked[0]);
    expect(sameBytes(again, handOutputs(b))).toBe(true);
    expect(sameBytes(first, handOutputs(a))).toBe(true);
  });
  test('a profile has a time for each step and is a run', () => {
    const native = unwrap(openLibrary(library, file, { threads: 2 }));
    const times = native.profile([handInput(3)]);
    expect(times).toHaveLength(3);
    expect(times.every((t) => t >= 0)).toBe(true);
    expect(sameBytes(native.run([handInput(3)]), handOutputs(handInput(3)))).toBe(true);
  });
  test('two programs of one library do not share memory', () => {
    const [a, b] = [unwrap(openLibrary(library, file, { threads: 2 })), unwrap(openLibrary(library, file))];
    const fromA = a.look([handInput(1)]);
    b.run([handInput(2)]);
    expect(sameBytes(fromA, handOutputs(handInput(1)))).toBe(true);
    a.close();
    expect(sameBytes(b.run([handInput(2)]), handOutputs(handInput(2)))).toBe(true);
  });
});

describe('what is refused', () => {
  test('tensors that do not fit, and runs after close', () => {
    const native = unwrap(openLibrary(library, file));
    expect(() => native.run([])).toThrow('the program has 1 inputs but 0 tensors are given');
    expect(() => native.run([{ dtype: 'i8', shape: [2], data: new Int8Array(2) }])).toThrow(
      'input x is i32[32768] but the tensor is i8[2]',
    );
    native.close();
    native.close();
    expect(() => native.run([handInput(1)])).toThrow(expect.objectContaining({ code: 'INT0001' }));
  });
  test('koffi that is not there, and libraries that do not load', () => {
    expect(problems(loadKoffi('koffi-that-is-missing'))).toEqual([expect.stringMatching(/^NAT0003 .*koffi-that-is-missing/)]);
    const text = join(folder, 'text.so');
    writeFileSync(text, 'no library');
    expect(problems(openLibrary(text, file))).toEqual([expect.stringMatching(/^NAT0004 /)]);
    expect(problems(openLibrary(join(folder, 'none.so'), file))).toEqual([expect.stringMatching(/^NAT0004 /)]);
  });
  test('parameter files that are missing, short or no files', () => {
    const short = join(folder, 'short.bin');
    writeFileSync(short, '');
    truncateSync(short, PARAMETER_BYTES - 1);
    expect(problems(openLibrary(library, short))).toEqual([
      `NAT0009 ${short} has ${PARAMETER_BYTES - 1} bytes, the program needs ${PARAMETER_BYTES}: it belongs to another program or was cut off`,
    ]);
    expect(problems(openLibrary(library, join(folder, 'none.bin')))).toEqual([expect.stringMatching(/^NAT0009 .*No such file/)]);
    expect(problems(openLibrary(library, folder))).toEqual([expect.stringMatching(/^NAT0009 /)]);
    expect(problems(openLibrary(library, undefined))).toEqual(['NAT0009 the program has parameters, but no file is named']);
  });
  test('a level that the library does not have', () => {
    const [problem] = problems(openLibrary(library, file, { level: 'quantum' }));
    expect(problem).toMatch(/^NAT0005 the program has no instruction set quantum; it has: /);
  });
  test('a level of another processor', () => {
    const other = process.arch === 'arm64' ? 'avx512vnni' : 'neondot';
    const foreign = unwrap(buildLibrary(handSources(), { cache, level: other, emulate: true })).path;
    // emulated, it needs no more than this processor has
    const native = unwrap(openLibrary(foreign, file, { level: other }));
    expect(native.level).toBe(other);
    expect(sameBytes(native.run([handInput(5)]), handOutputs(handInput(5)))).toBe(true);
  });
  test('programs that contradict themselves', () => {
    expect(problems(openLibrary(libraryOf({ format: 99 }), file))).toEqual(['NAT0004 the program has format 99, this runtime runs 1']);
    expect(problems(openLibrary(libraryOf({ memoryBytes: 4096 }), file))).toEqual([expect.stringMatching(/^NAT0004 .*lies outside/)]);
    expect(problems(openLibrary(libraryOf({ maxThreads: 0 }), file))).toEqual([expect.stringMatching(/^NAT0004 /)]);
  });
  test('more memory than the system has addresses', () => {
    expect(problems(openLibrary(libraryOf({ memoryBytes: 2 ** 52 }), file))).toEqual([expect.stringMatching(/^NAT0010 .* MiB of memory/)]);
  });
});
