import type { DataUnavailable } from '../evm/engine.ts';
import { EngineBusy } from '../executor/outcomes.ts';

/** An answer that says what was wrong (JSON-RPC 2.0 §5.1; codes of EIP-1474 and EIP-1193). */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export const parseError = (): RpcError => new RpcError(-32700, 'the request is no JSON');
export const invalidRequest = (detail: string): RpcError => new RpcError(-32600, detail);
export const unknownMethod = (method: string): RpcError => new RpcError(-32601, `the method ${method.slice(0, 80)} does not exist`);
export const invalidParams = (detail: string): RpcError => new RpcError(-32602, detail);
export const notFound = (what: string): RpcError => new RpcError(-32001, `${what} is not known`);
/** A transaction that cannot run. */
export const rejected = (reason: string): RpcError => new RpcError(-32003, reason);
export const limitExceeded = (detail: string): RpcError => new RpcError(-32005, detail);
/** This node lacks a file: ask again later. */
export const unavailable = (detail: string): RpcError => new RpcError(-32002, detail);
/** The same, as the engine says it: it may be busy, too. */
export const noResult = (error: DataUnavailable): RpcError => new RpcError(error instanceof EngineBusy ? -32005 : -32002, error.message);
/** A call that reverted; libraries decode `data`. */
export const revertedCall = (reason: string, data: string): RpcError => new RpcError(3, `execution reverted${reason}`, data);
/** More is asked for than this node does at a time: ask again later. */
export const busy = (detail: string): RpcError => new RpcError(-32005, `${detail}: ask again later`);
