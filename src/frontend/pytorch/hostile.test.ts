import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bytesSource, unwrap } from '../../support/index.ts';
import type { ImportReport } from '../contract.ts';
import { examined } from '../testing/recorded.ts';
import { openZip, writeZip } from '../zip.ts';
import { pytorch } from './index.ts';

const codes = (report: ImportReport): readonly string[] => report.problems.map((p) => p.code);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`testing/${name}`, import.meta.url)));

interface Node {
  readonly target: string;
  readonly inputs: readonly (readonly [name: string, arg: object])[];
  readonly outputs: readonly string[];
}
const t = (name: string): object => ({ as_tensor: { name } });
const aten = (name: string, inputs: Node['inputs'], ...outputs: readonly string[]): Node => ({
  target: `torch.ops.aten.${name}`,
  inputs,
  outputs,
});
const meta = (sizes: readonly number[], dtype = 7): object => ({ dtype, sizes: sizes.map((as_int) => ({ as_int })) });

/** An exported program of an input x [2, 3], a parameter w [3] and nodes, of which the last is the output. */
const program = (nodes: readonly Node[], more: Readonly<Record<string, unknown>> = {}, outputs: readonly object[] = []): object => ({
  graph_module: {
    graph: {
      tensor_values: { x: meta([2, 3]), w: meta([3]), s: meta([2], 9) },
      nodes: nodes.map((n) => ({
        target: n.target,
        inputs: n.inputs.map(([name, arg]) => ({ name, arg })),
        outputs: n.outputs.map(t),
        metadata: {},
      })),
    },
    signature: {
      input_specs: [{ parameter: { arg: { name: 'w' }, parameter_name: 'w' } }, { user_input: { arg: t('x') } }],
      output_specs: [{ user_output: { arg: t(nodes.at(-1)?.outputs[0] ?? 'x') } }, ...outputs],
    },
  },
  schema_version: { major: 8, minor: 14 },
  torch_version: '2.9.1',
  ...more,
});
const weight = (more: object = {}, view: object = {}): object => ({
  config: {
    w: {
      path_name: 'weight_0',
      use_pickle: false,
      tensor_meta: { dtype: 7, sizes: [{ as_int: 3 }], strides: [{ as_int: 1 }], storage_offset: { as_int: 0 }, layout: 7, ...view },
      ...more,
    },
  },
});
const archive = (json: object | string, weights: object = weight(), extra: Readonly<Record<string, Uint8Array>> = {}): Uint8Array =>
  writeZip(
    Object.entries({
      'models/model.json': utf8(typeof json === 'string' ? json : JSON.stringify(json)),
      'data/weights/model_weights_config.json': utf8(JSON.stringify(weights)),
      'data/weights/weight_0': new Uint8Array(new Float32Array([1, 2, 3]).buffer),
      ...extra,
    }).map(([name, data]) => ({ name: `m/${name}`, data })),
  );

const add = aten(
  'add.Tensor',
  [
    ['self', t('x')],
    ['other', t('w')],
  ],
  'y',
);

