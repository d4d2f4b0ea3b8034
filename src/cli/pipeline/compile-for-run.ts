import { asAsync, type AsyncExecutable, type Backend, backendByName, type Executable, loadBackend } from '../../backends/index.ts';
import { type Program, programCost } from '../../ir/index.ts';
import { type Code, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { choiceUnknown, optionsConflict, optionValue, ranElsewhere } from '../diagnostics.ts';
import { threadsForCost } from './thread-count.ts';

/** What the command line says about how a program runs. The bytes depend on none of it. */
export interface ExecutionRequest {
  readonly backend: string;
  /** Take the next best where the backend cannot compile here. */
  readonly fallback: boolean;
  /** Threads that were asked for; chosen by the work when absent. */
  readonly threads?: number | undefined;
  readonly isa?: string | undefined;
  /** Test each op before its first use. */
  readonly selfTest: boolean;
}

/** A program, ready to run, and what it took to get there. */
export interface CompiledRun {
  readonly backend: Backend;
  readonly executable: AsyncExecutable;
  /** Of a backend that tells the time of its steps. */
  readonly profile?: Executable['profile'];
  readonly threads: number;
  readonly isa: string | undefined;
  /** Opens it again in another process, when it has passed the self-test and is kept. */
  readonly handle: string | undefined;
  /** What works, but less well than asked; after the runs, since threads may be lost in them. */
  readonly warnings: () => readonly Diagnostic[];
}

/** Where a program goes whose backend cannot compile on this machine. */
const SUBSTITUTES: Readonly<Partial<Record<string, string>>> = { cuda: 'wasm', native: 'wasm', webgpu: 'wasm', gpujs: 'wasm' };

export const MOST_THREADS_ASKED = 256;

/** Says what is wrong with --threads; all problems. */
export const threadsProblems = (threads: number | undefined): readonly Diagnostic[] =>
  threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS_ASKED)
    ? []
    : [optionValue('threads', `is ${threads} but takes a whole number from 1 to ${MOST_THREADS_ASKED}`)];

/** Checks --isa against what the backend offers. Errors: CLI1003, CLI1005. */
export const isaProblems = (backend: Backend, isa: string | undefined): readonly Diagnostic[] => {
  if (isa === undefined) return [];
  const { isas, name } = backend;
  if (isas === undefined || isas.length === 0)
    return [optionsConflict(`--isa is given, but backend ${name} has one instruction set only`, 'Leave it out, or use --backend native.')];
  return isas.includes(isa) ? [] : [choiceUnknown('isa', isa, isas)];
};

/** Problems of a machine and not of a program: another way to run it may do. */
const isOfMachine = (code: Code): boolean => /^(NAT|GPU|BKD000[345]$)/.test(code);

/** One way to run a program. */
interface Attempt {
  readonly backend: string;
  readonly isa: string | undefined;
}

const attemptsFor = ({ backend, isa, fallback }: ExecutionRequest): readonly Attempt[] => {
  const substitute = SUBSTITUTES[backend];
  return [
    { backend, isa },
    ...(fallback && isa !== undefined ? [{ backend, isa: undefined }] : []),
    ...(fallback && substitute !== undefined ? [{ backend: substitute, isa: undefined }] : []),
  ];
};

const describe = ({ backend, isa }: Attempt): string => (isa === undefined ? backend : `${backend} with ${isa}`);

/** Checks a request before any work. Errors: BKD0001, CLI1003, CLI1005. */
export const checkRequest = async ({ backend, threads, isa }: ExecutionRequest): Promise<Result<undefined>> => {
  const known = backendByName(backend);
  if (known === undefined) {
    const missing = await loadBackend(backend);
    return missing.ok ? ok(undefined) : missing;
  }
  const problems = [...threadsProblems(threads), ...isaProblems(known, isa)];
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};

/** Compiles for one way to run, or finds what was kept. Whether a kept one was tested was seen to when it was kept. */
const compileAttempt = async (
  program: Program,
  { backend: name, isa }: Attempt,
  threads: number,
  selfTest: boolean,
): Promise<Result<CompiledRun>> => {
  const options = { threads, ...(isa === undefined ? {} : { isa }) };
  const known = backendByName(name);
  const kept = known?.recall?.(program, options);
  const common = { threads, isa };
  if (known !== undefined && kept !== undefined)
    return ok({ ...common, backend: known, ...synchronous(kept), handle: kept.keep?.(), warnings: () => kept.warnings ?? [] });
  const loaded = await loadBackend(name, { selfTest });
  if (!loaded.ok) return loaded;
  const { value: backend } = loaded;
  if (backend.compileAsync === undefined) {
    const compiled = backend.compile(program, options);
    if (!compiled.ok) return compiled;
    const { value: executable } = compiled;
    // an executable that comes back later is not tested again
    const handle = selfTest ? executable.keep?.() : undefined;
    return ok({ ...common, backend, ...synchronous(executable), handle, warnings: () => executable.warnings ?? [] });
  }
  const compiled = await backend.compileAsync(program, options);
  if (!compiled.ok) return compiled;
  const { value: executable } = compiled;
  return ok({ ...common, backend, executable, handle: undefined, warnings: () => executable.warnings ?? [] });
};

const synchronous = (executable: Executable): Pick<CompiledRun, 'executable' | 'profile'> => ({
  executable: asAsync(executable),
  ...(executable.profile === undefined ? {} : { profile: executable.profile }),
});

/**
 * Compiles a checked request. Where this machine does not allow it, the problem becomes a warning and the next best way is taken:
 * another instruction set of the same backend, then another backend; the bytes are the same.
 * Errors: those of the last way.
 * @param runs - how often it is going to run
 */
export const compileForRun = async (program: Program, request: ExecutionRequest, runs: number): Promise<Result<CompiledRun>> => {
  const threads = request.threads ?? threadsForCost(programCost(program) * runs);
  const warnings: Diagnostic[] = [];
  const attempts = attemptsFor(request);
  for (const [i, attempt] of attempts.entries()) {
    const compiled = await compileAttempt(program, attempt, threads, request.selfTest);
    if (compiled.ok) {
      const { warnings: own } = compiled.value;
      return ok({ ...compiled.value, warnings: () => [...warnings, ...own()] });
    }
    const next = attempts[i + 1];
    if (next === undefined || !compiled.diagnostics.every((d) => isOfMachine(d.code))) return fail(...warnings, ...compiled.diagnostics);
    warnings.push(...compiled.diagnostics.map((d) => ranElsewhere(d, describe(attempt), describe(next))));
  }
  return fail(...warnings);
};
