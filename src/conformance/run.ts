import type { Backend, Executable } from '../backends/index.ts';
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

const compile = (backend: Backend, { program }: UsesProgram): Executable => {
  const compiled = backend.compile(program);
  if (!compiled.ok) throw new BatchError(compiled.diagnostics);
  return compiled.value;
};

const runUses = (executable: Executable, { inputs }: UsesProgram, uses: readonly Use[]): readonly (readonly Tensor[])[] => {
  const flat = executable.run(inputs.map(({ use, operand }) => at(at(uses, use).operands, operand)));
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
const runBatch = (backend: Backend, batch: Batch, digests: RunOptions['digests']): CaseResult[] => {
  const useOf = (c: VectorCase, isParam: (shape: VectorCase['shape']) => Use['isParam']): Use => ({
    shape: c.shape,
    operands: operandsOf(c),
    isParam: isParam(c.shape),
  });
  const rounds = batch.reduce((n, cases) => Math.max(n, cases.length), 0);
  const results: CaseResult[] = [];
  const firstUses = batch.map((cases) => useOf(at(cases, 0), fewestParams));
  const program = programOf('conformance', firstUses);
  const executable = compile(backend, program);
  for (let round = 0; round < rounds; round++) {
    const uses = batch.map((cases, i) => (round === 0 || round >= cases.length ? at(firstUses, i) : useOf(at(cases, round), fewestParams)));
    runUses(executable, program, uses).forEach((got, i) => {
      const c = batch[i]?.[round];
      if (c !== undefined) results.push({ case: c, outcome: judgeResults(c, at(uses, i).operands, got, digests) });
    });
  }
  // once more with weights as parameters, which backends pack and fold at compile time
  const weighted = batch.map((cases) => useOf(at(cases, 0), weightParams));
  const weightedProgram = programOf('conformance', weighted);
  if (weightedProgram.inputs.length === program.inputs.length) return results;
  runUses(compile(backend, weightedProgram), weightedProgram, weighted).forEach((got, i) => {
    const c = at(at(batch, i), 0);
    const outcome = judgeResults(c, at(weighted, i).operands, got, digests);
    const index = results.findIndex((r) => r.case === c);
    if (outcome.status === 'failed' && at(results, index).outcome.status === 'passed') {
      results[index] = { case: c, outcome: { ...outcome, reason: `${outcome.reason} (with weights as parameters)` } };
    }
  });
  return results;
};

const outcomeOfError = (error: unknown): Outcome => {
  if (error instanceof BatchError && error.diagnostics.every((d) => d.code === 'BKD0002'))
    return { status: 'refused', reason: error.message };
  const known = error instanceof BatchError || error instanceof MrlError;
  return { status: 'failed', kind: 'error', reason: known ? messageOf(error) : `stopped: ${messageOf(error)}` };
};

/** Runs a batch; when it fails as a whole, its halves, down to the shape class and the case that are at fault. */
const runSplitting = (backend: Backend, batch: Batch, digests: RunOptions['digests']): CaseResult[] => {
  try {
    return runBatch(backend, batch, digests);
  } catch (error) {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      if (only.length === 1) return only.map((c) => ({ case: c, outcome: outcomeOfError(error) }));
      const half = Math.ceil(only.length / 2);
      return [only.slice(0, half), only.slice(half)].flatMap((part) => runSplitting(backend, [part], digests));
    }
    const half = Math.ceil(batch.length / 2);
    return [batch.slice(0, half), batch.slice(half)].flatMap((part) => runSplitting(backend, part, digests));
  }
};

/** Runs cases on a backend that is ready (`loadBackend`) and compares with the reference and with the committed digests. */
export const runCases = (backend: Backend, cases: readonly VectorCase[], options: RunOptions = {}): readonly CaseResult[] => {
  const { digests, progress = silentProgress } = options;
  let done = 0;
  return batchesOf(cases).flatMap((batch) => {
    progress.step(backend.name, done, cases.length, batch[0]?.[0]?.shape.op);
    const results = runSplitting(backend, batch, digests);
    done += results.length;
    progress.step(backend.name, done, cases.length, batch[0]?.[0]?.shape.op);
    return results;
  });
};

/** Runs one case on a backend that is ready. */
export const runCase = (backend: Backend, c: VectorCase, options: RunOptions = {}): Outcome =>
  at(runCases(backend, [c], options), 0).outcome;
