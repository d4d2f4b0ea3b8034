import type { Tensor } from '../../../ir/index.ts';
import { diagnostic, type Diagnostic, fail, invariant, ok, type Result, unwrap } from '../../../support/index.ts';
import type { Executable } from '../../backend.ts';
import { PAGE_BYTES } from '../simd/index.ts';
import { allocateMemory, type Memory } from './runtime/engine.ts';
import type { ProgramInfo } from './runtime/program-info.ts';
import { Session, type SessionParts } from './runtime/session.ts';

/** What keeping a program gave: the key that finds it, absent when it is not kept, and what is to be told. */
export interface KeepResult {
  readonly key: string | undefined;
  readonly warnings: readonly Diagnostic[];
}

export interface ExecutableParts extends Omit<SessionParts, 'allocate'> {
  /** @throws {MrlError} IR0010 when tensors do not fit the inputs */
  readonly check: (inputs: readonly Tensor[]) => readonly Tensor[];
  readonly warnings?: readonly Diagnostic[];
  /** Keeps the program for later processes, given the bytes that no run changes. */
  readonly keep?: (image: Uint8Array) => KeepResult;
}

/** The memory of a program, empty. */
export const memoryOf = ({ pages, shared }: ProgramInfo): Result<Memory> => {
  const memory = allocateMemory(pages, shared);
  return memory === undefined ? fail(diagnostic('BKD0003', `this machine does not give ${pages} pages of 64 KiB`)) : ok(memory);
};

/** @throws nothing: a machine that has no workers runs on the caller's thread, with a warning */
export const createExecutable = (parts: ExecutableParts): Executable => {
  const { info, check, keep } = parts;
  const session = new Session({ ...parts, allocate: () => unwrap(memoryOf(info)) });
  const told = [...(parts.warnings ?? [])];
  let closed = false;
  /** Tensors in their places. */
  const accepted = (inputs: readonly Tensor[]): readonly Tensor[] => {
    invariant(!closed, 'an executable runs after it was closed');
    return check(inputs);
  };
  const keepIt = (keepImage: (image: Uint8Array) => KeepResult): string | undefined => {
    const { key, warnings } = keepImage(session.image());
    told.push(...warnings);
    return key;
  };
  return {
    run: (inputs) => session.run(accepted(inputs)),
    // views of shared memory are not what callers expect: many functions of the platform refuse them
    ...(info.shared ? {} : { look: (inputs: readonly Tensor[]) => session.look(accepted(inputs)) }),
    profile: (inputs) => session.profile(accepted(inputs)),
    memory: { parameters: info.image.bytes, arena: info.pages * PAGE_BYTES - info.image.bytes },
    get warnings() {
      const lost = session.warnings.map(({ code, message, help }) => diagnostic(code, message, { severity: 'warning', notes: [help] }));
      return [...told, ...lost];
    },
    ...(keep === undefined ? {} : { keep: () => keepIt(keep) }),
    close: () => {
      closed = true;
      session.close();
    },
  };
};
