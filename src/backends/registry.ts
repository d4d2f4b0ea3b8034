import { OP_NAMES, type OpName } from '../ir/index.ts';
import { closest, diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { Backend, SupportStatus } from './backend.ts';
import { nativeBackend, referenceBackend, wasmBackend } from './cpu/index.ts';
import { fpgaSimBackend } from './fpga/index.ts';
import { cudaBackend, gpujsBackend, hipBackend, webgpuBackend } from './gpu/index.ts';
import { SELF_TEST_DIGESTS } from './self-test-digests.ts';
import { type SelfTestedBackend, withSelfTest } from './self-test.ts';
import { verdictStore } from './verdicts.ts';

/** Every backend, the default first. */
export const BACKENDS: readonly Backend[] = [
  wasmBackend,
  nativeBackend,
  referenceBackend,
  cudaBackend,
  hipBackend,
  webgpuBackend,
  gpujsBackend,
  fpgaSimBackend,
];

/** Those that compile in this process, in milliseconds: what is used when nobody names one. */
export const IMMEDIATE_BACKENDS: readonly Backend[] = BACKENDS.filter((b) => b.onRequest !== true);

/** The backend of this name, before its `prepare`. */
export const backendByName = (name: string): Backend | undefined => BACKENDS.find((b) => b.name === name);

/** Each op is tested once on a machine, as far as that can be kept, else once in a process: what is known is kept here. */
const tested: ReadonlyMap<string, SelfTestedBackend> = new Map(
  BACKENDS.map((b) => [b.name, withSelfTest(b, SELF_TEST_DIGESTS, (circumstances) => verdictStore(b.name, { circumstances }))]),
);

/** Backends whose programs, those of the self-test as well, run in a process of their own. */
const apart: ReadonlyMap<string, Backend> = new Map(
  BACKENDS.flatMap((b) => (b.compileApart === undefined ? [] : [[b.name, { ...b, compileAsync: b.compileApart }] as const])),
);
const testedApart: ReadonlyMap<string, Backend> = new Map(
  [...apart].map(([name, b]) => [name, withSelfTest(b, SELF_TEST_DIGESTS, () => undefined)]),
);

/** The backend of this name with its self-test, ready to compile; BKD0001 when there is none. */
export const loadTestedBackend = async (name: string): Promise<Result<SelfTestedBackend>> => {
  const backend = tested.get(name);
  if (backend === undefined) {
    const names = BACKENDS.map((b) => b.name);
    const near = closest(name, names);
    const notes = [...(near === undefined ? [] : [`Did you mean ${near}?`]), `Backends: ${names.join(', ')}.`];
    return fail(diagnostic('BKD0001', `there is no backend ${name}`, { notes }));
  }
  await backend.prepare?.();
  return ok(backend);
};

export interface LoadOptions {
  /** Test each op before its first use (the default). Off: whatever the engine computes is taken. */
  readonly selfTest?: boolean;
  /** In a process of its own: `compileAsync` is `compileApart`, where the backend has that. */
  readonly apart?: boolean;
}

/** The backend of this name, ready to compile; BKD0001 when there is none. */
export const loadBackend = async (
  name: string,
  { selfTest = true, apart: isApart = false }: LoadOptions = {},
): Promise<Result<Backend>> => {
  const backend = await loadTestedBackend(name);
  const own = isApart ? (selfTest ? testedApart : apart).get(name) : undefined;
  if (own !== undefined && backend.ok) return ok(own);
  return backend.ok && !selfTest ? ok(backendByName(name) ?? backend.value) : backend;
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
