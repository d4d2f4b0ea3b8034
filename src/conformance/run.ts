import { type AsyncExecutable, type Backend, compileAny } from '../backends/index.ts';
import type { Tensor } from '../ir/index.ts';
import { at, type Diagnostic, MrlError, type Progress, silentProgress } from '../support/index.ts';
import { operandsOf, type VectorCase } from './case.ts';
import { digestOf, expectedOf } from './cases.ts';
import { type Difference, firstDifference } from './compare.ts';
import { fewestParams, programOf, type Use, type UsesProgram, weightParams } from './program.ts';

/** What became of one case. `stale` = the reference itself no longer gives the committed digest. */
export type Outcome =
  | { readonly status: 'passed' }
  | { readonly status: 'refused'; readonly reason: string }
  | { readonly status: 'failed'; readonly kind: FailureKind; readonly reason: string; readonly difference?: Difference };

export type FailureKind = 'mismatch' | 'stale' | 'error' | 'timeout' | 'protocol' | 'crash' | 'accepted';

export interface CaseResult {
  readonly case: VectorCase;
  readonly outcome: Outcome;
}

/** Cases with the digests that are committed for them, and how far the run is. */
export interface RunOptions {
  readonly digests?: ReadonlyMap<string, string>;
  readonly progress?: Progress;
}

/** Nodes of one program: enough to spare compilations, few enough for the size limits of an engine. */
const BATCH_SHAPES = 24;

/** Shape classes that are compiled together, each with its cases. */
type Batch = readonly (readonly VectorCase[])[];

const batchesOf = (cases: readonly VectorCase[]): readonly Batch[] => {
  const byShape = new Map<string, VectorCase[]>();
  for (const c of cases) {
    const key = `${c.shape.op}/${c.shape.name}`;
    const list = byShape.get(key);
    if (list === undefined) byShape.set(key, [c]);
    else list.push(c);
  }
  const shapes = [...byShape.values()];
  return Array.from({ length: Math.ceil(shapes.length / BATCH_SHAPES) }, (_, i) => shapes.slice(i * BATCH_SHAPES, (i + 1) * BATCH_SHAPES));
};

