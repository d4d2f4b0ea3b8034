import { describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type StaticType, type Tensor } from '../../ir/index.ts';
import { at, ok, unwrap } from '../../support/index.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import { chooseMixed, type MixedOptions } from './mixed.ts';
import { type Assignment, customary, LADDER, unitsOf } from './mixed/ladder.ts';
import { estimate, greedyPath } from './mixed/path.ts';
import { decibelsOf, isClassifier } from './mixed/probes.ts';
import { type LayerSensitivity, measureSensitivity, type RungEffect, type Sensitivity } from './mixed/sensitivity.ts';
import type { QuantizedModel } from './model.ts';
import type { Measured } from './mixed/points.ts';
import { fitQuantizer } from './quantize.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const samplesFor = (program: Program, count: number): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, s) =>
    program.inputs.map((port, i): Tensor => randomTensor(at(program.types, port.value) as StaticType, new Philox(s, i))),
  );
const fit = (program: Program, samples = samplesFor(program, 6)) =>
  unwrap(fitQuantizer(program, { samples, compile, rounding: 'feedback' }));
const SAME = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

/** Four convolutions, one of them depthwise, and two dense layers: a classifier of five. */
const classifier = (seed = 0): Program => {
  const b = new ProgramBuilder('classifier');
  const weights = (shape: readonly number[], k: number) =>
    b.constant(randomTensor({ dtype: 'f32', shape }, new Philox(seed, k), -0.5, 0.5));
  let x = b.input('x', { dtype: 'f32', shape: [1, 2, 6, 6] });
  x = b.emit('relu', [b.emit('conv', [x, weights([6, 2, 3, 3], 0)], SAME, 'first')], {});
  x = b.emit('relu', [b.emit('conv', [x, weights([6, 1, 3, 3], 1)], { ...SAME, groups: 6 }, 'depthwise')], {});
  x = b.emit('relu', [b.emit('conv', [x, weights([8, 6, 3, 3], 2)], SAME, 'middle')], {});
  x = b.emit('relu', [b.emit('conv', [x, weights([4, 8, 3, 3], 3)], SAME, 'narrow')], {});
  x = b.emit('reshape', [x], { shape: [1, -1] });
  x = b.emit('relu', [b.emit('dense', [x, weights([12, 144], 4)], {}, 'hidden')], {});
  b.output('y', b.emit('dense', [x, weights([5, 12], 5)], {}, 'classes'));
  return b.finish();
};

const NAMES = ['first', 'depthwise', 'middle', 'narrow', 'hidden', 'classes'] as const;

/** Drop and size that follow from the weights' bits alone: each layer's loss at 6 bits is known. */
const known = (losses: readonly number[]) => {
  const counted = { evaluations: 0 };
  const bitsOf = (model: QuantizedModel) => NAMES.map((name) => model.layers.find((l) => l.origin === name)?.weightBits ?? 8);
  return {
    counted,
    evaluate: (model: QuantizedModel) => {
      counted.evaluations++;
      return { drop: bitsOf(model).reduce<number>((sum, bits, i) => sum + (bits === 6 ? at(losses, i) : 0), 0) };
    },
    sizeOf: (model: QuantizedModel) =>
      ok(
        model.program.params.reduce(
          (n, p) => n + Math.ceil((p.tensor.data.length * (at(model.program.types, p.value).dtype === 'i6' ? 6 : 8)) / 8),
          0,
        ),
      ),
  };
};

const memo = () => ({ effects: new Map<string, RungEffect>(), points: new Map<string, Measured>() });

/** Layers with given losses and bytes by rung. */
const layersOf = (
  rows: readonly { readonly losses: readonly number[]; readonly bytes: readonly number[]; readonly work?: readonly number[] }[],
): Sensitivity => ({
  unit: 'noise',
  probes: 1,
  operations: 0,
  size: 0,
  base: { decibels: 0, divergence: undefined },
  layers: rows.map(
    ({ losses, bytes, work }, i): LayerSensitivity => ({
      name: `l${i}`,
      op: 'conv',
      parameters: 1,
      layers: [`l${i}`],
      losses,
      effects: losses.map((_, r) => ({ noise: 0, divergence: undefined, decibels: 0, operations: work?.[r] ?? 0, size: at(bytes, r) })),
    }),
  ),
});

