import { type AsyncExecutable, compileAny, loadBackend } from '../../backends/index.ts';
import type { Program, Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Progress, type Result } from '../../support/index.ts';
import { splitResults, stackSamples } from './batches.ts';
import { compareResults } from './execute.ts';
import type { RunInputs } from './inputs.ts';

/** The samples of each run; the last run is filled up with its last sample. */
const chunksOf = (samples: readonly RunInputs[], batch: number): readonly (readonly RunInputs[])[] =>
  Array.from({ length: Math.ceil(samples.length / batch) }, (_, i) => samples.slice(i * batch, (i + 1) * batch));

/** The inputs of a run of `batch` samples. */
export const chunkInputs = (chunk: readonly RunInputs[], batch: number): readonly Tensor[] =>
  stackSamples(Array.from({ length: batch }, (_, i) => at(chunk, Math.min(i, chunk.length - 1)).tensors));

/** Runs samples, `batch` at once; the results of each. */
export const runSamples = async (
  executable: AsyncExecutable,
  samples: readonly RunInputs[],
  batch: number,
  progress: Progress,
  phase: string,
): Promise<readonly (readonly Tensor[])[]> => {
  const all: (readonly Tensor[])[] = [];
  for (const [i, chunk] of chunksOf(samples, batch).entries()) {
    progress.step(phase, i * batch, samples.length);
    all.push(...splitResults(await executable.run(chunkInputs(chunk, batch)), batch).slice(0, chunk.length));
  }
  return all;
};

/** Runs the reference on the same samples and compares; all differences. */
export const verifyRuns = async (
  program: Program,
  samples: readonly RunInputs[],
  runs: readonly (readonly Tensor[])[],
  backend: string,
  progress: Progress,
): Promise<Result<undefined>> => {
  const reference = await loadBackend('reference');
  if (!reference.ok) return reference;
  const executable = await compileAny(reference.value, program);
  if (!executable.ok) return executable;
  const expected = await runSamples(executable.value, samples, 1, progress, 'reference');
  const names = program.outputs.map((o) => o.name);
  const problems: Diagnostic[] = [];
  expected.forEach((results, i) => {
    const same = compareResults(names, runs[i] ?? [], results, backend);
    if (!same.ok) problems.push(...same.diagnostics.map((d) => ({ ...d, where: samples[i]?.name ?? '' })));
  });
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};
