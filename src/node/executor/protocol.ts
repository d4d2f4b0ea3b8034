import type { PackedRequest } from './ready-model.ts';

/** Where a worker is told what it is. */
export interface WorkerStart {
  /** Name of its backend. */
  readonly backend: string;
  readonly threads: number;
  readonly selfTest: boolean;
}

/** Where the bytes of a package are. */
export type PackageAt = { readonly path: string } | { readonly bytes: Uint8Array };

/** What a worker is asked, one thing at a time; `drop` and `start` get no answer of their own. */
export type Request =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  | { readonly kind: 'load'; readonly model: string; readonly from: PackageAt }
  | { readonly kind: 'run'; readonly model: string; readonly requests: readonly PackedRequest[] }
  | { readonly kind: 'drop'; readonly model: string };

/** The result of one inference. */
export type Ran =
  | { readonly output: Uint8Array; readonly ms: number }
  | { readonly reason: string; readonly ms: number }
  /** This node's trouble. */
  | { readonly trouble: string };

export type Answer =
  | { readonly kind: 'ready' }
  /** It cannot work at all: there is no such backend. */
  | { readonly kind: 'useless'; readonly reason: string }
  /** @param bytes - that the model holds now */
  | { readonly kind: 'loaded'; readonly bytes: number; readonly ms: number }
  | { readonly kind: 'unavailable'; readonly what: string }
  | { readonly kind: 'ran'; readonly results: readonly Ran[] };
