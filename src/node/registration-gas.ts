import { createTx } from '@ethereumjs/tx';
import { bytesToBigInt, bytesToHex, createAddressFromPrivateKey, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { Chain } from './chain/chain.ts';
import { CORTEX_UPLOADS } from './evm/cvm.ts';
import { modelCalls } from './evm/model-calls.ts';
import { DEFAULT_PARAMS } from './evm/params.ts';
import { DEV_ACCOUNTS } from './rpc/node.ts';

/** What it takes to bring a model onto a chain, in gas. */
export interface LifeGas {
  readonly registration: bigint;
  /** Of all calls that meter the upload. */
  readonly upload: bigint;
  readonly uploadCalls: number;
  /** Blocks whose quota the upload uses up on a chain like Cortex's main net. */
  readonly quotaBlocks: bigint;
}

const GAS_LIMIT = 2n ** 32n;

/**
 * Registers a package on a chain in memory with the upload rules of Cortex's main net, and meters the first and a further part of its
 * upload. @returns a text: why the registry refuses it
 */
export const lifeGasOf = async (record: Uint8Array, bytecode: Uint8Array, fee: number): Promise<LifeGas | string> => {
  const [account] = DEV_ACCOUNTS;
  if (account === undefined) return 'there is no account';
  const sender = createAddressFromPrivateKey(account.key);
  const chain = await Chain.create({
    chainId: 1337,
    engine: { infer: () => Promise.resolve('nothing runs here'), readInput: () => Promise.resolve(new Uint8Array(0)) },
    params: DEFAULT_PARAMS,
    // the quota is counted, not waited for
    uploads: { ...CORTEX_UPLOADS, quotaPerBlock: 2n ** 60n },
    balances: new Map([[sender.toString(), 10n ** 30n]]),
    gasLimit: GAS_LIMIT,
    now: () => 0,
  });
  let nonce = 0n;
  const send = async (data: string) => {
    const fields = {
      nonce: nonce++,
      gasLimit: GAS_LIMIT,
      gasPrice: 10n ** 10n,
      to: DEFAULT_PARAMS.registry,
      data: hexToBytes(data as PrefixedHexString),
    };
    const { mined, refused } = await chain.mine([createTx(fields, { common: chain.common }).sign(account.key)]);
    return mined[0] ?? refused[0]?.reason ?? 'the transaction was not taken';
  };
  const registered = await send(modelCalls.register(fee, record, bytecode));
  if (typeof registered === 'string') return registered;
  const topic = registered.logs[0]?.[1][1];
  const size = registered.logs[0]?.[2].subarray(0, 32);
  if (!registered.succeeded || topic === undefined || size === undefined) return registered.error ?? 'the registry refuses it';
  const bytes = bytesToBigInt(size);
  const calls = (bytes + CORTEX_UPLOADS.chunkBytes - 1n) / CORTEX_UPLOADS.chunkBytes;
  const model = bytesToHex(topic.subarray(12));
  let [upload, last] = [0n, 0n];
  for (let i = 0n; i < calls && i < 3n; i++) {
    const part = await send(modelCalls.upload(model));
    if (typeof part === 'string') return part;
    upload += part.gasUsed;
    last = part.gasUsed;
  }
  // after the second, all take the same but the one that ends it
  if (calls > 3n) upload += (calls - 3n) * last;
  await chain.close();
  return {
    registration: registered.gasUsed,
    upload,
    uploadCalls: Number(calls),
    quotaBlocks: (bytes + CORTEX_UPLOADS.quotaPerBlock - 1n) / CORTEX_UPLOADS.quotaPerBlock,
  };
};
