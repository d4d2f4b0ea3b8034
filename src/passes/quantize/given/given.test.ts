import { describe, expect, test } from '@jest/globals';
import { importOnnx } from '../../../frontend/onnx/index.ts';
import { type AttrValue, model, node, port, tensor, type TestElem } from '../../../frontend/onnx/testing/build.ts';
import { paramTensors, Philox, type Program, ProgramBuilder, runProgram } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { prepareFloat, quantizeProgram, type QuantizedModel } from '../../index.ts';
import { quantizeInputs } from '../sqnr.ts';
import { inRangeSamples, measureDifference } from './difference.ts';
import { valuesToCalibrate } from './needs.ts';

const random = new Philox(7, 0, 0);
const whole = (n: number, lo: number, hi: number): readonly number[] => Array.from({ length: n }, () => random.int(lo, hi));

/** An ONNX model in the making: every value is named by the node that makes it. */
class Net {
  private readonly nodes: object[] = [];
  private readonly params: object[] = [];
  private count = 0;

  name(what: string): string {
    return `${what}${this.count++}`;
  }
  constant(elem: TestElem, dims: readonly number[], values: readonly number[], name = this.name('k')): string {
    this.params.push(tensor(name, elem, dims, values));
    return name;
  }
  raw(message: object): void {
    this.nodes.push(message);
  }
  op(op: string, inputs: readonly string[], attrs: Readonly<Record<string, AttrValue>> = {}, domain = ''): string {
    const y = this.name(op);
    this.nodes.push(node(op, inputs, [y], attrs, domain === '' ? {} : { domain }));
    return y;
  }
  code(scale: number | readonly number[], zero: number, elem: TestElem): readonly [string, string] {
    const scales = typeof scale === 'number' ? [scale] : scale;
    const dims = typeof scale === 'number' ? [] : [scales.length];
    return [
      this.constant('float', dims, scales),
      this.constant(
        elem,
        dims,
        scales.map(() => zero),
      ),
    ];
  }
  quantize(x: string, scale: number, zero: number, elem: TestElem): string {
    return this.op('QuantizeLinear', [x, ...this.code(scale, zero, elem)]);
  }
  dequantize(q: string, scale: number | readonly number[], zero: number, elem: TestElem, axis = 0): string {
    return this.op('DequantizeLinear', [q, ...this.code(scale, zero, elem)], { axis });
  }
  pair(x: string, scale: number, zero: number, elem: TestElem = 'uint8'): string {
    return this.dequantize(this.quantize(x, scale, zero, elem), scale, zero, elem);
  }
  import(y: string, x: readonly number[], shape: readonly number[], elems: readonly [TestElem, TestElem] = ['float', 'float']): Program {
    const opsetImport = [
      { domain: '', version: 17 },
      { domain: 'com.microsoft', version: 1 },
    ];
    const g = { inputs: [port('x', elems[0], x)], outputs: [port(y, elems[1], shape)], nodes: this.nodes, params: this.params };
    return unwrap(importOnnx(model(g, 17, { opsetImport }))).program;
  }
}

/** Quantizes without any sample; the greatest difference to the source on random inputs, in steps of the output. */
const withoutSamples = (program: Program): { readonly quantized: QuantizedModel; readonly steps: number } => {
  expect(valuesToCalibrate(prepareFloat(program))).toEqual([]);
  const quantized = unwrap(quantizeProgram(program, { samples: [] }));
  const compile = (p: Program) => (inputs: Parameters<typeof runProgram>[1]) => runProgram(p, inputs);
  const { outputs } = measureDifference(program, quantized, inRangeSamples(quantized, 20), compile);
  return { quantized, steps: Math.max(...outputs.map((o) => o.maxSteps)) };
};

const weightsOf = ({ program }: QuantizedModel, op: 'conv' | 'dense'): readonly (readonly number[])[] => {
  const params = paramTensors(program);
  return program.nodes.filter((n) => n.op === op).map((n) => Array.from(params.get(at(n.operands, 1))?.data ?? []));
};

