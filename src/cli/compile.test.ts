import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PNG } from 'pngjs';
import { decodePackage } from '../cvm-bytecode/index.ts';
import { encodeNpy, encodeNpz } from '../frontend/tensors/index.ts';
import type { Tensor } from '../ir/index.ts';
import { unwrap } from '../support/index.ts';
import { affinePackage } from './testing/models.ts';
import { onnxModel } from './testing/onnx.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

const DIGITS = join(import.meta.dirname, '..', '..', 'examples', 'digits');
const digit = (name: string): string => join(DIGITS, name);

const codes = (ran: Ran): readonly string[] => (JSON.parse(ran.stdout) as { error: { code: string }[] }).error.map((e) => e.code);
const relu = { op: 'Relu', name: 'act', inputs: ['x'], outputs: ['y'] };

describe('compile', () => {
  test('digits: package, report, accuracy; the same bytes twice', () =>
    inFolder(async (folder) => {
      const words = ['compile', digit('model.onnx'), '--calibration', digit('calibration-images.npy'), '--labels', digit('labels.txt')];
      const first = await cli(
        [
          ...words,
          '-o',
          'a.cvm',
          '--report',
          'r.html',
          '--eval',
          digit('test-images.npy'),
          '--eval-labels',
          digit('test-labels.npy'),
          '--json',
        ],
        { cwd: folder },
      );
      expect([first.exit, first.stderr]).toEqual([0, '']);
      const summary = JSON.parse(first.stdout) as {
        files: string[];
        accuracy: Record<'float' | 'int8', { top1: number; samples: number }>;
        layers: { sqnrDb: number; layer: string }[];
        packageBytes: number;
        sourceBytes: number;
      };
      expect(summary.files).toEqual(['a.cvm', 'r.html']);
      expect(summary.accuracy.float).toMatchObject({ samples: 500, top1: 0.992 });
      expect(summary.accuracy.int8.top1).toBeGreaterThanOrEqual(0.985);
      expect(summary.layers.length).toBeGreaterThan(4);
      for (const layer of summary.layers) expect(layer.sqnrDb).toBeGreaterThan(25);
      expect(summary.packageBytes).toBeLessThan(0.4 * summary.sourceBytes);
      const bytes = new Uint8Array(readFileSync(join(folder, 'a.cvm')));
      expect(unwrap(decodePackage(bytes)).metadata).toMatchObject({
        name: 'model',
        source: { format: 'onnx', opset: 17, quantization: { bits: 8, samples: 128 } },
      });

      const second = await cli([...words, '-o', 'b.cvm'], { cwd: folder });
      expect(second.stdout).toContain('Endorphin');
      expect(new Uint8Array(readFileSync(join(folder, 'b.cvm')))).toEqual(bytes);

      const html = readFileSync(join(folder, 'r.html'), 'utf8');
      expect(html).toContain('/conv1/Conv');
      expect(html).not.toMatch(/<script|https?:|src=|@import|url\(/);
      expect(html).toContain('width=device-width');
    }));

  test('no calibration: an error that says how, and nothing is written', () =>
    inFolder(async (folder) => {
      const ran = await cli(['compile', digit('model.onnx'), '-o', 'm.cvm'], { cwd: folder });
      expect([ran.exit, ran.stdout, readdirSync(folder)]).toEqual([2, '', []]);
      expect(ran.stderr).toContain('CLI1006');
      expect(ran.stderr).toContain('--calibration');
    }));

  test('random calibration warns; --quiet silences the warning', () =>
    inFolder(async (folder) => {
      const words = ['compile', digit('model.onnx'), '-o', 'm.cvm', '--random-calibration', '2'];
      const loud = await cli(words, { cwd: folder });
      expect([loud.exit, loud.stderr.includes('warning[CLI1007]')]).toEqual([0, true]);
      const quiet = await cli([...words, '--quiet'], { cwd: folder });
      expect([quiet.exit, quiet.stderr]).toEqual([0, '']);
    }));

  test('parameters without data: refused by name, or random on request with a warning; doctor needs none', () =>
    inFolder(async (folder) => {
      const text = 'mrl 1;\nmodel m {\n  input x: f32[1, 4];\n  param w: f32[2, 4];\n  output y = dense(x, w);\n}\n';
      writeFileSync(join(folder, 'm.mrl'), text);
      const words = ['compile', 'm.mrl', '-o', 'm.cvm', '--random-calibration', '1'];
      const refused = await cli(words, { cwd: folder });
      expect([refused.exit, refused.stderr.includes('MRL2008'), readdirSync(folder)]).toEqual([3, true, ['m.mrl']]);
      const random = await cli([...words, '--random-params'], { cwd: folder });
      expect([random.exit, random.stderr.includes('warning[CLI1009]')]).toEqual([0, true]);
      const doctor = await cli(['doctor', 'm.mrl'], { cwd: folder });
      expect([doctor.exit, doctor.stdout.includes('m.mrl compiles')]).toEqual([0, true]);
      writeFileSync(join(folder, 'm.mrl'), text.replace('f32[2, 4];', 'f32[2, 4] = fill(0.5);'));
      expect((await cli(['doctor', 'm.mrl'], { cwd: folder })).stderr).toBe('');
    }));

  test('--float packages the strict-float program; an integer .mrl is packaged as it is', () =>
    inFolder(async (folder) => {
      expect((await cli(['compile', digit('model.onnx'), '--float', '-o', 'f.cvm'], { cwd: folder })).exit).toBe(0);
      const run = await cli(['run', 'f.cvm', digit('test-images.npy'), '--top', '1', '--json'], { cwd: folder });
      expect(JSON.parse(run.stdout)).toMatchObject({ outputs: [{ dtype: 'f32', shape: [500, 10] }] });
      writeFileSync(join(folder, 'i.mrl'), 'mrl 1;\nmodel m {\n  input x: i8[1, 4];\n  output y = cast(x, dtype: i32);\n}\n');
      const integer = await cli(['compile', 'i.mrl', '-o', 'i.cvm'], { cwd: folder });
      expect([integer.exit, integer.stderr]).toEqual([0, '']);
    }));

  test('several problems are told at once, each exit code by the first', () =>
    inFolder(async (folder) => {
      copyFileSync(digit('model.onnx'), join(folder, 'model.onnx'));
      writeFileSync(join(folder, 'wrong.npy'), encodeNpy({ dtype: 'f32', shape: [2, 3], data: new Float32Array(6) }));
      writeFileSync(join(folder, 'short.txt'), 'a\nb\n');
      mkdirSync(join(folder, 'empty'));
      const at = (...words: string[]): Promise<Ran> => cli(['compile', 'model.onnx', ...words, '--json'], { cwd: folder });
      expect(codes(await at('--calibration', 'wrong.npy', '--calibration', 'none.npy'))).toEqual(['CLI2010', 'CLI2001']);
      expect(codes(await at('--calibration', 'empty'))).toEqual(['CLI2009']);
      expect(codes(await at('--random-calibration', '1', '--labels', 'short.txt'))).toEqual(['CLI2012']);
      expect(codes(await at('--random-calibration', '0', '--calibration-limit', '0', '--eval', 'x'))).toEqual([
        'CLI1003',
        'CLI1003',
        'CLI1005',
      ]);
      expect(codes(await at('--method', 'mes', '--random-calibration', '1'))).toEqual(['CLI1003']);
      expect(codes(await at('--bind', 'M=1', '--random-calibration', '1'))).toEqual(['CLI1003']);
      expect(codes(await at('--bind', 'N=x', '--random-calibration', '1'))).toEqual(['CLI1003']);
      expect(codes(await at('--random-calibration', '1', '-o', 'no/such/m.cvm'))).toEqual(['CLI2006']);
      writeFileSync(join(folder, 'p.cvm'), affinePackage());
      expect(codes(await cli(['compile', 'p.cvm', '--json'], { cwd: folder }))).toEqual(['CLI2013']);
    }));
});

describe('doctor', () => {
  test('lists every unsupported node by its own name, exit 4', () =>
    inFolder(async (folder) => {
      const nodes = [
        { op: 'Foo', name: 'first', inputs: ['x'], outputs: ['a'], domain: 'my.domain' },
        { op: 'NoSuchOp', name: 'second', inputs: ['a'], outputs: ['b'] },
        { ...relu, inputs: ['b'] },
      ];
      writeFileSync(join(folder, 'm.onnx'), onnxModel(nodes, { x: [1, 4] }, { y: [1, 4] }));
      const ran = await cli(['doctor', 'm.onnx'], { cwd: folder });
      expect(ran.exit).toBe(4);
      for (const word of ['first', 'my.domain.Foo', 'second', 'NoSuchOp', 'cannot be compiled']) expect(ran.stdout).toContain(word);
      const compiled = await cli(['compile', 'm.onnx', '--random-calibration', '1', '--json'], { cwd: folder });
      expect([compiled.exit, codes(compiled).length]).toEqual([4, 2]);
    }));

  test('nodes with the same reason share a row beyond five; --all lists each', () =>
    inFolder(async (folder) => {
      const chain = Array.from({ length: 8 }, (_, i) => ({ op: 'Foo', name: `foo${i}`, inputs: [`v${i}`], outputs: [`v${i + 1}`] }));
      writeFileSync(join(folder, 'm.onnx'), onnxModel(chain, { v0: [1, 4] }, { v8: [1, 4] }));
      const short = await cli(['doctor', 'm.onnx'], { cwd: folder });
      expect(short.stdout).toContain('foo0 and 7 more');
      expect(short.stdout).not.toContain('foo3');
      expect((await cli(['doctor', 'm.onnx', '--all'], { cwd: folder })).stdout).toContain('foo3');
    }));

  test('a good model: prediction near what compile gives', async () => {
    const ran = await cli(['doctor', digit('model.onnx'), '--json']);
    expect(ran.exit).toBe(0);
    const { compiles, quantizable, prediction } = JSON.parse(ran.stdout) as {
      compiles: boolean;
      quantizable: boolean;
      prediction: { packageBytes: number; endorphin: number };
    };
    expect([compiles, quantizable]).toEqual([true, true]);
    expect(prediction.endorphin).toBeGreaterThanOrEqual(23);
    expect(prediction.endorphin).toBeLessThanOrEqual(25);
    expect(prediction.packageBytes).toBeGreaterThan(19_000);
    expect(prediction.packageBytes).toBeLessThan(32_000);
  });
});

describe('ONNX files', () => {
  test('external data is read only inside the folder of the model', () =>
    inFolder(async (folder) => {
      const add = { op: 'Add', name: 'sum', inputs: ['x', 'w'], outputs: ['y'] };
      const write = (name: string, location: string): void =>
        writeFileSync(join(folder, 'm', name), onnxModel([add], { x: [1, 4] }, { y: [1, 4] }, { name: 'w', shape: [4], location }));
      mkdirSync(join(folder, 'm'));
      writeFileSync(join(folder, 'm', 'w.bin'), new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
      writeFileSync(join(folder, 'secret.bin'), new Uint8Array(16));
      symlinkSync(join(folder, 'secret.bin'), join(folder, 'm', 'link.bin'));
      write('good.onnx', 'w.bin');
      write('link.onnx', 'link.bin');
      write('up.onnx', '../secret.bin');
      expect((await cli(['inspect', 'm/good.onnx'], { cwd: folder })).exit).toBe(0);
      const link = await cli(['inspect', 'm/link.onnx', '--json'], { cwd: folder });
      expect([link.exit, codes(link).includes('CLI2008')]).toEqual([3, true]);
      expect((await cli(['inspect', 'm/up.onnx', '--json'], { cwd: folder })).exit).toBe(3);
    }));

  test('symbolic sizes: the batch axis is 1, others have to be bound', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.onnx'), onnxModel([relu], { x: ['N', 'W'] }, { y: ['N', 'W'] }));
      const open = await cli(['run', 'm.onnx', '--random-input', '1', '--json'], { cwd: folder });
      expect([open.exit, codes(open)]).toEqual([3, ['IR0008']]);
      const bound = await cli(['run', 'm.onnx', '--random-input', '1', '--bind', 'W=3', '--json'], { cwd: folder });
      expect(JSON.parse(bound.stdout)).toMatchObject({ outputs: [{ shape: [1, 3] }], warnings: [{ code: 'IR0008', severity: 'note' }] });
    }));
});

