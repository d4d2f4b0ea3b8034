import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodePackage, encodePackage } from '../cvm-bytecode/index.ts';
import { model, node, port, tensor } from '../frontend/onnx/testing/build.ts';
import { decodeNpy, encodeNpy } from '../frontend/tensors/index.ts';
import { printProgram } from '../ir/index.ts';
import { compile } from './commands/compile.ts';
import { argsOfRecord, DECIDING_OPTIONS, recordedOptions } from './pipeline/provenance.ts';
import { unwrap } from '../support/index.ts';
import { affinePackage, affineProgram } from './testing/models.ts';
import { cli, inFolder } from './testing/run.ts';

const DIGITS = join(import.meta.dirname, '..', '..', 'examples', 'digits');
const digit = (name: string): string => join(DIGITS, name);

interface Rebuilt {
  readonly same: boolean;
  readonly package: string;
  readonly rebuilt: string;
  readonly causes: readonly { what: string; recorded: string; now: string }[];
  readonly differences: readonly { part: string; where: string; elements?: number; greatest?: number }[];
}

const rebuild = async (cwd: string, ...words: readonly string[]): Promise<Rebuilt & { readonly exit: number }> => {
  const ran = await cli(['rebuild', ...words, '--json'], { cwd });
  return { ...(JSON.parse(ran.stdout) as Rebuilt), exit: ran.exit };
};

