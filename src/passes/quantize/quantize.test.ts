import { describe, expect, test } from '@jest/globals';
import {
  type AnyNode,
  isIntegerProgram,
  opOf,
  OP_NAMES,
  Philox,
  type Program,
  ProgramBuilder,
  proveProgram,
  randomTensor,
  runProgram,
  sampleTensors,
  type StaticType,
  type Tensor,
  type ValueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import {
  type CalibrationSample,
  type Compile,
  dequantizeTensor,
  measureSqnr,
  type QuantizedModel,
  quantizeInputs,
  quantizeProgram,
} from '../index.ts';
import { randomCnn } from '../testing/random-cnn.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);

const samplesFor = (program: Program, count: number, seed = 0): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, s) =>
    program.inputs.map((port, i): Tensor => randomTensor(at(program.types, port.value) as StaticType, new Philox(seed + s, i))),
  );

const f32 = (shape: readonly number[], seed: number, lo: number, hi: number): Tensor =>
  randomTensor({ dtype: 'f32', shape }, new Philox(seed, 9), lo, hi);

const build = (body: (b: ProgramBuilder, x: ValueId) => readonly ValueId[], shape: readonly number[] = [1, 3, 6, 6]): Program => {
  const b = new ProgramBuilder('t');
  body(b, b.input('x', { dtype: 'f32', shape })).forEach((v, i) => b.output(`y${i}`, v));
  return b.finish();
};
const same = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
const conv = (b: ProgramBuilder, x: ValueId, seed: number, name?: string): ValueId =>
  b.emit('conv', [x, b.constant(f32([3, 3, 3, 3], seed, -0.5, 0.5)), b.constant(f32([3], seed + 50, -1, 1))], same, name);
const quantize = (program: Program, count = 4): QuantizedModel => unwrap(quantizeProgram(program, { samples: samplesFor(program, count) }));
const opsOf = (model: QuantizedModel): readonly string[] => model.program.nodes.map((n) => n.op);

test('random networks: integer only, proven, and every layer near its float value', () => {
  for (let seed = 0; seed < 8; seed++) {
    const program = randomCnn(seed);
    const samples = samplesFor(program, 4);
    const model = unwrap(quantizeProgram(program, { samples, compile }));
    expect(isIntegerProgram(model.program)).toBe(true);
    expect(verifyProgram(model.program).ok && proveProgram(model.program).ok).toBe(true);
    const table = measureSqnr(model, samples, compile);
    expect(table.length).toBeGreaterThan(5);
    expect(table.filter((l) => l.decibels < 26)).toEqual([]);
    const mean = table.reduce((n, l) => n + Math.min(l.decibels, 60), 0) / table.length;
    expect(mean).toBeGreaterThan(31);
  }
});

test('the same model, samples and options give the same program', () => {
  const text = (): string => {
    const { program, layers } = quantize(randomCnn(7));
    return JSON.stringify({ ...program, params: program.params.map((p) => [p.name, p.value, [...p.tensor.data]]), layers });
  };
  expect(text()).toBe(text());
});