describe('pictures', () => {
  /** A 6 x 4 picture with a different value in each byte. */
  const picture = (step: number): PNG => {
    const png = new PNG({ width: 6, height: 4 });
    png.data.forEach((_, i) => {
      png.data[i] = i % 4 === 3 ? 255 : (i * step) % 256;
    });
    return png;
  };

  test('a folder calibrates; the package remembers the preparation, and run uses it', () =>
    inFolder(async (folder) => {
      mkdirSync(join(folder, 'photos'));
      for (const step of [5, 9]) writeFileSync(join(folder, 'photos', `${step}.png`), PNG.sync.write(picture(step)));
      writeFileSync(join(folder, 'm.onnx'), onnxModel([relu], { x: [1, 3, 4, 4] }, { y: [1, 3, 4, 4] }));
      const preparation = ['--mean', '0.5,0.25,0.125', '--std', '0.5', '--channels', 'bgr'];
      const compiled = await cli(['compile', 'm.onnx', '--calibration', 'photos', ...preparation], { cwd: folder });
      expect([compiled.exit, compiled.stderr]).toEqual([0, '']);
      const { metadata } = unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'm.cvm')))));
      expect(metadata.inputs[0]?.preprocessing).toEqual({
        mean: [0.5, 0.25, 0.125],
        std: [0.5],
        scale: 1 / 255,
        layout: 'NCHW',
        channels: 'BGR',
      });

      // The centre 4 x 4 of the 6 x 4 picture, blue first, as real numbers.
      const { data } = picture(5);
      const byte = (c: number, y: number, x: number): number => data[4 * (6 * y + x + 1) + 2 - c] ?? 0;
      const values = [0.5, 0.25, 0.125].flatMap((mean, c) =>
        Array.from({ length: 16 }, (_, k) => (byte(c, Math.floor(k / 4), k % 4) / 255 - mean) / 0.5),
      );
      writeFileSync(join(folder, 'x.npy'), encodeNpy({ dtype: 'f32', shape: [1, 3, 4, 4], data: Float32Array.from(values) }));
      const digest = async (file: string): Promise<unknown> =>
        (JSON.parse((await cli(['run', 'm.cvm', file, '--json'], { cwd: folder })).stdout) as { outputs: { digest: string }[] }).outputs[0]
          ?.digest;
      expect(await digest('photos/5.png')).toBe(await digest('x.npy'));
      expect(await digest('photos/9.png')).not.toBe(await digest('x.npy'));
      const gray = await cli(['run', 'm.cvm', 'photos/5.png', '--channels', 'gray', '--json'], { cwd: folder });
      expect(codes(gray)).toEqual(['CLI2010']);
    }));
});

