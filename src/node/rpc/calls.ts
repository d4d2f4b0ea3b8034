import type { Block } from '@ethereumjs/block';
import { createTx, type TypedTransaction } from '@ethereumjs/tx';
import type { Address } from '@ethereumjs/util';
import { DataUnavailable } from '../evm/engine.ts';
import { hex, isRecord, optional, readAddress, readBytes, readQuantity } from './fields.ts';
import type { Caller } from './caller.ts';
import type { DevAccount, DevNode } from './node.ts';
import { invalidParams, rejected, noResult, revertedCall } from './rpc-error.ts';

/** The fields of a transaction or a call, as `eth_call` and `eth_sendTransaction` take them. */
export interface CallFields {
  readonly from: Address | undefined;
  readonly to: Address | undefined;
  readonly data: Uint8Array;
  readonly value: bigint;
  readonly gas: bigint | undefined;
  readonly nonce: bigint | undefined;
  readonly gasPrice: bigint | undefined;
  readonly maxFeePerGas: bigint | undefined;
  readonly maxPriorityFeePerGas: bigint | undefined;
}

export const readCall = (given: unknown): CallFields => {
  if (!isRecord(given)) throw invalidParams('a call is an object with from, to and data');
  const number = (name: string): bigint | undefined => optional(given[name], (v) => readQuantity(v, name));
  return {
    from: optional(given['from'], (v) => readAddress(v, 'from')),
    to: optional(given['to'], (v) => readAddress(v, 'to')),
    data: optional(given['input'] ?? given['data'], (v) => readBytes(v, 'data')) ?? new Uint8Array(0),
    value: number('value') ?? 0n,
    gas: number('gas'),
    nonce: number('nonce'),
    gasPrice: number('gasPrice'),
    maxFeePerGas: number('maxFeePerGas'),
    maxPriorityFeePerGas: number('maxPriorityFeePerGas'),
  };
};

/** The text in `Error(string)`, for the message. */
const textOf = (data: Uint8Array): string => {
  if (data.length < 68 || hex(data.subarray(0, 4)) !== '0x08c379a0') return '';
  const length = new DataView(data.buffer, data.byteOffset).getUint32(64);
  return `: ${new TextDecoder().decode(data.subarray(68, 68 + length))}`;
};

interface Outcome {
  readonly gasUsed: bigint;
  readonly output: Uint8Array;
  readonly error: string | undefined;
}

/** Gas before the first instruction (yellow paper §6; EIP-2028, EIP-3860). */
const intrinsicGas = (call: CallFields): bigint => {
  const zeros = call.data.reduce((n, b) => n + (b === 0 ? 1 : 0), 0);
  const data = 4n * BigInt(zeros) + 16n * BigInt(call.data.length - zeros);
  return 21_000n + data + (call.to === undefined ? 32_000n + 2n * BigInt(Math.ceil(call.data.length / 32)) : 0n);
};

/** Runs a call on the state after a block, as the next block would; changes nothing. */
const simulate = async (node: DevNode, call: CallFields, block: Block, gas: bigint, caller: Caller): Promise<Outcome> => {
  const intrinsic = intrinsicGas(call);
  if (gas < intrinsic) return { gasUsed: gas, output: new Uint8Array(0), error: 'out of gas' };
  try {
    const options = {
      block: node.chain.pendingBlock(),
      ...(call.from === undefined ? {} : { caller: call.from, origin: call.from }),
      ...(call.to === undefined ? {} : { to: call.to }),
      data: call.data,
      value: call.value,
      gasLimit: gas - intrinsic,
      gasPrice: call.gasPrice ?? call.maxFeePerGas ?? 0n,
      skipBalance: call.from === undefined,
    };
    const execResult = await node.calls.run(block, options, caller);
    const refund = execResult.gasRefund ?? 0n;
    const used = intrinsic + execResult.executionGasUsed;
    return {
      // a fifth at most is given back (EIP-3529)
      gasUsed: used - (refund < used / 5n ? refund : used / 5n),
      output: execResult.returnValue,
      error: execResult.exceptionError?.error,
    };
  } catch (error) {
    if (error instanceof DataUnavailable) throw noResult(error);
    throw error;
  }
};

const failure = ({ error = '', output }: Outcome): Error =>
  error === 'revert' ? revertedCall(textOf(output), hex(output)) : rejected(`execution failed: ${error}`);

/** What a call may use: what it asks for, at most the limit of this node (--call-gas) and of a block. */
const gasFor = (node: DevNode, { gas }: CallFields): bigint => {
  const { gasLimit } = node.chain.options;
  const limit = node.calls.limits.gas < gasLimit ? node.calls.limits.gas : gasLimit;
  return gas === undefined || gas > limit ? limit : gas;
};

/** `eth_call` */
export const runCall = async (node: DevNode, call: CallFields, block: Block, caller: Caller): Promise<Uint8Array> => {
  const done = await simulate(node, call, block, gasFor(node, call), caller);
  if (done.error !== undefined) throw failure(done);
  return done.output;
};

/** `eth_estimateGas`: the least limit with which the call succeeds, to within 1 of 64. */
export const estimateGas = async (node: DevNode, call: CallFields, block: Block, caller: Caller): Promise<bigint> => {
  const top = gasFor(node, call);
  const whole = await simulate(node, call, block, top, caller);
  if (whole.error !== undefined) throw failure(whole);
  let low = whole.gasUsed - 1n;
  let high = top;
  // a frame keeps a 64th for itself, so that what is used may not be enough
  const guess = (whole.gasUsed * 64n) / 63n + 2_300n;
  if (guess < high && (await simulate(node, call, block, guess, caller)).error === undefined) high = guess;
  while (high - low > high / 64n) {
    const middle = (high + low) / 2n;
    if ((await simulate(node, call, block, middle, caller)).error === undefined) high = middle;
    else low = middle;
  }
  return high;
};

/** A transaction of an account that this node has the key of, signed. */
export const signedBy = async (
  node: DevNode,
  call: CallFields,
  { key, address: from }: DevAccount,
  caller: Caller,
): Promise<TypedTransaction> => {
  const { chain } = node;
  const account = await chain.at(chain.head, (cvm) => cvm.vm.stateManager.getAccount(from));
  const baseFee = chain.nextHeader().baseFeePerGas as bigint;
  const gasLimit = call.gas ?? (await estimateGas(node, { ...call, from }, chain.head, caller));
  const fields = {
    nonce: call.nonce ?? (account?.nonce ?? 0n) + BigInt(node.waitingOf(from)),
    gasLimit,
    data: call.data,
    value: call.value,
    ...(call.to === undefined ? {} : { to: call.to }),
  };
  const priority = call.maxPriorityFeePerGas ?? 10n ** 9n;
  const tx =
    call.gasPrice === undefined
      ? createTx(
          {
            ...fields,
            type: 2,
            chainId: chain.options.chainId,
            maxFeePerGas: call.maxFeePerGas ?? 2n * baseFee + priority,
            maxPriorityFeePerGas: priority,
          },
          { common: chain.common },
        )
      : createTx({ ...fields, gasPrice: call.gasPrice }, { common: chain.common });
  return tx.sign(key);
};