describe('every float op has an integer form near its meaning, or a reason', () => {
  /** Ops that leave the calibrated range when an input is rounded (poles, many turns), whose samples hold few elements, or that cancel. */
  const noisy: Readonly<Record<string, number>> = {
    div: 24,
    pad: 9,
    tan: 0,
    sin: 0,
    cos: 0,
    sinh: 0,
    cosh: 0,
    asin: 20,
    acos: 20,
    acosh: 20,
    reciprocal: 24,
    atanh: 20,
    exp: 30,
    attention: 24,
    rotary_embedding: 30,
    rnn: 30,
    lstm: 26,
    determinant: 10,
  };
  /**
   * Refused however they are used, also inside a composite; `select`, comparisons and `quantize` work inside functions of one
   * tensor.
   */
  const refused = new Set([
    'equal',
    'less',
    'less_equal',
    'select',
    'reduce_prod',
    'quantize',
    'cast',
    'pow',
    'prelu',
    'cumsum',
    'cumprod',
    'scatter_elements',
    'scatter_nd',
    'rem',
    'is_nan',
    'is_inf',
    'bitcast',
    'interpolate',
    'roi_align',
    'roi_pool',
    'nms',
  ]);
  const samples = OP_NAMES.flatMap((op) => opOf(op).samples.map((sample, i) => ({ op, i, sample })));

  for (const constants of [false, true]) {
    test(constants ? 'other operands constant' : 'all operands at run time', () => {
      let quantized = 0;
      for (const { op, i, sample } of samples) {
        const tensors = sampleTensors(sample, i);
        if (tensors.every((t) => t.dtype !== 'f32') || (constants && tensors.length === 1)) continue;
        const b = new ProgramBuilder(op);
        const operands = tensors.map((t, k) => (constants && k > 0 ? b.param(`p${k}`, t) : b.input(`x${k}`, t)));
        unwrap(b.tryEmit(op, operands, sample.attrs ?? {}, `user ${op}`)).forEach((v, k) => b.output(`y${k}`, v));
        const inputs = constants ? tensors.slice(0, 1) : tensors;
        const program = b.finish();
        const model = quantizeProgram(program, { samples: [inputs] });
        if (!model.ok) {
          const codes = new Set(model.diagnostics.map((d) => d.code));
          const known = model.diagnostics.every((d) => refused.has(/^(\w+) cannot be quantized/.exec(d.message)?.[1] ?? ''));
          const weights = model.diagnostics.some((d) => d.message.includes('computed at run time'));
          const nothing = model.diagnostics.some((d) => d.message.includes('empty tensor'));
          // samples such as log 0 and sqrt -1
          const finite = runProgram(program, inputs).every((t) => t.data.every(Number.isFinite));
          const undefinedResult = !finite && codes.has('QNT0004');
          expect({ op, i, fine: known || weights || nothing || undefinedResult }).toEqual({ op, i, fine: true });
          expect(model.diagnostics.every((d) => d.where === `user ${op}`)).toBe(true);
          continue;
        }
        quantized++;
        // what the op makes of the inputs as their codes hold them
        const held = quantizeInputs(model.value, inputs).map((t, k) =>
          at(inputs, k).dtype === 'f32' ? dequantizeTensor(t, at(model.value.inputs, k)) : t,
        );
        for (const l of measureSqnr(model.value, [held], compile)) {
          const fine = l.decibels >= (noisy[op] ?? 34) || l.worst <= 0.51 * l.scale;
          expect({ op, i, decibels: fine ? 'fine' : l.decibels }).toEqual({ op, i, decibels: 'fine' });
        }
      }
      expect(quantized).toBeGreaterThan(constants ? 30 : 80);
    });
  }
});

describe('fusion', () => {
  test('relu, clip and the batch norm before them become limits of the rescale, also across max_pool', () => {
    const model = quantize(
      build((b, x) => {
        const stats = [0.5, -1, -1, 0.5].map((lo, i) => b.constant(f32([3], 20 + i, lo, 2)));
        const v = b.emit('relu6', [b.emit('batch_norm', [conv(b, x, 1), ...stats], {})], {});
        const pooled = b.emit('max_pool', [conv(b, v, 2)], { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] });
        return [
          b.emit('max_pool', [b.emit('relu', [pooled], {})], { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }),
        ];
      }),
    );
    expect(opsOf(model)).toEqual(['conv', 'rescale', 'conv', 'rescale', 'max_pool', 'max_pool']);
    const [, first, , second] = model.program.nodes as readonly AnyNode[];
    expect(second?.attrs['lo']).toBe(second?.attrs['output_zero']);
    expect(first?.attrs['lo']).toBe(first?.attrs['output_zero']);
  });

  test('relu after a layer that something else reads is a table: the layer keeps its negative values', () => {
    const program = build((b, x) => {
      const v = conv(b, x, 40);
      return [
        conv(b, b.emit('relu', [v], {}), 41),
        conv(b, v, 42),
        b.emit('max_pool', [v], { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] }),
      ];
    });
    const samples = samplesFor(program, 4);
    const model = unwrap(quantizeProgram(program, { samples }));
    expect(opsOf(model)).toEqual(['conv', 'rescale', 'table', 'conv', 'rescale', 'conv', 'rescale', 'max_pool']);
    for (const l of measureSqnr(model, samples, compile)) expect(l.decibels).toBeGreaterThan(30);
  });

  test('chains and diamonds of elementwise ops with channel constants become one table', () => {
    const model = quantize(
      build((b, x) => {
        const v = conv(b, x, 3);
        const k = b.constant(f32([3, 1, 1], 4, 0.5, 2));
        const gated = b.emit('mul', [v, b.emit('sigmoid', [b.emit('mul', [v, k], {})], {})], {});
        return [b.emit('relu', [conv(b, b.emit('prelu', [gated, k], {}), 5)], {})];
      }),
    );
    expect(opsOf(model)).toEqual(['conv', 'rescale', 'table', 'conv', 'rescale']);
    const table = model.program.params.find((p) => p.name.endsWith('.table'));
    expect(table?.tensor.data).toHaveLength(3 * 256);
  });

  test('sums of sums round once; a subtracted sum subtracts its terms', () => {
    const model = quantize(
      build((b, x) => {
        const [p, q, r] = [conv(b, x, 6), conv(b, x, 7), conv(b, x, 8)];
        const difference = b.emit('sub', [r, b.emit('sub', [p, q], {})], {});
        return [b.emit('relu', [difference], {})];
      }),
    );
    const sum = (model.program.nodes as readonly AnyNode[]).find((n) => n.op === 'add_rescale');
    expect(opsOf(model).filter((op) => op === 'add_rescale')).toHaveLength(1);
    const multipliers = sum?.attrs['multipliers'] ?? [];
    expect(Array.isArray(multipliers) && multipliers.map(Math.sign)).toEqual([1, -1, 1]);
  });

  test('concat operands take the scale of the concat when nothing else reads them, else a table', () => {
    const model = quantize(
      build((b, x) => {
        const p = conv(b, x, 10);
        const q = b.emit('relu', [conv(b, p, 11)], {});
        return [
          conv(
            b,
            b.emit('slice', [b.emit('concat', [p, q], { axis: 1 })], { starts: [0, 1, 0, 0], sizes: [-1, 3, -1, -1], steps: [1, 1, 1, 1] }),
            12,
          ),
        ];
      }),
    );
    expect(opsOf(model)).toEqual(['conv', 'rescale', 'conv', 'rescale', 'table', 'concat', 'slice', 'conv', 'rescale']);
  });
});

