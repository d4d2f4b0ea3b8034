import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { ImportOptions, ImportReport } from '../contract.ts';
import { examineKeras } from './examine.ts';
import { keras } from './index.ts';
import { optionsFor } from './testing/open.ts';

type Config = Readonly<Record<string, unknown>>;
const layer = (className: string, name: string, config: Config = {}, more: Config = {}): Config => ({
  class_name: className,
  config: { name, ...config },
  name,
  ...more,
});
const input = (shape: readonly (number | null)[] = [null, 4]): Config =>
  layer('InputLayer', 'x', { batch_input_shape: shape }, { inbound_nodes: [] });
const dense = (name: string, from: unknown, units = 3): Config => layer('Dense', name, { units }, { inbound_nodes: [[from]] });
const functional = (layers: readonly Config[], outputs: unknown, more: Config = {}): Config => ({
  class_name: 'Functional',
  config: { name: 'model', layers, input_layers: [['x', 0, 0]], output_layers: outputs },
  keras_version: '2.4.0',
  backend: 'tensorflow',
  ...more,
});
const sequential = (layers: readonly Config[], version = '2.4.0'): Config => ({
  class_name: 'Sequential',
  config: { name: 'model', layers },
  keras_version: version,
});
const examine = (model: unknown, more: Partial<ImportOptions> = {}): ImportReport =>
  examineKeras(new TextEncoder().encode(JSON.stringify(model)), optionsFor('model.json', new Map(), { randomParams: true, ...more }));
const codes = (report: ImportReport): readonly string[] => report.problems.map((p) => p.code);
const messages = (report: ImportReport): string => report.problems.map((p) => p.message).join('\n');

describe('networks', () => {
  test('a layer that is called twice has one set of weights', () => {
    const shared = layer('Dense', 'd', { units: 4 }, { inbound_nodes: [[['x', 0, 0, {}]], [['d', 0, 0, {}]]] });
    const report = examine(functional([input(), shared], [['d', 1, 0]]));
    expect(codes(report)).toEqual([]);
    expect(report.program?.params.filter((p) => p.name.includes('kernel'))).toHaveLength(1);
    expect(report.nodes.map((n) => n.name)).toEqual(['d', 'd']);
  });

  test('the batch is 1 when it is open; other open sizes have to be given', () => {
    expect(examine(functional([input([null, 4]), dense('d', ['x', 0, 0, {}])], [['d', 0, 0]])).inputs).toMatchObject([
      { type: { shape: [1, 4] } },
    ]);
    const open = functional([input([null, null, 4]), dense('d', ['x', 0, 0, {}])], [['d', 0, 0]]);
    expect(codes(examine(open))).toContain('IMP1010');
    const given = examine(open, { shapes: new Map([['x', [2, 5, 4]]]) });
    expect(codes(given)).toEqual([]);
    expect(given.outputs).toMatchObject([{ name: 'd', type: { shape: [2, 5, 3] } }]);
  });

  test('a sequential model may have its shape in its first layer, in the build, or nowhere', () => {
    const first = layer('Dense', 'd', { units: 3, batch_input_shape: [null, 4] });
    expect(examine(sequential([first])).inputs).toMatchObject([{ name: 'd_input', type: { shape: [1, 4] } }]);
    const plain = sequential([layer('Dense', 'd', { units: 3 })]);
    expect(codes(examine(plain))).toContain('IMP1010');
    const built = { ...plain, config: { name: 'm', layers: [layer('Dense', 'd', { units: 3 })], build_input_shape: [null, 4] } };
    expect(examine(built).inputs).toMatchObject([{ type: { shape: [1, 4] } }]);
    // as Keras 1 wrote it
    expect(codes(examine({ class_name: 'Sequential', config: [first], keras_version: '1.2.2' }))).toEqual([]);
  });

  test('layers that no output depends on are left out, and said to be', () => {
    const report = examine(functional([input(), dense('d', ['x', 0, 0, {}]), dense('loose', ['x', 0, 0, {}])], [['d', 0, 0]]));
    expect(report.warnings.map((w) => w.code)).toContain('IMP3002');
  });

  test('what is made up is said to be; without that, weights are wanted', () => {
    const model = functional([input(), dense('d', ['x', 0, 0, {}])], [['d', 0, 0]]);
    expect(examine(model).warnings.map((w) => w.code)).toContain('IMP3003');
    expect(codes(examine(model, { randomParams: false }))).toEqual(['IMP1011']);
  });
});

