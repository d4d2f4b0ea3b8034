import type { Program } from '../../src/ir/index.ts';
import { comparePrograms, verdictOf } from '../../src/passes/index.ts';
import { areaUnderCurve, casesOf, PARTS } from '../iso/copies.ts';
import { indexRows } from '../iso/index-speed.ts';
import { importModel, isImportable, MUTATED } from '../iso/models.ts';
import { MUTATIONS, tryMutation } from '../iso/mutate.ts';
import { isArchitecture, PAIRS } from '../iso/pairs.ts';
import { deepNetwork, towers } from '../iso/synthetic.ts';
import { attempt, type Bench, processorTimed, type Suite } from '../rows.ts';
import { trainCopies } from '../train/copies.ts';
import { ARCHITECTURES, type ArchitectureName } from '../train/small-net.ts';

const MUTATIONS_WANTED = 1000;
const MUTATIONS_QUICK = 120;
/** Seconds: a graph of 10,000 nodes, or ResNet-152, structure alone. */
const GOAL_SECONDS = 1;
/** Four times the towers take at most this many times as long. */
const GOAL_GROWTH = 6;
const ROUNDS = 3;

/** Seconds of processor time: others may use the machine. */
const seconds = (a: Program, b: Program): number =>
  Math.min(...Array.from({ length: ROUNDS }, () => processorTimed(() => comparePrograms(a, b, { structureOnly: true }))[1]));

const limited = (value: number, goal: number): { readonly goal: string; readonly met: boolean } => ({
  goal: `<= ${goal}`,
  met: value <= goal,
});

const speed = (bench: Bench): Promise<void> =>
  attempt(bench, 'speed', async () => {
    for (const nodes of [1000, 3000, 10_000, 30_000]) {
      const value = seconds(deepNetwork(nodes, 'a'), deepNetwork(nodes, 'b'));
      const goal = nodes === 10_000 ? limited(value, GOAL_SECONDS) : {};
      bench.row({ name: `residual network, ${nodes} nodes`, value, unit: 's', ...goal });
    }
    const times: number[] = [];
    for (const count of [16, 64, 256]) {
      const order = Array.from({ length: count }, (_, i) => i);
      const value = seconds(towers(order, 'a'), towers([...order].reverse(), 'b'));
      times.push(value);
      bench.row({ name: `${count} towers of one structure, reversed`, value, unit: 's' });
    }
    const growth = (times[2] ?? 0) / (times[1] ?? 1);
    bench.row({ name: '256 towers against 64', value: growth, unit: 'times', ...limited(growth, GOAL_GROWTH) });
  });

const resnet152 = (bench: Bench, data: string): Promise<void> =>
  attempt(bench, 'ResNet-152', async () => {
    const shapes = { data: [1, 3, 224, 224] };
    const models = ['resnet-152-symbol.json', 'resnet-152-b-symbol.json'].map((file) => `mxnet/symbols/${file}`);
    const [a, b] = await Promise.all(models.map((path) => importModel(data, path, { shapes })));
    const caffe = await importModel(data, 'caffe/prototxt/resnet152-v2.prototxt');
    if (a === undefined || b === undefined) throw new Error('both models are imported');
    const [same, other] = [seconds(a, b), seconds(a, caffe)];
    bench.row({ name: 'ResNet-152: MXNet, MXNet, without weights', value: same, unit: 's', ...limited(same, GOAL_SECONDS) });
    bench.row({ name: 'ResNet-152: MXNet, Caffe, without weights', value: other, unit: 's', ...limited(other, GOAL_SECONDS) });
  });

