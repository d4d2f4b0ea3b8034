import { canonicalPieces, paramDigest, type Program, type Tensor, type ValueId } from '../../../ir/index.ts';
import { invariant, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { CompileOptions, Executable } from '../../backend.ts';
import { planProgram } from '../../plan/index.ts';
import { lowerProgram, writeFunctions } from '../simd/index.ts';
import { CModule } from './c-module.ts';
import { type Cache, sharedCache } from '../cache/cache.ts';
import { type ParameterBytes, storeParameters } from '../cache/parameters.ts';
import { executableOf } from './executable.ts';
import { openLibrary } from './host.ts';
import { handleOf } from './kept.ts';
import { buildLibrary } from './library.ts';
import { type ProgramSource, programSource } from './program-source.ts';
import { nativeRows } from './rows.ts';
import { librarySources } from './sources.ts';
import { isEmulating } from './toolchain-levels.ts';

export interface NativeOptions extends CompileOptions {
  /** Runs an instruction set that this processor lacks on what it has: for tests. */
  readonly emulate?: boolean;
  readonly cache?: Cache;
}

/** A program as C, and the parameters that its file holds. */
export interface GeneratedProgram extends ProgramSource {
  readonly tensors: ReadonlyMap<ValueId, Tensor>;
}

/** Lowers a program and prints it as C for up to so many threads. */
export const generateProgram = (source: Program, threads: number): Result<GeneratedProgram> => {
  const module = new CModule();
  const rows = nativeRows(module);
  const plan = planProgram(source, rows.has);
  if (!plan.ok) return plan;
  const lowered = lowerProgram(plan.value, module, rows, threads);
  if (!lowered.ok) return lowered;
  const functions = writeFunctions(lowered.value);
  const code = module.text();
  const printed = programSource(lowered.value, functions, code, sha256Hex(code));
  const tensors = new Map(plan.value.program.params.map((p) => [p.value, p.tensor] as const));
  return ok({ ...printed, tensors });
};

/** The parameters as the cache writes them. */
export const parameterBytes = ({ parameters, tensors }: GeneratedProgram): readonly ParameterBytes[] =>
  parameters.map(({ value, offset, bytes }) => {
    const tensor = tensors.get(value);
    invariant(tensor !== undefined, 'a stored parameter is a parameter of the program');
    return { digest: paramDigest(tensor), offset, sizeBytes: bytes, chunks: () => canonicalPieces(tensor) };
  });

/** Compiles a program with the system's C compiler and opens it in this process. Errors: IR0008, BKD0002, BKD0003, NAT… */
export const compileProgram = (source: Program, options: NativeOptions = {}): Result<Executable> => {
  const { threads = 1, isa, emulate = isEmulating(), cache = sharedCache() } = options;
  const generated = generateProgram(source, threads);
  if (!generated.ok) return generated;
  const library = buildLibrary(librarySources(generated.value.text), { level: isa, emulate, cache });
  if (!library.ok) return library;
  const stored =
    generated.value.parameterBytes === 0
      ? undefined
      : storeParameters(cache, parameterBytes(generated.value), generated.value.parameterBytes);
  if (stored !== undefined && !stored.ok) return stored;
  const opened = openLibrary(library.value.path, stored?.value.path, { threads, level: library.value.level });
  return opened.ok ? ok(executableOf(opened.value, handleOf(library.value.key, stored?.value.key), cache.takeWarnings())) : opened;
};