const bytesOf = (folder: string, name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

/** A layer in ONNX, and samples for it. */
const writeModel = (folder: string, name = 'net.onnx', first = -0.5): void => {
  const weights = Array.from({ length: 12 }, (_, i) => (i === 0 ? first : ((i * 7) % 11) / 8 - 0.5));
  const bytes = model({
    inputs: [port('x', 'float', [1, 4])],
    outputs: [port('y', 'float', [1, 3])],
    params: [tensor('w', 'float', [4, 3], weights)],
    nodes: [node('MatMul', ['x', 'w'], ['h'], {}, { name: 'product' }), node('Relu', ['h'], ['y'], {}, { name: 'act' })],
  });
  writeFileSync(join(folder, name), bytes);
  const samples = { dtype: 'f32', shape: [8, 4], data: Float32Array.from({ length: 32 }, (_, i) => ((i * 5) % 17) / 8 - 1) } as const;
  writeFileSync(join(folder, 'samples.npy'), encodeNpy(samples));
};

const compiled = async (folder: string, ...words: readonly string[]): Promise<void> => {
  const ran = await cli(['compile', 'net.onnx', '-o', 'net.cvm', ...words], { cwd: folder });
  expect([ran.exit, ran.stderr]).toEqual([0, expect.any(String)]);
};

describe('the same bytes', () => {
  test(
    'in another folder, at another time, in another zone and language',
    () =>
      inFolder(async (folder) => {
        for (const name of ['one', 'two']) mkdirSync(join(folder, name));
        const words = [
          digit('model.onnx'),
          '--calibration',
          digit('calibration-images.npy'),
          '--labels',
          digit('labels.txt'),
          '--method',
          'mse',
          '--rounding',
          'nearest',
          '--equalize',
          'off',
        ];
        await cli(['compile', ...words, '-o', 'a.cvm'], { cwd: join(folder, 'one') });
        const saved = { TZ: process.env['TZ'], LANG: process.env['LANG'], LC_ALL: process.env['LC_ALL'] };
        Object.assign(process.env, { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' });
        try {
          await cli(['compile', ...words, '-o', 'c.cvm'], { cwd: join(folder, 'two'), now: () => Date.parse('2031-05-06') });
        } finally {
          for (const [name, value] of Object.entries(saved))
            if (value === undefined) delete process.env[name];
            else process.env[name] = value;
        }
        expect(bytesOf(folder, 'two/c.cvm')).toEqual(bytesOf(folder, 'one/a.cvm'));
        copyFileSync(digit('model.onnx'), join(folder, 'renamed.onnx'));
        const found = await rebuild(folder, 'one/a.cvm', '--source', 'renamed.onnx', '--calibration', digit('calibration-images.npy'));
        expect(found).toMatchObject({ exit: 0, same: true, causes: [], differences: [] });
      }),
    120_000,
  );

  test(
    'with every option that decides them, float and integer packages, random samples',
    () =>
      inFolder(async (folder) => {
        writeModel(folder);
        const given = ['--calibration', 'samples.npy'];
        const ways: readonly (readonly [readonly string[], readonly string[]])[] = [
          [[...given, '--bits', '6', '--rounding', 'nearest', '--method', 'minmax', '--output-bits', '8'], given],
          [[...given, '--bits', '16'], given],
          [[...given, '--pot', '--equalize', 'off', '--calibration-limit', '5', '--name', 'other', '--author', 'someone'], given],
          [[...given, '--keep-float', '--share-weights', '4', '--storage', 'compressed'], given],
          [[...given, '--bits', 'mixed', '--max-drop', '50%'], given],
          [['--random-calibration', '3'], []],
          [['--float'], []],
        ];
        for (const [words, again] of ways) {
          await compiled(folder, ...words);
          const found = await rebuild(folder, 'net.cvm', '--source', 'net.onnx', ...again);
          expect([words, found]).toMatchObject([words, { exit: 0, same: true, causes: [], differences: [] }]);
        }
        writeFileSync(join(folder, 'net.mrl'), printProgram(affineProgram(), { form: 'readable' }));
        await cli(['compile', 'net.mrl', '-o', 'net.cvm'], { cwd: folder });
        expect(await rebuild(folder, 'net.cvm', '--source', 'net.mrl')).toMatchObject({ exit: 0, same: true });
      }),
    120_000,
  );
});

describe('other bytes are explained', () => {
  test('by calibration data that are not those of the record', () =>
    inFolder(async (folder) => {
      writeModel(folder);
      await compiled(folder, '--calibration', 'samples.npy');
      const samples = unwrap(decodeNpy(bytesOf(folder, 'samples.npy')));
      samples.data[3] = 9;
      writeFileSync(join(folder, 'other.npy'), encodeNpy(samples));
      const found = await rebuild(folder, 'net.cvm', '--source', 'net.onnx', '--calibration', 'other.npy');
      expect(found).toMatchObject({ exit: 1, same: false });
      expect(found.causes.map((c) => c.what)).toEqual(['calibration']);
      expect(found.causes[0]?.recorded).toMatch(/^8 samples, sha256 [0-9a-f]{64}$/);
      expect(found.differences.map((d) => d.where)).toContain('metadata.inputs[0].scale');
      const text = await cli(['rebuild', 'net.cvm', '--source', 'net.onnx', '--calibration', 'other.npy'], { cwd: folder });
      expect(text.stdout).toContain('different: the calibration is not that of the record');
    }));

  test('by a source that is another', () =>
    inFolder(async (folder) => {
      writeModel(folder);
      await compiled(folder, '--calibration', 'samples.npy');
      writeModel(folder, 'changed.onnx', -0.75);
      const found = await rebuild(folder, 'net.cvm', '--source', 'changed.onnx', '--calibration', 'samples.npy');
      expect(found.exit).toBe(1);
      expect(found.causes[0]?.what).toBe('source');
      expect(found.differences).toContainEqual(expect.objectContaining({ part: 'parameter', where: 'p0 (w)' }));
    }));

  test('by a package that holds something else than its record says', () =>
    inFolder(async (folder) => {
      writeModel(folder);
      await compiled(folder, '--calibration', 'samples.npy');
      const { program, metadata } = unwrap(decodePackage(bytesOf(folder, 'net.cvm')));
      const params = program.params.map((p) =>
        p.name === 'p0'
          ? { ...p, tensor: { ...p.tensor, data: p.tensor.data.map((v, i) => (i === 2 ? v - 3 : v)) as typeof p.tensor.data } }
          : p,
      );
      const { modelHash: _m, parameterHash: _p, ...kept } = metadata;
      writeFileSync(join(folder, 'forged.cvm'), unwrap(encodePackage({ program: { ...program, params }, metadata: kept })));
      const found = await rebuild(folder, 'forged.cvm', '--source', 'net.onnx', '--calibration', 'samples.npy');
      expect(found).toMatchObject({ exit: 1, causes: [] });
      expect(found.differences).toContainEqual(expect.objectContaining({ part: 'parameter', where: 'p0 (w)', elements: 1, greatest: 3 }));
      const text = await cli(['rebuild', 'forged.cvm', '--source', 'net.onnx', '--calibration', 'samples.npy'], { cwd: folder });
      expect(text.stdout).toContain('the package holds something else');
      expect(text.stdout).toContain('1 element differs, by 3');
    }));
});

describe('what cannot be rebuilt', () => {
  test('packages without a record, files that are none, and missing calibration data', () =>
    inFolder(async (folder) => {
      writeModel(folder);
      const code = async (...words: readonly string[]): Promise<unknown> => {
        const ran = await cli(['rebuild', ...words, '--source', 'net.onnx', '--json'], { cwd: folder });
        return [ran.exit, (JSON.parse(ran.stdout) as { error: { code: string }[] }).error.map((e) => e.code)];
      };
      writeFileSync(join(folder, 'hand.cvm'), affinePackage());
      expect(await code('hand.cvm')).toEqual([3, ['CLI2014']]);
      expect(await code('net.onnx')).toEqual([3, ['CLI2013']]);
      expect(await code('none.cvm')).toEqual([3, ['CLI2001']]);
      await compiled(folder, '--calibration', 'samples.npy');
      expect(await code('net.cvm')).toEqual([2, ['CLI1006']]);
    }));

  test('every option of compile is known to decide the bytes or not to', () => {
    expect(Object.keys(DECIDING_OPTIONS).sort()).toEqual(Object.keys(compile.options).sort());
  });

  test('the record is read back as it was written; unknown options are told', () =>
    inFolder((folder) => {
      writeFileSync(join(folder, 'axes.npy'), encodeNpy({ dtype: 'i32', shape: [1], data: Int32Array.of(1) }));
      const context = { read: (path: string) => ({ ok: true, value: bytesOf(folder, path) }) as const };
      const args = {
        bits: '6',
        pot: true,
        float: false,
        'output-bits': 8,
        bind: ['N=1', 'H=2'],
        const: ['a=[1,2]', 'b=axes.npy'],
        output: 'x',
        eval: ['y'],
      };
      const recorded = unwrap(recordedOptions(args, context));
      expect(recorded.map(([name]) => name)).toEqual(['bits', 'pot', 'output-bits', 'bind', 'bind', 'const', 'const']);
      expect(recorded.at(-1)?.[1]).toMatch(/^b=sha256:[0-9a-f]{64}$/);
      const back = unwrap(argsOfRecord('p', recorded, ['b=elsewhere.npy']));
      expect(back).toMatchObject({
        bits: '6',
        pot: true,
        float: false,
        'output-bits': 8,
        bind: ['N=1', 'H=2'],
        const: ['a=[1,2]', 'b=elsewhere.npy'],
      });
      expect(argsOfRecord('p', recorded, [])).toMatchObject({
        ok: false,
        diagnostics: [{ code: 'CLI2014', notes: ['Give it: --const b=FILE.'] }],
      });
      expect(argsOfRecord('p', [['future', '1']], [])).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI2014' }] });
    }));
});
