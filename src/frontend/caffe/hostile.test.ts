import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyProgram } from '../../ir/index.ts';
import { caffe } from './index.ts';
import { caffemodel, codesOf, examined, files, filled } from './testing/build.ts';

const head = 'input: "x" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 } ';
const net = (type: string, params = '', tops = 'top: "y"'): string =>
  `${head} layer { name: "l" type: "${type}" bottom: "x" ${tops} ${params} }`;

describe('layers that are refused by name', () => {
  test.each<readonly [string, string, readonly string[]]>([
    ['an unknown type', net('Mine'), ['IMP2001']],
    ['code', net('Python', 'python_param { module: "os" layer: "L" }'), ['IMP2001']],
    ['a type that forks disagree on', net('BN'), ['IMP2001']],
    ['a misspelt group', net('ReLU', 'relu_parm { negative_slope: 1 }'), ['IMP2002']],
    ['a field of a fork', net('Pooling', 'pooling_param { kernel_size: 2 adaptive: true }'), ['IMP2002']],
    ['a field of the net', `${net('ReLU')} quantize: true`, ['IMP2002']],
    ['statistics of the batch', net('BatchNorm', 'batch_norm_param { use_global_stats: false }'), ['IMP2002']],
    ['random pooling', net('Pooling', 'pooling_param { pool: STOCHASTIC kernel_size: 2 }'), ['IMP2002']],
    ['a third sense of an enum', net('Pooling', 'pooling_param { pool: 7 kernel_size: 2 }'), ['IMP1006']],
    ['a kernel that is missing', net('Pooling'), ['IMP1006']],
    ['a kernel given twice', net('Convolution', 'convolution_param { num_output: 1 kernel_size: 3 kernel_h: 3 kernel_w: 3 }'), ['IMP1006']],
    ['a kernel of 0', net('Convolution', 'convolution_param { num_output: 1 kernel_size: 0 }'), ['IMP1006']],
    ['a stride of 0', net('Pooling', 'pooling_param { kernel_size: 2 stride: 0 }'), ['IMP1006']],
    ['a pad as large as the kernel', net('Pooling', 'pooling_param { kernel_size: 2 pad: 2 }'), ['IMP1006']],
    ['groups that do not divide', net('Convolution', 'convolution_param { num_output: 4 kernel_size: 1 group: 3 }'), ['IMP1006']],
    ['a word for a number', net('Convolution', 'convolution_param { num_output: MANY kernel_size: 1 }'), ['IMP1006']],
    ['half an output', net('Convolution', 'convolution_param { num_output: 1.5 kernel_size: 1 }'), ['IMP1006']],
    ['an even neighbourhood', net('LRN', 'lrn_param { local_size: 4 }'), ['IMP1006']],
    ['an axis outside', net('Softmax', 'softmax_param { axis: 4 }'), ['IMP1006']],
    ['a slice of nothing', net('Slice', 'slice_param { slice_point: 2 slice_point: 1 }', 'top: "a" top: "b" top: "c"'), ['IMP1006']],
    ['a shape that does not fit', net('Reshape', 'reshape_param { shape { dim: 5 dim: -1 } }'), ['IMP1006']],
    ['a blob that nothing makes', `${head} layer { name: "l" type: "ReLU" bottom: "z" top: "y" }`, ['IMP1004']],
    [
      'a blob that is made behind its reader',
      `${head} layer { name: "a" type: "ReLU" bottom: "z" top: "y" } layer { name: "b" type: "ReLU" bottom: "x" top: "z" }`,
      ['IMP1004'],
    ],
    [
      'a blob that two layers make',
      `${head} layer { name: "a" type: "ReLU" bottom: "x" top: "y" } layer { name: "b" type: "TanH" bottom: "x" top: "y" }`,
      ['IMP1003'],
    ],
    ['two layers of one name', `${net('ReLU')} layer { name: "l" type: "TanH" bottom: "y" top: "z" }`, ['IMP1003']],
    ['no layers', head, ['IMP1002']],
    ['nothing', '', ['IMP1002']],
    ['weights of terabytes', net('InnerProduct', 'inner_product_param { num_output: 2000000000 }'), ['IMP1005']],
    ['weights of gigabytes', net('InnerProduct', 'inner_product_param { num_output: 10000000 }'), ['IMP1007']],
    [
      'a constant of gigabytes',
      `layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 40000 dim: 40000 } } }`,
      ['IMP2002'],
    ],
    [
      'a recurrent layer of many steps',
      'input: "x" input_shape { dim: 100000 dim: 1 dim: 1 } input: "c" input_shape { dim: 100000 dim: 1 } layer { name: "l" type: "LSTM" bottom: "x" bottom: "c" top: "y" recurrent_param { num_output: 1 } }',
      ['IMP1007'],
    ],
  ])('%s', async (_, text, codes) => expect(codesOf(await examined(text, { randomParams: true }))).toEqual(codes));

  test('all problems of a net are listed', async () => {
    const report = await examined(
      `${head} layer { name: "a" type: "Mine" bottom: "x" top: "a" } layer { name: "b" type: "ReLU" bottom: "x" top: "b" relu_param { slope: 1 } }
       layer { name: "c" type: "Eltwise" bottom: "a" bottom: "b" top: "c" }`,
    );
    expect(report.problems.map((d) => [d.code, d.where])).toEqual([
      ['IMP2001', 'a'],
      ['IMP2002', 'b'],
    ]);
    expect(report.nodes.map((n) => n.verdict)).toEqual(['unsupported', 'unsupported', 'ok']);
  });
});

