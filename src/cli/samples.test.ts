import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { PNG } from 'pngjs';
import { decodeNpy, encodeNpy, encodeNpz, openNpy } from '../frontend/tensors/index.ts';
import { canonicalBytes, Philox, type Program, ProgramBuilder, randomTensor, type Tensor } from '../ir/index.ts';
import { Calibrated, type Compile, prepareFloat, type SampleSource } from '../passes/index.ts';
import { bytesSource, at, type Diagnostic, type Result, sha256Hex, silentProgress, unwrap } from '../support/index.ts';
import { fastestCompile } from './pipeline/build.ts';
import { DigestedSamples } from './pipeline/digested-samples.ts';
import { observationState } from './pipeline/observation-state.ts';
import { openSamples, type SampleSpec } from './pipeline/sample-files.ts';
import { ThreadedSamples } from './pipeline/threaded-samples.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

const f32 = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);
const codesOf = (result: Result<unknown>): readonly (readonly [string, string | undefined])[] =>
  result.ok ? [] : result.diagnostics.map((d) => [d.code, d.where] as const);
const digestOf = (source: SampleSource): string =>
  sha256Hex(...Array.from({ length: source.count }, (_, i) => source.read(i).map(canonicalBytes)).flat());

const picture = (seed: number): Uint8Array => {
  const png = new PNG({ width: 9, height: 7 });
  const random = new Philox(seed);
  png.data.forEach((_, i) => (png.data[i] = random.int(0, 255)));
  return new Uint8Array(PNG.sync.write(png));
};

const input = { name: 'x', type: { dtype: 'f32', shape: [1, 3, 4, 4] } } as const;
const filesSpec = (cwd: string, paths: readonly string[], more: Partial<Extract<SampleSpec, { kind: 'files' }>> = {}): SampleSpec => ({
  kind: 'files',
  cwd,
  paths,
  inputs: [input],
  preparation: {},
  most: 1000,
  ...more,
});

test('parts of a .npy are the parts of the whole', () => {
  const whole = f32([5, 3, 2], 1);
  const fortran = new TextEncoder().encode(`{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n`);
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const turned = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, fortran.length, 0, ...fortran, ...data);
  for (const bytes of [encodeNpy(whole), turned]) {
    const { data: all } = unwrap(decodeNpy(bytes));
    const read: (readonly [number, number])[] = [];
    const slices = unwrap(
      openNpy({
        size: bytes.length,
        inMemory: true,
        read: (offset, length) => {
          read.push([offset, length]);
          return bytes.subarray(offset, offset + length);
        },
      }),
    );
    for (const [start, count] of [
      [0, 2],
      [3, 3],
      [all.length - 1, 1],
    ] as const)
      expect(unwrap(slices.read(start, count)).data).toEqual(all.slice(start, start + count));
    if (bytes !== turned) expect(Math.max(...read.slice(1).map(([, n]) => n))).toBe(12);
  }
  const cut = encodeNpy(whole).subarray(0, -1);
  expect(codesOf(openNpy(bytesSource(cut), { name: 'cut.npy' }))).toEqual([['IO2002', 'cut.npy']]);
});