describe('several inputs', () => {
  const model = (): Uint8Array =>
    onnxModel(
      [
        { op: 'Add', name: 'sum', inputs: ['left', 'right'], outputs: ['a/b'] },
        { op: 'Relu', name: 'act', inputs: ['a/b'], outputs: ['a_b'] },
      ],
      { left: [1, 4], right: [1, 4] },
      { 'a/b': [1, 4], a_b: [1, 4] },
    );
  const column = (count: number): Tensor => ({
    dtype: 'f32',
    shape: [count, 4],
    data: Float32Array.from({ length: 4 * count }, (_, i) => (i % 7) - 3),
  });

  test('calibration and inputs from a .npz by name; every output in its own file', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.onnx'), model());
      writeFileSync(
        join(folder, 'c.npz'),
        encodeNpz(
          new Map([
            ['left', column(5)],
            ['right', column(5)],
          ]),
        ),
      );
      writeFileSync(
        join(folder, 'bad.npz'),
        encodeNpz(
          new Map([
            ['left', column(5)],
            ['wrong', column(5)],
          ]),
        ),
      );
      writeFileSync(
        join(folder, 'odd.npz'),
        encodeNpz(
          new Map([
            ['left', column(5)],
            ['right', column(4)],
          ]),
        ),
      );
      mkdirSync(join(folder, 'out'));
      const at = (...words: string[]): Promise<Ran> => cli([...words, '--json'], { cwd: folder });
      expect(codes(await at('compile', 'm.onnx', '--calibration', 'bad.npz'))).toEqual(['CLI2011']);
      expect(codes(await at('compile', 'm.onnx', '--calibration', 'odd.npz'))).toEqual(['CLI2011']);
      expect(codes(await at('compile', 'm.onnx', '--calibration', 'c.npz', '-o', 'm.onnx'))).toEqual(['CLI1005']);
      expect((await at('compile', 'm.onnx', '--calibration', 'c.npz', '-o', 'm.cvm')).exit).toBe(0);
      const ran = await at('run', 'm.cvm', 'c.npz', '--out-dir', 'out', '--verify');
      expect(JSON.parse(ran.stdout)).toMatchObject({ runs: 5, verified: true, outputs: [{ shape: [5, 4] }, { shape: [5, 4] }] });
      expect(readdirSync(join(folder, 'out')).sort()).toEqual(['a_b.npy', 'a_b_2.npy']);
      expect(codes(await at('run', 'm.cvm', 'odd.npz'))).toEqual(['CLI2011']);
      expect(codes(await at('run', 'm.cvm', 'c.npz', '-o', 'y.npy'))).toEqual(['CLI1005']);
    }));
});

