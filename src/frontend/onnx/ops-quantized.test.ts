import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import {
  c,
  codesOf,
  ELEM_CODES,
  evaluate,
  model,
  node,
  type OneNode,
  oneNode,
  type Operand,
  port,
  tensor,
  type TestElem,
  x,
} from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, shape: readonly number[], values: readonly number[]];

/** Integers exactly; floats to 1e-6. */
const run = (cases: readonly Case[]): void =>
  test.each(cases)('%s', (_name, node, shape, values) => {
    const [y] = evaluate(node);
    expect(y?.[0]).toEqual(shape);
    expect(y?.[1].length).toBe(values.length);
    y?.[1].forEach((v, i) => expect(v).toBeCloseTo(values[i] ?? Number.NaN, 6));
  });

describe('quantization as ONNX defines it', () => {
  run([
    [
      'QuantizeLinear rounds ties to even and saturates',
      {
        op: 'QuantizeLinear',
        operands: [x([6], [0.5, 1.5, -0.5, -1.5, 300, -300]), c([], [1]), c([], [3], 'int8')],
        elem: 'int8',
      },
      [6],
      [3, 5, 3, 1, 127, -128],
    ],
    [
      'QuantizeLinear along an axis',
      {
        op: 'QuantizeLinear',
        attrs: { axis: 0 },
        operands: [x([2, 2], [1, 2, 3, 4]), c([2], [1, 0.5]), c([2], [0, 100], 'uint8')],
        elem: 'uint8',
      },
      [2, 2],
      [1, 2, 106, 108],
    ],
    [
      'DequantizeLinear in blocks, the last one short',
      {
        op: 'DequantizeLinear',
        opset: 21,
        attrs: { axis: 1, block_size: 2 },
        operands: [x([1, 3], [10, 20, 30], 'int8'), c([1, 2], [1, 0.5]), c([1, 2], [1, 2], 'int8')],
      },
      [1, 3],
      [9, 19, 14],
    ],
    [
      'DequantizeLinear of int32 subtracts before it becomes float32',
      { op: 'DequantizeLinear', operands: [x([1], [16777219], 'int32'), c([], [0.5]), c([], [16777216], 'int32')] },
      [1],
      [1.5],
    ],
    [
      'DynamicQuantizeLinear widens the range to hold 0',
      { op: 'DynamicQuantizeLinear', operands: [x([3], [0, 255, 127.5])], elem: 'uint8' },
      [3],
      [0, 255, 128],
    ],
    [
      'MatMulInteger with zero points of both operands',
      {
        op: 'MatMulInteger',
        operands: [x([1, 2], [11, 7], 'uint8'), c([2, 2], [1, 4, 2, 5], 'uint8'), c([], [12], 'uint8'), c([2], [1, 2], 'uint8')],
        elem: 'int32',
      },
      [1, 2],
      [-5, -17],
    ],
    [
      'QLinearMatMul rounds once',
      {
        op: 'QLinearMatMul',
        operands: [
          x([1, 2], [3, 5], 'int8'),
          c([], [0.5]),
          c([], [1], 'int8'),
          c([2, 1], [2, 3], 'int8'),
          c([], [0.25]),
          c([], [0], 'int8'),
          c([], [0.5]),
          c([], [10], 'int8'),
        ],
        elem: 'int8',
      },
      [1, 1],
      // (2*2 + 4*3) * 0.125 / 0.5 = 4
      [14],
    ],
    [
      'ConvInteger pads with the zero point and takes weights of all uint8',
      {
        op: 'ConvInteger',
        attrs: { pads: [1, 0] },
        operands: [x([1, 1, 2], [5, 9], 'uint8'), c([1, 1, 2], [255, 0], 'uint8'), c([], [3], 'uint8'), c([], [1], 'uint8')],
        elem: 'int32',
      },
      [1, 1, 2],
      // taps 254 and -1 over [3 | 5, 9] - 3
      [-2, 254 * 2 - 6],
    ],
    [
      'QLinearConv adds its bias at the scale of the product',
      {
        op: 'QLinearConv',
        operands: [
          x([1, 1, 2], [10, 20], 'uint8'),
          c([], [0.5]),
          c([], [10], 'uint8'),
          c([1, 1, 1], [-3], 'int8'),
          c([1], [0.25]),
          c([], [0], 'int8'),
          c([], [1]),
          c([], [50], 'uint8'),
          c([1], [16], 'int32'),
        ],
        elem: 'uint8',
      },
      [1, 1, 2],
      // 16 * 0.125 = 2; (16 - 30) * 0.125 = -1.75
      [52, 48],
    ],
  ]);

  test('operands of too few dimensions are refused', () => {
    const conv: OneNode = { op: 'ConvInteger', operands: [x([1, 1, 2], [5, 9], 'uint8'), c([], [1], 'uint8')], elem: 'int32' };
    const blocked: OneNode = {
      op: 'QuantizeLinear',
      opset: 21,
      attrs: { axis: 1, block_size: 2 },
      operands: [x([1, 4], [1, 2, 3, 4]), c([2], [1, 2]), c([2], [0, 0], 'uint8')],
      elem: 'uint8',
    };
    expect([conv, blocked].map((node) => codesOf(oneNode(node)))).toEqual([['ONX1013'], ['ONX1013']]);
  });

  test('weights that are not known are asked for', () => {
    const node: OneNode = {
      op: 'ConvInteger',
      operands: [x([1, 1, 2], [5, 9], 'uint8'), x([1, 1, 2], [1, 2], 'uint8')],
      elem: 'int32',
    };
    expect(codesOf(oneNode(node))).toEqual(['ONX2004']);
  });
});