describe('Keras 1', () => {
  test('names and modes become those of Keras 2', () => {
    const report = examine({
      class_name: 'Sequential',
      keras_version: '1.2.2',
      config: [
        layer('Convolution2D', 'c', {
          nb_filter: 4,
          nb_row: 3,
          nb_col: 2,
          border_mode: 'same',
          subsample: [2, 1],
          dim_ordering: 'th',
          bias: true,
          init: 'x',
          batch_input_shape: [null, 3, 8, 8],
        }),
        layer('BatchNormalization', 'b', { mode: 0, axis: 1, epsilon: 1e-3 }),
        layer('MaxPooling2D', 'm', { pool_size: [2, 2], strides: [2, 2], border_mode: 'valid', dim_ordering: 'th' }),
        layer('Dropout', 'p', { p: 0.5 }),
        layer('Flatten', 'f'),
        layer('Dense', 'd', { output_dim: 5, activation: 'hard_sigmoid', input_dim: null }),
      ],
    });
    expect(codes(report)).toEqual([]);
    expect(report.outputs).toMatchObject([{ type: { shape: [1, 5] } }]);
    expect(report.program?.nodes.map((n) => n.op)).toEqual(['conv', 'batch_norm', 'max_pool', 'flatten', 'dense', 'hard_sigmoid']);
    expect(report.program?.nodes.at(-1)?.attrs).toMatchObject({ alpha: Math.fround(0.2), beta: 0.5 });
  });
  test('a merge by a function is refused', () => {
    const model = functional(
      [
        input(),
        layer(
          'Merge',
          'm',
          { mode: 'cos' },
          {
            inbound_nodes: [
              [
                ['x', 0, 0, {}],
                ['x', 0, 0, {}],
              ],
            ],
          },
        ),
      ],
      [['m', 0, 0]],
      { keras_version: '1.0.0' },
    );
    expect(codes(examine(model))).toEqual(['IMP2001']);
  });
});

