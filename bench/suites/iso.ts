import type { Program } from '../../src/ir/index.ts';
import { comparePrograms, verdictOf } from '../../src/passes/index.ts';
import { importModel, isImportable, MUTATED } from '../iso/models.ts';
import { MUTATIONS, tryMutation } from '../iso/mutate.ts';
import { PAIRS } from '../iso/pairs.ts';
import { deepNetwork, towers } from '../iso/synthetic.ts';
import { attempt, type Bench, type Suite, timed } from '../rows.ts';

const MUTATIONS_WANTED = 1000;
const MUTATIONS_QUICK = 120;
/** Seconds: a graph of 10,000 nodes, structure alone. */
const GOAL_SECONDS = 1;
const ROUNDS = 3;

const seconds = (a: Program, b: Program): number =>
  Math.min(...Array.from({ length: ROUNDS }, () => timed(() => comparePrograms(a, b, { structureOnly: true }))[1] / 1000));

const speed = (bench: Bench): Promise<void> =>
  attempt(bench, 'speed', async () => {
    for (const nodes of [1000, 3000, 10_000]) {
      const goal = nodes === 10_000 ? { goal: `<= ${GOAL_SECONDS}` } : {};
      const value = seconds(deepNetwork(nodes, 'a'), deepNetwork(nodes, 'b'));
      bench.row({
        name: `residual network, ${nodes} nodes`,
        value,
        unit: 's',
        ...goal,
        ...(nodes === 10_000 ? { met: value <= GOAL_SECONDS } : {}),
      });
    }
    for (const count of [16, 64, 256]) {
      const order = Array.from({ length: count }, (_, i) => i);
      const value = seconds(towers(order, 'a'), towers([...order].reverse(), 'b'));
      bench.row({ name: `${count} towers of one structure, reversed`, value, unit: 's' });
    }
  });

const pairs = (bench: Bench, data: string): Promise<void> =>
  attempt(bench, 'pairs', async () => {
    for (const pair of PAIRS) {
      const missing = [pair.a, pair.b].filter((path) => !isImportable(path));
      const row = { name: pair.network, unit: 'level', goal: String(pair.reached) };
      if (missing.length > 0) {
        bench.row({ ...row, skipped: `no importer for ${missing.join(', ')}` });
        continue;
      }
      const { reached } = comparePrograms(importModel(data, pair.a), importModel(data, pair.b), { quantized: pair.quantized ?? false });
      bench.row({ ...row, value: reached, met: reached === pair.reached });
    }
  });

const mutations = (bench: Bench, data: string): Promise<void> =>
  attempt(bench, 'mutations', async () => {
    const wanted = bench.quick ? MUTATIONS_QUICK : MUTATIONS_WANTED;
    const models = MUTATED.map((path) => ({ path, program: importModel(data, path) }));
    let [right, tried] = [0, 0];
    for (let seed = 1; tried < wanted; seed++) {
      for (const { program } of models) {
        for (const mutation of MUTATIONS) {
          const trial = tried < wanted ? tryMutation(program, mutation, seed) : undefined;
          if (trial === undefined) continue;
          tried++;
          if (trial.got === trial.wanted) right++;
        }
      }
      bench.say(`mutations ${tried} of ${wanted}`);
    }
    bench.row({
      name: `mutations of ${models.length} models`,
      value: (100 * right) / tried,
      unit: '% right',
      goal: '>= 100',
      met: right === tried,
    });
    const self = models.filter(({ program }) => verdictOf(comparePrograms(program, program), 0) === 'isomorphic').length;
    bench.row({
      name: 'models that are themselves',
      value: self,
      unit: 'models',
      goal: `>= ${models.length}`,
      met: self === models.length,
    });
  });

export const iso: Suite = {
  name: 'iso',
  summary: 'Isomorphism: pairs from two frameworks, mutations of real models, time by size and symmetry',
  run: async (bench) => {
    if (bench.onlyPrepare) return;
    await speed(bench);
    if (bench.data === undefined) {
      bench.row({ name: 'pairs and mutations', unit: '', skipped: 'the data folder is not there (set CORTEXC_DATA)' });
      return;
    }
    await pairs(bench, bench.data);
    await mutations(bench, bench.data);
  },
};
