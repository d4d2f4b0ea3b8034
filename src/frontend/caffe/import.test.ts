import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { runProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Fields } from './fields.ts';
import { caffe } from './index.ts';
import { parsePrototxt } from './prototxt.ts';
import { caffemodel, codesOf, examined, files, filled, outputsOf, type TestBlob, writeBlob } from './testing/build.ts';

const layer = (name: string, type: string, bottoms: string, tops: string, params = ''): string =>
  `layer { name: "${name}" type: "${type}" ${bottoms
    .split(' ')
    .map((b) => (b === '' ? '' : `bottom: "${b}"`))
    .join(' ')} ${tops
    .split(' ')
    .map((t) => (t === '' ? '' : `top: "${t}"`))
    .join(' ')} ${params} }\n`;
const input = (name: string, ...shape: readonly number[]): string =>
  `input: "${name}" input_shape { ${shape.map((d) => `dim: ${d}`).join(' ')} }\n`;
const dense = (name: string, bottoms: string, tops: string, outputs: number, more = ''): string =>
  layer(name, 'InnerProduct', bottoms, tops, `inner_product_param { num_output: ${outputs} bias_term: false } ${more}`);
const vector = (...data: readonly number[]): TestBlob => ({ shape: [1, data.length], data });
const numbersOf = async (
  net: string,
  x: readonly TestBlob[],
  blobs?: Readonly<Record<string, readonly TestBlob[]>>,
): Promise<readonly number[]> => Array.from(at(await outputsOf(net, x, blobs), 0).data);

const plain = (fields: Fields): unknown =>
  Object.fromEntries(
    [...fields]
      .filter(([name]) => !name.includes(' '))
      .map(([name, values]) => [name, values.map((v) => (v instanceof Map ? plain(v as Fields) : v))]),
  );

describe('text', () => {
  test('every form of a value', () => {
    const fields = parsePrototxt(
      `# a comment
      a: 1, b: -2.5e1f; c: 0x1F d: 010 e: inf g: -inf h: true i: False
      s: "it's" ' two\\n\\x41\\101'   w: WORD
      list: [1, 2 ,3] list: 4
      m { n < k: 1 > n { k: 2 } } o: { p: "q" } # end`,
    );
    expect(plain(fields)).toEqual({
      a: [1],
      b: [-25],
      c: [31],
      d: [8],
      e: [Number.POSITIVE_INFINITY],
      g: [Number.NEGATIVE_INFINITY],
      h: [true],
      i: [false],
      s: ["it's two\nAA"],
      w: ['WORD'],
      list: [1, 2, 3, 4],
      m: [{ n: [{ k: [1] }, { k: [2] }] }],
      o: [{ p: ['q'] }],
    });
  });

  test.each([
    ['a value that is missing', 'a: }'],
    ['a message that does not end', 'a { b: 1'],
    ['a string that does not end', 'a: "b'],
    ['a list that does not end', 'a: [1, 2'],
    ['a name without a value', 'a b: 1'],
    ['a sign that nothing takes', 'a: 1 $'],
    ['depth', 'a {'.repeat(50)],
  ])('%s', async (_, text) => {
    expect(codesOf(await examined(text))).toEqual(['IMP1001']);
  });

  test('the line of a problem is told', async () => {
    expect((await examined('a: 1\nb: 2\nc ! 3')).problems[0]?.message).toContain('line 3');
  });
});