describe('what is refused, by name and all at once', () => {
  const one = (className: string, config: Config = {}, more: Config = {}): ImportReport =>
    examine(
      functional([input([null, 6, 4]), layer(className, 'l', config, { inbound_nodes: [[['x', 0, 0, {}]]], ...more })], [['l', 0, 0]]),
    );

  test.each([
    ['Lambda', { function: ['4wEAAAA=', null, null] }, 'IMP2001', /Python code/],
    ['MyLayer', { units: 3 }, 'IMP2001', /MyLayer is not supported/],
    ['Masking', { mask_value: 0 }, 'IMP2001', /by their value/],
    ['CuDNNLSTM', { units: 3 }, 'IMP2001', /cuDNN/],
    ['LSTM', { units: 3, stateful: true }, 'IMP2002', /stateful/],
    ['Embedding', { input_dim: 4, output_dim: 3, mask_zero: true }, 'IMP2002', /mask_zero/],
    ['Dense', { units: 3, activation: 'my_function' }, 'IMP2002', /my_function/],
    ['Dense', { units: 3, twist: 2 }, 'IMP2002', /twist/],
    ['Dense', { units: 3, dtype: 'int8_from_float32' }, 'IMP2002', /int8_from_float32/],
    ['BatchNormalization', { axis: 2, renorm: true }, 'IMP2002', /renorm/],
    ['Dense', { units: 'three' }, 'IMP1006', /units/],
    ['Conv1D', { filters: 3, kernel_size: [2, 2] }, 'IMP1006', /kernel_size/],
    ['Conv1D', { filters: 3, kernel_size: 2, data_format: 'diagonal' }, 'IMP2002', /diagonal/],
    ['Conv1D', { filters: 3, kernel_size: 2, padding: 'full' }, 'IMP2002', /full/],
    ['Conv2D', { filters: 3, kernel_size: 2 }, 'IMP1006', /4 dimensions/],
    ['Reshape', { target_shape: [5, 5] }, 'IMP1006', /cannot become/],
    ['Permute', { dims: [1, 1] }, 'IMP1006', /dims/],
    ['TimeDistributed', { layer: layer('Lambda', 'inner') }, 'IMP2001', /Python code/],
    ['Bidirectional', { merge_mode: 'concat', layer: layer('ConvLSTM1D', 'inner') }, 'IMP2002', /ConvLSTM1D/],
    ['tf.linalg.svd', {}, 'IMP2001', /tf.linalg.svd/],
  ] as const)('%s %j', (className, config, code, text) => {
    const report = one(className, config as Config);
    expect(codes(report)).toContain(code);
    expect(messages(report)).toMatch(text);
  });

  test('a class of someone else that has a name of Keras', () => {
    expect(messages(one('Dense', { units: 3 }, { module: 'my.layers', registered_name: 'Custom>Dense' }))).toMatch(
      /Custom>Dense is not supported/,
    );
    expect(messages(one('Dense', { units: 3 }, { module: 'my.layers' }))).toMatch(/my.layers.Dense is not supported/);
    expect(codes(one('Dense', { units: 3 }, { module: 'keras.layers', registered_name: 'Dense' }))).toEqual([]);
  });

  test('arguments of a call', () => {
    const call = (className: string, config: Config, kwargs: Config): ImportReport =>
      examine(functional([input([null, 6, 4]), layer(className, 'l', config, { inbound_nodes: [[['x', 0, 0, kwargs]]] })], [['l', 0, 0]]));
    expect(codes(call('Dropout', { rate: 0.5 }, { training: false }))).toEqual([]);
    expect(messages(call('Dropout', { rate: 0.5 }, { training: true }))).toMatch(/call.training/);
    expect(messages(call('LSTM', { units: 3 }, { mask: ['x', 0, 0] }))).toMatch(/a mask leaves steps out/);
  });

  test('every layer is looked at', () => {
    const report = examine(
      functional(
        [
          input(),
          layer('Foo', 'a', {}, { inbound_nodes: [[['x', 0, 0, {}]]] }),
          layer('Bar', 'b', {}, { inbound_nodes: [[['a', 0, 0, {}]]] }),
        ],
        [['b', 0, 0]],
      ),
    );
    expect(codes(report)).toEqual(['IMP2001', 'IMP2001']);
  });
  test('mixed precision is computed in float32, and said to be', () => {
    const report = one('Dense', { units: 3, dtype: { class_name: 'Policy', config: { name: 'mixed_float16' } } });
    expect(codes(report)).toEqual([]);
    expect(report.nodes).toMatchObject([{ verdict: 'approximated' }]);
  });
});

