import { readFixed } from '../fields.ts';
import type { Method } from './method.ts';

/** Where packages of this node are found by others. */
export const SHARING = {
  /** Multiaddresses, `ipfs://` names and magnet links of a package that this node offers; none when it does not. */
  cortex_packageHints: (node, [hash]) => Promise.resolve(node.sharing?.hints(readFixed(hash, 32, 'hash')) ?? []),
} as const satisfies Readonly<Record<string, Method>>;
