import { OP_NAMES, type OpName } from '../ir/index.ts';
import { closest, diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { Backend, SupportStatus } from './backend.ts';
import { referenceBackend, wasmBackend } from './cpu/index.ts';

export type { Backend, Capability, Executable, SupportStatus } from './backend.ts';

/** Every backend, the default first. */
export const BACKENDS: readonly Backend[] = [wasmBackend, referenceBackend];

/** The backend of this name, before its `prepare`. */
export const backendByName = (name: string): Backend | undefined => BACKENDS.find((b) => b.name === name);

/** The backend of this name, ready to compile; BKD0001 when there is none. */
export const loadBackend = async (name: string): Promise<Result<Backend>> => {
  const backend = backendByName(name);
  if (backend === undefined) {
    const names = BACKENDS.map((b) => b.name);
    const near = closest(name, names);
    const notes = [...(near === undefined ? [] : [`Did you mean ${near}?`]), `Backends: ${names.join(', ')}.`];
    return fail(diagnostic('BKD0001', `there is no backend ${name}`, { notes }));
  }
  await backend.prepare?.();
  return ok(backend);
};

/** One cell of the support matrix. */
export interface SupportRow {
  readonly backend: string;
  readonly op: OpName;
  readonly status: SupportStatus;
  readonly reason?: string;
}

/** Every op on every backend, in opcode order: the data of docs/support-matrix.md. */
export const supportRows = (): readonly SupportRow[] =>
  OP_NAMES.flatMap((op) =>
    BACKENDS.map((backend): SupportRow => {
      const reason = backend.refusal(op);
      return { backend: backend.name, op, status: backend.support(op), ...(reason === undefined ? {} : { reason }) };
    }),
  );