describe('sample sources', () => {
  test('give the samples of all files in order, whatever is read first', () =>
    inFolder(async (cwd) => {
      const list = f32([4, 3, 4, 4], 3);
      writeFileSync(join(cwd, 'a.npy'), encodeNpy(list));
      mkdirSync(join(cwd, 'b'));
      writeFileSync(join(cwd, 'b', 'two.png'), picture(2));
      writeFileSync(join(cwd, 'b', 'one.npy'), encodeNpy(f32([3, 4, 4], 4)));
      writeFileSync(join(cwd, 'c.npz'), encodeNpz(new Map([['k', f32([2, 3, 4, 4], 5)]]), { compress: true }));
      const source = unwrap(openSamples(filesSpec(cwd, ['a.npy', 'b', 'c.npz'])));
      expect(source.count).toBe(8);
      expect(at(source.read(2), 0).data).toEqual(list.data.slice(96, 144));
      expect(at(source.read(4), 0).data).toEqual(f32([3, 4, 4], 4).data);
      expect(at(source.read(7), 0).data).toEqual(f32([2, 3, 4, 4], 5).data.slice(48));
      const digested = new DigestedSamples(source);
      digested.read(5);
      digested.read(0);
      expect(digested.digest()).toBe(digestOf(source));
      expect(unwrap(openSamples(filesSpec(cwd, ['a.npy', 'b', 'c.npz'], { most: 5 }))).count).toBe(5);
      // the fingerprint follows the content, not the name
      const fingerprint = source.fingerprint();
      writeFileSync(join(cwd, 'other.npy'), readFileSync(join(cwd, 'a.npy')));
      expect(unwrap(openSamples(filesSpec(cwd, ['other.npy', 'b', 'c.npz']))).fingerprint()).toBe(fingerprint);
      writeFileSync(join(cwd, 'b', 'two.png'), picture(3));
      expect(unwrap(openSamples(filesSpec(cwd, ['a.npy', 'b', 'c.npz']))).fingerprint()).not.toBe(fingerprint);
    }));

  test('every unusable file is told at once; what only decoding shows is told when it is read', () =>
    inFolder(async (cwd) => {
      writeFileSync(join(cwd, 'shape.npy'), encodeNpy(f32([4, 4], 3)));
      writeFileSync(join(cwd, 'cut.npy'), encodeNpy(f32([3, 4, 4], 3)).subarray(0, 150));
      writeFileSync(join(cwd, 'text.npy'), 'hello');
      writeFileSync(join(cwd, 'empty.png'), '');
      expect(codesOf(openSamples(filesSpec(cwd, ['shape.npy', 'cut.npy', 'text.npy', 'empty.png', 'none.npy'])))).toEqual([
        ['CLI2010', 'shape.npy'],
        ['IO2002', 'cut.npy'],
        ['IO2001', 'text.npy'],
        ['CLI2003', 'empty.png'],
        ['CLI2001', 'none.npy'],
      ]);
      writeFileSync(join(cwd, 'cut.png'), picture(1).subarray(0, 60));
      const source = unwrap(openSamples(filesSpec(cwd, ['cut.png'])));
      expect(() => source.read(0)).toThrow('cut.png');
    }));
});

const network = (): Program => {
  const b = new ProgramBuilder('net');
  const x = b.input('x', input.type);
  const y = b.emit('conv', [x, b.constant(f32([5, 3, 3, 3], 1)), b.constant(f32([5], 2))], {
    stride: [1, 1],
    dilation: [1, 1],
    pads: [1, 1, 1, 1],
  });
  const flat = b.emit('reshape', [b.emit('relu', [y], {})], { shape: [1, 80] });
  b.output('y', b.emit('dense', [flat, b.constant(f32([7, 80], 3))], {}));
  return b.finish();
};

const spec: SampleSpec = { kind: 'random', inputs: [input], count: 19, seed: 9 };
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What calibration saw, as text: every float in full. */
const observed = (samples: SampleSource, compile: Compile): string => {
  const program = prepareFloat(network());
  const seen = unwrap(Calibrated.make(program, { samples, compile, columns: true, progress: silentProgress }));
  return JSON.stringify(seen, (_, v: unknown) => (v instanceof Map ? [...v] : ArrayBuffer.isView(v) ? [...(v as Float32Array)] : v));
};

const ROOT = join(import.meta.dirname, '..', '..');
const WORKER = join(ROOT, 'dist', 'src', 'cli', 'workers', 'worker.js');
const built = existsSync(WORKER);
if (!built) process.stderr.write('samples.test.ts: dist is not built, so the threads themselves are not tested (npm run build).\n');

(built ? describe : describe.skip)('threads', () => {
  test.each([1, 2, 3])('%d threads see what none sees', async (most) => {
    const compile = await fastestCompile();
    const alone = new DigestedSamples(unwrap(openSamples(spec)));
    let ran = 0;
    const counted: Compile = (program, options) => {
      const run = compile(program, options);
      return (inputs) => {
        ran++;
        return run(inputs);
      };
    };
    const many = new ThreadedSamples(unwrap(openSamples(spec)), { threads: { most, always: true, worker: pathToFileURL(WORKER) }, now });
    expect(observed(many, counted)).toBe(observed(alone, compile));
    expect(many.digest()).toBe(alone.digest());
    expect(ran).toBe(most === 1 ? 19 : 0);
  });

  test('what a thread cannot read is told as without threads', () =>
    inFolder(async (cwd) => {
      const compile = await fastestCompile();
      writeFileSync(join(cwd, 'a.npy'), encodeNpy(f32([9, 3, 4, 4], 3)));
      writeFileSync(join(cwd, 'b.png'), picture(1).subarray(0, 60));
      const files = filesSpec(cwd, ['a.npy', 'b.png']);
      const threads = { most: 2, always: true, worker: pathToFileURL(WORKER) };
      const make = (samples: SampleSource): Result<unknown> => Calibrated.make(prepareFloat(network()), { samples, compile });
      const told = codesOf(make(new ThreadedSamples(unwrap(openSamples(files)), { threads, now })));
      expect(told).toEqual(codesOf(make(unwrap(openSamples(files)))));
      expect(told.map(([, where]) => where)).toEqual(['b.png']);
    }));
});

