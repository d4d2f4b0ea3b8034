import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyProgram } from '../../ir/index.ts';
import { nnef } from './index.ts';
import { codesOf, dataFiles, examined, filled, graphText, run, type TestGraph, tensorFile } from './testing/build.ts';

const graph = (body: string, more: Partial<TestGraph> = {}): string =>
  graphText({ body, results: ['y'], inputs: [filled([1, 2], 1)], variables: {}, ...more });
const numbers = async (text: string, beside: Readonly<Record<string, Uint8Array>>, x: readonly number[]): Promise<readonly number[]> =>
  run(await examined(text, { beside }), [{ shape: [1, x.length], data: x }]).flatMap((t) => Array.from(t.data));

const SMALL: TestGraph = {
  body: 'y = relu(linear(x0, w, b));',
  results: ['y'],
  inputs: [filled([1, 2], 1)],
  variables: { w: { shape: [2, 2], data: [1, 2, 3, 4] }, b: { shape: [1, 2], data: [-100, 1] } },
};

describe('graphs', () => {
  test('variables of a folder, of other types, and constants among tensors', async () => {
    const text = graphText(SMALL);
    expect(await numbers(text, dataFiles(SMALL), [10, 20])).toEqual([0, 111]);
    const double = { ...dataFiles(SMALL), 'w.dat': tensorFile({ shape: [2, 2], data: [0, 0, 0, 2] }, 'float64') };
    expect(await numbers(text, double, [10, 20])).toEqual([0, 41]);
    expect(await numbers(graph('y = x0 * 2.0 + 1.0;'), {}, [1, -1])).toEqual([3, -1]);
    expect(
      await numbers(
        graph("m = variable<logical>(shape = [1,2], label = 'm'); y = select(m, x0, 0.0);"),
        { 'm.dat': tensorFile({ shape: [1, 2], data: [0, 1] }, 'bool1') },
        [5, 7],
      ),
    ).toEqual([0, 7]);
  });

  test('missing files are one problem, and every operation is examined; or they are made up', async () => {
    const report = await examined(graphText(SMALL));
    expect(codesOf(report)).toEqual(['IMP1011']);
    expect(report.nodes.map((n) => n.verdict)).toEqual(['ok', 'ok', 'ok', 'ok']);
    const random = await examined(graphText(SMALL), { randomParams: true });
    expect([codesOf(random), random.warnings.map((w) => w.code)]).toEqual([[], ['IMP3003']]);
  });

  test('an archive', async () => {
    const tar = (named: Readonly<Record<string, Uint8Array>>): Uint8Array => {
      const parts = Object.entries(named).map(([name, bytes]) => {
        const block = new Uint8Array(512 + Math.ceil(bytes.length / 512) * 512);
        new TextEncoder().encodeInto(name, block);
        new TextEncoder().encodeInto(bytes.length.toString(8).padStart(11, '0'), block.subarray(124));
        block[156] = 0x30;
        block.set(bytes, 512);
        return block;
      });
      return Uint8Array.from([...parts, new Uint8Array(1024)].flatMap((p) => Array.from(p)));
    };
    const packed = new Uint8Array(
      gzipSync(
        tar({
          './model/graph.nnef': new TextEncoder().encode(graphText(SMALL)),
          ...Object.fromEntries(Object.entries(dataFiles(SMALL)).map(([n, b]) => [`./model/${n}`, b])),
        }),
      ),
    );
    expect(nnef.detect(packed, 'net.nnef.tgz')).toBe(true);
    const report = await examined(packed, { file: 'net.nnef.tgz' });
    expect(run(report, [{ shape: [1, 2], data: [10, 20] }]).map((t) => Array.from(t.data))).toEqual([[0, 111]]);
    expect(codesOf(await examined(packed.slice(0, 60), { file: 'net.nnef.tgz' }))).toEqual(['IMP1001']);
    expect(codesOf(await examined(new Uint8Array(gzipSync(tar({ a: new Uint8Array(3) }))), { file: 'net.tgz' }))).toEqual(['IMP1001']);
  });

  test('graph.quant: stored integers become reals, other tensors pass through their quantization', async () => {
    const quant = (text: string): Readonly<Record<string, Uint8Array>> => ({ 'graph.quant': new TextEncoder().encode(text) });
    const text = graph('y = x0 * w;', { variables: { w: { shape: [1, 2], data: [] } } });
    const stored = { 'w.dat': tensorFile({ shape: [1, 2], data: [5, -3] }, 'qint8') };
    const zero = quant('"w": zero_point_linear_quantize(zero_point = 1, scale = 0.5, bits = 8, signed = true, symmetric = false);');
    expect(await numbers(text, { ...stored, ...zero }, [1, 1])).toEqual([2, -2]);
    const range = quant('"w": linear_quantize(min = 0.0, max = 25.5, bits = 8);');
    expect(await numbers(text, { 'w.dat': tensorFile({ shape: [1, 2], data: [10, 255] }, 'quint8'), ...range }, [1, 1])).toEqual([1, 25.5]);
    expect(codesOf(await examined(text, { beside: stored }))).toEqual(['IMP1005']);
    const steps = quant('"x0": linear_quantize(0.0, 3.0, bits = 2);\n"y": linear_quantize(0.0, 30.0, bits = 2);');
    expect(await numbers(graph('y = x0 * 4.0;'), steps, [1.2, 9])).toEqual([0, 10]);
  });
});

