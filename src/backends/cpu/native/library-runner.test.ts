import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeNpy, encodeNpy } from '../../../frontend/tensors/index.ts';
import { type Tensor, tensorBytes } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { writeParameters } from '../cache/parameters.ts';
import { runnerSources } from './sources.ts';
import { ELEMENTS, handInput, handOutputs, handParameters, handSources, PARAMETER_BYTES, sameBytes } from './testing/hand-program.ts';
import { compileFlags, findCompiler, runCompiler } from './toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-runner-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const npy = (name: string, tensor: Tensor): string => {
  writeFileSync(join(folder, name), encodeNpy(tensor));
  return name;
};

/** A vector folder, its expected output changed at one byte when `wrong`. */
const vectors = (name: string, seeds: readonly number[], wrong = -1): string => {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'list.txt'), seeds.map((s) => `v${s}\n`).join(''));
  for (const seed of seeds) {
    mkdirSync(join(folder, name, `v${seed}`));
    const input = handInput(seed);
    npy(`${name}/v${seed}/input0.npy`, input);
    handOutputs(input).forEach((output, i) => {
      const bytes = encodeNpy(output);
      if (seed === wrong && i === 1) bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      writeFileSync(join(folder, name, `v${seed}`, `output${i}.npy`), bytes);
    });
  }
  return name;
};