describe('opt and fmt', () => {
  const TEXT = 'mrl 1;\nmodel m {\n  input x: f32[1, 4];\n  output y = relu(relu(x)); // twice\n}\n';

  test('opt prints the program; --print-after-all every stage; -o writes text and parameters that read back', () =>
    inFolder(async (folder) => {
      const small = await cli(
        ['opt', digit('model.onnx'), '--pass', 'fold,fold-batch-norm', '--pass', 'dce', '-o', 'small.mrl', '--json'],
        { cwd: folder },
      );
      expect([small.exit, (JSON.parse(small.stdout) as { files: string[] }).files]).toEqual([0, ['small.npz', 'small.mrl']]);
      const [a, b] = await Promise.all(
        [digit('model.onnx'), 'small.mrl'].map((m) => cli(['run', m, digit('test-images.npy'), '--top', '1', '--json'], { cwd: folder })),
      );
      const best = (ran: Ran | undefined): unknown[] =>
        (JSON.parse(ran?.stdout ?? '') as { outputs: { top: { index: number }[][] }[] }).outputs[0]?.top.map((t) => t[0]?.index) ?? [];
      expect(best(b)).toEqual(best(a));
      writeFileSync(join(folder, 't.mrl'), TEXT);
      const stages = await cli(['opt', 't.mrl', '--pass', 'canonicalize,dce', '--print-after-all'], { cwd: folder });
      expect(stages.stdout.match(/^\/\/ after /gm)?.length).toBe(2);
      expect((await cli(['opt'])).stdout).toContain('fold-batch-norm');
      const wrong = await cli(['opt', 't.mrl', '--pass', 'dec'], { cwd: folder });
      expect([wrong.exit, wrong.stderr.includes('Did you mean dce?')]).toEqual([2, true]);
    }));

  test('fmt: layout keeps comments, --check, -w, canonical', () =>
    inFolder(async (folder) => {
      writeFileSync(
        join(folder, 't.mrl'),
        'mrl 1;\r\n\n\nmodel   m {\n      input x: f32[1, 4];\noutput y =   relu(relu(x)); // twice\n  }',
      );
      const check = await cli(['fmt', 't.mrl', '--check'], { cwd: folder });
      expect([check.exit, check.stderr.includes('CLI3002')]).toEqual([1, true]);
      expect((await cli(['fmt', 't.mrl'], { cwd: folder })).stdout).toBe(TEXT.replace('mrl 1;\n', 'mrl 1;\n\n'));
      expect((await cli(['fmt', 't.mrl', '-w'], { cwd: folder })).exit).toBe(0);
      expect((await cli(['fmt', 't.mrl', '--check'], { cwd: folder })).exit).toBe(0);
      const canonical = await cli(['fmt', 't.mrl', '--canonical'], { cwd: folder });
      expect(canonical.stdout).toMatch(/^ {2}input [a-z]0: f32\[1, 4\];$/m);
      expect(canonical.stdout).not.toContain('twice');
      writeFileSync(join(folder, 'c.mrl'), canonical.stdout);
      expect((await cli(['fmt', 'c.mrl', '--canonical', '--check'], { cwd: folder })).exit).toBe(0);
    }));

  test('a model string with an error: the source line with a caret, exit 3; too much of it: exit 5', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 't.mrl'), TEXT.replace('relu(relu', 'relu(rleu'));
      const ran = await cli(['fmt', 't.mrl'], { cwd: folder });
      expect([ran.exit, ran.stdout]).toEqual([3, '']);
      expect(ran.stderr).toMatch(/t[.]mrl:4:\d+/);
      expect(ran.stderr).toContain('^^^^');
      writeFileSync(
        join(folder, 'deep.mrl'),
        `mrl 1;\nmodel m {\n  input x: f32[1];\n  let n = ${'('.repeat(5000)}1${')'.repeat(5000)};\n  output y = x;\n}\n`,
      );
      expect((await cli(['fmt', 'deep.mrl'], { cwd: folder })).exit).toBe(5);
    }));
});