describe('nets', () => {
  test('a layer that writes what it reads: the order counts', async () => {
    const net = input('x', 1, 2) + layer('r', 'ReLU', 'x', 'x') + layer('p', 'Power', 'x', 'x', 'power_param { shift: -1 }');
    expect(await numbersOf(net, [vector(-3, 3)])).toEqual([-1, 2]);
    const [out] = (await examined(net)).outputs;
    expect(out?.name).toBe('x');
  });

  test('layers of training are left out, those with rules of other stages too', async () => {
    const net =
      input('x', 1, 1) +
      layer('a', 'Power', 'x', 'x', 'power_param { shift: 1 } include { phase: TRAIN }') +
      layer('b', 'Power', 'x', 'x', 'power_param { shift: 10 } exclude { phase: TEST }') +
      layer('c', 'Power', 'x', 'x', 'power_param { shift: 100 } include { phase: TEST not_stage: "s" }') +
      layer('d', 'Power', 'x', 'x', 'power_param { shift: 1000 } include { stage: "s" }') +
      layer('e', 'Power', 'x', 'x', 'power_param { shift: 10000 } exclude { min_level: 1 }');
    expect(await numbersOf(net, [vector(0)])).toEqual([10_100]);
    expect(await numbersOf(`state { level: 1 stage: "s" } ${net}`, [vector(0)])).toEqual([1000]);
  });

  test('data of training becomes an input, losses and labels go', async () => {
    const net =
      layer('data', 'Data', '', 'data label', 'include { phase: TRAIN } transform_param { scale: 0.1 } data_param { batch_size: 2 }') +
      dense('ip', 'data', 'ip', 2) +
      layer('loss', 'SoftmaxWithLoss', 'ip label', 'loss') +
      layer('accuracy', 'Accuracy', 'ip label', 'accuracy', 'include { phase: TEST }');
    expect(codesOf(await examined(net, { randomParams: true }))).toContain('IMP1010');
    const report = await examined(net, { randomParams: true, shapes: { data: [2, 3] } });
    expect(report.problems).toEqual([]);
    expect(report.inputs.map((i) => i.name)).toEqual(['data']);
    expect(report.outputs.map((o) => [o.name, o.type.shape])).toEqual([['ip', [2, 2]]]);
    expect(report.warnings.map((w) => [w.code, w.where])).toEqual([
      ['IMP3002', 'data'],
      ['IMP3002', 'loss'],
      ['IMP3002', 'accuracy'],
      ['IMP3003', undefined],
    ]);
  });

  test('shapes by Input layers, by numbers, and by --shape', async () => {
    const relu = layer('r', 'ReLU', 'x', 'y');
    const shapeOf = async (net: string, shapes = {}): Promise<unknown> => (await examined(net, { shapes })).outputs[0]?.type.shape;
    expect(await shapeOf(layer('i', 'Input', '', 'x', 'input_param { shape { dim: 2 dim: 3 } }') + relu)).toEqual([2, 3]);
    expect(await shapeOf(`input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 ${relu}`)).toEqual([1, 2, 3, 4]);
    expect(await shapeOf(`input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 ${relu}`, { x: [5] })).toEqual([5]);
    const memory = layer('m', 'MemoryData', '', 'x label', 'memory_data_param { batch_size: 1 channels: 3 height: 4 width: 5 }');
    expect(await shapeOf(memory + relu)).toEqual([1, 3, 4, 5]);
  });

  test('nets of 2014 and of 2013', async () => {
    const head = 'input: "x" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2 ';
    const of2014 = `${head} layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 1 weight_decay: 0
      convolution_param { num_output: 1 kernel_size: 3 pad: 1 bias_term: false } } layers { name: "r" type: RELU bottom: "c" top: "c" }`;
    const of2013 = `${head} layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }
      layers { layer { name: "c" type: "conv" num_output: 1 kernelsize: 3 biasterm: false weight_filler { type: "gaussian" std: 0.01 } } bottom: "p" top: "c" }
      layers { layer { name: "r" type: "relu" } bottom: "c" top: "c" }`;
    const today = `${input('x', 1, 1, 2, 2)} ${layer('c', 'Convolution', 'x', 'c', 'convolution_param { num_output: 1 kernel_size: 3 pad: 1 bias_term: false }')} ${layer('r', 'ReLU', 'c', 'c')}`;
    const blobs = { c: [filled([1, 1, 3, 3], 5)] };
    const x = [filled([1, 1, 2, 2], 1)];
    const wanted = await numbersOf(today, x, blobs);
    expect(await numbersOf(of2014, x, blobs)).toEqual(wanted);
    expect(await numbersOf(of2013, x, blobs)).toEqual(wanted);
    const mixed = `${input('x', 1, 2)} ${layer('a', 'Power', 'x', 'x', 'power_param { power: 2 }')} layers { name: "b" type: POWER bottom: "x" top: "x" power_param { shift: 1 } } ${layer('c', 'Power', 'x', 'x', 'power_param { scale: 3 }')}`;
    expect(await numbersOf(mixed, [vector(2, 3)])).toEqual([15, 30]);
  });

  test('BatchNorm and the Scale behind it are one op', async () => {
    const net =
      input('x', 1, 2, 1, 2) +
      layer('bn', 'BatchNorm', 'x', 'x', 'batch_norm_param { eps: 1 }') +
      layer('sc', 'Scale', 'x', 'x', 'scale_param { bias_term: true }');
    const one = (data: readonly number[]): TestBlob => ({ shape: [data.length], data });
    const blobs = { bn: [one([2, 4]), one([6, 16]), one([2])], sc: [one([4, 3]), one([0.5, -1])] };
    // mean 1 and 2, variance 3 and 8: deviations 2 and 3
    expect(await numbersOf(net, [{ shape: [1, 2, 1, 2], data: [1, 3, 2, 5] }], blobs)).toEqual([0.5, 4.5, -1, 2]);
    const report = await examined(net, { blobs });
    expect(report.nodes.map((n) => n.becomes)).toEqual([[], ['batch_norm']]);
    // read elsewhere too, they stay apart
    const apart = await examined(
      `${input('x', 1, 2, 1, 2)}${layer('bn', 'BatchNorm', 'x', 'b')}${layer('sc', 'Scale', 'b', 's')}${layer('r', 'ReLU', 'b', 'r')}`,
      { randomParams: true },
    );
    expect(apart.nodes.map((n) => n.becomes)).toEqual([['batch_norm'], ['mul'], ['relu']]);
  });

  test('layers that share parameters by name', async () => {
    const share = 'param { name: "w" }';
    const net = input('x', 1, 2) + dense('a', 'x', 'a', 2, share) + dense('b', 'a', 'b', 2, share);
    const w = { shape: [2, 2], data: [1, 2, 3, 4] };
    expect(await numbersOf(net, [vector(1, 0)], { a: [w], b: [w] })).toEqual([7, 15]);
    expect((await examined(net, { randomParams: true })).program?.params.filter((p) => p.name.startsWith('w'))).toHaveLength(1);
  });

  test('an LSTM whose sequences begin at the first step is the op of that name', async () => {
    const body = layer('l', 'LSTM', 'x cont', 'y', 'recurrent_param { num_output: 2 }');
    const blobs = { l: [filled([8, 3], 2), filled([8], 3), filled([8, 2], 4)] };
    const fixed =
      input('x', 3, 1, 3) +
      layer('zero', 'DummyData', '', 'zero', 'dummy_data_param { shape { dim: 1 dim: 1 } }') +
      layer('one', 'DummyData', '', 'one', 'dummy_data_param { shape { dim: 2 dim: 1 } data_filler { type: "constant" value: 1 } }') +
      layer('cont', 'Concat', 'zero one', 'cont', 'concat_param { axis: 0 }') +
      body;
    const x = filled([3, 1, 3], 1);
    const wanted = await numbersOf(input('x', 3, 1, 3) + input('cont', 3, 1) + body, [x, { shape: [3, 1], data: [0, 1, 1] }], blobs);
    const got = await numbersOf(fixed, [x], blobs);
    expect((await examined(fixed, { blobs })).nodes.at(-1)?.becomes).toEqual(['lstm', 'reshape']);
    got.forEach((v, i) => expect(v).toBeCloseTo(at(wanted, i), 6));
  });

  test('what changes nothing, and parts of a net that stand for themselves', async () => {
    const net =
      input('x', 1, 2) +
      layer('drop', 'Dropout', 'x', 'd', 'dropout_param { dropout_ratio: 0.5 }') +
      layer('split', 'Split', 'd', 'a b') +
      layer('quiet', 'Silence', 'b', '') +
      layer('p', 'Parameter', '', 'p', 'parameter_param { shape { dim: 1 dim: 2 } }') +
      layer('sum', 'Eltwise', 'a p', 'y');
    expect(await numbersOf(net, [vector(1, 2)], { p: [vector(10, 20)] })).toEqual([11, 22]);
    expect((await examined(net, { randomParams: true })).outputs.map((o) => o.name)).toEqual(['y']);
  });

  test('regions and channels each apart', async () => {
    const rois = `${input('x', 1, 1, 4, 4)}${input('r', 1, 5)}${layer('p', 'ROIPooling', 'x r', 'y', 'roi_pooling_param { pooled_h: 1 pooled_w: 2 spatial_scale: 0.5 }')}`;
    const x = { shape: [1, 1, 4, 4], data: Array.from({ length: 16 }, (_, i) => i) };
    // cells 0 to 3 of each side, halves of 2 columns
    expect(await numbersOf(rois, [x, vector(0, 0, 0, 6, 6)])).toEqual([13, 15]);
    const apart = (type: string): string =>
      `${input('x', 1, 2, 1, 1)}${layer('c', type, 'x', 'y', 'convolution_param { num_output: 2 kernel_size: 1 bias_term: false }')}`;
    for (const type of ['ConvolutionDepthwise', 'DepthwiseConvolution'])
      expect(await numbersOf(apart(type), [{ shape: [1, 2, 1, 1], data: [3, 4] }], { c: [{ shape: [2, 1, 1, 1], data: [5, 6] }] })).toEqual(
        [15, 24],
      );
  });
});

