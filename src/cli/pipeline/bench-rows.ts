import { type Backend, backendByName, type Executable, loadBackend, type MemoryUse, type Peak } from '../../backends/index.ts';
import type { Program, Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { optionValue, rowLeftOut } from '../diagnostics.ts';
import { batchedProgram, splitResults, stackSamples } from './batches.ts';
import { isaProblems, threadsProblems } from './compile-for-run.ts';

/** What a row of the table stands for. */
export interface RowSpec {
  readonly backend: string;
  readonly isa: string | undefined;
  readonly threads: number;
  readonly batch: number;
}

/** `native avx2, 2 threads, batch 8` */
export const rowName = ({ backend, isa, threads, batch }: RowSpec): string =>
  `${isa === undefined ? backend : `${backend} ${isa}`}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, batch ${batch}`;

/** A row that is ready to be timed. */
export interface Row extends RowSpec {
  readonly executable: Executable;
  /** Inputs of each run that a batch takes: one, or one for each sample. */
  readonly inputs: readonly (readonly Tensor[])[];
  readonly compileMs: number;
  readonly memory: MemoryUse | undefined;
  readonly peak: Peak | undefined;
}

export interface Matrix {
  readonly backends: readonly string[];
  readonly isas: readonly string[];
  readonly threads: readonly number[];
  readonly batches: readonly number[];
}

export const MOST_BATCH = 4096;

/** `1,2` and repeated options -> numbers. */
const numbers = (option: string, words: readonly string[], most: number): Result<readonly number[]> => {
  const list = words.flatMap((w) => w.split(',')).map((w) => w.trim());
  const wrong = list.filter((w) => !/^\d+$/.test(w) || Number(w) < 1 || Number(w) > most);
  return wrong.length > 0
    ? fail(optionValue(option, `is ${wrong.join(', ')} but takes whole numbers from 1 to ${most}, such as 1,2`))
    : ok([...new Set(list.map(Number))]);
};

export interface MatrixArgs {
  readonly backend: readonly string[];
  readonly isa?: readonly string[] | undefined;
  readonly threads: readonly string[];
  readonly batch: readonly string[];
}

const words = (list: readonly string[]): readonly string[] => [...new Set(list.flatMap((w) => w.split(',')).map((w) => w.trim()))];

/** Reads the lists of the command line; all problems. Errors: BKD0001, CLI1003, CLI1005. */
export const readMatrix = async (args: MatrixArgs): Promise<Result<Matrix>> => {
  const problems: Diagnostic[] = [];
  const take = <T>(result: Result<readonly T[]>): readonly T[] => {
    if (!result.ok) problems.push(...result.diagnostics);
    return result.ok ? result.value : [];
  };
  const threads = take(numbers('threads', args.threads, 256));
  problems.push(...threads.flatMap(threadsProblems));
  const batches = take(numbers('batch', args.batch, MOST_BATCH));
  const backends = words(args.backend);
  const isas = words(args.isa ?? []);
  for (const name of backends) {
    const backend = await loadBackend(name);
    if (!backend.ok) problems.push(...backend.diagnostics);
  }
  const known = backends.flatMap((name) => backendByName(name) ?? []);
  // an instruction set that one of the backends has is left out for the others
  for (const isa of isas) {
    const each = known.map((b) => isaProblems(b, isa));
    if (each.length > 0 && each.every((p) => p.length > 0)) problems.push(...at(each, each.length - 1));
  }
  return problems.length > 0 ? fail(...problems) : ok({ backends, isas, threads, batches });
};

/** The rows of a matrix: backends, then instruction sets, threads and batches. */
export const rowSpecs = ({ backends, isas, threads, batches }: Matrix): readonly RowSpec[] =>
  backends.flatMap((backend) => {
    const own = isas.filter((isa) => backendByName(backend)?.isas?.includes(isa) === true);
    const sets: readonly (string | undefined)[] = own.length > 0 ? own : [undefined];
    return sets.flatMap((isa) => threads.flatMap((t) => batches.map((batch) => ({ backend, isa, threads: t, batch }))));
  });

/** What rows of one benchmark share. */
export interface Bench {
  readonly program: Program;
  /** Inputs of as many samples as the greatest batch has. */
  readonly samples: readonly (readonly Tensor[])[];
  readonly now: () => number;
  readonly peaks: Map<string, Peak | undefined>;
}

const peakOf = (backend: Backend, isa: string | undefined, peaks: Map<string, Peak | undefined>): Peak | undefined => {
  const key = `${backend.name} ${isa ?? ''}`;
  if (!peaks.has(key)) peaks.set(key, backend.peak?.(isa));
  return peaks.get(key);
};

/** Compiles a row. Why it cannot be measured comes as a warning. */
export const prepareRow = async (
  spec: RowSpec,
  { program, samples, now, peaks }: Bench,
): Promise<{ readonly row?: Row; readonly warnings: readonly Diagnostic[] }> => {
  const name = rowName(spec);
  const backend = await loadBackend(spec.backend);
  if (!backend.ok) return { warnings: backend.diagnostics.map((d) => rowLeftOut(name, d)) };
  const batched = batchedProgram(program, spec.batch);
  const started = now();
  const compiled = backend.value.compile(batched.program, {
    threads: spec.threads,
    ...(spec.isa === undefined ? {} : { isa: spec.isa }),
  });
  const compileMs = now() - started;
  if (!compiled.ok) return { warnings: compiled.diagnostics.map((d) => rowLeftOut(name, d)) };
  const taken = samples.slice(0, spec.batch);
  return {
    row: {
      ...spec,
      executable: compiled.value,
      inputs: batched.samples === 1 ? taken : [stackSamples(taken)],
      compileMs,
      memory: compiled.value.memory,
      peak: peakOf(backend.value, spec.isa, peaks),
    },
    warnings: [...batched.warnings, ...(compiled.value.warnings ?? [])],
  };
};

/** The results of the first sample of a row, to be compared with those of other rows. */
export const firstResults = ({ executable, inputs, batch }: Row): readonly Tensor[] => {
  const results = executable.run(at(inputs, 0));
  return inputs.length === 1 ? at(splitResults(results, batch), 0) : results;
};