describe('the path', () => {
  test('every assignment on it loses least of all that take no more bytes (all of them tried)', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = randomTensor({ dtype: 'f32', shape: [5, 4] }, new Philox(seed, 0), 0, 1).data;
      const sensitivity = layersOf(
        Array.from({ length: 5 }, (_, i) => {
          const [a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3].map((k) => random[4 * i + k]);
          const size = 10 + Math.floor(1000 * c);
          return { losses: [a + b, b, 0], bytes: [Math.floor(0.75 * size), size, size + Math.floor(1000 * d)] };
        }),
      );
      const all: Assignment[] = Array.from({ length: 3 ** 5 }, (_, n) => [0, 1, 2, 3, 4].map((i) => Math.floor(n / 3 ** i) % 3));
      const estimates = all.map((a) => estimate(sensitivity, a));
      const { assignments, steps } = greedyPath(sensitivity);
      expect(assignments.length).toBe(steps.length + 1);
      expect(assignments.at(-1)).toEqual([2, 2, 2, 2, 2]);
      for (const a of assignments) {
        const { loss, bytes } = estimate(sensitivity, a);
        const least = Math.min(...estimates.filter((e) => e.bytes <= bytes).map((e) => e.loss));
        expect(loss).toBeLessThanOrEqual(least + 1e-12);
      }
    }
  });

  test('what costs nothing comes first; equal layers in their order; operations cost; stages are passed whole', () => {
    const rows = [
      { losses: [1, 0], bytes: [10, 20], work: [0, 100] },
      { losses: [1, 0], bytes: [10, 20] },
      { losses: [1, 0], bytes: [10, 20] },
      { losses: [0.1, 0], bytes: [5, 5] },
    ];
    expect(greedyPath(layersOf(rows)).steps.map((s) => s.layer)).toEqual([3, 1, 2, 0]);
    const staged = [
      { losses: [9, 8, 0], bytes: [10, 20, 30] },
      { losses: [2, 1, 0], bytes: [10, 20, 30] },
    ];
    expect(greedyPath(layersOf(staged)).assignments).toEqual([
      [0, 0],
      [2, 0],
      [2, 1],
      [2, 2],
    ]);
    expect(greedyPath(layersOf(staged), [1]).assignments).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 1],
      [2, 2],
    ]);
  });
});

describe('units', () => {
  test('first convolution, last dense layer and depthwise layers keep 8 bits by custom', () => {
    const { calibrated } = fit(classifier());
    const units = unitsOf(calibrated.layers);
    expect(units.map((u) => u.name)).toEqual([...NAMES]);
    expect(customary(calibrated.float, units)).toEqual([1, 1, 0, 0, 0, 1]);
  });

  test('layers that share a weight tensor have one precision', () => {
    const b = new ProgramBuilder('shared');
    const w = b.constant(randomTensor({ dtype: 'f32', shape: [4, 4] }, new Philox(1, 0), -1, 1));
    const x = b.input('x', { dtype: 'f32', shape: [1, 4] });
    const once = b.emit('relu', [b.emit('dense', [x, w], {}, 'one')], {});
    b.output('y', b.emit('dense', [once, w], {}, 'two'));
    const units = unitsOf(fit(b.finish()).calibrated.layers);
    expect(units.map((u) => u.layers)).toEqual([['one', 'two']]);
  });
});