describe('weights', () => {
  const net = input('x', 1, 2) + dense('ip', 'x', 'y', 1);
  const bytes = new TextEncoder().encode(net);
  const own = (write: (w: protobuf.Writer) => void): Uint8Array => {
    const w = protobuf.Writer.create()
      .uint32((100 << 3) | 2)
      .fork();
    w.uint32(10).string('ip').uint32(58).fork();
    write(w);
    return new Uint8Array(w.ldelim().ldelim().finish());
  };
  const run = async (params: Uint8Array): Promise<unknown> => {
    const report = await caffe.examine(bytes, { file: 'net.prototxt', beside: files({}), params, shapes: new Map(), randomParams: false });
    expect(codesOf(report)).toEqual([]);
    return report.program === undefined
      ? []
      : Array.from(at(runProgram(report.program, [{ dtype: 'f32', shape: [1, 2], data: Float32Array.of(1, 10) }]), 0).data);
  };
  const w = { shape: [1, 1, 1, 2], data: [2, 3] };

  test('by shape, by four numbers, in double, as bytes', async () => {
    expect(await run(own((b) => writeBlob(b, w)))).toEqual([32]);
    expect(await run(own((b) => writeBlob(b, w, 'four')))).toEqual([32]);
    expect(await run(own((b) => writeBlob(b, w, 'double')))).toEqual([32]);
    const half = (b: protobuf.Writer): void => {
      b.uint32((7 << 3) | 2)
        .fork()
        .uint32(10)
        .fork()
        .int64(1)
        .int64(2)
        .ldelim()
        .ldelim();
      b.uint32(80)
        .int32(2)
        .uint32((12 << 3) | 2)
        .bytes(Uint8Array.of(0, 0x40, 0, 0x42));
    };
    expect(await run(own(half))).toEqual([32]);
    const oneByOne = (b: protobuf.Writer): void => {
      b.uint32(8).int32(1).uint32(32).int32(2);
      for (const v of w.data) b.uint32((5 << 3) | 5).float(v);
    };
    expect(await run(own(oneByOne))).toEqual([32]);
  });

  test('no weights: one problem, and every layer is examined', async () => {
    const report = await examined(net + layer('e', 'ELU', 'y', 'z'));
    expect(codesOf(report)).toEqual(['IMP1011']);
    expect(report.problems[0]?.message).toContain('net.caffemodel');
    expect(report.nodes.map((n) => n.verdict)).toEqual(['ok', 'ok']);
    expect((await examined(net, { randomParams: true })).warnings.map((d) => d.code)).toEqual(['IMP3003']);
  });

  test('a file with weights alone, and beside its description', async () => {
    const whole = protobuf.Writer.create()
      .uint32(26)
      .string('x')
      .uint32((8 << 3) | 2)
      .fork()
      .uint32(10)
      .fork()
      .int64(1)
      .int64(2)
      .ldelim()
      .ldelim();
    whole
      .uint32((100 << 3) | 2)
      .fork()
      .uint32(10)
      .string('ip')
      .uint32(18)
      .string('InnerProduct')
      .uint32(26)
      .string('x')
      .uint32(34)
      .string('y');
    whole.uint32(58).fork();
    writeBlob(whole, w);
    whole
      .ldelim()
      .uint32((117 << 3) | 2)
      .fork()
      .uint32(8)
      .uint32(1)
      .uint32(16)
      .bool(false)
      .ldelim()
      .ldelim();
    const model = new Uint8Array(whole.finish());
    const alone = await examined(model, { file: 'net.caffemodel' });
    expect([codesOf(alone), alone.outputs.map((o) => o.name)]).toEqual([[], ['y']]);
    const beside = files({ 'net.prototxt': new TextEncoder().encode(net.replace('"y"', '"z"')) });
    const both = await caffe.examine(model, { file: 'net.caffemodel', beside, params: undefined, shapes: new Map(), randomParams: false });
    expect([codesOf(both), both.outputs.map((o) => o.name)]).toEqual([[], ['z']]);
  });

  test.each([
    ['too many blobs', { ip: [w, w] }, ['IMP1006']],
    ['another shape', { ip: [{ shape: [2, 2], data: [1, 2, 3, 4] }] }, ['IMP1006']],
    ['elements that are not there', { ip: [{ shape: [1, 2], data: [1] }] }, ['IMP1005']],
    ['a layer without weights', { other: [w] }, ['IMP1011']],
  ])('%s', async (_, blobs, codes) => expect(codesOf(await examined(net, { blobs }))).toEqual(codes));
});

test('files are known by name or by what they begin with', () => {
  const text = (s: string): Uint8Array => new TextEncoder().encode(s);
  expect(caffe.detect(text('anything'), 'a.prototxt')).toBe(true);
  expect(caffe.detect(caffemodel({}), 'a.caffemodel')).toBe(true);
  expect(caffe.detect(text('# net\nname: "n"\nlayer {\n'), 'a.txt')).toBe(true);
  expect(caffe.detect(text('name: "n"\nnode {\n'), 'a.pbtxt')).toBe(false);
  expect(caffe.detect(text('{"nodes": []}'), 'a.json')).toBe(false);
});
