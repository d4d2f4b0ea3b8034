import type { Backend } from '../../backends/backend.ts';
import { OP_NAMES, type OpName, Philox, type Program } from '../../ir/index.ts';
import { PASSES } from '../../passes/index.ts';
import { checkCase, type CheckOptions, type Finding, type FuzzCase, type PassList } from './check.ts';
import { randomInputs, randomProgram } from './generate.ts';
import { pick } from './random-use.ts';
import { reduceCase } from './reduce.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Most nodes of a program; sizes from 1 on. */
  readonly nodes: number;
  readonly ops?: readonly OpName[];
  /** Ready to compile. */
  readonly backends: readonly Backend[];
  /** Passes that are tried alone and in sequences; none if empty. */
  readonly passes?: readonly string[];
  readonly roundTrips?: boolean;
  /** Make what is found small (the default). */
  readonly reduce?: boolean;
}

/** Two runs with other data show what the first one leaves behind. */
const INPUT_SETS = 2;

/** The program of an index with its inputs: a function of the options. */
export const fuzzCase = ({ seed, nodes, ops = OP_NAMES }: FuzzOptions, index: number): FuzzCase => {
  // one program in eight has weights of -128, which end its round trip through bytecode
  const program = randomProgram(seed, 1 + (index % nodes), { ops, index, leastWeights: index % 8 === 7 });
  return { program, inputs: Array.from({ length: INPUT_SETS }, (_, set) => randomInputs(program, seed, index, set)) };
};

export const ALL_PASSES: readonly string[] = PASSES.map((p) => p.name);

/** Each pass alone, and a random sequence of two to six. */
const passLists = (names: readonly string[], seed: number, index: number): readonly PassList[] => {
  if (names.length === 0) return [];
  const random = new Philox(seed, index, 1000);
  const sequence = Array.from({ length: random.int(2, 6) }, () => pick(random, names));
  return [...names.map((name) => [name]), sequence];
};

export const checkOptions = (options: FuzzOptions, index: number): CheckOptions => ({
  backends: options.backends,
  passes: passLists(options.passes ?? ALL_PASSES, options.seed, index),
  roundTrips: options.roundTrips ?? true,
});

export interface FoundCase {
  readonly index: number;
  readonly finding: Finding;
  readonly case: FuzzCase;
}

/** One program of a campaign: what was looked at, and what is wrong with it, reduced. */
export interface FuzzStep {
  readonly program: Program;
  readonly found: FoundCase | undefined;
}

/** Only what found it, so that the reduction is quick and stays with this finding. */
const narrowed = (options: CheckOptions, { subject }: Finding): CheckOptions => {
  const backends = options.backends.filter((b) => b.name === subject);
  const passes = options.passes.filter((names) => names.join(',') === subject);
  return { backends, passes, roundTrips: backends.length === 0 && passes.length === 0 };
};

/** Checks one program; a finding is reduced. */
export const fuzzStep = async (options: FuzzOptions, index: number): Promise<FuzzStep> => {
  const original = fuzzCase(options, index);
  const checks = checkOptions(options, index);
  const finding = await checkCase(original, checks);
  if (finding === undefined) return { program: original.program, found: undefined };
  if (options.reduce === false) return { program: original.program, found: { index, finding, case: original } };
  const only = narrowed(checks, finding);
  const again = async (c: FuzzCase): Promise<Finding | undefined> => {
    const found = await checkCase(c, only);
    return found?.kind === finding.kind && found.subject === finding.subject ? found : undefined;
  };
  const reduced = await reduceCase(original, again);
  return { program: original.program, found: { index, finding: (await again(reduced)) ?? finding, case: reduced } };
};