beforeAll(() => {
  const sources = handSources();
  const files = [...sources.headers, ...sources.runtime, ...sources.program, ...runnerSources()];
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  writeParameters(join(folder, 'parameters.bin'), handParameters(), PARAMETER_BYTES);
  const code = files.map((f) => f.name).filter((name) => name.endsWith('.c'));
  const flags = [...compileFlags(undefined), '-DCX_ONLY_LEVEL=portable', '-DCX_ISA_PORTABLE'];
  unwrap(runCompiler(unwrap(findCompiler()), [[...flags, ...code, '-pthread', '-lm', '-o', 'run']], folder));
  npy('x.npy', handInput(4));
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const runWith = (env: Record<string, string>, args: readonly string[]): Ran => {
  const ran = spawnSync(join(folder, 'run'), args, { cwd: folder, encoding: 'utf8', env });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
};
const run = (...args: readonly string[]): Ran => runWith({}, args);

describe('files in and out', () => {
  test.each([['1'], ['3']])('gives the bytes that NumPy would write, on %s threads', (threads) => {
    const out = `out${threads}`;
    expect(run('--threads', threads, 'x.npy', '-o', out)).toEqual({ code: 0, out: `${out}/y.npy\n${out}/z.npy\n${out}/w.npy\n`, err: '' });
    const read = ['y', 'z', 'w'].map((name) => readFileSync(join(folder, out, `${name}.npy`)));
    const expected = handOutputs(handInput(4));
    expect(read.every((bytes, i) => bytes.equals(encodeNpy(expected[i] ?? handInput(0))))).toBe(true);
    expect(
      sameBytes(
        read.map((bytes) => unwrap(decodeNpy(bytes))),
        expected,
      ),
    ).toBe(true);
  });
  test('versions 2 and 3 of the format, and keys in another order', () => {
    const header = `{"shape": (${ELEMENTS},), "descr": "<i4", "fortran_order": False}\n`;
    const size = new Uint8Array(new Uint32Array([header.length]).buffer);
    const data = tensorBytes(handInput(4));
    for (const version of [2, 3]) {
      writeFileSync(
        join(folder, 'later.npy'),
        Buffer.concat([Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'), size, Buffer.from(header), data]),
      );
      expect(run('later.npy', '-o', 'later')).toMatchObject({ code: 0 });
    }
  });
  test('times and profile', () => {
    expect(run('x.npy', '--repeat', '3').err).toMatch(/^portable, 1 threads: median [\d.]+ ms, least [\d.]+ ms of 3 runs/);
    expect(run('x.npy', '--profile').out).toMatch(/ms +% +GMAC\/s +op +place\n.* add +line 1\n.* mul +line 2\n/);
    // with this set, the program ends with 99 in runs on several threads
    const alone = { HAND_ALONE: '1' };
    expect(runWith(alone, ['x.npy', '--threads', '2', '--profile']).code).toBe(0);
    expect(runWith(alone, ['x.npy', '--threads', '2', '-o', 'shared']).code).toBe(99);
    expect(run('--list').out).toContain(`input x: i32 of shape (${ELEMENTS},)\noutput y`);
    expect(run('--list').out).toContain('instruction set portable: in use\n');
  });
});

describe('the check', () => {
  test('of vectors that agree', () => {
    const name = vectors('good', [1, 2, 3]);
    expect(run('--check', '--vectors', name, '--threads', '2')).toEqual({
      code: 0,
      out: '3 of 3 vectors give the expected bytes (portable, 2 threads)\n',
      err: '',
    });
  });
  test('names vector, output, place and both values of a difference: exit code 1', () => {
    const name = vectors('bad', [1, 2], 2);
    const { code, out, err } = run('--check', '--vectors', name);
    expect(code).toBe(1);
    expect(out).toContain('1 of 2 vectors');
    expect(err).toMatch(
      new RegExp(`^mismatch: vector v2, output z: byte ${4 * ELEMENTS - 1} of ${4 * ELEMENTS} is \\d+, expected \\d+\n$`),
    );
  });
  test('of no vectors, and of files that are gone: exit code 3', () => {
    expect(run('--check', '--vectors', 'none')).toMatchObject({ code: 3, err: expect.stringContaining('none/list.txt cannot be opened') });
    expect(run('--check', '--vectors', vectors('empty', []))).toMatchObject({ code: 3, err: expect.stringContaining('names no vector') });
    const name = vectors('part', [1]);
    rmSync(join(folder, name, 'v1', 'output1.npy'));
    expect(run('--check', '--vectors', name)).toMatchObject({
      code: 3,
      err: expect.stringContaining('part/v1/output1.npy: it cannot be opened'),
    });
  });
});

describe('what is refused', () => {
  const file = (name: string, bytes: string): string => {
    writeFileSync(join(folder, name), Buffer.from(bytes, 'latin1'));
    return name;
  };
  const header = (text: string, data = ''): string =>
    `\x93NUMPY\x01\0${String.fromCharCode(text.length & 255, text.length >> 8)}${text}${data}`;
  const dict = (descr: string, shape: string, order = 'False'): string =>
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const refused: readonly (readonly [string, string, string])[] = [
    ['empty.npy', '', 'it is not a .npy file'],
    ['text.npy', 'hello world, hello', 'it is not a .npy file'],
    ['version.npy', '\x93NUMPY\x09\0\x02\0{}', 'it has version 9'],
    ['long.npy', '\x93NUMPY\x02\0\xff\xff\xff\xff{}', 'its header claims 4294967295 bytes'],
    ['cut.npy', '\x93NUMPY\x01\0\xff\0{', 'the header is cut off'],
    ['nodict.npy', header('[1, 2]'), 'the header does not start with "{"'],
    ['twice.npy', header("{'descr': '<i4', 'descr': '<i4'}"), 'the header has a key twice'],
    ['other.npy', header("{'name': '<i4'}"), 'the header has a key other than'],
    ['noshape.npy', header("{'descr': '<i4', 'fortran_order': False}"), 'the header lacks one of the keys'],
    ['open.npy', header("{'descr': '<i4"), "the header has no text under 'descr'"],
    ['number.npy', header(dict('<i4', `(${ELEMENTS})`)), "the header has no tuple of sizes under 'shape'"],
    ['more.npy', header(`${dict('<i4', '(1,)')}x`), 'the header has text after its dictionary'],
    [
      'type.npy',
      header(dict('<f4', `(${ELEMENTS},)`)),
      `it holds '<f4' of shape (${ELEMENTS},), but x is i32 of shape (${ELEMENTS},) ('i4')`,
    ],
    ['big-endian.npy', header(dict('>i4', `(${ELEMENTS},)`)), "it holds '>i4'"],
    ['shape.npy', header(dict('<i4', '(1, 3)')), `it holds '<i4' of shape (1, 3), but x is i32 of shape (${ELEMENTS},)`],
    ['huge.npy', header(dict('<i4', '(99999999999999999999999,)')), "it holds '<i4' of shape (4611686018427387904,)"],
    ['rank.npy', header(dict('<i4', `(${'1, '.repeat(40)})`)), "the header has no tuple of sizes under 'shape'"],
    ['short.npy', header(dict('<i4', `(${ELEMENTS},)`), 'abc'), `it ends after 3 of ${4 * ELEMENTS} bytes of elements`],
    ['tail.npy', header(dict('<i4', `(${ELEMENTS},)`), 'x'.repeat(4 * ELEMENTS + 1)), 'it has bytes after its array'],
  ];
  test.each(refused)('%s: exit code 3', (name, bytes, message) => {
    const { code, err } = run(file(name, bytes), '-o', 'out');
    expect([code, err]).toEqual([3, expect.stringContaining(`error: ${name}: ${message}`)]);
  });
  test('a file that is not there, and a folder', () => {
    expect(run('none.npy', '-o', 'out')).toMatchObject({
      code: 3,
      err: 'error: none.npy: it cannot be opened: No such file or directory\n',
    });
    expect(run('.', '-o', 'out').code).toBe(3);
  });
  test('usage: exit code 2', () => {
    expect(run('x.npy')).toMatchObject({ code: 2, err: expect.stringContaining('nothing is asked for') });
    expect(run('-o', 'out')).toMatchObject({ code: 2, err: expect.stringContaining('the model has 1 inputs, but 0 files are named') });
    expect(run('x.npy', '--thread', '2')).toMatchObject({ code: 2, err: expect.stringContaining('there is no option --thread') });
    expect(run('x.npy', '-o')).toMatchObject({ code: 2, err: expect.stringContaining('a value is missing behind -o') });
    for (const n of ['0', '-1', '1.5', 'x', '', '99999999999999999999'])
      expect(run('--threads', n, 'x.npy', '-o', 'out')).toMatchObject({ code: 2, err: expect.stringContaining(`not "${n}"`) });
    expect(run('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('usage: ') });
  });
  test('an instruction set that the program or the processor lacks: exit code 4', () => {
    expect(run('--isa', 'quantum', '--list')).toMatchObject({ code: 4, err: expect.stringContaining('it has: portable') });
    const forced = spawnSync(join(folder, 'run'), ['--list'], { cwd: folder, encoding: 'utf8', env: { CX_ISA: 'avx512vnni' } });
    expect([forced.status, forced.stderr]).toEqual([4, expect.stringContaining('no instruction set avx512vnni')]);
  });
  test('parameters that are missing or cut off: exit code 3', () => {
    expect(run('--params', 'none.bin', '--list')).toMatchObject({ code: 3, err: expect.stringContaining('none.bin cannot be opened') });
    file('short.bin', 'abc');
    expect(run('--params', 'short.bin', '--list')).toMatchObject({
      code: 3,
      err: expect.stringContaining(`has 3 bytes, the program needs ${PARAMETER_BYTES}`),
    });
  });
  test('a folder for outputs that cannot be made: exit code 3', () => {
    expect(run('x.npy', '-o', 'x.npy')).toMatchObject({ code: 3 });
    expect(run('x.npy', '-o', 'a/b/c')).toMatchObject({ code: 3, err: expect.stringContaining('the folder a/b/c cannot be made') });
  });
});