describe('what is wrong has a code', () => {
  test.each<readonly [string, readonly string[], Uint8Array]>([
    ['nothing', [], archive(program([add]))],
    ['a schema to come', ['IMP2002'], archive(program([add], { schema_version: { major: 9, minor: 0 } }))],
    ['a schema before torch 2.3', ['IMP2002'], archive(program([add], { schema_version: 1 }))],
    ['no JSON', ['IMP1001'], archive('{"graph_module": ')],
    ['JSON of another form', ['IMP1001'], archive({ schema_version: { major: 8 }, graph_module: [] })],
    ['an operator nobody knows', ['IMP2001'], archive(program([aten('wibble.default', [['self', t('x')]], 'y')]))],
    ['a loop', ['IMP2001'], archive(program([{ target: 'torch.ops.higher_order.while_loop', inputs: [['', t('x')]], outputs: ['y'] }]))],
    [
      'an argument nobody knows',
      ['IMP2002'],
      archive(
        program([
          aten(
            'relu.default',
            [
              ['self', t('x')],
              ['out', t('w')],
            ],
            'y',
          ),
        ]),
      ),
    ],
    [
      'an argument of another type',
      ['IMP1006'],
      archive(
        program([
          aten(
            'leaky_relu.default',
            [
              ['self', t('x')],
              ['negative_slope', { as_string: 'a' }],
            ],
            'y',
          ),
        ]),
      ),
    ],
    [
      'an argument that is an object',
      ['IMP1006'],
      archive(program([aten('relu.default', [['self', { as_custom_obj: { name: 'x', class_fqn: 'C' } }]], 'y')])),
    ],
    ['a missing argument', ['IMP1006'], archive(program([aten('add.Tensor', [['self', t('x')]], 'y')]))],
    ['a tensor that nothing defines', ['IMP1004'], archive(program([aten('relu.default', [['self', t('z')]], 'y')]))],
    ['an input of complex numbers', ['IMP1006', 'IMP1004'], archive(complexInput())],
    ['a buffer that changes', ['IMP2002'], archive(program([add], {}, [{ buffer_mutation: { arg: { name: 'y' }, buffer_name: 'n' } }]))],
    [
      'training',
      ['IMP2002'],
      archive(
        program([
          aten(
            'dropout.default',
            [
              ['input', t('x')],
              ['p', { as_float: 0.5 }],
              ['train', { as_bool: true }],
            ],
            'y',
          ),
        ]),
      ),
    ],
    ['a parameter without data', ['IMP1006'], archive(program([add]), { config: {} })],
    ['a parameter whose file is missing', ['IMP1005'], archive(program([add]), weight({ path_name: 'weight_7' }))],
    ['a parameter outside of its storage', ['IMP1005'], archive(program([add]), weight({}, { storage_offset: { as_int: 1 } }))],
    ['a parameter of huge strides', ['IMP1005'], archive(program([add]), weight({}, { strides: [{ as_int: 2 ** 52 }] }))],
    ['a parameter of terabytes', ['IMP1005'], archive(program([add]), weight({}, { sizes: [{ as_int: 2 ** 40 }] }))],
    [
      'one element repeated without end',
      ['IMP1007'],
      archive(program([add]), weight({}, { sizes: [{ as_int: 2 ** 30 }], strides: [{ as_int: 0 }] })),
    ],
    ['a pickled parameter', ['IMP2004'], archive(program([add]), weight({ use_pickle: true }))],
    ['a parameter of float8', ['IMP1005'], archive(program([add]), weight({}, { dtype: 29 }))],
    ['two models', ['IMP1002'], archive(program([add]), weight(), { 'models/other.json': utf8('{}') })],
    ['the highest byte first', ['IMP2004'], archive(program([add]), weight(), { byteorder: utf8('big') })],
    [
      'a size that is not whole',
      ['IMP1006'],
      archive(
        program([
          aten(
            'view.default',
            [
              ['self', t('x')],
              ['size', { as_ints: [4, -1] }],
            ],
            'y',
          ),
        ]),
      ),
    ],
    [
      'a split without end',
      ['IMP1006'],
      archive(
        program([
          aten(
            'split.Tensor',
            [
              ['self', t('x')],
              ['split_size', { as_int: 0 }],
            ],
            'y',
          ),
        ]),
      ),
    ],
    ['a range without end', ['IMP1005'], archive(program([aten('arange.default', [['end', { as_int: 2 ** 31 }]], 'y')]))],
  ])('%s', async (_, wanted, bytes) => {
    expect(codes(await examined(pytorch, bytes))).toEqual(wanted);
  });
  test('all problems are listed, not the first', async () => {
    const nodes = [
      aten('wibble.default', [['self', t('x')]], 'a'),
      aten('wobble.default', [['self', t('x')]], 'b'),
      aten(
        'add.Tensor',
        [
          ['self', t('a')],
          ['other', t('b')],
        ],
        'y',
      ),
    ];
    expect(codes(await examined(pytorch, archive(program(nodes))))).toEqual(['IMP2001', 'IMP2001']);
  });
  test('numbers that JSON does not have are read', async () => {
    const text = JSON.stringify(
      program([
        aten(
          'clamp.default',
          [
            ['self', t('x')],
            ['min', { as_float: 0.5 }],
            ['max', { as_float: 12345 }],
          ],
          'y',
        ),
      ]),
    );
    for (const infinity of ['Infinity', '"Infinity"']) {
      const { program: made, problems } = await examined(pytorch, archive(text.replace('12345', infinity)));
      expect([problems, made?.nodes.map((n) => n.op)]).toEqual([[], ['maximum']]);
    }
  });
});

function complexInput(): object {
  const text = JSON.stringify(program([aten('relu.default', [['self', t('s')]], 'y')]));
  return JSON.parse(
    text.replace('"user_input":{"arg":{"as_tensor":{"name":"x"}}}', '"user_input":{"arg":{"as_tensor":{"name":"s"}}}'),
  ) as object;
}

describe('changes in place', () => {
  const view = aten(
    'view.default',
    [
      ['self', t('a')],
      ['size', { as_ints: [3, 2] }],
    ],
    'v',
  );
  const start = aten(
    'mul.Tensor',
    [
      ['self', t('x')],
      ['other', { as_float: 2 }],
    ],
    'a',
  );
  test('later readers of the name see them', async () => {
    const nodes = [
      start,
      aten('relu_.default', [['self', t('a')]], 'b'),
      aten(
        'add.Tensor',
        [
          ['self', t('a')],
          ['other', t('b')],
        ],
        'y',
      ),
    ];
    const { program: made, problems } = await examined(pytorch, archive(program(nodes)));
    expect(problems).toEqual([]);
    const sum = made?.nodes.at(-1);
    expect([sum?.op, sum?.operands[0] === sum?.operands[1]]).toEqual(['add', true]);
  });
  test('a view that is read afterwards is refused', async () => {
    const nodes = [
      start,
      view,
      aten('relu_.default', [['self', t('a')]], 'b'),
      aten(
        'add.Tensor',
        [
          ['self', t('v')],
          ['other', { as_int: 1 }],
        ],
        'y',
      ),
    ];
    expect(codes(await examined(pytorch, archive(program(nodes))))).toEqual(['IMP2002']);
  });
  test('what a changed view is of is refused as well', async () => {
    const nodes = [
      start,
      view,
      aten('relu_.default', [['self', t('v')]], 'b'),
      aten(
        'add.Tensor',
        [
          ['self', t('a')],
          ['other', { as_int: 1 }],
        ],
        'y',
      ),
    ];
    expect(codes(await examined(pytorch, archive(program(nodes))))).toEqual(['IMP2002']);
  });
});