const opsOf = ({ program }: QuantizedModel): readonly string[] => program.nodes.map((n) => n.op);

describe('quantize and dequantize around float operators', () => {
  const CODES = whole(4 * 2 * 9, -127, 127);
  const SCALES = [0.002, 0.003, 0.0011, 0.004];
  const SX = 0.02;

  for (const elem of ['uint8', 'int8'] as const)
    test(`conv with ${elem} activations, weights per channel, int32 bias: the file's integers, within one step`, () => {
      const shift = elem === 'uint8' ? 0 : -128;
      const net = new Net();
      const x = net.pair('x', SX, 100 + shift, elem);
      const w = net.dequantize(net.constant('int8', [4, 2, 3, 3], CODES, 'w'), SCALES, 0, 'int8');
      const bias = net.dequantize(
        net.constant('int32', [4], [900, -1200, 50_000, 7]),
        SCALES.map((s) => s * SX),
        0,
        'int32',
      );
      const y = net.pair(net.op('Conv', [x, w, bias], { pads: [1, 1, 1, 1] }), 0.05, 3 + shift, elem);
      const { quantized, steps } = withoutSamples(net.import(y, [1, 2, 6, 6], [1, 4, 6, 6]));
      expect(quantized.inputs).toEqual([{ name: 'x', scale: Math.fround(SX), zero: -28 }]);
      expect(quantized.outputs).toEqual([{ name: y, scale: Math.fround(0.05), zero: -125 }]);
      expect(weightsOf(quantized, 'conv')).toEqual([CODES]);
      expect(opsOf(quantized)).toEqual(['conv', 'rescale']);
      expect(quantized.program.params.some((p) => p.name === 'w')).toBe(true);
      expect(quantized.given).toMatchObject({ activations: 2, calibrated: 0, layers: [{ clamped: 0 }] });
      expect(steps).toBeLessThan(1.001);
    });

  test('weights of matrices: per column of MatMul and Gemm, per row with transB, moved by Transpose', () => {
    const codes = whole(12 * 5, -127, 127);
    const turned = Array.from({ length: 60 }, (_, i) => at(codes, (i % 12) * 5 + Math.floor(i / 12)));
    const scales = [0.002, 0.003, 0.0011, 0.004, 0.005];
    const spellings: readonly ((net: Net, x: string) => string)[] = [
      (net, x) => net.op('MatMul', [x, net.dequantize(net.constant('int8', [12, 5], codes), scales, 0, 'int8', 1)]),
      (net, x) => net.op('Gemm', [x, net.dequantize(net.constant('int8', [12, 5], codes), scales, 0, 'int8', 1)]),
      (net, x) => net.op('Gemm', [x, net.dequantize(net.constant('int8', [5, 12], turned), scales, 0, 'int8')], { transB: 1 }),
      (net, x) => {
        const w = net.dequantize(net.constant('int8', [5, 12], turned), scales, 0, 'int8');
        return net.op('MatMul', [x, net.op('Transpose', [w], { perm: [1, 0] })]);
      },
    ];
    for (const spell of spellings) {
      const net = new Net();
      const y = net.pair(spell(net, net.pair('x', SX, 128)), 0.04, 128);
      const { quantized, steps } = withoutSamples(net.import(y, [3, 12], [3, 5]));
      expect(weightsOf(quantized, 'dense')).toEqual([turned]);
      expect(steps).toBeLessThan(1.001);
    }
  });

  test('weights that the file quantizes itself', () => {
    const net = new Net();
    const reals = whole(2 * 2, -90, 90).map((v) => v * 0.0113);
    const w = net.pair(net.constant('float', [2, 2, 1, 1], reals), 0.01, 0, 'int8');
    const y = net.pair(net.op('Conv', [net.pair('x', SX, 128), w]), 0.04, 128);
    const { quantized } = withoutSamples(net.import(y, [1, 2, 3, 3], [1, 2, 3, 3]));
    const codes = reals.map((v) => Math.max(-127, Math.min(127, Math.round(v / 0.01))));
    expect(weightsOf(quantized, 'conv')).toEqual([codes]);
  });

  test('one quantization read by two branches, relu as a zero point, pooling and concat in the scale of the result', () => {
    const net = new Net();
    const q = net.quantize('x', SX, 128, 'uint8');
    const [a, b] = [net.dequantize(q, SX, 128, 'uint8'), net.dequantize(q, SX, 128, 'uint8')];
    const w = net.dequantize(net.constant('int8', [4, 2, 3, 3], CODES), SCALES, 0, 'int8');
    const conv = net.pair(net.op('Conv', [a, w], { pads: [1, 1, 1, 1] }), 0.05, 0);
    const pool = net.op('MaxPool', [conv], { kernel_shape: [2, 2], strides: [2, 2] });
    const other = net.pair(net.op('MaxPool', [b], { kernel_shape: [2, 2], strides: [2, 2] }), SX, 128);
    const y = net.pair(net.op('Concat', [net.pair(pool, 0.05, 0), other], { axis: 1 }), 0.06, 40);
    const { quantized, steps } = withoutSamples(net.import(y, [1, 2, 6, 6], [1, 6, 3, 3]));
    // pooling keeps the codes, and each part of the concat comes to the result's in one table
    expect(opsOf(quantized).filter((op) => op === 'table')).toHaveLength(2);
    expect(opsOf(quantized)).toContain('max_pool');
    expect(steps).toBeLessThanOrEqual(2);
  });

  test('a quantization between a layer and its relu is not skipped', () => {
    const net = new Net();
    const w = net.dequantize(net.constant('int8', [4, 2, 3, 3], CODES), SCALES, 0, 'int8');
    const conv = net.pair(net.op('Conv', [net.pair('x', SX, 128), w]), 0.3, 128);
    const y = net.pair(net.op('Relu', [conv]), 0.07, 0);
    const { quantized, steps } = withoutSamples(net.import(y, [1, 2, 5, 5], [1, 4, 3, 3]));
    expect(opsOf(quantized)).toEqual(['conv', 'rescale', 'table']);
    // where the sums are equal, so is everything after them
    expect(steps === 0 || steps > 3).toBe(true);
  });

  test('functions between quantizations are tables from code to code', () => {
    const net = new Net();
    const h = net.pair(net.op('Sigmoid', [net.pair('x', SX, 128)]), 1 / 256, 0);
    const y = net.pair(net.op('Mul', [net.pair('x', SX, 128), h]), 0.02, 30);
    const { quantized, steps } = withoutSamples(net.import(y, [2, 8], [2, 8]));
    expect(opsOf(quantized)).toEqual(['table', 'mul_rescale']);
    expect(steps).toBeLessThan(1.001);
  });

  test('inputs and outputs that are integers in the file stay integers', () => {
    const net = new Net();
    const w = net.dequantize(net.constant('int8', [4, 2, 3, 3], CODES), SCALES, 0, 'int8');
    const conv = net.op('Conv', [net.dequantize('x', SX, 100, 'uint8'), w]);
    const y = net.quantize(net.op('Flatten', [conv]), 0.05, 7, 'uint8');
    const program = net.import(y, [1, 2, 5, 5], [1, 36], ['uint8', 'uint8']);
    const { quantized, steps } = withoutSamples(program);
    expect(at(quantized.program.types, at(quantized.program.inputs, 0).value).dtype).toBe('u8');
    expect(at(quantized.program.types, at(quantized.program.outputs, 0).value).dtype).toBe('u8');
    expect(weightsOf(quantized, 'conv')).toEqual([CODES]);
    expect(steps).toBeLessThanOrEqual(1);
  });
});

