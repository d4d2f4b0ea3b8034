import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Philox, printProgram, type Program, ProgramBuilder, randomTensor, type Tensor } from '../ir/index.ts';
import { at } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

const [INPUTS, HIDDEN, OUTPUTS] = [12, 24, 5];

interface Weights {
  readonly first: Tensor;
  readonly bias: Tensor;
  readonly second: Tensor;
}

const weightsOf = (seed: number): Weights => {
  const random = (shape: readonly number[], k: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed, k), -1, 1);
  return { first: random([HIDDEN, INPUTS], 0), bias: random([HIDDEN], 1), second: random([OUTPUTS, HIDDEN], 2) };
};

/** Hidden channel c becomes channel 7 c + 5, times 1 + c / 8. */
const disguised = ({ first, bias, second }: Weights): Weights => {
  const [f, b, s] = [first, bias, second].map((t) => t.data.slice()) as [Float32Array, Float32Array, Float32Array];
  for (let c = 0; c < HIDDEN; c++) {
    const [to, k] = [(7 * c + 5) % HIDDEN, 1 + c / 8];
    for (let i = 0; i < INPUTS; i++) f[to * INPUTS + i] = k * at(first.data, c * INPUTS + i);
    b[to] = k * at(bias.data, c);
    for (let o = 0; o < OUTPUTS; o++) s[o * HIDDEN + to] = at(second.data, o * HIDDEN + c) / k;
  }
  return { first: { ...first, data: f }, bias: { ...bias, data: b }, second: { ...second, data: s } };
};

const model = ({ first, bias, second }: Weights): Program => {
  const b = new ProgramBuilder('model');
  const x = b.input('x', { dtype: 'f32', shape: [1, INPUTS] });
  const hidden = b.emit('relu', [b.emit('dense', [x, b.param('w', first), b.param('c', bias)], {}, 'hidden')], {}, 'act');
  b.output('y', b.emit('dense', [hidden, b.param('v', second)], {}, 'head'));
  return b.finish();
};

const write = (folder: string, name: string, weights: Weights): void =>
  writeFileSync(join(folder, name), printProgram(model(weights), { form: 'readable', inlineLimit: 1000 }));

describe('similarity and index', () => {
  test('a disguised copy, another network, a page and data', () =>
    inFolder(async (folder) => {
      write(folder, 'a.mrl', weightsOf(1));
      write(folder, 'copy.mrl', disguised(weightsOf(1)));
      write(folder, 'other.mrl', weightsOf(2));
      const copy = await cli(['similarity', 'a.mrl', 'copy.mrl', '--layers', '--report', 's.html'], { cwd: folder });
      expect(copy.exit).toBe(0);
      expect(copy.stdout).toMatch(/finding +same weights/);
      expect(copy.stdout).toMatch(/channels moved +[1-9]/);
      expect(copy.stdout).toMatch(/head +head/);
      const page = readFileSync(join(folder, 's.html'), 'utf8');
      expect(page).toContain('same weights');
      expect(page).not.toMatch(/<script|https?:/);
      const other = await cli(['similarity', 'a.mrl', 'other.mrl', '--json'], { cwd: folder });
      expect(JSON.parse(other.stdout)).toMatchObject({ finding: { what: 'independent weights' }, structure: 1, behaviour: { probes: 32 } });
    }));

  test('an index names the original, knows what it knows, and refuses other files', () =>
    inFolder(async (folder) => {
      for (const seed of [1, 2, 3]) write(folder, `${seed}.mrl`, weightsOf(seed));
      write(folder, 'copy.mrl', disguised(weightsOf(2)));
      const first = await cli(['index', 'add', 'known.idx', '1.mrl', '2.mrl'], { cwd: folder });
      expect(first.exit).toBe(0);
      const more = await cli(['index', 'add', 'known.idx', '3.mrl', '2.mrl'], { cwd: folder });
      expect(more.stdout).toContain('2.mrl is known already');
      const asked = await cli(['index', 'query', 'known.idx', 'copy.mrl', '--json'], { cwd: folder });
      const { models, nearest } = JSON.parse(asked.stdout) as { models: number; nearest: { name: string; nearness: number }[] };
      expect(models).toBe(3);
      expect(nearest[0]).toMatchObject({ name: '2.mrl' });
      expect(nearest[0]?.nearness).toBeGreaterThan(0.99);
      const list = await cli(['index', 'list', 'known.idx'], { cwd: folder });
      expect(list.stdout).toMatch(/3\.mrl +2/);
      const wrong = await cli(['index', 'list', '1.mrl'], { cwd: folder });
      expect(wrong).toMatchObject({ exit: 3 });
      expect(wrong.stderr).toContain('SIM0002');
      writeFileSync(join(folder, 'cut.idx'), readFileSync(join(folder, 'known.idx')).subarray(0, 900));
      const cut = await cli(['index', 'query', 'cut.idx', '1.mrl'], { cwd: folder });
      expect(cut.stderr).toContain('SIM0002');
      const action = await cli(['index', 'ad', 'known.idx'], { cwd: folder });
      expect(action).toMatchObject({ exit: 2 });
    }));
});
