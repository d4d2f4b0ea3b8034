import { describe, expect, test } from '@jest/globals';
import { ProgramBuilder } from '../ir/index.ts';
import { unwrap } from '../support/index.ts';
import type { Exporter } from './exporter.ts';
import { exporterByName } from './index.ts';
import { goldenText } from './testing/golden.ts';
import { channelsLastNet, integerNet, namelessNet, residualNet, stagedNet } from './testing/networks.ts';
import { hasPython, syntaxErrors, textOf } from './testing/python.ts';

const named = (name: string): Exporter => {
  const exporter = exporterByName(name);
  if (exporter === undefined) throw new Error(`there is no exporter ${name}`);
  return exporter;
};
const EXPORTERS = ['pytorch', 'keras'].map(named);
const NETWORKS = {
  residual: residualNet,
  staged: stagedNet,
  nameless: namelessNet,
  channels_last: channelsLastNet,
  integer: integerNet,
} as const;

const headerOf = (
  file: string | Uint8Array | undefined,
): Readonly<Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>> => {
  if (!(file instanceof Uint8Array)) throw new Error('no file of tensors');
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as ReturnType<typeof headerOf>;
};

describe.each(EXPORTERS.map((e) => [e.name, e] as const))('%s', (name, exporter) => {
  const python = hasPython();
  if (!python) console.warn('SKIPPED for want of python3: whether generated code parses');

  test.each(Object.keys(NETWORKS) as (keyof typeof NETWORKS)[])('code of the network %s is that of the golden file', (network) => {
    const result = exporter.export(NETWORKS[network]());
    if (name === 'keras' && network === 'integer') {
      expect(result.ok).toBe(false);
      expect(result.ok ? [] : result.diagnostics.map((d) => d.code)).toEqual(['EXP0002', 'EXP0001', 'EXP0001']);
      return;
    }
    const text = textOf(unwrap(result).files, 'model.py');
    expect(text).toBe(goldenText(`${name}-${network}.py.txt`, text));
  });

  test('a model with residual blocks in a row is a loop over one block', () => {
    const text = textOf(unwrap(exporter.export(residualNet())).files, 'model.py');
    expect(text).toMatch(name === 'pytorch' ? /LayerBlock\(\) for _ in range\(3\)/ : /for i in range\(3\):\n +x = layer_block\(x/);
    expect(text.match(name === 'pytorch' ? /^class LayerBlock\(/gm : /^def layer_block\(/gm)).toHaveLength(1);
  });

  test('segments that repeat themselves are a block where there are no names', () => {
    const text = textOf(unwrap(exporter.export(namelessNet())).files, 'model.py');
    expect(text).toMatch(name === 'pytorch' ? /Block\(\) for _ in range\(3\)/ : /for i in range\(3\):\n +x = block\(x/);
  });

  test('parts of names with numbers are modules, and units of a stage a sequence', () => {
    const text = textOf(unwrap(exporter.export(stagedNet())).files, 'model.py');
    for (const channels of [6, 8])
      expect(text).toMatch(name === 'pytorch' ? `*[Unit(${channels}) for _ in range(3)]` : `x = unit(x, filters=${channels}, name=f"stage`);
    expect(text.match(/^(class|def) [Uu]nit/gm)).toHaveLength(2);
    expect(text).not.toMatch(/[bB]lock|plus/);
  });

  test('transposes between layers with channels last are gone', () => {
    const text = textOf(unwrap(exporter.export(channelsLastNet())).files, 'model.py');
    expect(text.match(/permute|transpose/g) ?? []).toHaveLength(name === 'pytorch' ? 2 : 0);
  });

  test('tensors stand in the file under the names of the fields, without gaps', () => {
    const { files } = unwrap(exporter.export(residualNet()));
    const header = headerOf(files.find((f) => f.name === 'model.safetensors')?.content);
    const wanted = name === 'pytorch' ? ['layer1.1.conv2.weight', [4, 4, 3, 3]] : ['layer1.1.conv2.kernel', [3, 3, 4, 4]];
    expect(header[String(wanted[0])]?.shape).toEqual(wanted[1]);
    expect(header[`layer2.downsample.0.${name === 'pytorch' ? 'weight' : 'kernel'}`]).toBeDefined();
    let end = 0;
    for (const { data_offsets } of Object.values(header)) {
      expect(data_offsets[0]).toBe(end);
      end = data_offsets[1] ?? 0;
    }
    expect(Object.keys(header)).toHaveLength(residualNet().params.length);
  });

  test('a column is not added where Keras would take it for a row', () => {
    const b = new ProgramBuilder('square');
    const x = b.input('x', { dtype: 'f32', shape: [3, 3] });
    const column = b.param('column', { dtype: 'f32', shape: [3, 1], data: Float32Array.of(1, 2, 3) });
    const row = b.param('row', { dtype: 'f32', shape: [3], data: Float32Array.of(1, 2, 3) });
    b.output('y', b.emit('add', [b.emit('add', [x, column], {}), row], {}));
    const text = textOf(unwrap(exporter.export(b.finish())).files, 'model.py');
    expect(text).toContain(name === 'pytorch' ? 'x + self.offset' : 'ops.add(WEIGHTS["offset"], x) + WEIGHTS["offset_2"]');
  });

  test('names that Python keeps, or that are none, are changed', () => {
    const b = new ProgramBuilder('lambda');
    const x = b.input('class', { dtype: 'f32', shape: [1, 2] });
    const y = b.input('3 out', { dtype: 'f32', shape: [1, 2] });
    const w = b.param('import.def.weight', { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    const v = b.param('import.x-1.weight', { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    b.output('return', b.emit('add', [b.emit('dense', [x, w], {}), b.emit('dense', [y, v], {})], {}));
    const text = textOf(unwrap(exporter.export(b.finish())).files, 'model.py');
    if (python) expect(syntaxErrors({ model: text })).toEqual([]);
  });

  test('a graph of 10,000 nodes without structure is written', () => {
    const b = new ProgramBuilder('long');
    let x = b.input('x', { dtype: 'f32', shape: [1, 4] });
    let y = x;
    for (let i = 0; i < 5_000; i++) {
      const z = b.emit(i % 7 === 0 ? 'tanh' : 'relu', [x], {});
      y = b.emit('add', [z, y], {});
      x = i % 3 === 0 ? y : z;
    }
    b.output('y', b.emit('add', [x, y], {}));
    const text = textOf(unwrap(exporter.export(b.finish())).files, 'model.py');
    expect(text.split('\n').length).toBeGreaterThan(5_000);
  });
});
