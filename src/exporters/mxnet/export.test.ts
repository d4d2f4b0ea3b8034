import { expect, test } from '@jest/globals';
import { type Program, ProgramBuilder } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { mxnetExporter } from './index.ts';

const f32 = (...shape: readonly number[]) =>
  ({ dtype: 'f32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5) }) as const;

/** A convolution, a normalization, an activation and a sum, as importers name them. */
const small = (): Program => {
  const b = new ProgramBuilder('small net');
  const x = b.input('data', { dtype: 'f32', shape: [1, 2, 4, 4] });
  const conv = b.emit(
    'conv',
    [x, b.param('conv0_weight', f32(2, 2, 3, 3))],
    { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] },
    'conv0',
  );
  const params = ['gamma', 'beta', 'moving_mean', 'moving_var'].map((n) => b.param(`bn0_${n}`, f32(2)));
  const norm = b.emit('batch_norm', [conv, ...params], { epsilon: Math.fround(0.001) }, 'bn0');
  const relu = b.emit('relu', [norm], {}, 'relu0');
  b.output('sum', b.emit('add', [relu, b.param('half', f32())], {}, 'plus'));
  return b.finish();
};
const textOf = (program: Program, end: string): string => {
  const content = unwrap(mxnetExporter.export(program)).files.find((f) => f.name.endsWith(end))?.content;
  return typeof content === 'string' ? content : '';
};
const messages = (program: Program): readonly string[] => {
  const result = mxnetExporter.export(program);
  return result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.message}`);
};

test('a symbol as a person reads it', () => {
  expect(textOf(small(), '-symbol.json')).toBe(`{
  "nodes": [
    {"op":"null","name":"data","attrs":{"__shape__":"(1, 2, 4, 4)"},"inputs":[]},
    {"op":"null","name":"conv0_weight","inputs":[]},
    {"op":"Convolution","name":"conv0","attrs":{"kernel":"(3, 3)","stride":"(1, 1)","dilate":"(1, 1)","pad":"(1, 1)","num_filter":"2","num_group":"1","no_bias":"True"},"inputs":[[0,0,0],[1,0,0]]},
    {"op":"null","name":"bn0_moving_mean","inputs":[]},
    {"op":"null","name":"bn0_moving_var","inputs":[]},
    {"op":"null","name":"bn0_gamma","inputs":[]},
    {"op":"null","name":"bn0_beta","inputs":[]},
    {"op":"BatchNorm","name":"bn0","attrs":{"eps":"0.001","fix_gamma":"False"},"inputs":[[2,0,0],[5,0,0],[6,0,0],[3,0,0],[4,0,0]]},
    {"op":"Activation","name":"relu0","attrs":{"act_type":"relu"},"inputs":[[7,0,0]]},
    {"op":"_plus_scalar","name":"sum","attrs":{"scalar":"0.5"},"inputs":[[8,0,0]]}
  ],
  "arg_nodes": [0,1,3,4,5,6],
  "heads": [[9,0,0]],
  "attrs": {"mxnet_version":["int",10901]}
}
`);
});

test('the files are named after the program, and run.py loads them', () => {
  const { files, warnings } = unwrap(mxnetExporter.export(small()));
  expect(files.map((f) => f.name)).toEqual(['small_net-symbol.json', 'small_net-0000.params', 'run.py']);
  expect(warnings).toEqual([]);
  expect(textOf(small(), 'run.py')).toContain('str(_folder / "small_net-symbol.json"), ["data"], str(_folder / "small_net-0000.params")');
});

test('every node that cannot be written is told by its name, and what hangs on it is not', () => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'f32', shape: [2, 3] });
  const rounded = b.emit('round', [x], {}, 'first');
  const shrunk = b.emit('shrink', [b.emit('relu', [rounded], {}, 'between')], {}, 'second');
  b.output('y', shrunk);
  expect(messages(b.finish())).toEqual([
    'EXP0001 MXNet cannot do round: MXNet rounds halves away from zero or down, not to even',
    'EXP0001 MXNet cannot do shrink: MXNet has no shrinkage function',
  ]);
});

test('integers that MXNet cannot hold or compute alike are refused', () => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'i8', shape: [1, 2, 4, 4] });
  const w = b.param('w', { dtype: 'i8', shape: [2, 2, 1, 1], data: new Int8Array(4) });
  const y = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }, 'c');
  const m = b.param('m', { dtype: 'i32', shape: [1], data: Int32Array.of(16384) });
  b.output('y', b.emit('rescale', [y, m, m], { dtype: 'i16', lo: -5, hi: 5, width: 'w21' }, 'r'));
  expect(messages(b.finish())).toEqual([
    'EXP0002 MXNet cannot do this conv: operands of type i8 are not supported, f32 are',
    'EXP0001 MXNet cannot do rescale: integer operators of MXNet rescale by ranges of floats: other integers would come out',
    'EXP0002 MXNet cannot hold y: MXNet has no elements of type i16',
  ]);
});

test('an open batch stays open', () => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'f32', shape: ['N', 2, 4, 4] });
  const pooled = b.emit('max_pool', [x], { kernel: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0], dilation: [1, 1] }, 'p');
  b.output('y', b.emit('reshape', [pooled], { shape: [0, 8] }, 'r'));
  const text = textOf(b.finish(), '-symbol.json');
  expect(text).toContain('"__shape__":"(0, 2, 4, 4)"');
  expect(text).toContain('"shape":"(-1, 8)"');
});

test('what is refused says why; the rest is a row or a definition', () => {
  expect(mxnetExporter.refusal('rescale')).toContain('other integers would come out');
  expect([mxnetExporter.support('conv'), mxnetExporter.support('batch_norm'), mxnetExporter.support('silu')]).toEqual([
    'primitive',
    'fast',
    'composite',
  ]);
});
