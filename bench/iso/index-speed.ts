import { Philox } from '../../src/ir/index.ts';
import { encodeIndex, examineModel, IndexFile, type KnownModel, nearestModels } from '../../src/passes/index.ts';
import { at, bytesSource } from '../../src/support/index.ts';
import { type Bench, median, processorTimed, timed } from '../rows.ts';
import { ARCHITECTURES, type ArchitectureName, freshWeights } from '../train/small-net.ts';
import { shuffled } from './disguises.ts';
import { SEEDS, smallProgram, trainedWeights } from './trained.ts';

const MODELS = 10_000;
const MODELS_QUICK = 1000;
const GOAL_SECONDS = 1;

const known = (name: ArchitectureName, label: string, weights: Float32Array): KnownModel => ({
  name: label,
  identity: '0'.repeat(64),
  layers: examineModel(smallProgram(name, weights)) ?? [],
});

/** An index of many networks of two architectures, trained ones among those with random weights, and questions about disguised ones. */
export const indexRows = (bench: Bench): void => {
  const count = bench.quick ? MODELS_QUICK : MODELS;
  const names = Object.keys(ARCHITECTURES) as ArchitectureName[];
  const models = names.flatMap((name) => SEEDS.map((seed) => known(name, `${name}-${seed}`, trainedWeights(`${name}-${seed}`))));
  const trained = models.length;
  while (models.length < count) {
    const name = at(names, models.length % names.length);
    const weights = freshWeights(ARCHITECTURES[name], 1000 + models.length);
    models.push(known(name, `random ${models.length}`, weights));
  }
  const [bytes, encodeMs] = timed(() => encodeIndex(models));
  bench.row({
    name: `index of ${models.length} models`,
    value: bytes.length / 1e6,
    unit: 'MB',
    peer: `written in ${(encodeMs / 1000).toFixed(1)} s`,
  });
  const times: number[] = [];
  let right = 0;
  for (const name of names)
    for (const seed of SEEDS) {
      const random = new Philox(seed, 5);
      const own = trainedWeights(`${name}-${seed}`).map((v) => v * (1 + 0.02 * (random.next() / 2 ** 32 - 0.5)));
      const asked = examineModel(smallProgram(name, shuffled(ARCHITECTURES[name], own, seed, { permute: true, scale: true }))) ?? [];
      const [found, time] = processorTimed(() => nearestModels(new IndexFile(bytesSource(bytes)), asked, 5));
      times.push(time);
      if (found[0]?.name === `${name}-${seed}`) right++;
    }
  const value = median(times);
  bench.row({
    name: `nearest of ${models.length} models, permuted, scaled, 1 % noise`,
    value,
    unit: 's',
    goal: `<= ${GOAL_SECONDS}`,
    met: Math.max(...times) <= GOAL_SECONDS,
    peer: `at most ${Math.max(...times).toFixed(3)} s`,
  });
  bench.row({ name: 'the right one is named first', value: right, unit: `of ${trained}`, goal: `>= ${trained}`, met: right === trained });
};
