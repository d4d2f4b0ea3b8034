import { EVMError, type ExecResult, type PrecompileInput } from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { revertReason } from './revert-reason.ts';

export const outOfGas = (gasLimit: bigint): ExecResult => ({
  returnValue: new Uint8Array(0),
  executionGasUsed: gasLimit,
  exceptionError: new EVMError(EVMError.errorMessages.OUT_OF_GAS),
});

/** A revert with a text that a contract can catch. */
export const reverted = (who: string, gas: bigint, reason: string): ExecResult => ({
  returnValue: revertReason(`${who}: ${reason}`),
  executionGasUsed: gas,
  exceptionError: new EVMError(EVMError.errorMessages.REVERT),
});

/** Number of the block that runs; the interface of the EVM does not show it. */
export const blockNumber = (evm: PrecompileInput['_EVM']): bigint => {
  const { _block: block } = evm as unknown as { readonly _block?: { readonly header: { readonly number: bigint } } };
  return block?.header.number ?? 0n;
};

/** The address in a word of call data. */
export const addressAt = (data: Uint8Array, offset: number): Address => new Address(data.slice(offset + 12, offset + 32));