describe('sensitivity', () => {
  test('a layer whose channels have one large weight loses most at 6 bits', () => {
    const program = classifier(3);
    const at4 = program.params.findIndex((p) => p.tensor.data.length === 4 * 8 * 9);
    const params = program.params.map((p, i) =>
      i === at4
        ? { ...p, tensor: { ...p.tensor, data: Float32Array.from(p.tensor.data, (v, k) => (k % 72 === 0 ? 30 * Math.sign(v) : v)) } }
        : p,
    );
    const { calibrated, settings } = fit({ ...program, params });
    const samples = samplesFor(program, 8);
    const options = {
      samples,
      compile,
      ladder: LADDER,
      sizeOf: known([]).sizeOf,
      progress: { step: () => undefined },
      memo: new Map<string, RungEffect>(),
    };
    const { layers, unit, base } = unwrap(measureSensitivity(calibrated, { ...settings, rounding: 'nearest' }, options));
    expect(unit).toBe('divergence');
    expect(base.decibels).toBeGreaterThan(15);
    const losses = layers.map((l) => at(l.losses, 0));
    expect(losses.indexOf(Math.max(...losses))).toBe(NAMES.indexOf('narrow'));
    for (const l of layers) {
      expect(at(l.losses, 0)).toBeGreaterThanOrEqual(0);
      expect(l.losses.at(-1)).toBe(0);
      expect(at(l.effects, 0).size).toBe(Math.ceil(0.75 * l.parameters) - l.parameters);
      expect(at(l.effects, 0).noise).toBeGreaterThan(0);
    }
    expect(options.memo.size).toBe(18);
  });

  test('classes that are certain say nothing of layers: noise does', () => {
    const program = classifier(1);
    const last = program.params.findIndex((p) => p.tensor.data.length === 60);
    // logits in the thousands: every probability is 0 or 1
    const params = program.params.map((p, i) =>
      i === last ? { ...p, tensor: { ...p.tensor, data: Float32Array.from(p.tensor.data, (v) => 2000 * v) } } : p,
    );
    const { calibrated, settings } = fit({ ...program, params });
    const options = {
      samples: samplesFor(program, 8),
      compile,
      ladder: LADDER,
      sizeOf: known([]).sizeOf,
      progress: { step: () => undefined },
      memo: new Map<string, RungEffect>(),
    };
    const { layers, unit } = unwrap(measureSensitivity(calibrated, settings, options));
    expect(unit).toBe('noise');
    for (const l of layers) expect(at(l.losses, 0)).toBeGreaterThan(0);
  });

  test('which models are classifiers', () => {
    expect(isClassifier(classifier())).toBe(true);
    const b = new ProgramBuilder('sigmoid');
    const x = b.input('x', { dtype: 'f32', shape: [1, 4] });
    b.output('y', b.emit('sigmoid', [x], {}));
    expect(isClassifier(b.finish())).toBe(false);
    const d = new ProgramBuilder('pooled');
    d.output('y', d.emit('relu', [d.input('x', { dtype: 'f32', shape: [1, 3, 1, 1] })], {}));
    expect(isClassifier(d.finish())).toBe(true);
    const c = new ProgramBuilder('picture');
    c.output('y', c.emit('relu', [c.input('x', { dtype: 'f32', shape: [1, 3, 4, 4] })], {}));
    expect(isClassifier(c.finish())).toBe(false);
    expect(decibelsOf({ noise: 0.001 })).toBeCloseTo(30, 9);
  });
});