describe('what is refused', () => {
  test.each<readonly [string, string, readonly string[]]>([
    ['an unknown operation', graph('y = mine(x0);'), ['IMP2001']],
    ['positions of pooling', graph('y, i = max_pool_with_index(x0, size = [1, 1]);'), ['IMP2001']],
    ['an unknown argument', graph('y = relu(x0, slope = 2.0);'), ['IMP2002']],
    ['an argument too many', graph('y = relu(x0, 2.0);'), ['IMP2002']],
    ['a missing argument', graph('y = leaky_relu(x0);'), ['IMP1006']],
    ['a text for a number', graph("y = leaky_relu(x0, alpha = 'a');"), ['IMP1006']],
    ['an argument given twice', graph('y = add(x0, x = x0);'), ['IMP1006']],
    ['a tensor that nothing makes', graph('y = relu(z);'), ['IMP1004']],
    ['a tensor made twice', graph('y = relu(x0); y = tanh(x0);'), ['IMP1003']],
    ['a result that nothing makes', graph('z = relu(x0);'), ['IMP1004']],
    ['fragments', 'version 1.0; fragment f(x: tensor<scalar>) -> (y: tensor<scalar>) { y = x; } graph g(x) -> (y) {}', ['IMP1001']],
    ['comprehensions', graph('y = add_n([for i in [1,2] yield x0]);'), ['IMP1001']],
    ['a sign before a sum', graph('y = -x0 * 2.0;'), ['IMP1001']],
    ['an extension', graph('y = relu(x0);').replace('KHR_enable_operator_expressions', 'MINE_magic'), ['IMP2001']],
    ['a later version', graph('y = relu(x0);').replace('version 1.0', 'version 2.0'), ['IMP1002']],
    ['variables that change', graph('y = update(x0, x0);'), ['IMP2001']],
    ['a window of 0', graph('y = max_pool(x0, size = [1, 0]);'), ['IMP1006']],
    ['an axis outside', graph('y = sum_reduce(x0, axes = [5]);'), ['IMP1006']],
    ['a slice outside', graph('y = slice(x0, axes = [1], begin = [3], end = [0]);'), ['IMP1006']],
    ['a shape that does not fit', graph('y = reshape(x0, shape = [3, -1]);'), ['IMP1006']],
    ['weights of terabytes', graph("w = variable(shape = [1000000, 1000000], label = 'w'); y = matmul(x0, w);"), ['IMP1005']],
    ['a constant of gigabytes', graph('w = constant(shape = [40000, 40000], value = [1.0]); y = x0 + w;'), ['IMP1006']],
    ['depth', graph(`y = ${'relu('.repeat(100)}x0${')'.repeat(100)};`), ['IMP1001']],
    ['nothing', '', ['IMP1001']],
  ])('%s', async (_, text, codes) => expect(codesOf(await examined(text, { randomParams: true }))).toEqual(codes));

  test.each([
    ['a file that is no tensor', new Uint8Array(200)],
    ['a file of another shape', tensorFile({ shape: [4, 1], data: [1, 2, 3, 4] })],
    ['a file that is cut', tensorFile({ shape: [2, 2], data: [1, 2, 3, 4] }).slice(0, 140)],
    ['a file with more than it says', Uint8Array.from([...tensorFile({ shape: [2, 2], data: [1, 2, 3, 4] }), 0])],
  ])('%s', async (_, bytes) =>
    expect(codesOf(await examined(graphText(SMALL), { beside: { ...dataFiles(SMALL), 'w.dat': bytes } }))).toContain('IMP1005'),
  );
});

