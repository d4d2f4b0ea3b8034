import type { ByteSource } from '../../support/index.ts';
import type { ObjectSource } from '../executor/engine.ts';
import type { Given, HeldDraft, Referenced, StorePolicy } from './policy.ts';

/** A package that is on its way; what is there of it outlives the process where the store is on disk. */
export interface PackageDraft {
  /** SHA-256 of the root of the package. */
  readonly hash: Uint8Array;
  /** Bytes of the whole. */
  readonly size: number;
  /** Ranges that are there, ascending, as [from, to). */
  readonly present: () => readonly (readonly [number, number])[];
  /** Keeps bytes at an offset. Rejects with `StoreFull` where the disk or the limit of the store is reached: nothing is lost. */
  readonly write: (offset: number, bytes: Uint8Array) => Promise<void>;
  /** Bytes that are there, for transports that send before they have all. Fewer where a gap begins. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  /** Checks the whole against the hash, and makes it a package of the store. @returns why it is refused; a refused draft is dropped */
  readonly finish: () => Promise<string | undefined>;
  /** Leaves it as it is, to go on later. */
  readonly close: () => Promise<void>;
  /** Forgets it. */
  readonly drop: () => Promise<void>;
}

export interface StoredPackage {
  readonly hash: Uint8Array;
  readonly size: number;
  readonly pinned: boolean;
}

/** What a node keeps by the SHA-256 that names it on chain. What is read is checked. */
export interface ObjectStore extends ObjectSource {
  /** Keeps a package under its model hash. @returns the hash, or why it is no package */
  readonly putPackage: (bytes: Uint8Array) => Promise<Uint8Array | string>;
  /** Keeps an input under the hash of its bytes. */
  readonly putInput: (bytes: Uint8Array) => Promise<Uint8Array>;
  /** Begins a package, or goes on with one. @returns undefined where a package with this hash is there; a string: why it is not taken */
  readonly draft: (hash: Uint8Array, size: number) => Promise<PackageDraft | string | undefined>;
  readonly packages: () => Promise<readonly StoredPackage[]>;
  readonly remove: (hash: Uint8Array) => Promise<boolean>;
  readonly pin: (hash: Uint8Array, pinned: boolean) => Promise<boolean>;
}

export interface StoreUsage {
  /** Bytes of packages, inputs and drafts; a draft counts with its whole size. */
  readonly bytes: number;
  /** Infinity: no limit. */
  readonly limitBytes: number;
  readonly packages: number;
  readonly inputs: number;
  readonly drafts: number;
}

/** A store whose node decides what it keeps. */
export interface ManagedStore extends ObjectStore {
  readonly policy: StorePolicy;
  /** Whether a package is here; unlike asking for it, this is no use of it. */
  readonly has: (hash: Uint8Array) => Promise<boolean>;
  /** Checks a package that was found damaged, and sets its file aside if it is. @returns whether it was */
  readonly suspect: (hash: Uint8Array) => Promise<boolean>;
  /** Says which packages the chain names; before, none is given up for not being named. */
  readonly setReferences: (referenced: Referenced) => void;
  /** Gives up what the policy, the chain and time say. @returns what went */
  readonly collect: () => Promise<readonly Given[]>;
  readonly usage: () => StoreUsage;
  readonly drafts: () => readonly HeldDraft[];
}

/** A package that a node lacks. */
export interface Wanted {
  readonly hash: Uint8Array;
  readonly size: number;
  /** Where others say that it is: URLs, multiaddresses, magnet links. Anyone may have written them. */
  readonly hints: readonly string[];
}

/**
 * A way for packages to come from and go to other nodes. It is trusted with nothing: a draft is checked when it is finished, and what
 * comes is bounded by the size that the chain says.
 */
export interface Transport {
  readonly name: string;
  /**
   * Bytes of the file of a package, as a peer says: the chain knows only what its plain parameters take. Undefined: no peer has it.
   * Where this is left out, the size that is wanted is taken to be that of the file.
   */
  readonly sizeOf?: (wanted: Wanted, signal: AbortSignal) => Promise<number | undefined>;
  /** Lets others fetch a package. @returns hints that lead here */
  readonly offer: (hash: Uint8Array, file: ByteSource) => Promise<readonly string[]>;
  /** Ends an offer. */
  readonly withdraw: (hash: Uint8Array) => Promise<void>;
  /**
   * Brings what a draft lacks. Rejects with an `Error` that tells why when no peer has it, when peers lie, or when the signal says so;
   * what came until then stays in the draft.
   */
  readonly fetch: (wanted: Wanted, draft: PackageDraft, signal: AbortSignal) => Promise<void>;
  readonly close: () => Promise<void>;
}