describe('narrow integers wrap', () => {
  run([
    ['uint8', { op: 'Add', operands: [x([2], [250, 3], 'uint8'), c([2], [10, 4], 'uint8')], elem: 'uint8' }, [2], [4, 7]],
    ['int8', { op: 'Sub', operands: [x([2], [-100, 5], 'int8'), c([2], [100, 7], 'int8')], elem: 'int8' }, [2], [56, -2]],
    ['uint16', { op: 'Mul', operands: [x([1], [65535], 'uint16'), c([1], [65535], 'uint16')], elem: 'uint16' }, [1], [1]],
    ['int16 to its negative', { op: 'Neg', operands: [x([2], [-32768, 5], 'int16')], elem: 'int16' }, [2], [-32768, -5]],
  ]);
});

describe('casts to narrow integers', () => {
  const cast = (elem: TestElem, from: Operand): OneNode => ({ op: 'Cast', attrs: { to: ELEM_CODES[elem] }, operands: [from], elem });
  run([
    ['int32 to uint8 keeps the low bits', cast('uint8', x([3], [-1, 256, 511], 'int32')), [3], [255, 0, 255]],
    ['int32 to int8 keeps the low bits', cast('int8', x([3], [200, -129, 5], 'int32')), [3], [-56, 127, 5]],
    ['int32 to uint16, which int32 holds', cast('uint16', x([2], [-1, 65537], 'int32')), [2], [65535, 1]],
    ['int8 to uint16', cast('uint16', x([2], [-2, 100], 'int8')), [2], [65534, 100]],
    ['uint16 to int16', cast('int16', x([2], [40000, 7], 'uint16')), [2], [-25536, 7]],
    ['int8 to uint8', cast('uint8', x([1], [-1], 'int8')), [1], [255]],
    ['float to uint16 saturates', cast('uint16', x([3], [-3, 70000, 9.9])), [3], [0, 65535, 9]],
  ]);
});

describe('RequantShift', () => {
  const requant = (input: Operand, factors: readonly number[]): OneNode => ({
    op: 'RequantShift',
    attrs: { div: 4, n_levels: 256, signed: 1 },
    operands: [input, c(factors, [1, 3], 'int32'), c(factors, [0, 8], 'int32')],
    elem: 'int32',
  });
  run([
    ['per channel of a vector signal', requant(x([1, 2, 2], [1, 2, 3, 4], 'int32'), [2, 1, 1]), [1, 2, 2], [0, 1, 4, 5]],
    ['per column', requant(x([2, 2], [1, 2, 3, 4], 'int32'), [1, 2]), [2, 2], [0, 4, 1, 5]],
  ]);
  test('factors that would make the result larger are refused', () => {
    expect(codesOf(oneNode(requant(x([1, 3, 1], [1, 2, 3], 'int32'), [2, 1, 1])))).toEqual(['ONX1013']);
  });
});

