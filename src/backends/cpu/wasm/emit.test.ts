import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ProgramBuilder } from '../../../ir/index.ts';
import { sha256Hex } from '../../../support/index.ts';
import { bundle } from './emit-scripts.ts';
import { WeightsFile } from './emit-weights.ts';
import { wasmBackend } from './index.ts';
import { emitInto, floatProgram, inputsOf, layersProgram } from '../../../../tests/support/emitted-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'cortexc-emit-wasm-'));
const folder = join(root, 'layers');
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeAll(async () => {
  await wasmBackend.prepare?.();
  emitInto(folder, layersProgram(), [inputsOf(layersProgram(), 1), inputsOf(layersProgram(), 2)]);
});

interface Ran {
  readonly code: number | null;
  readonly text: string;
}
/** A process of its own: the folder knows nothing of this one. */
const node = (where: string, ...words: string[]): Ran => {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: where, encoding: 'utf8' });
  return { code: status, text: stderr + stdout };
};

/** What a script prints that has `load` and the folder's `model`. */
const withLoader = (where: string, script: string, ...flags: string[]): string => {
  const { text } = node(where, ...flags, '--input-type=module', '-e', `import { load, ModelError } from './loader.js';\n${script}`);
  return text.trim();
};

/** A copy of the folder to damage. */
let copies = 0;
const copied = (): string => {
  const copy = join(root, `copy${copies++}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
};

/** Why a folder does not load. */
const refusalOf = (where: string): string =>
  withLoader(where, `await load().then(() => console.log('loaded'), (e) => console.log(e.message));`);

describe('node check.mjs', () => {
  test('gives the reference bytes on 1, 2 and 3 threads, and all of them take part', () => {
    const { code, text } = node(folder, 'check.mjs', '1', '2', '3');
    expect(text).toBe([1, 2, 3].map((n) => `2 of 2 vectors give the expected bytes (${n} of ${n} threads)\n`).join(''));
    expect(code).toBe(0);
  });

  test('floats, and names that are special elsewhere', () => {
    const floats = join(root, 'floats');
    emitInto(floats, floatProgram(), [inputsOf(floatProgram(), 3)]);
    expect(node(floats, 'check.mjs')).toEqual({
      code: 0,
      text: expect.stringContaining('1 of 1 vectors give the expected bytes (2 of 2 threads)'),
    });
    expect(readFileSync(join(floats, 'index.html'), 'utf8')).not.toContain('<&>');
  });

  test('tells a wrong byte', () => {
    const copy = copied();
    const path = join(copy, 'vectors/v1/output1.bin');
    writeFileSync(
      path,
      readFileSync(path).map((v, i) => (i === 7 ? v ^ 1 : v)),
    );
    const { code, text } = node(copy, 'check.mjs', '1');
    expect(text).toContain('mismatch: vector v1, output probabilities differs at element 7');
    expect(text).toContain('1 of 2 vectors');
    expect(code).toBe(1);
  });

  test('the digests of the vectors are those of their files', () => {
    const list = JSON.parse(readFileSync(join(folder, 'vectors/vectors.json'), 'utf8')) as {
      outputs: { file: string; sha256: string }[];
    }[];
    for (const { file, sha256 } of list.flatMap((v) => v.outputs)) expect(sha256Hex(readFileSync(join(folder, file)))).toBe(sha256);
  });
});

describe('without shared memory', () => {
  test('one thread, the same bytes, and a warning with the headers that help', () => {
    const gone = `data:text/javascript,${encodeURIComponent('delete globalThis.SharedArrayBuffer')}`;
    const { code, text } = node(folder, '--import', gone, 'check.mjs', '2');
    expect(text).toContain('warning[BKD0010]: 2 threads are asked for, but this engine has no SharedArrayBuffer');
    expect(text).toContain('2 of 2 vectors give the expected bytes (1 of 2 threads)');
    expect(code).toBe(0);
    const page = `data:text/javascript,${encodeURIComponent('globalThis.crossOriginIsolated = false')}`;
    expect(node(folder, '--import', page, 'check.mjs', '2').text).toMatch(
      /the page is not cross-origin isolated[^]*Cross-Origin-Opener-Policy: same-origin[^]*Cross-Origin-Embedder-Policy: require-corp[^]*2 of 2/,
    );
  });

  test('no room for shared memory: the program for one thread', () => {
    const full = `const { Memory } = WebAssembly; WebAssembly.Memory = function (limits) { if (limits.shared) throw new RangeError('full'); return new Memory(limits); };`;
    const { code, text } = node(folder, '--import', `data:text/javascript,${encodeURIComponent(full)}`, 'check.mjs', '2');
    expect(text).toMatch(
      /warning\[BKD0010\]: 2 threads are asked for, but this machine does not give \d+ bytes of shared memory[^]*2 of 2[^]*1 of 2 threads/,
    );
    expect(code).toBe(0);
  });
});

describe('run of a loaded model', () => {
  test('by name, by order, with a shape; results are the caller’s own', () => {
    const script = `
      const model = await load('.', { threads: 1 });
      const image = new Int8Array(16 * 18 * 18).map((_, i) => i % 100);
      const a = model.run({ image }), b = model.run([{ data: image, shape: [1, 16, 18, 18] }]);
      const before = a[0].data.join();
      model.run([new Int8Array(16 * 18 * 18)]);
      console.log(a[0].data.join() === b[0].data.join(), a[0].data.join() === before, a.map((o) => [o.name, o.dtype, o.shape.join('x'), o.data.constructor.name].join(' ')).join('; '));
      console.log(model.profile([image]).every((s) => s.milliseconds >= 0 && s.place !== ''), model.inputs.map((p) => p.name).join());
      model.close();`;
    expect(withLoader(folder, script)).toBe(
      'true true scores i8 1x40 Int8Array; probabilities i8 1x40 Int8Array; image i8 1x16x18x18 Int8Array\ntrue image',
    );
  });

  test.each([
    ['[new Float32Array(16 * 18 * 18)]', 'input image is i8[1, 16, 18, 18], which takes Int8Array, but Float32Array is given'],
    ['[new Int8Array(5)]', 'input image is i8[1, 16, 18, 18], which has 5184 elements, but 5 are given'],
    ['[{ data: new Int8Array(16 * 18 * 18), shape: [1, 18, 18, 16] }]', 'but a tensor of shape [1, 18, 18, 16] is given'],
    ['{ picture: new Int8Array(1) }', 'there is no input picture; the inputs are image; input image is i8[1, 16, 18, 18] but is not given'],
    ['[new Int8Array(16 * 18 * 18), new Int8Array(1)]', 'the model has 1 inputs, but 2 are given'],
    ['[null]', 'but null is given'],
    ['[{}]', 'but a value of type undefined is given'],
    ['7', 'inputs are a value of type number'],
  ])('%s is refused', (inputs, message) => {
    const script = `const m = await load(); try { m.run(${inputs}); } catch (e) { console.log(e instanceof ModelError, e.code, e.message); }`;
    const said = withLoader(folder, script);
    expect(said).toMatch(/^true IR0010 /);
    expect(said).toContain(message);
  });

  test('values outside of a narrow type', () => {
    const b = new ProgramBuilder('narrow');
    b.output('y', b.emit('logical_not', [b.input('flag', { dtype: 'bool', shape: [3] })], {}));
    const narrow = join(root, 'narrow');
    emitInto(narrow, b.finish(), []);
    expect(existsSync(join(narrow, 'program-threads.wasm'))).toBe(false);
    const script = `const m = await load(undefined, { threads: 4 }); console.log(m.warnings.length, m.run([Uint8Array.of(0, 1, 1)])[0].data.join()); try { m.run([Uint8Array.of(0, 2, 1)]); } catch (e) { console.log(e.message); }`;
    expect(withLoader(narrow, script)).toMatch(/^0 1,0,0\nIR0010: input flag is bool\[3\] with values from 0 to 1, but element 1 is 2/);
  });

  test('after close, and with a number of threads that is none', () => {
    const script = `const m = await load(); m.close(); try { m.run([]); } catch (e) { console.log(e.code); } await load('.', { threads: 1.5 }).catch((e) => console.log(e.message));`;
    expect(withLoader(folder, script)).toMatch(/^BKD0023\nBKD0023: threads is 1.5/);
  });
});

describe('folders that are not as they were written', () => {
  test('weights that were cut off or changed', () => {
    const cut = copied();
    writeFileSync(join(cut, 'weights.bin'), readFileSync(join(cut, 'weights.bin')).subarray(0, 1000));
    expect(refusalOf(cut)).toMatch(/^BKD0021: .*weights.bin has 1000 bytes, but model.json says \d+/);
    const changed = copied();
    writeFileSync(
      join(changed, 'weights.bin'),
      readFileSync(join(changed, 'weights.bin')).map((v, i) => (i === 999 ? v ^ 1 : v)),
    );
    expect(refusalOf(changed)).toMatch(/^BKD0021: .*weights.bin has SHA-256 [0-9a-f]{64}, but model.json says [0-9a-f]{64}/);
  });

  test('a program of another version of the model', () => {
    const other = join(root, 'other');
    emitInto(other, floatProgram(), []);
    const mixed = copied();
    copyFileSync(join(other, 'program.wasm'), join(mixed, 'program.wasm'));
    expect(refusalOf(mixed)).toMatch(/^BKD0021: .*program.wasm belongs to program [0-9a-f]{64}, but model.json describes [0-9a-f]{64}/);
  });

  test('a program that is none, a file that is missing, a description that is none', () => {
    const copy = copied();
    writeFileSync(join(copy, 'program.wasm'), 'hello');
    expect(refusalOf(copy)).toMatch(/^BKD0004: the engine refuses .*program.wasm/);
    rmSync(join(copy, 'program.wasm'));
    expect(refusalOf(copy)).toMatch(/^BKD0020: .*program.wasm cannot be read: ENOENT/);
    writeFileSync(join(copy, 'model.json'), '<!doctype html>');
    expect(refusalOf(copy)).toMatch(/^BKD0021: .*model.json is no JSON/);
    writeFileSync(join(copy, 'model.json'), '{"format":"cortexc-wasm-9"}');
    expect(refusalOf(copy)).toMatch(/^BKD0021: .*model.json has format cortexc-wasm-9, but this loader reads cortexc-wasm-1/);
  });
});

describe('scripts and weights', () => {
  test('a bundle has each file once, in order, without imports, and exports what the entry does', () => {
    const files: Record<string, string> = {
      'a/entry': `import { two } from './two.ts';\nimport { one } from '../b/one.js';\nexport const all = one + two;\n`,
      'a/two': `import { one } from "../b/one.ts";\nexport const two = 2 * one;\n//# sourceMappingURL=two.js.map`,
      'b/one': 'export const one = 1;\n',
    };
    expect(bundle('a/entry', (name) => files[name])).toBe('const one = 1;\n\nconst two = 2 * one;\n\nexport const all = one + two;');
    expect(() => bundle('a/entry', (name) => (name === 'a/two' ? 'const one = 3;' : files[name]))).toThrow('one is declared by');
    expect(() => bundle('a/entry', (name) => (name === 'b/one' ? undefined : files[name]))).toThrow('b/one is missing');
  });

  test('what several programs share lies in the weights file once; too much is told', () => {
    const [same, own] = [Uint8Array.of(1, 2, 3), Uint8Array.of(9)];
    const weights = new WeightsFile(4);
    expect(weights.add([{ parts: [{ address: 16, bytes: same }] }, { parts: [], call: 'init0' }])).toEqual([
      { parts: [[16, 0, 3]] },
      { parts: [], call: 'init0' },
    ]);
    expect(
      weights.add([
        {
          parts: [
            { address: 64, bytes: own },
            { address: 80, bytes: same },
          ],
        },
      ]),
    ).toEqual([
      {
        parts: [
          [64, 3, 1],
          [80, 0, 3],
        ],
      },
    ]);
    expect(weights.finish()).toMatchObject({ ok: true, value: { content: Uint8Array.of(1, 2, 3, 9) } });
    weights.add([{ parts: [{ address: 0, bytes: Uint8Array.of(8) }] }]);
    expect(weights.finish()).toMatchObject({ ok: false, diagnostics: [{ code: 'NAT0011', message: expect.stringContaining('5 bytes') }] });
  });
});
