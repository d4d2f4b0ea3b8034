import { loadBackend } from '../../src/backends/index.ts';
import { fastestCompile } from '../../src/cli/index.ts';
import { Philox, type Program, randomTensor } from '../../src/ir/index.ts';
import { measureSimilarity, type RunModel, type Similarity, type Subject } from '../../src/passes/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { ARCHITECTURES, type ArchitectureName } from '../train/small-net.ts';
import { DISGUISES, pruned, shuffled, subjectOf } from './disguises.ts';
import { originalOf, SEEDS, smallProgram, trainedWeights } from './trained.ts';

/** The parts of the evidence that can rank copies. */
export const PARTS = ['aligned weights', 'where neither is 0', 'nearest both ways', 'layers on probes', 'decision distances'] as const;
export type PartName = (typeof PARTS)[number];
export type Scores = Readonly<Record<PartName, number>>;

/** One pair of models: a copy under a disguise, or two independent networks. */
export interface Case {
  readonly what: string;
  readonly copy: boolean;
  readonly scores: Scores;
  readonly finding: Similarity['finding']['what'];
}

const scoresOf = ({ weights, behaviour }: Similarity): Scores => {
  const measured = 'reason' in behaviour ? undefined : behaviour;
  return {
    'aligned weights': weights?.cosine ?? 0,
    'where neither is 0': weights?.support ?? 0,
    'nearest both ways': weights?.mutual ?? 0,
    'layers on probes': measured?.cka ?? 0,
    'decision distances': measured?.distances ?? 0,
  };
};

/** All disguises of two networks of an architecture, and all independent networks beside them, plain and disguised. */
export const casesOf = async (name: ArchitectureName): Promise<readonly Case[]> => {
  const compile = await fastestCompile();
  const samples = Array.from({ length: 8 }, (_, i) => randomTensor({ dtype: 'f32', shape: [1, 1, 28, 28] }, new Philox(i), -0.5, 0.5));
  const backend = unwrap(await loadBackend('wasm'));
  const run = (program: Program): RunModel | undefined => {
    const executable = backend.compile(program);
    return executable.ok ? (inputs) => executable.value.run(inputs) : undefined;
  };
  const compare = (a: Subject, b: Subject): Similarity => {
    const found = measureSimilarity(a, b, { run, probes: 24 });
    if (typeof found === 'string') throw new Error('both models have a normal form');
    return found;
  };
  const cases: Case[] = [];
  const add = (what: string, copy: boolean, found: Similarity): void => {
    cases.push({ what, copy, scores: scoresOf(found), finding: found.finding.what });
  };
  const net = ARCHITECTURES[name];
  for (const seed of [1, 2] as const) {
    const original = originalOf(name, seed);
    const program = subjectOf(smallProgram(name, original.weights));
    for (const [what, make] of Object.entries(DISGUISES)) add(what, true, compare(program, make(original, { compile, samples })));
    for (const other of SEEDS.filter((s) => s !== seed)) {
      const weights = trainedWeights(`${name}-${other}`);
      const hidden = shuffled(net, weights, other, { permute: true, scale: true });
      add('independent', false, compare(program, subjectOf(smallProgram(name, weights))));
      add('independent, permuted and scaled', false, compare(program, subjectOf(smallProgram(name, hidden))));
      add('independent, pruned by 90 %', false, compare(program, subjectOf(smallProgram(name, pruned(net, weights, 0.9)))));
    }
  }
  return cases;
};

/** Area under the curve of true against false alarms: the share of pairs (copy, independent) that are in the right order. */
export const areaUnderCurve = (cases: readonly Case[], part: PartName): number => {
  const of = (copy: boolean): readonly number[] => cases.filter((c) => c.copy === copy).map((c) => c.scores[part]);
  const [copies, others] = [of(true), of(false)];
  const right = copies.reduce((n, c) => n + others.reduce((m, o) => m + (c > o ? 1 : c === o ? 0.5 : 0), 0), 0);
  return right / (copies.length * others.length);
};