describe('operators over integers', () => {
  test('QLinearConv with zero points of inputs and weights, padding and bias', () => {
    const net = new Net();
    const codes = whole(3 * 2 * 9, 10, 250);
    const x = net.quantize('x', 0.02, 90, 'uint8');
    const w = [net.constant('uint8', [3, 2, 3, 3], codes), ...net.code(0.004, 130, 'uint8')];
    const bias = net.constant('int32', [3], [500, -90, 4000]);
    const sum = net.op('QLinearConv', [x, ...net.code(0.02, 90, 'uint8'), ...w, ...net.code(0.09, 120, 'uint8'), bias], {
      pads: [1, 1, 1, 1],
    });
    const y = net.dequantize(sum, 0.09, 120, 'uint8');
    const { quantized, steps } = withoutSamples(net.import(y, [1, 2, 5, 5], [1, 3, 5, 5]));
    expect(weightsOf(quantized, 'conv')).toEqual([codes.map((q) => q - 130)]);
    expect(quantized.inputs).toEqual([{ name: 'x', scale: Math.fround(0.02), zero: -38 }]);
    expect(opsOf(quantized)).toEqual(['conv', 'rescale']);
    expect(steps).toBeLessThan(1.001);
  });

  test('QLinearMatMul, QGemm, QLinearAdd and MaxPool over integers', () => {
    const net = new Net();
    const first = whole(6 * 5, -127, 127);
    const second = whole(4 * 5, -127, 127);
    const x = net.quantize('x', 0.02, 90, 'uint8');
    const code = (s: number, z: number): readonly [string, string] => net.code(s, z, 'uint8');
    const w = [net.constant('int8', [6, 5], first), ...net.code(0.004, 0, 'int8')];
    const h = net.op('QLinearMatMul', [x, ...code(0.02, 90), ...w, ...code(0.05, 128)]);
    const doubled = net.op('QLinearAdd', [h, ...code(0.05, 128), h, ...code(0.05, 128), ...code(0.1, 128)], {}, 'com.microsoft');
    const v = [net.constant('int8', [4, 5], second), ...net.code([0.004, 0.003, 0.002, 0.005], 0, 'int8')];
    const bias = net.constant('int32', [4], [50, -90, 400, 0]);
    const sum = net.op('QGemm', [doubled, ...code(0.1, 128), ...v, bias, ...code(0.2, 128)], { transB: 1 }, 'com.microsoft');
    const y = net.dequantize(sum, 0.2, 128, 'uint8');
    const { quantized, steps } = withoutSamples(net.import(y, [2, 6], [2, 4]));
    const turned = Array.from({ length: 30 }, (_, i) => at(first, (i % 6) * 5 + Math.floor(i / 6)));
    expect(weightsOf(quantized, 'dense')).toEqual([turned, second]);
    expect(steps).toBeLessThanOrEqual(2);
  });

  test('ConvInteger and MatMulInteger times their scales', () => {
    const net = new Net();
    const conv = whole(3 * 2 * 4, -127, 127);
    const dense = whole(48 * 4, 3, 252);
    const x = net.quantize('x', 0.02, 90, 'uint8');
    const zero = (z: number): string => net.constant('uint8', [], [z]);
    const sum = net.op('ConvInteger', [x, net.constant('int8', [3, 2, 2, 2], conv), zero(90)]);
    const real = net.op('Mul', [net.op('Cast', [sum], { to: 1 }), net.constant('float', [], [0.02 * 0.01])]);
    const relu = net.op('Relu', [net.op('Add', [real, net.constant('float', [3, 1, 1], [0.5, -0.25, 0.125])])]);
    const q = net.quantize(net.op('Flatten', [relu]), 0.03, 0, 'uint8');
    const product = net.op('MatMulInteger', [q, net.constant('uint8', [48, 4], dense), zero(0), zero(128)]);
    const y = net.pair(net.op('Mul', [net.op('Cast', [product], { to: 1 }), net.constant('float', [], [0.03 * 0.002])]), 0.1, 128);
    const { quantized, steps } = withoutSamples(net.import(y, [1, 2, 5, 5], [1, 4]));
    const turned = Array.from({ length: 192 }, (_, i) => at(dense, (i % 48) * 4 + Math.floor(i / 48)) - 128);
    expect(weightsOf(quantized, 'conv')).toEqual([conv]);
    expect(weightsOf(quantized, 'dense')).toEqual([turned]);
    expect(steps).toBeLessThanOrEqual(2);
  });
});