/** Thrown inside a batch: it is then split to find the use that is at fault. */
class BatchError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.code} ${d.message}`).join('; '));
    this.diagnostics = diagnostics;
  }
}

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

const compile = async (backend: Backend, { program }: UsesProgram): Promise<AsyncExecutable> => {
  const compiled = await compileAny(backend, program);
  if (!compiled.ok) throw new BatchError(compiled.diagnostics);
  return compiled.value;
};

const runUses = async (
  executable: AsyncExecutable,
  { inputs }: UsesProgram,
  uses: readonly Use[],
): Promise<readonly (readonly Tensor[])[]> => {
  const flat = await executable.run(inputs.map(({ use, operand }) => at(at(uses, use).operands, operand)));
  let next = 0;
  return uses.map(({ shape }) => flat.slice(next, (next += shape.results.length)));
};

/** Compares what a backend gave with the reference, and the reference with the committed digest. */
export const judgeResults = (
  c: VectorCase,
  operands: readonly Tensor[],
  got: readonly Tensor[],
  digests: RunOptions['digests'],
): Outcome => {
  const wanted = expectedOf(c, operands);
  const difference = firstDifference(got, wanted);
  if (difference !== undefined) return { status: 'failed', kind: 'mismatch', reason: 'results differ from the reference', difference };
  const committed = digests?.get(c.id);
  const digest = digestOf(wanted);
  return committed === undefined || committed === digest
    ? { status: 'passed' }
    : { status: 'failed', kind: 'stale', reason: `the reference gives digest ${digest} but ${committed} is committed` };
};

/** Runs a batch: round r runs case r of every shape class, in one call of the executable. */
const runBatch = async (backend: Backend, batch: Batch, digests: RunOptions['digests']): Promise<CaseResult[]> => {
  const useOf = (c: VectorCase, isParam: (shape: VectorCase['shape']) => Use['isParam']): Use => ({
    shape: c.shape,
    operands: operandsOf(c),
    isParam: isParam(c.shape),
  });
  const rounds = batch.reduce((n, cases) => Math.max(n, cases.length), 0);
  const results: CaseResult[] = [];
  const firstUses = batch.map((cases) => useOf(at(cases, 0), fewestParams));
  const program = programOf('conformance', firstUses);
  const executable = await compile(backend, program);
  for (let round = 0; round < rounds; round++) {
    const uses = batch.map((cases, i) => (round === 0 || round >= cases.length ? at(firstUses, i) : useOf(at(cases, round), fewestParams)));
    (await runUses(executable, program, uses)).forEach((got, i) => {
      const c = batch[i]?.[round];
      if (c !== undefined) results.push({ case: c, outcome: judgeResults(c, at(uses, i).operands, got, digests) });
    });
  }
  executable.close?.();
  // once more with weights as parameters, which backends pack and fold at compile time
  const weighted = batch.map((cases) => useOf(at(cases, 0), weightParams));
  const weightedProgram = programOf('conformance', weighted);
  if (weightedProgram.inputs.length === program.inputs.length) return results;
  const weightedExecutable = await compile(backend, weightedProgram);
  (await runUses(weightedExecutable, weightedProgram, weighted)).forEach((got, i) => {
    const c = at(at(batch, i), 0);
    const outcome = judgeResults(c, at(weighted, i).operands, got, digests);
    const index = results.findIndex((r) => r.case === c);
    if (outcome.status === 'failed' && at(results, index).outcome.status === 'passed') {
      results[index] = { case: c, outcome: { ...outcome, reason: `${outcome.reason} (with weights as parameters)` } };
    }
  });
  weightedExecutable.close?.();
  return results;
};

const outcomeOfError = (error: unknown): Outcome => {
  if (error instanceof BatchError && error.diagnostics.every((d) => d.code === 'BKD0002'))
    return { status: 'refused', reason: error.message };
  const known = error instanceof BatchError || error instanceof MrlError;
  return { status: 'failed', kind: 'error', reason: known ? messageOf(error) : `stopped: ${messageOf(error)}` };
};

/** Runs a batch; when it fails as a whole, its halves, down to the shape class and the case that are at fault. */
const runSplitting = async (backend: Backend, batch: Batch, digests: RunOptions['digests']): Promise<CaseResult[]> => {
  const all = async (parts: readonly Batch[]): Promise<CaseResult[]> => {
    const results: CaseResult[] = [];
    for (const part of parts) results.push(...(await runSplitting(backend, part, digests)));
    return results;
  };
  try {
    return await runBatch(backend, batch, digests);
  } catch (error) {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      if (only.length === 1) return only.map((c) => ({ case: c, outcome: outcomeOfError(error) }));
      const half = Math.ceil(only.length / 2);
      return all([[only.slice(0, half)], [only.slice(half)]]);
    }
    const half = Math.ceil(batch.length / 2);
    return all([batch.slice(0, half), batch.slice(half)]);
  }
};

/** Runs cases on a backend that is ready (`loadBackend`) and compares with the reference and with the committed digests. */
export const runCases = async (
  backend: Backend,
  cases: readonly VectorCase[],
  options: RunOptions = {},
): Promise<readonly CaseResult[]> => {
  const { digests, progress = silentProgress } = options;
  let done = 0;
  const all: CaseResult[] = [];
  for (const batch of batchesOf(cases)) {
    progress.step(backend.name, done, cases.length, batch[0]?.[0]?.shape.op);
    const results = await runSplitting(backend, batch, digests);
    done += results.length;
    progress.step(backend.name, done, cases.length, batch[0]?.[0]?.shape.op);
    all.push(...results);
  }
  return all;
};

/** Runs one case on a backend that is ready. */
export const runCase = async (backend: Backend, c: VectorCase, options: RunOptions = {}): Promise<Outcome> =>
  at(await runCases(backend, [c], options), 0).outcome;