describe('choice', () => {
  const program = classifier();
  const fitted = fit(program);
  const samples = samplesFor(program, 4);
  const choose = (losses: readonly number[], options: Partial<MixedOptions>) => {
    const { counted, evaluate, sizeOf } = known(losses);
    return { counted, result: chooseMixed(fitted, { samples, compile, evaluate, sizeOf, budgets: {}, ...options }) };
  };
  // most weights are in `hidden` (1,728 of 2,586); `middle` has 432, `narrow` 288
  const LOSSES = [0.001, 0.001, 0.004, 0.002, 0.003, 0.001] as const;

  test('the smallest package that keeps the accuracy, with a curve of points around it', () => {
    const { result, counted } = choose(LOSSES, { budgets: { drop: 0.005 } });
    const { chosen, points, layers, model } = unwrap(result);
    expect(chosen.drop).toBeLessThanOrEqual(0.005);
    expect(at(layers, NAMES.indexOf('hidden')).rung).toBe('W6A8');
    expect(points.length).toBeLessThanOrEqual(16);
    expect(counted.evaluations).toBe(points.length);
    expect(points.map((p) => p.size)).toEqual(points.map((p) => p.size).toSorted((a, b) => a - b));
    for (const name of ['all W6A8', 'all W8A8']) expect(points.map((p) => p.name)).toContain(name);
    for (const p of points) if (p.drop <= 0.005) expect(p.size * 1.005).toBeGreaterThanOrEqual(chosen.size);
    expect(layers.reduce((sum, l) => sum + l.blame, 0)).toBeCloseTo(1, 9);
    for (const l of layers) expect(model.layers.find((m) => m.origin === l.name)?.weightBits).toBe(l.bits.weights);
  });

  test('no budget: 6 bits, but for layers that cost next to nothing; an accuracy of 8 bits: all 8', () => {
    expect(at(unwrap(choose(LOSSES, {}).result).layers, 4).rung).toBe('W6A8');
    expect(unwrap(choose(LOSSES, { budgets: { drop: 0 } }).result).chosen.name).toBe('all W8A8');
  });

  test('over budget: the error tells the nearest points and what each budget would have to be', () => {
    const all8 = unwrap(choose(LOSSES, { budgets: { drop: 0 } }).result).chosen;
    const { result } = choose(LOSSES, { budgets: { drop: 0, size: all8.size - 1 } });
    expect(result.ok).toBe(false);
    const [problem] = result.ok ? [] : result.diagnostics;
    expect(problem?.code).toBe('QNT0101');
    expect(problem?.message).toContain(`--max-drop 0%, --max-size ${all8.size - 1}`);
    expect(problem?.notes.join('\n')).toContain(`--max-size ${all8.size} is needed while --max-drop 0% stays (all W8A8`);
    expect(problem?.notes.join('\n')).toMatch(/--max-drop 0[.]\d+% is needed while --max-size \d+ stays/);
    const cheap = choose(LOSSES, { budgets: { endorphin: 1 } }).result;
    expect(cheap.ok ? '' : at(cheap.diagnostics, 0).notes[0]).toMatch(/^--max-endorphin 2 is needed at best [(]all W6A8/);
  });

  test('16 bits where 8 lose too much, and only there', () => {
    const { sizeOf } = known(LOSSES);
    const bitsOf = (model: QuantizedModel, name: string) => model.layers.find((l) => l.origin === name);
    const evaluate = (model: QuantizedModel) => ({ drop: bitsOf(model, 'hidden')?.bits === 16 ? 0.001 : 0.02 });
    const { chosen, layers, points, sensitivity, model } = unwrap(
      chooseMixed(fitted, { samples, compile, evaluate, sizeOf, budgets: { drop: 0.005 } }),
    );
    expect(chosen.drop).toBe(0.001);
    expect(at(layers, NAMES.indexOf('hidden')).bits.activations).toBe(16);
    expect(bitsOf(model, 'hidden')?.bits).toBe(16);
    expect(points.map((p) => p.name)).toContain('all W16A16');
    expect(layers.some((l) => l.bits.activations === 8)).toBe(true);
    for (const l of sensitivity.layers) {
      expect(l.losses.length).toBe(4);
      expect([...l.losses].sort((a, b) => b - a)).toEqual([...l.losses]);
      expect(at(l.effects, 3).operations).toBeGreaterThan(0);
    }
  });

  test('an interrupted run goes on where it was, to the same result', () => {
    const whole = unwrap(choose(LOSSES, { budgets: { drop: 0.004 } }).result);
    const record = memo();
    const { evaluate, sizeOf } = known(LOSSES);
    let left = 3;
    const stopping = (model: QuantizedModel) => {
      if (left-- === 0) throw new RangeError('stopped');
      return evaluate(model);
    };
    expect(() => chooseMixed(fitted, { samples, compile, evaluate: stopping, sizeOf, budgets: { drop: 0.004 }, memo: record })).toThrow(
      'stopped',
    );
    expect([record.effects.size, record.points.size]).toEqual([6, 3]);
    const { result, counted } = choose(LOSSES, { budgets: { drop: 0.004 }, memo: record });
    expect(counted.evaluations).toBe(whole.points.length - 3);
    expect(JSON.stringify(unwrap(result).points)).toBe(JSON.stringify(whole.points));
    expect(unwrap(result).model.program.params.map((p) => [...p.tensor.data])).toEqual(
      whole.model.program.params.map((p) => [...p.tensor.data]),
    );
  });

  test('a model without weights has one assignment', () => {
    const b = new ProgramBuilder('none');
    b.output('y', b.emit('relu', [b.input('x', { dtype: 'f32', shape: [1, 4] })], {}));
    const plain = b.finish();
    const none = unwrap(
      chooseMixed(fit(plain), { samples: samplesFor(plain, 2), compile, evaluate: () => ({ drop: 0 }), sizeOf: () => ok(1), budgets: {} }),
    );
    expect([none.points.length, none.layers.length]).toEqual([1, 0]);
  });
});