describe('state', () => {
  const withState = (cwd: string, warnings: Diagnostic[]): ThreadedSamples =>
    new ThreadedSamples(unwrap(openSamples(spec)), {
      threads: { most: 1 },
      now: () => Number.MAX_SAFE_INTEGER,
      state: observationState({ cwd, folder: 'state', now: clock(), warnings, always: true }),
    });
  /** Far enough between two looks that every chunk is written. */
  const clock = (): (() => number) => {
    let time = 0;
    return () => (time += 1e6);
  };

  test('an interrupted run goes on, a finished one is not repeated, and a damaged record is left out', () =>
    inFolder(async (cwd) => {
      const plain = await fastestCompile();
      const whole = observed(unwrap(openSamples(spec)), plain);
      let left = 10;
      let ran = 0;
      const compile: Compile = (program, options) => {
        const run = plain(program, options);
        return (inputs) => {
          if (left-- === 0) throw new RangeError('interrupted');
          ran++;
          return run(inputs);
        };
      };
      expect(() => observed(withState(cwd, []), compile)).toThrow('interrupted');
      expect(readdirSync(join(cwd, 'state'))).toHaveLength(1);
      left = Number.POSITIVE_INFINITY;
      ran = 0;
      const warnings: Diagnostic[] = [];
      const second = withState(cwd, warnings);
      expect(observed(second, compile)).toBe(whole);
      // two chunks of four were in
      expect(ran).toBe(11);
      ran = 0;
      const third = withState(cwd, warnings);
      expect(observed(third, compile)).toBe(whole);
      expect([ran, third.digest()]).toEqual([0, second.digest()]);
      expect(warnings).toEqual([]);
      const [name = ''] = readdirSync(join(cwd, 'state'));
      const file = join(cwd, 'state', name);
      const bytes = readFileSync(file);
      for (const damaged of [bytes.subarray(0, 100), bytes.subarray(0, -1), Buffer.from(bytes).fill(7, 3000, 3001), Buffer.from('no')]) {
        writeFileSync(file, damaged);
        ran = 0;
        warnings.length = 0;
        expect(observed(withState(cwd, warnings), compile)).toBe(whole);
        expect([ran, warnings.map((d) => d.code)]).toEqual([19, ['CLI3004']]);
      }
    }));
});

describe('evaluation', () => {
  const DIGITS = join(ROOT, 'examples', 'digits');
  const digit = (name: string): string => join(DIGITS, name);
  const told = (ran: Ran): readonly string[] => (JSON.parse(ran.stdout) as { error: { message: string }[] }).error.map((e) => e.message);

  test('outputs against expected ones; class numbers out of range', () =>
    inFolder(async (cwd) => {
      const images = unwrap(decodeNpy(new Uint8Array(readFileSync(digit('test-images.npy')))));
      const each = images.data.length / 500;
      const few = { ...images, shape: [20, ...images.shape.slice(1)], data: images.data.slice(0, 20 * each) } as Tensor;
      writeFileSync(join(cwd, 'x.npy'), encodeNpy(few));
      const base = ['compile', digit('model.onnx'), '--json', '--eval', 'x.npy'];
      const quantized = ['--calibration', digit('calibration-images.npy'), '--method', 'mse', '--rounding', 'nearest', '--equalize', 'off'];
      const run = (...words: readonly string[]): Promise<Ran> => cli([...base, '--eval-labels', ...words], { cwd });
      writeFileSync(join(cwd, 'y.npy'), encodeNpy({ dtype: 'f32', shape: [20, 10], data: new Float32Array(200) }));
      const quality = async (metric: string): Promise<{ float: number; int8: number; samples: number }> =>
        (
          JSON.parse((await run('y.npy', ...quantized, '--eval-metric', metric)).stdout) as {
            quality: { float: number; int8: number; samples: number };
          }
        ).quality;
      const mse = await quality('mse');
      expect([mse.samples, mse.float > 1]).toEqual([20, true]);
      expect(Math.abs(mse.int8 / mse.float - 1)).toBeLessThan(0.05);
      // nothing points the way of zero
      expect((await quality('cosine')).float).toBe(0);
      writeFileSync(join(cwd, 'l.txt'), Array.from({ length: 20 }, (_, i) => (i % 10) + 1).join('\n'));
      expect(told(await run('l.txt', '--float'))).toEqual([
        'entry 9 is 10, but the model has 10 classes, 0 to 9 (do the numbers start at 1?)',
      ]);
      expect(told(await run('y.npy', '--float', '--eval-metric', 'psnr', '--eval', digit('test-images.npy'))).join()).toContain(
        '20 expected outputs for 5',
      );
    }));
});
