import { buildFakeDriver, cudaBackend } from '../../src/backends/gpu/index.ts';
import { firstDifference, fuzzCase, type FuzzOptions, mergePrograms, runCases, type VectorCase } from '../../src/conformance/index.ts';
import { type Program, runProgram, type Tensor } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { countCases, emptyTally as emptyCaseTally, type Tally as CaseTally } from '../tally.ts';

/** What is looked at: conformance cases, and random programs by index. */
export interface Work {
  readonly cases: readonly VectorCase[];
  readonly digests: ReadonlyMap<string, string>;
  readonly programs: readonly number[];
  readonly fuzz: Pick<FuzzOptions, 'seed' | 'nodes'>;
}

/** Its problems are those of programs, too. */
export interface Tally extends CaseTally {
  programs: number;
}

export const emptyTally = (): Tally => ({ ...emptyCaseTally(), programs: 0 });

/** Random programs that are compiled as one. */
const TOGETHER = 24;
/** Cases between two reports of progress. */
const CASES_EACH = 500;

/** Runs a program on sets of inputs. @returns what each gives */
const runSets = (program: Program, sets: readonly (readonly Tensor[])[]): readonly (readonly Tensor[])[] => {
  const compiled = unwrap(cudaBackend.compile(program, {}));
  try {
    return sets.map((inputs) => compiled.run(inputs));
  } finally {
    compiled.close?.();
  }
};

/** Compares random programs that run together with the reference; halves what fails as a whole. */
const checkPrograms = (tally: Tally, options: FuzzOptions, indices: readonly number[]): void => {
  const cases = indices.map((index) => fuzzCase(options, index));
  const sets = at(cases, 0).inputs.map((_, set) => cases.flatMap((c) => at(c.inputs, set)));
  let runs: readonly (readonly Tensor[])[];
  try {
    const programs = cases.map((c) => c.program);
    runs = runSets(mergePrograms(`programs ${indices.join(' ')}`, programs), sets);
  } catch (error) {
    if (indices.length === 1) {
      tally.programs++;
      tally.problems.push(`program ${at(indices, 0)} of seed ${options.seed}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const half = Math.ceil(indices.length / 2);
    for (const part of [indices.slice(0, half), indices.slice(half)]) checkPrograms(tally, options, part);
    return;
  }
  let first = 0;
  for (const [k, { program, inputs }] of cases.entries()) {
    const end = first + program.outputs.length;
    const differing = runs.findIndex(
      (got, set) => firstDifference(got.slice(first, end), runProgram(program, at(inputs, set))) !== undefined,
    );
    if (differing >= 0)
      tally.problems.push(`program ${at(indices, k)} of seed ${options.seed}: run ${differing} differs from the reference`);
    tally.programs++;
    first = end;
  }
};

/** Does the work on the driver without a GPU. @param folder - where it is built */
export const checkWork = async (
  { cases, digests, programs, fuzz }: Work,
  folder: string,
  tell: (tally: Tally) => void = () => undefined,
): Promise<Tally> => {
  const before = process.env['CORTEXC_CUDA_DRIVER'];
  process.env['CORTEXC_CUDA_DRIVER'] = unwrap(buildFakeDriver({ folder }));
  const tally = emptyTally();
  try {
    for (let i = 0; i < cases.length; i += CASES_EACH) {
      countCases(tally, await runCases(cudaBackend, cases.slice(i, i + CASES_EACH), { digests }));
      tell(tally);
    }
    for (let i = 0; i < programs.length; i += TOGETHER) {
      checkPrograms(tally, { ...fuzz, backends: [] }, programs.slice(i, i + TOGETHER));
      tell(tally);
    }
  } finally {
    if (before === undefined) delete process.env['CORTEXC_CUDA_DRIVER'];
    else process.env['CORTEXC_CUDA_DRIVER'] = before;
  }
  return tally;
};
