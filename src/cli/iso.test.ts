import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { printProgram, type Program, ProgramBuilder } from '../ir/index.ts';
import { cli, inFolder } from './testing/run.ts';

/** 2 x + c of four numbers, then relu or sigmoid. */
const model = (last: 'relu' | 'sigmoid', name: string, weight = 2): Program => {
  const b = new ProgramBuilder(name);
  const x = b.input('x', { dtype: 'f32', shape: [1, 4] });
  const w = b.param(`${name}.w`, { dtype: 'f32', shape: [2, 4], data: Float32Array.of(weight, 1, -1, 0.5, 0.25, 1, 3, -2) });
  const c = b.param(`${name}.c`, { dtype: 'f32', shape: [2], data: Float32Array.of(0.5, -0.5) });
  const y = b.emit('dense', [x, w, c], {}, `${name}/dense`);
  b.output('y', last === 'relu' ? b.emit('relu', [y], {}, `${name}/last`) : b.emit('sigmoid', [y], {}, `${name}/last`));
  return b.finish();
};

const write = (folder: string, name: string, program: Program): void =>
  writeFileSync(join(folder, name), printProgram(program, { form: 'readable' }));

describe('iso', () => {
  test('equal models, evidence for it, and a page', () =>
    inFolder(async (folder) => {
      write(folder, 'a.mrl', model('relu', 'one'));
      write(folder, 'b.mrl', model('relu', 'two'));
      const ran = await cli(['iso', 'a.mrl', 'b.mrl', '--certificate', 'iso.json', '--report', 'iso.html'], { cwd: folder });
      expect(ran.exit).toBe(0);
      expect(ran.stdout).toMatch(/verdict +isomorphic at level 3; proven: level 3/);
      expect(ran.stdout).toMatch(/dense \[1, 2\] .* = +dense/);
      const page = readFileSync(join(folder, 'iso.html'), 'utf8');
      expect(page).toContain('<tr class="same">');
      expect(page).not.toMatch(/<script|https?:/);
      const checked = await cli(['iso', 'a.mrl', 'b.mrl', '--check', 'iso.json'], { cwd: folder });
      expect(checked).toMatchObject({ exit: 0 });
      expect(checked.stdout).toContain('the certificate holds: level 3');
      // a certificate is of these two models and no others
      write(folder, 'c.mrl', model('relu', 'three', 2.5));
      const other = await cli(['iso', 'a.mrl', 'c.mrl', '--check', 'iso.json'], { cwd: folder });
      expect(other.exit).toBe(1);
      expect(other.stderr).toContain('ISO0002');
      const none = await cli(['iso', 'a.mrl', 'b.mrl', '--check', 'a.mrl'], { cwd: folder });
      expect(none.exit).toBe(3);
      expect(none.stderr).toContain('ISO0003');
    }));

  test('a model with another op, and one with another weight', () =>
    inFolder(async (folder) => {
      write(folder, 'a.mrl', model('relu', 'one'));
      write(folder, 'b.mrl', model('sigmoid', 'two'));
      write(folder, 'c.mrl', model('relu', 'three', 2.5));
      const op = await cli(['iso', 'a.mrl', 'b.mrl', '--json'], { cwd: folder });
      expect(op.exit).toBe(1);
      expect(JSON.parse(op.stdout)).toMatchObject({
        verdict: 'different',
        reached: -1,
        difference: { kind: 'op', a: { op: 'relu' }, b: { op: 'sigmoid' } },
      });
      const weight = await cli(['iso', 'a.mrl', 'c.mrl', '--json'], { cwd: folder });
      expect(weight.exit).toBe(1);
      expect(JSON.parse(weight.stdout)).toMatchObject({
        verdict: 'different',
        reached: 2,
        difference: { kind: 'weights' },
        probes: { counterexample: { output: 'y' } },
      });
      expect((await cli(['iso', 'a.mrl', 'c.mrl', '--level', '2'], { cwd: folder })).exit).toBe(0);
    }));

  test('options that do not fit are told at once', () =>
    inFolder(async (folder) => {
      write(folder, 'a.mrl', model('relu', 'one'));
      const ran = await cli(['iso', 'a.mrl', 'a.mrl', '--level', '7', '--tolerance', '2'], { cwd: folder });
      expect(ran.exit).toBe(2);
      expect(ran.stderr).toMatch(/--level is 7[\s\S]*--tolerance is 2/);
    }));
});