describe('quantizers of QONNX', () => {
  /** The operator of a domain that the model does not list. */
  const quantizer = (op: string, values: readonly number[], params: readonly (readonly [number, TestElem])[], attrs = {}): Uint8Array =>
    model({
      nodes: [node(op, ['x', ...params.map((_, i) => `p${i}`)], ['y'], attrs, { domain: 'onnx.brevitas' })],
      inputs: [port('x', 'float', [values.length])],
      params: params.map(([value, elem], i) => tensor(`p${i}`, elem, [], [value])),
      outputs: [port('y', 'float', [values.length])],
    });
  const quant = (values: readonly number[], [scale, zero, bits]: readonly [number, number, number], attrs: object): Uint8Array =>
    quantizer(
      'Quant',
      values,
      [
        [scale, 'float'],
        [zero, 'float'],
        [bits, 'float'],
      ],
      { signed: 1, narrow: 0, ...attrs },
    );
  const results = (bytes: Uint8Array, values: readonly number[]): readonly number[] => {
    const [y] = runProgram(unwrap(importOnnx(bytes)).program, [{ dtype: 'f32', shape: [values.length], data: Float32Array.from(values) }]);
    return Array.from(y?.data ?? []);
  };
  const spread = [-10, -0.75, 0.25, 0.75, 1.25, 10];
  test.each([
    ['3 bits, ties to even', spread, [0.5, 0, 3], {}, [-2, -1, 0, 1, 1, 1.5]],
    ['3 bits without the least value', spread, [0.5, 0, 3], { narrow: 1 }, [-1.5, -1, 0, 1, 1, 1.5]],
    ['unsigned with a zero point', [-2, 0.4, 1, 9], [1, 1, 2], { signed: 0 }, [-1, 0, 1, 2]],
    ['unsigned without the greatest value', [-2, 0.4, 1, 9], [1, 1, 2], { signed: 0, narrow: 1 }, [-1, 0, 1, 1]],
    ['down', spread, [0.5, 0, 3], { rounding_mode: 'FLOOR' }, [-2, -1, 0, 0.5, 1, 1.5]],
    ['up', spread, [0.5, 0, 3], { rounding_mode: 'CEIL' }, [-2, -0.5, 0.5, 1, 1.5, 1.5]],
    ['one signed bit is a sign', [-3, -0.1, 0, 4], [0.5, 0, 1], {}, [-0.5, -0.5, 0.5, 0.5]],
  ] as const)('%s', (_name, values, numbers, attrs, wanted) => {
    expect(results(quant(values, numbers, attrs), values).map((v) => v + 0)).toEqual(wanted);
  });
  const rounded = [-1.5, -1.2, -0.5, 0.5, 1.2, 1.5, 2.5];
  test.each([
    ['HALF_EVEN', [-2, -1, 0, 0, 1, 2, 2]],
    ['UP', [-2, -2, -1, 1, 2, 2, 3]],
    ['DOWN', [-1, -1, 0, 0, 1, 1, 2]],
    ['HALF_UP', [-2, -1, -1, 1, 1, 2, 3]],
    ['HALF_DOWN', [-1, -1, 0, 0, 1, 1, 2]],
  ])('rounding %s', (rounding_mode, wanted) => {
    expect(results(quant(rounded, [1, 0, 4], { rounding_mode }), rounded).map((v) => v + 0)).toEqual(wanted);
  });

  // round(x / 0.5) is -5, 6, 7; a quarter of it, down; 0.5 or 2 a step
  const eighths = [-2.5, 3, 3.5];
  test.each([
    ['with the scale it had', [0.5, 0, 5, 3], {}, [-1, 0.5, 0.5]],
    ['to the nearest', [0.5, 0, 5, 3], { rounding_mode: 'ROUND' }, [-0.5, 1, 1]],
    ['with a scale of its own', [0.5, 0, 5, 2, 0, 3], {}, [-4, 2, 2]],
    ['clipped to its width', [0.5, 0, 5, 2, 0, 1], { signed: 0 }, [0, 2, 2]],
    ['zero points shrink too', [0.5, 4, 5, 2, 1, 3], {}, [-4, 2, 2]],
  ] as const)('Trunc %s', (_name, numbers, attrs, wanted) => {
    const bytes = quantizer(
      'Trunc',
      eighths,
      numbers.map((v) => [v, 'float']),
      attrs,
    );
    expect(results(bytes, eighths).map((v) => v + 0)).toEqual(wanted);
  });

  test('weights stay integers of the least dtype, with a scale per channel; run-time values pass through integers', () => {
    const bytes = model({
      nodes: [
        node('Quant', ['w', 'ws', 'z', 'six'], ['q'], { signed: 1, narrow: 1 }, { domain: 'qonnx.custom_op.general' }),
        node('Quant', ['x', 'xs', 'z', 'nine'], ['a'], { signed: 0, narrow: 0 }, { domain: 'qonnx.custom_op.general' }),
        node('MatMul', ['a', 'q'], ['y']),
      ],
      inputs: [port('x', 'float', [1, 2])],
      params: [
        tensor('w', 'float', [2, 2], [0.1, -90, 0.34, 5]),
        tensor('ws', 'float', [1, 2], [0.1, 2]),
        tensor('xs', 'float', [], [0.5]),
        tensor('z', 'float', [], [0]),
        tensor('six', 'float', [], [6]),
        tensor('nine', 'float', [], [9]),
      ],
      outputs: [port('y', 'float', [1, 2])],
    });
    const { program } = unwrap(importOnnx(bytes));
    const stored = program.params.find((p) => p.name === 'w');
    expect(stored?.tensor).toMatchObject({ dtype: 'i8', shape: [2, 2] });
    expect(Array.from(stored?.tensor.data ?? [])).toEqual([1, -31, 3, 2]);
    expect(program.nodes.flatMap((n) => (n.op === 'cast' ? [n.attrs] : []))).toContainEqual({ dtype: 'i16' });
    const [y] = runProgram(program, [{ dtype: 'f32', shape: [1, 2], data: Float32Array.of(1.1, 900) }]);
    // x becomes 1 and 255.5
    expect(Array.from(y?.data ?? [], (v) => Math.round(v * 1000))).toEqual([76750, 960000]);
  });

  test('BipolarQuant', () => {
    expect(results(quantizer('BipolarQuant', [-3, 0, 4], [[0.25, 'float']]), [-3, 0, 4])).toEqual([-0.25, 0.25, 0.25]);
  });
  test('roundings and widths of unknown meaning are refused', () => {
    expect(codesOf(quant([1], [1, 0, 3], { rounding_mode: 'SIDEWAYS' }))).toEqual(['ONX2002']);
    expect(codesOf(quant([1], [1, 0, 2.5], {}))).toEqual(['ONX2002']);
  });
});

