import { type Backend, compileAny } from '../../backends/index.ts';
import { ProgramBuilder } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';

/**
 * Why this machine can run nothing on a backend that needs more than this process, such as a compiler or a device: told once, where else
 * every program would fail. Takes as long as compiling a small program.
 */
export const machineProblems = async (backend: Backend): Promise<readonly Diagnostic[]> => {
  if (backend.onRequest !== true) return [];
  const b = new ProgramBuilder('probe');
  b.output('y', b.emit('reshape', [b.input('x', { dtype: 'i32', shape: [1] })], { shape: [1, 1] }));
  const compiled = await compileAny(backend, b.finish());
  if (!compiled.ok) return compiled.diagnostics.filter((d) => /^(NAT|GPU)/.test(d.code));
  compiled.value.close?.();
  return [];
};