describe('outputs', () => {
  const head = (softmax: boolean): Program =>
    build((b, x) => {
      const pooled = b.emit('flatten', [b.emit('global_average_pool', [b.emit('relu', [conv(b, x, 30)], {})], {})], {});
      const logits = b.emit('dense', [pooled, b.constant(f32([10, 3], 31, -6, 6)), b.constant(f32([10], 32, -1, 1))], {}, 'head');
      return softmax ? [b.emit('softmax', [logits], { axis: 1 })] : [logits, b.emit('argmax', [logits], { axis: 1 })];
    });

  test('logits have 16 bits by default and 8 when asked', () => {
    const program = head(false);
    const samples = samplesFor(program, 5);
    for (const outputBits of [16, 8] as const) {
      const model = unwrap(quantizeProgram(program, { samples, outputBits }));
      const types = model.program.outputs.map((o) => at(model.program.types, o.value).dtype);
      expect(types).toEqual([outputBits === 16 ? 'i16' : 'i8', 'i32']);
      expect(model.outputs[1]).toEqual({ name: 'y1', scale: 1, zero: 0 });
    }
  });

  test('a final softmax reads and gives 16 bits: within 2^-13 of softmax of the integer logits', () => {
    const program = head(true);
    const samples = samplesFor(program, 5);
    const model = unwrap(quantizeProgram(program, { samples }));
    expect(at(model.program.types, at(model.program.outputs, 0).value).dtype).toBe('i16');
    const logits = model.layers.find((l) => l.origin === 'head');
    expect(logits?.bits).toBe(16);
    for (const sample of samples) {
      const inputs = quantizeInputs(model, sample);
      const inside = runProgram({ ...model.program, outputs: [{ name: 'l', value: logits?.int as ValueId }] }, inputs);
      const real = Array.from(at(inside, 0).data, (q) => q * (logits?.scale ?? 0));
      const top = Math.max(...real);
      const e = real.map((v) => Math.exp(v - top));
      const sum = e.reduce((n, v) => n + v, 0);
      const got = dequantizeTensor(at(runProgram(model.program, inputs), 0), at(model.outputs, 0)).data;
      e.forEach((v, i) => expect(Math.abs(v / sum - at(got, i))).toBeLessThan(1 / 8192));
    }
  });

  test('log softmax follows the float value within a step of the logits', () => {
    const program = build((b, x) => [b.emit('log_softmax', [b.emit('reshape', [conv(b, x, 33)], { shape: [3, 36] })], { axis: 1 })]);
    const samples = samplesFor(program, 4);
    const model = unwrap(quantizeProgram(program, { samples }));
    const [last] = measureSqnr(model, samples, compile).slice(-1);
    expect(last?.op).toBe('log_softmax');
    expect(last?.decibels).toBeGreaterThan(40);
  });
});

test('six-bit weights: within 31 steps, dtype i6, fewer decibels than eight', () => {
  const program = randomCnn(3);
  const samples = samplesFor(program, 4);
  const decibels = ([8, 6] as const).map((bits) => {
    const model = unwrap(quantizeProgram(program, { samples, bits }));
    expect(model.program.types.some((t) => t.dtype === 'i6')).toBe(bits === 6);
    return at(measureSqnr(model, samples, compile).slice(-1), 0).decibels;
  });
  expect(at(decibels, 0)).toBeGreaterThan(at(decibels, 1));
  expect(at(decibels, 1)).toBeGreaterThan(12);
});