test('dynamic quantization: the float layer over stored integers, with ranges from the samples', () => {
  for (const [elem, zero] of [
    ['int8', 0],
    ['uint8', 131],
  ] as const) {
    const net = new Net();
    const codes = whole(6 * 5, -120, 120);
    const [q, scale, offset] = [net.name('q'), net.name('scale'), net.name('zero')];
    net.raw(node('DynamicQuantizeLinear', ['x'], [q, scale, offset]));
    const w = net.constant(
      elem,
      [6, 5],
      codes.map((v) => v + zero),
    );
    const sum = net.op('MatMulInteger', [q, w, offset, net.constant(elem, [], [zero])]);
    const factor = net.op('Mul', [scale, net.constant('float', [], [0.01])]);
    const y = net.op('Mul', [net.op('Cast', [sum], { to: 1 }), factor]);
    const program = net.import(y, [3, 6], [3, 5]);
    expect(valuesToCalibrate(prepareFloat(program))).toHaveLength(2);
    const data = Float32Array.from({ length: 18 }, (_, i) => ((i * 7) % 18) / 9 - 1);
    const samples = [[{ dtype: 'f32', shape: [3, 6], data } as const]];
    const quantized = unwrap(quantizeProgram(program, { samples }));
    const turned = Array.from({ length: 30 }, (_, i) => at(codes, (i % 6) * 5 + Math.floor(i / 6)));
    expect(weightsOf(quantized, 'dense')).toEqual([turned]);
    expect(opsOf(quantized)).toEqual(['dense', 'rescale']);
    const wanted = at(runProgram(program, samples[0] ?? []), 0).data;
    const { scale: step, zero: z } = at(quantized.outputs, 0);
    const got = at(runProgram(quantized.program, quantizeInputs(quantized, samples[0] ?? [])), 0).data;
    for (const [i, v] of wanted.entries()) expect(Math.abs((at(got, i) - z) * step - v)).toBeLessThan(0.05);
  }
});