describe('spectra', () => {
  run([
    [
      'DFT of real numbers, one half',
      { op: 'DFT', attrs: { axis: 1, onesided: 1 }, operands: [x([1, 4, 1], [1, 2, 3, 4])] },
      [1, 3, 2],
      [10, 0, -2, 2, -2, 0],
    ],
    [
      'its inverse divides by the length',
      { op: 'DFT', attrs: { axis: 1, inverse: 1 }, operands: [x([1, 4, 2], [10, 0, -2, 2, -2, 0, -2, -2])] },
      [1, 4, 2],
      [1, 0, 2, 0, 3, 0, 4, 0],
    ],
    [
      'the inverse of one half gives real numbers',
      { op: 'DFT', opset: 20, attrs: { inverse: 1, onesided: 1 }, operands: [x([1, 3, 2], [10, 0, -2, 2, -2, 0])] },
      [1, 4, 1],
      [1, 2, 3, 4],
    ],
    [
      'dft_length pads with zeros',
      { op: 'DFT', opset: 20, attrs: { onesided: 1 }, operands: [x([1, 2, 1], [1, 1]), c([], [4], 'int64')] },
      [1, 3, 2],
      [2, 0, 1, -1, 0, 0],
    ],
    [
      'STFT frames the signal',
      {
        op: 'STFT',
        operands: [x([1, 6, 1], [1, 2, 3, 4, 5, 6]), c([], [2], 'int64'), c([2], [1, 0.5]), c([], [2], 'int64')],
      },
      [1, 3, 2, 2],
      [2, 0, 0, 0, 5, 0, 1, 0, 8, 0, 2, 0],
    ],
    ['HannWindow', { op: 'HannWindow', operands: [c([], [4], 'int64')] }, [4], [0, 0.5, 1, 0.5]],
    ['BlackmanWindow, symmetric', { op: 'BlackmanWindow', attrs: { periodic: 0 }, operands: [c([], [3], 'int64')] }, [3], [0, 1, 0]],
  ]);
});