/** Files give a program that verifies, or diagnostics; never a crash. */
const survives = async (text: Uint8Array, beside: Readonly<Record<string, Uint8Array>>): Promise<void> => {
  const report = await examined(text, { beside });
  if (report.problems.length === 0) expect(report.program !== undefined && verifyProgram(report.program).ok).toBe(true);
  for (const d of report.problems) expect(d.code).toMatch(/^IMP|_c\d+$|^IR/);
};

describe('damaged files', () => {
  const base: TestGraph = {
    body: `c = conv(x0, w, b, padding = [(1,1),(1,1)], stride = [2,2]); # a comment
  n = batch_normalization(c, b, v, b, b, epsilon = 0.001); p = max_pool(relu(n), size = [1,1,2,2], border = 'ignore', stride = [1,1,2,2]);
  [s, t] = split(p, axis = 1, ratios = [1,1]); y = softmax(reshape(concat([s, t], axis = 1), shape = [1, -1]));`,
    results: ['y'],
    inputs: [filled([1, 2, 8, 8], 1)],
    variables: { w: filled([4, 2, 3, 3], 2), b: filled([1, 4], 3), v: filled([1, 4], 4, 1, 2) },
  };
  const text = new TextEncoder().encode(graphText(base));
  const beside = dataFiles(base);

  test('the base is a model', async () => expect(codesOf(await examined(text, { beside }))).toEqual([]));
  test('every cut', async () => {
    for (let n = 0; n < text.length; n += 2) await survives(text.slice(0, n), beside);
    const w = beside['w.dat'] ?? new Uint8Array(0);
    for (let n = 0; n < w.length; n += n < 130 ? 3 : 29) await survives(text, { ...beside, 'w.dat': w.slice(0, n) });
  });
  test('several bytes at random', async () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const changed = (bytes: Uint8Array, changes: readonly (readonly [number, number])[], from = bytes.length): Uint8Array => {
      const copy = bytes.slice();
      for (const [i, v] of changes) copy[i % from] = v;
      return copy;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean(), async (changes, inText) => {
        const w = beside['w.dat'] ?? new Uint8Array(0);
        await survives(inText ? changed(text, changes) : text, inText ? beside : { ...beside, 'w.dat': changed(w, changes, 160) });
      }),
      { numRuns: 800, seed: 20261126 },
    );
  });
});

test('files are known by name or by what they begin with', () => {
  const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);
  expect(nnef.detect(bytes('x'), 'graph.nnef')).toBe(true);
  expect(nnef.detect(bytes('# a\nversion 1.0;\ngraph'), 'net.txt')).toBe(true);
  expect(nnef.detect(bytes('version: 1\nnet'), 'net.txt')).toBe(false);
  expect(nnef.detect(Uint8Array.of(0x1f, 0x8b, 8), 'model.gz')).toBe(false);
});