describe('files that are no exported programs', () => {
  const remedy = async (bytes: Uint8Array): Promise<readonly string[]> => {
    const report = await examined(pytorch, bytes);
    expect(report.problems[0]?.notes?.join() ?? '').toMatch(/torch\.export|safetensors/);
    return codes(report);
  };
  test('a checkpoint', async () => {
    const bytes = read('checkpoint.pth');
    expect(pytorch.detect(bytes.subarray(0, 4096), 'checkpoint.pth')).toBe(true);
    expect(await remedy(bytes)).toEqual(['IMP2004']);
  });
  test('TorchScript', async () => {
    const bytes = writeZip([
      { name: 'm/data.pkl', data: Uint8Array.of(0x80, 2, 0x4e, 0x2e) },
      { name: 'm/code/__torch__.py', data: utf8('class M: pass') },
    ]);
    expect(await remedy(bytes)).toEqual(['IMP2004']);
  });
  test('an old pickle', async () => {
    const bytes = Uint8Array.of(0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e);
    expect(pytorch.detect(bytes, 'weights')).toBe(true);
    expect(await remedy(bytes)).toEqual(['IMP2004']);
  });
  const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
  const withData = existsSync(join(DATA, 'pytorch')) ? test : test.skip;
  withData.each([
    'pytorch/resnet20-12fca82f.th',
    'pairs/face-rfb-320/version-RFB-320.pth',
    'pairs/hls4ml/two_layer_model.pt',
    'pairs/hls4ml/three_layer_model.pt',
  ])('%s', async (path) => {
    const bytes = new Uint8Array(readFileSync(join(DATA, path)));
    expect(pytorch.detect(bytes.subarray(0, 4096), path)).toBe(true);
    expect(await remedy(bytes)).toEqual(['IMP2004']);
  });
  test('other zip archives are left to others', () => {
    const bytes = writeZip([{ name: 'metadata.json', data: utf8('{}') }]);
    expect(pytorch.detect(bytes, 'model.keras')).toBe(false);
  });
});

describe('damaged archives', () => {
  const whole = read('network-2.7.pt2');
  test('cut off', async () => {
    for (let length = 0; length < whole.length; length += 997) {
      const report = await examined(pytorch, whole.subarray(0, length));
      expect(codes(report)[0]).toMatch(/^I/);
    }
  });
  const parts = unwrap(openZip(bytesSource(whole), { maxBytes: 2 ** 24 })).map((m) => ({
    name: m.name,
    data: m.source.read(0, m.source.size).slice(),
  }));
  test.each(['serialized_exported_program.json', 'serialized_state_dict.pt', 'serialized_constants.pt'])(
    'a member with any bytes turned: %s',
    async (name) => {
      const own = parts.find((p) => p.name === name)?.data ?? new Uint8Array(0);
      let refused = 0;
      for (let k = 0; k < 60; k++) {
        const data = own.slice();
        const at = (k * 7919) % data.length;
        data[at] = (data[at] ?? 0) ^ (1 << (k % 8));
        const report = await examined(pytorch, writeZip(parts.map((p) => (p.name === name ? { name, data } : p))));
        if (report.problems.length > 0) refused++;
        for (const code of codes(report)) expect(code).toMatch(/^I/);
      }
      expect(refused).toBeGreaterThan(0);
    },
  );
  test('graphs in graphs without end are refused', async () => {
    const wrap = 'torch.ops.higher_order.wrap_with_set_grad_enabled';
    let graph: object = { inputs: [t('a')], outputs: [t('a')], nodes: [] };
    for (let k = 0; k < 200; k++)
      graph = {
        inputs: [t('a')],
        outputs: [t('b')],
        nodes: [
          {
            target: wrap,
            inputs: [
              { name: '', arg: { as_graph: { name: 'g', graph } } },
              { name: '', arg: t('a') },
            ],
            outputs: [t('b')],
            metadata: {},
          },
        ],
      };
    const outer = {
      target: wrap,
      inputs: [
        ['', { as_graph: { name: 'g', graph } }],
        ['', t('x')],
      ],
      outputs: ['y'],
    } as const;
    expect(codes(await examined(pytorch, archive(program([outer]))))).toEqual(['IMP2001']);
  });
});