const pairs = (bench: Bench, data: string): Promise<void> =>
  attempt(bench, 'pairs', async () => {
    for (const pair of PAIRS) {
      const missing = [pair.a, pair.b].filter((path) => !isImportable(data, path));
      const row = { name: pair.network, unit: 'level', goal: String(pair.reached) };
      if (missing.length > 0) {
        bench.row({ ...row, skipped: `no importer for ${missing.join(', ')}` });
        continue;
      }
      await attempt(bench, pair.network, async () => {
        const [a, b] = [await importModel(data, pair.a, pair.given?.a), await importModel(data, pair.b, pair.given?.b)];
        const structureOnly = isArchitecture(pair.a) && isArchitecture(pair.b);
        const { reached } = comparePrograms(a, b, { quantized: pair.quantized ?? false, structureOnly });
        bench.row({ ...row, value: reached, met: reached === pair.reached });
      });
    }
  });

const mutations = (bench: Bench, data: string): Promise<void> =>
  attempt(bench, 'mutations', async () => {
    const wanted = bench.quick ? MUTATIONS_QUICK : MUTATIONS_WANTED;
    const models: Program[] = [];
    for (const path of MUTATED) models.push(await importModel(data, path));
    let [right, tried] = [0, 0];
    for (let seed = 1; tried < wanted; seed++) {
      for (const program of models) {
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
      name: `${tried} mutations of ${models.length} models`,
      value: (100 * right) / tried,
      unit: '% right',
      goal: '>= 100',
      met: right === tried,
    });
    const self = models.filter((program) => verdictOf(comparePrograms(program, program), 0) === 'isomorphic').length;
    bench.row({
      name: 'models that are themselves',
      value: self,
      unit: 'models',
      goal: `>= ${models.length}`,
      met: self === models.length,
    });
  });

/** The finding that a kind of pair must have. */
const COPIES: readonly string[] = ['same weights', 'derived'];

const copies = (bench: Bench): Promise<void> =>
  attempt(bench, 'copies', async () => {
    for (const name of Object.keys(ARCHITECTURES) as ArchitectureName[]) {
      const cases = await casesOf(name);
      for (const what of new Set(cases.map((c) => c.what))) {
        const own = cases.filter((c) => c.what === what);
        const range = (part: (typeof PARTS)[number]): string => {
          const values = own.map((c) => c.scores[part]);
          return `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;
        };
        const right = own.filter((c) => COPIES.includes(c.finding) === c.copy).length;
        bench.row({
          name: `${name}, ${what}`,
          value: (100 * right) / own.length,
          unit: '% right',
          goal: '>= 100',
          met: right === own.length,
          peer: PARTS.map((p) => `${p} ${range(p)}`).join('; '),
        });
      }
      for (const part of PARTS) {
        const area = areaUnderCurve(cases, part);
        // probes alone tell trained networks of one task apart from copies only in part
        const weights = part !== 'layers on probes' && part !== 'decision distances';
        bench.row({
          name: `${name}, area under the curve: ${part}`,
          value: area,
          unit: 'of 1',
          peer: `${cases.filter((c) => c.copy).length} copies, ${cases.filter((c) => !c.copy).length} independent`,
          ...(weights ? { goal: '>= 1', met: area >= 1 } : {}),
        });
      }
    }
  });

export const iso: Suite = {
  name: 'iso',
  summary:
    'Isomorphism and similarity: pairs from two frameworks, mutations, copies against independent networks, an index of 10,000; time by size',
  run: async (bench) => {
    if (bench.onlyPrepare) {
      if (bench.data === undefined)
        bench.row({ name: 'networks to copy', unit: '', skipped: 'the data folder is not there (set CORTEXC_DATA)' });
      else trainCopies(bench.data, (text) => bench.say(text));
      return;
    }
    await speed(bench);
    await attempt(bench, 'index', async () => indexRows(bench));
    await copies(bench);
    if (bench.data === undefined) {
      bench.row({ name: 'pairs and mutations', unit: '', skipped: 'the data folder is not there (set CORTEXC_DATA)' });
      return;
    }
    await resnet152(bench, bench.data);
    await pairs(bench, bench.data);
    await mutations(bench, bench.data);
  },
};