describe('what cannot stay', () => {
  const net = (codes: readonly number[], elem: TestElem, zero: number): Program => {
    const n = new Net();
    const w = n.dequantize(n.constant(elem, [1, codes.length], codes), 0.01, zero, elem);
    return n.import(n.pair(n.op('Gemm', [n.pair('x', 0.02, 128), w], { transB: 1 }), 0.05, 128), [1, codes.length], [1, 1]);
  };

  test('a weight of -128 becomes -127, and is counted', () => {
    const { quantized } = withoutSamples(net([-128, 5, 127, -128], 'int8', 0));
    expect(weightsOf(quantized, 'dense')).toEqual([[-127, 5, 127, -127]]);
    expect(quantized.given?.layers).toMatchObject([{ clamped: 2 }]);
  });

  test('weights of more than 8 bits with their zero point have an offset, and the inputs are summed', () => {
    const { quantized, steps } = withoutSamples(net([255, 1, 100], 'uint8', 20));
    // 235, -19, 80 less 108
    expect(weightsOf(quantized, 'dense')).toEqual([[127, -127, -28]]);
    expect(quantized.given?.layers).toEqual([{ layer: expect.any(String), clamped: 0 }]);
    expect(opsOf(quantized)).toEqual(['dense', 'reduce_sum', 'mul', 'add', 'rescale']);
    expect(steps).toBeLessThan(1.001);
    expect(withoutSamples(net([255, 0, 100], 'uint8', 20)).quantized.given?.layers).toMatchObject([{ clamped: 1 }]);
  });

  test('the same for convolutions, all channels at once or each by itself', () => {
    for (const groups of [1, 4]) {
      const n = new Net();
      const codes = whole((4 * 4 * 9) / groups, 1, 255);
      const w = n.dequantize(n.constant('uint8', [4, 4 / groups, 3, 3], codes), 0.01, 60, 'uint8');
      const y = n.pair(n.op('Conv', [n.pair('x', 0.02, 90), w], { pads: [1, 1, 1, 1], group: groups }), 0.3, 128);
      const { quantized, steps } = withoutSamples(n.import(y, [1, 4, 5, 5], [1, 4, 5, 5]));
      const offset = Math.max(...codes) - 60 - 127;
      expect(weightsOf(quantized, 'conv')[0]).toEqual(codes.map((q) => q - 60 - offset));
      expect(steps).toBeLessThan(1.001);
    }
    const n = new Net();
    const w = n.dequantize(n.constant('uint8', [4, 2, 1, 1], [255, 1, 9, 8, 7, 6, 5, 4]), 0.01, 20, 'uint8');
    const y = n.pair(n.op('Conv', [n.pair('x', 0.02, 90), w], { group: 2 }), 0.3, 128);
    const { quantized } = withoutSamples(n.import(y, [1, 4, 2, 2], [1, 4, 2, 2]));
    expect(quantized.given?.layers).toMatchObject([{ reason: expect.stringContaining('zero point') }]);
  });

  test('a value without scales needs samples, and is named', () => {
    const n = new Net();
    const y = n.op('Sub', [n.pair('x', 0.02, 128), n.pair(n.op('Relu', ['x']), 0.02, 0)]);
    const program = n.import(y, [1, 4], [1, 4]);
    expect(valuesToCalibrate(prepareFloat(program))).not.toEqual([]);
    const samples = [[{ dtype: 'f32', shape: [1, 4], data: Float32Array.of(-2, -0.5, 0.25, 1.5) } as const]];
    expect(quantizeProgram(program, { samples: [] })).toMatchObject({ ok: false, diagnostics: [{ code: 'QNT0002' }] });
    expect(unwrap(quantizeProgram(program, { samples })).given).toMatchObject({ activations: 2 });
  });

  test('power-of-two scales and 16 bits have no use for the scales of the model', () => {
    const program = net([3, 5, 127], 'int8', 0);
    const samples = [[{ dtype: 'f32', shape: [1, 3], data: Float32Array.of(-2, 0.5, 1) } as const]];
    for (const options of [{ powerOfTwo: true }, { bits: 16 }] as const)
      expect(unwrap(quantizeProgram(program, { samples, ...options })).given).toBeUndefined();
  });
});

