import { asAsync, type AsyncExecutable, type Backend, backendByName, type Executable, loadBackend } from '../../backends/index.ts';
import { type Program, programCost } from '../../ir/index.ts';
import { type Code, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { choiceUnknown, optionsConflict, optionValue, ranElsewhere } from '../diagnostics.ts';
import { threadsForCost } from './thread-count.ts';

/** What the command line says about how a program runs. The bytes depend on none of it. */
export interface ExecutionRequest {
  readonly backend: string;
  /** Takes over where the backend cannot compile or run here; none when absent. */
  readonly fallback?: string | undefined;
  /** In a process of its own. */
  readonly apart?: boolean | undefined;
  /** Milliseconds that a run on a GPU may take. */
  readonly timeoutMs?: number | undefined;
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

/** Backends that need what a machine may not have; another one can take over. */
const DEPENDENT: ReadonlySet<string> = new Set(['cuda', 'hip', 'native', 'webgpu', 'gpujs', 'fpga-sim']);

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
export const isOfMachine = (code: Code): boolean => /^(NAT|GPU|FPG003[0-3]$|BKD000[345]$)/.test(code);

/** One way to run a program. */
interface Attempt {
  readonly backend: string;
  readonly isa: string | undefined;
}

/** The backend that takes over from another; undefined when none may. */
export const substituteOf = ({ backend, fallback }: ExecutionRequest): string | undefined =>
  DEPENDENT.has(backend) && fallback !== backend ? fallback : undefined;

const attemptsFor = (request: ExecutionRequest): readonly Attempt[] => {
  const { backend, isa, fallback } = request;
  const substitute = substituteOf(request);
  return [
    { backend, isa },
    ...(fallback !== undefined && isa !== undefined ? [{ backend, isa: undefined }] : []),
    ...(substitute !== undefined ? [{ backend: substitute, isa: undefined }] : []),
  ];
};

const describe = ({ backend, isa }: Attempt): string => (isa === undefined ? backend : `${backend} with ${isa}`);

const apartProblems = ({ name, compileApart }: Backend, isApart: boolean | undefined): readonly Diagnostic[] =>
  isApart === true && compileApart === undefined
    ? [optionsConflict(`--isolate is given, but backend ${name} runs in this process only`, 'Leave it out, or use --backend cuda or hip.')]
    : [];

/** Checks a request before any work. Errors: BKD0001, CLI1003, CLI1005. */
export const checkRequest = async ({ backend, fallback, threads, isa, apart }: ExecutionRequest): Promise<Result<undefined>> => {
  const known = backendByName(backend);
  const unknown = [backend, ...(fallback === undefined ? [] : [fallback])].find((name) => backendByName(name) === undefined);
  if (unknown !== undefined || known === undefined) {
    const missing = await loadBackend(unknown ?? backend);
    return missing.ok ? ok(undefined) : missing;
  }
  const problems = [...threadsProblems(threads), ...isaProblems(known, isa), ...apartProblems(known, apart)];
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};

/** Compiles for one way to run, or finds what was kept. Whether a kept one was tested was seen to when it was kept. */
const compileAttempt = async (
  program: Program,
  { backend: name, isa }: Attempt,
  threads: number,
  { selfTest, apart = false, timeoutMs }: ExecutionRequest,
): Promise<Result<CompiledRun>> => {
  const options = { threads, ...(isa === undefined ? {} : { isa }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const known = backendByName(name);
  const kept = known?.recall?.(program, options);
  const common = { threads, isa };
  if (known !== undefined && kept !== undefined)
    return ok({ ...common, backend: known, ...synchronous(kept), handle: kept.keep?.(), warnings: () => kept.warnings ?? [] });
  const loaded = await loadBackend(name, { selfTest, apart });
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
    const compiled = await compileAttempt(program, attempt, threads, request);
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
