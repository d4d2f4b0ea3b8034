import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EXPORTERS } from '../exporters/index.ts';
import { decodeNpy } from '../frontend/tensors/index.ts';
import { printProgram, ProgramBuilder } from '../ir/index.ts';
import { unwrap } from '../support/index.ts';
import { EXPORT_TARGETS } from './emit-targets.ts';
import { cli, inFolder } from './testing/run.ts';

/** A layer over a batch without a size. */
const layer = (): string => {
  const b = new ProgramBuilder('layer');
  const x = b.input('x', { dtype: 'f32', shape: ['N', 4] });
  const w = b.param('fc.weight', { dtype: 'f32', shape: [2, 4], data: Float32Array.of(1, 2, -1, 0.5, 0.25, 1, 3, -2) });
  b.output('y', b.emit('relu', [b.emit('dense', [x, w], {}, 'fc')], {}, 'act'));
  return printProgram(b.finish(), { form: 'readable' });
};

describe('emit for frameworks', () => {
  test('every exporter is a target', () => {
    expect(EXPORTERS.map((e) => e.name).filter((name) => !EXPORT_TARGETS.some((t) => t === name))).toEqual([]);
  });

  test('a folder with model, runner, check, vectors and README; a batch without a size stays one', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'layer.mrl'), layer());
      const ran = await cli(['emit', 'layer.mrl', '--target', 'onnx', '-o', 'out', '--vectors', '2', '--json'], { cwd: folder });
      expect(ran).toMatchObject({ exit: 0 });
      expect(readdirSync(join(folder, 'out')).sort()).toEqual(['README.md', 'check.py', 'model.onnx', 'run.py', 'vectors']);
      expect(readFileSync(join(folder, 'out', 'README.md'), 'utf8')).toContain('`x`: f32[N, 4]');
      const vector = (name: string) => unwrap(decodeNpy(new Uint8Array(readFileSync(join(folder, 'out', 'vectors', 'v1', name)))));
      expect(vector('input0.npy').shape).toEqual([2, 4]);
      expect(vector('output0.npy').shape).toEqual([2, 2]);
      expect(readFileSync(join(folder, 'out', 'check.py'), 'utf8')).toContain('STEP = 1');
      const compiled = spawnSync('python3', ['-m', 'py_compile', 'run.py', 'check.py'], { cwd: join(folder, 'out') });
      if (compiled.error === undefined) expect(compiled.status).toBe(0);
      else console.warn('run.py and check.py are not compiled: there is no python3');
      // the model is one that is read back
      expect(await cli(['iso', 'layer.mrl', 'out/model.onnx', '--bind', 'N=1'], { cwd: folder })).toMatchObject({ exit: 0 });
    }));

  test('a check that does not succeed is an error; options of other targets are refused', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'layer.mrl'), layer());
      const words = ['emit', 'layer.mrl', '--target', 'onnx', '-o', 'out', '--vectors', '1'];
      const ran = await cli([...words, '--check'], { cwd: folder, env: { PYTHON: join(folder, 'no-python') } });
      expect(ran.exit).toBe(1);
      expect(ran.stderr).toContain('CLI3006');
      expect(existsSync(join(folder, 'out', 'model.onnx'))).toBe(true);
      const stray = await cli(['emit', 'layer.mrl', '--target', 'c', '--form', 'qdq', '-o', 'c'], { cwd: folder });
      expect(stray.stderr).toContain('--form is for --target onnx');
      const device = await cli([...words, '--device', 'zu3eg', '--force'], { cwd: folder });
      expect(device.stderr).toContain('--device is for --target fpga');
    }));
});
