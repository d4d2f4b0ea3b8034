import type { Caller } from '../caller.ts';
import type { DevNode } from '../node.ts';

/** One method of the RPC. Throws `RpcError`. */
export type Method = (node: DevNode, params: readonly unknown[], caller: Caller) => unknown;
