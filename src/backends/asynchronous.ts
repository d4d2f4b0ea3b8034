import type { Program } from '../ir/index.ts';
import { ok, type Result } from '../support/index.ts';
import type { AsyncExecutable, Backend, CompileOptions, Executable } from './backend.ts';

/** A synchronous executable behind the interface of the others. */
export const asAsync = (executable: Executable): AsyncExecutable => ({
  // async: what `run` throws rejects
  run: async (inputs) => executable.run(inputs),
  ...(executable.memory === undefined ? {} : { memory: executable.memory }),
  get warnings() {
    return executable.warnings ?? [];
  },
  ...(executable.close === undefined ? {} : { close: executable.close }),
});

/** Compiles on a backend of either kind. */
export const compileAny = async (backend: Backend, program: Program, options?: CompileOptions): Promise<Result<AsyncExecutable>> => {
  if (backend.compileAsync !== undefined) return backend.compileAsync(program, options);
  const compiled = backend.compile(program, options);
  return compiled.ok ? ok(asAsync(compiled.value)) : compiled;
};