test('dynamic quantization of a padded convolution: the zero point is taken off where weights meet elements', () => {
  const net = new Net();
  const codes = whole(3 * 2 * 9, -127, 127);
  const [q, scale, offset] = [net.name('q'), net.name('scale'), net.name('zero')];
  net.raw(node('DynamicQuantizeLinear', ['x'], [q, scale, offset]));
  const sum = net.op('ConvInteger', [q, net.constant('int8', [3, 2, 3, 3], codes), offset], { pads: [1, 1, 1, 1] });
  const factor = net.op('Mul', [scale, net.constant('float', [], [0.01])]);
  const y = net.op('Mul', [net.op('Cast', [sum], { to: 1 }), factor]);
  const program = net.import(y, [1, 2, 4, 4], [1, 3, 4, 4]);
  const data = Float32Array.from({ length: 32 }, (_, i) => ((i * 7) % 32) / 16 - 1.5);
  const sample = [{ dtype: 'f32', shape: [1, 2, 4, 4], data } as const];
  // over the real input: no zero point, zeros in the padding
  const b = new ProgramBuilder('plain');
  const x = b.input('x', { dtype: 'f32', shape: [1, 2, 4, 4] });
  const w = b.param('w', { dtype: 'f32', shape: [3, 2, 3, 3], data: Float32Array.from(codes, (v) => v * 0.01) });
  b.output('y', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] }));
  const [wanted, imported] = [b.finish(), program].map((p) => at(runProgram(p, sample), 0).data);
  // 18 inputs, each off by half a step of 1.94 / 255 at most
  for (const [i, v] of (wanted ?? []).entries()) expect(Math.abs((imported?.[i] ?? 0) - v)).toBeLessThan(0.07);
  const quantized = unwrap(quantizeProgram(program, { samples: [sample] }));
  expect(weightsOf(quantized, 'conv')).toEqual([codes]);
  expect(opsOf(quantized)).toEqual(['conv', 'rescale']);
});