describe('hostile models end in coded problems', () => {
  test('layers that read each other, themselves, or what is not there', () => {
    const ring = functional([input(), dense('a', ['b', 0, 0, {}]), dense('b', ['a', 0, 0, {}])], [['b', 0, 0]]);
    expect(codes(examine(ring))).toContain('IMP1004');
    expect(codes(examine(functional([input(), dense('a', ['a', 0, 0, {}])], [['a', 0, 0]])))).toContain('IMP1004');
    expect(codes(examine(functional([input(), dense('a', ['none', 0, 0, {}])], [['a', 0, 0]])))).toEqual(['IMP1004']);
    expect(codes(examine(functional([input(), dense('a', ['x', 0, 0, {}])], [['a', 0, 9]])))).not.toEqual([]);
    expect(codes(examine(functional([input(), dense('a', ['x', 0, 0, {}]), dense('a', ['x', 0, 0, {}])], [['a', 0, 0]])))).toContain(
      'IMP1003',
    );
  });

  test('models in models without end', () => {
    let nested: Config = layer('Dense', 'd', { units: 4 });
    for (let i = 0; i < 60; i++) nested = layer('Sequential', `s${i}`, { layers: [nested] });
    expect(codes(examine(sequential([input(), nested])))).toEqual(['IMP1007']);
    // each level calls the one below twice: 2^24 layers
    let twice: Config = layer('Dense', 'd', { units: 4 }, { inbound_nodes: [[['x', 0, 0, {}]]] });
    for (let i = 0; i < 24; i++) {
      const name = String(field(twice, 'name'));
      const second = { ...twice, inbound_nodes: [[['x', 0, 0, {}]], [[name, 0, 0, {}]]] };
      twice = layer(
        'Functional',
        `f${i}`,
        { layers: [input(), second], input_layers: [['x', 0, 0]], output_layers: [[name, 1, 0]] },
        { inbound_nodes: [[['x', 0, 0, {}]]] },
      );
    }
    expect(codes(examine(functional([input(), twice], [[String(field(twice, 'name')), 1, 0]])))).toEqual(['IMP1007']);
  });

  test('sizes without measure', () => {
    for (const config of [{ units: 2 ** 40 }, { units: -1 }, { units: 0 }, { units: 1e308 }])
      expect(codes(examine(sequential([input(), layer('Dense', 'd', config)]))).length).toBeGreaterThan(0);
    expect(codes(examine(sequential([input([null, 4, 4]), layer('LSTM', 'l', { units: 1e6 })]))).length).toBeGreaterThan(0);
    expect(codes(examine(sequential([input([null, 8, 8, 3]), layer('UpSampling2D', 'u', { size: [1e6, 1e6] })]))).length).toBeGreaterThan(
      0,
    );
    expect(codes(examine(sequential([input([null, 8, 8, 3]), layer('ZeroPadding2D', 'u', { padding: 2 ** 30 })]))).length).toBeGreaterThan(
      0,
    );
    expect(codes(examine(sequential([input([null, 3]), layer('RepeatVector', 'u', { n: 2 ** 40 })]))).length).toBeGreaterThan(0);
  });

  test('any JSON in place of any part', () => {
    const model = functional(
      [
        input([null, 8, 8, 3]),
        layer(
          'Conv2D',
          'c',
          { filters: 4, kernel_size: [3, 3], strides: [1, 1], padding: 'same', activation: 'relu' },
          { inbound_nodes: [[['x', 0, 0, {}]]] },
        ),
        layer('BatchNormalization', 'b', { axis: [3], epsilon: 0.001 }, { inbound_nodes: [[['c', 0, 0, {}]]] }),
        layer('Reshape', 'r', { target_shape: [8, -1] }, { inbound_nodes: [[['b', 0, 0, {}]]] }),
        layer(
          'Bidirectional',
          'bi',
          { merge_mode: 'concat', layer: layer('GRU', 'g', { units: 2, return_sequences: true }) },
          { inbound_nodes: [[['r', 0, 0, {}]]] },
        ),
        layer('TimeDistributed', 't', { layer: layer('Dense', 'd', { units: 2 }) }, { inbound_nodes: [[['bi', 0, 0, {}]]] }),
        layer(
          'Concatenate',
          'cat',
          { axis: -1 },
          {
            inbound_nodes: [
              [
                ['t', 0, 0, {}],
                ['bi', 0, 0, {}],
              ],
            ],
          },
        ),
      ],
      [['cat', 0, 0]],
    );
    expect(codes(examine(model))).toEqual([]);
    const text = JSON.stringify(model);
    const values = [...text.matchAll(/(?<=[:[,])("[^"]*"|-?[\d.]+|null|true|\{\})(?=[,\]}])/g)].map((m) => [m.index, m[0].length] as const);
    fc.assert(
      fc.property(
        fc.constantFrom(...values),
        fc.constantFrom('null', '-1', '0', '1e9', '1e400', '0.5', '"a"', '[]', '{}', '[[1]]', 'true', '["x",0,0]', '[null,1]'),
        ([start, length], put) => {
          examineKeras(
            new TextEncoder().encode(text.slice(0, start) + put + text.slice(start + length)),
            optionsFor('model.json', new Map(), { randomParams: true }),
          );
        },
      ),
      { numRuns: 200, seed: 8 },
    );
    for (let n = 0; n < text.length; n += 37)
      expect(codes(examineKeras(new TextEncoder().encode(text.slice(0, n)), optionsFor('model.json')))).toEqual(['IMP1001']);
  });

  test('lists in lists without end', () => {
    const text = JSON.stringify(sequential([input(), layer('Normalization', 'n', { mean: 'HERE', variance: 1 })]));
    const deep = text.replace('"HERE"', `${'['.repeat(200_000)}1${']'.repeat(200_000)}`);
    expect(codes(examineKeras(new TextEncoder().encode(deep), optionsFor('model.json')))).toEqual(['IMP1007']);
    const flat = text.replace('"HERE"', `${'['.repeat(400)}1${']'.repeat(400)}`);
    expect(codes(examineKeras(new TextEncoder().encode(flat), optionsFor('model.json', new Map(), { randomParams: true })))).toEqual([]);
  });

  test('numbers that only Python writes', () => {
    const text = JSON.stringify(sequential([input(), layer('Rescaling', 'NaN "and" Infinity', { scale: 'HERE' })]));
    const read = (value: string): ImportReport =>
      examineKeras(new TextEncoder().encode(text.replace('"HERE"', value)), optionsFor('model.json', new Map(), { randomParams: true }));
    expect(read('0.5').nodes).toMatchObject([{ name: 'NaN "and" Infinity' }]);
    expect(codes(read('NaN'))).toEqual([]);
    expect(() => read('-Infinity')).not.toThrow();
  });

  test('names of objects', () => {
    const odd = functional([input(), layer('__proto__', 'toString', {}, { inbound_nodes: [[['x', 0, 0, {}]]] })], [['toString', 0, 0]]);
    expect(codes(examine(odd))).toEqual(['IMP2001']);
    expect(codes(examine(sequential([input(), layer('Activation', 'a', { activation: 'constructor' })])))).toEqual(['IMP2002']);
  });
});

describe('which files are of Keras', () => {
  const head = (text: string): Uint8Array => new TextEncoder().encode(text);
  test('by their first bytes', () => {
    expect(keras.detect(Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a), 'a')).toBe(true);
    expect(keras.detect(Uint8Array.of(0x50, 0x4b, 3, 4), 'a.keras')).toBe(true);
    expect(keras.detect(Uint8Array.of(0x50, 0x4b, 3, 4), 'a.pt2')).toBe(false);
    expect(keras.detect(head('{"class_name": "Sequential", "config": []}'), 'a.json')).toBe(true);
    expect(keras.detect(head('{"nodes": []}'), 'a-symbol.json')).toBe(false);
    expect(keras.detect(head('{"format": "layers-model", "modelTopology": {"class_name": "Model"}}'), 'model.json')).toBe(false);
  });
});

test('ReLU with all its arguments', () => {
  const report = examine(sequential([input([null, 6]), layer('ReLU', 'r', { max_value: 2, negative_slope: 0.5, threshold: 1 })]));
  const data = Float32Array.of(-2, 0, 1, 1.5, 2, 9);
  const [y] = report.program === undefined ? [] : runProgram(report.program, [{ dtype: 'f32', shape: [1, 6], data }]);
  expect(
    Array.from(
      at(
        [y].filter((t) => t !== undefined),
        0,
      ).data,
    ),
  ).toEqual([-1.5, -0.5, 1, 1.5, 2, 2]);
});

const field = (value: Config, key: string): unknown => value[key];