const TEXT = `name: "n" ${head}
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "b" type: "BatchNorm" bottom: "c" top: "c" } layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" } # relu
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 2 } }
`;
const WEIGHTS = caffemodel({
  c: [filled([3, 4, 3, 3], 1), filled([3], 2)],
  b: [filled([3], 3), filled([3], 4, 1, 2), { shape: [1], data: [1] }],
  s: [filled([3], 5), filled([3], 6)],
  f: [filled([2, 27], 7), filled([2], 8)],
});

/** Files give a program that verifies, or diagnostics; never a crash. */
const survives = async (text: Uint8Array, weights: Uint8Array): Promise<void> => {
  const beside = files({ 'net.caffemodel': weights });
  const report = await caffe.examine(text, { file: 'net.prototxt', beside, params: undefined, shapes: new Map(), randomParams: false });
  if (report.problems.length === 0) expect(report.program !== undefined && verifyProgram(report.program).ok).toBe(true);
  for (const d of report.problems) expect(d.code).toMatch(/^IMP|_c\d+$|^IR/);
};

describe('damaged files', () => {
  const text = new TextEncoder().encode(TEXT);
  test('the base is a model', async () => {
    const beside = files({ 'net.caffemodel': WEIGHTS });
    const report = await caffe.examine(text, { file: 'net.prototxt', beside, params: undefined, shapes: new Map(), randomParams: false });
    expect(report.problems).toEqual([]);
  });

  test('every cut', async () => {
    for (let n = 0; n < text.length; n++) await survives(text.slice(0, n), WEIGHTS);
    for (let n = 0; n < WEIGHTS.length; n += n < 64 ? 1 : 7) await survives(text, WEIGHTS.slice(0, n));
  });

  test('several bytes at random', async () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const changed = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array => {
      const copy = bytes.slice();
      for (const [i, v] of changes) copy[i % copy.length] = v;
      return copy;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), async (changes, inText) =>
        survives(inText ? changed(text, changes) : text, inText ? WEIGHTS : changed(WEIGHTS, changes)),
      ),
      { numRuns: 1500, seed: 20261126 },
    );
  });

  test('random bytes as a model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const report = await caffe.examine(bytes, {
          file: 'n.caffemodel',
          beside: files({}),
          params: undefined,
          shapes: new Map(),
          randomParams: true,
        });
        expect(report.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000, seed: 20261126 },
    );
  });
});
