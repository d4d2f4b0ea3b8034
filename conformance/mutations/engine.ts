import { join } from 'node:path';
import type { Mutation } from './mutations.ts';
import { answerOf, type Outcome as PlantedOutcome, plantEach, type PlantedSuite, type Unchecked } from './plant.ts';
import { writeSource, writeTree } from './tree.ts';

export const STAGES = ['golden', 'samples', 'vectors', 'fuzz'] as const;
export type Stage = (typeof STAGES)[number];
/** What each stage caught; null for nothing. */
export type Caught = Readonly<Record<Stage, string | null>>;
export type Outcome = PlantedOutcome<Mutation, Caught>;

/** Only the fuzzer is not part of every test run. */
export const SUITE: readonly Stage[] = ['golden', 'samples', 'vectors'];

const everyStage = (text: string): Caught => ({ golden: text, samples: text, vectors: text, fuzz: text });

export const survives = ({ caught }: Outcome): boolean => SUITE.every((stage) => caught[stage] === null);

const LOWERING: PlantedSuite<Mutation, Caught> = {
  name: 'mutations',
  folder: 'src/backends/cpu/simd',
  copy: (root, tree) => writeTree(root, tree, ['src', 'conformance']),
  write: writeSource,
  check: (root, tree, mutations) => {
    const ops = [...new Set(mutations.flatMap((m) => m.ops))];
    const script = join(tree, 'conformance', 'mutations', 'check.js');
    const answer = answerOf(script, [join(root, 'conformance', 'golden'), ops.join(',')]);
    return 'failed' in answer ? everyStage(answer.failed) : (answer.json as Caught);
  },
  failure: (caught) => {
    const wrong = STAGES.find((stage) => caught[stage] !== null);
    return wrong === undefined ? undefined : `${wrong}: ${caught[wrong] ?? ''}`;
  },
};

/** Plants each mutation by itself in a copy of the sources and runs the checks of its ops. */
export const checkMutations = (
  chosen: readonly Mutation[],
  tell?: (outcome: Outcome, index: number) => void,
): readonly Outcome[] | Unchecked => plantEach(LOWERING, chosen, tell);