const brokenClock = (): number => {
  throw new TypeError('the clock is broken');
};

test('a bug of ours: exit 70, told as such', async () => {
  const broken = await inFolder(async (folder) => {
    writeFileSync(join(folder, 'm.cvm'), affinePackage());
    return cli(['run', 'm.cvm', '--random-input', '1'], { cwd: folder, now: brokenClock });
  });
  expect([broken.exit, broken.stderr.includes('INT0001')]).toEqual([70, true]);
});

test('the compiled program, as users start it', async () => {
  const { spawnSync } = await import('node:child_process');
  const main = join(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js');
  if (!existsSync(main)) {
    console.warn('dist/src/cli/main.js is not built: this test did not run');
    return;
  }
  const start = (...words: string[]) => spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' });
  expect(start('--version').stdout).toMatch(/^\d+[.]\d+[.]\d+\n$/);
  expect(start('explain', 'IR0011').status).toBe(0);
  expect(start('bogus').status).toBe(2);
  // A reader that stops early is no failure.
  const piped = spawnSync('sh', ['-c', `"${process.execPath}" "${main}" explain | head -n 1; echo "\${PIPESTATUS:-}"`], {
    encoding: 'utf8',
  });
  expect(piped.stderr).toBe('');
  expect(piped.stdout).toContain('code');
});
