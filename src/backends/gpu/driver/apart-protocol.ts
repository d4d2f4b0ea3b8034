import type { Tensor } from '../../../ir/index.ts';
import type { Diagnostic } from '../../../support/index.ts';
import type { GpuProgram } from '../cuda/program.ts';
import type { DeviceInfo } from './device.ts';
import type { Platform } from './functions.ts';
import type { LaunchPlace } from './host.ts';

// What a process that runs a program and the one that asked for it say to each other: plain data, one answer to each request but `piece`.

/** A program without its texts and parameters; those follow in pieces. */
export interface ProgramStart {
  readonly program: GpuProgram;
  readonly images: readonly Uint8Array[];
  readonly timeoutMs: number;
  /** Kernels are run one after the other, each told before it starts. */
  readonly traced: boolean;
}

export type Request =
  | { readonly kind: 'device'; readonly platform: Platform }
  | { readonly kind: 'piece'; readonly part: number; readonly bytes: Uint8Array }
  | { readonly kind: 'open'; readonly start: ProgramStart }
  | { readonly kind: 'run'; readonly inputs: readonly Tensor[] };

export type Answer =
  | { readonly kind: 'device'; readonly device: DeviceInfo; readonly isFake: boolean }
  | { readonly kind: 'opened' }
  | { readonly kind: 'results'; readonly outputs: readonly Tensor[] }
  /** Diagnostics of an MrlError, else the text of what was thrown. */
  | { readonly kind: 'failed'; readonly diagnostics: readonly Diagnostic[]; readonly text: string };

/** Said besides answers: the kernel that starts next. */
export interface At {
  readonly kind: 'at';
  readonly place: LaunchPlace;
}
