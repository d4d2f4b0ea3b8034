import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { RpcClient } from './rpc-client.ts';

export interface Receipt {
  readonly status: string;
  readonly gasUsed: string;
  readonly blockNumber: string;
  readonly logs: readonly { readonly topics: readonly string[] }[];
}

const LOOKS = 600;
const PAUSE_MS = 500;

/** The account that signs: what was asked for, or the first of the node. */
export const signer = async (client: RpcClient, from: string | undefined): Promise<Result<string>> => {
  if (from !== undefined) return ok(from);
  const accounts = await client.call('eth_accounts');
  if (!accounts.ok) return accounts;
  const [first] = Array.isArray(accounts.value) ? (accounts.value as readonly unknown[]) : [];
  return typeof first === 'string'
    ? ok(first)
    : fail(diagnostic('NOD0003', 'the node has no account to sign with', { notes: ['Name one whose key it has: --from ADDRESS.'] }));
};

/** Address of the registry of models. */
export const registryOf = async (client: RpcClient): Promise<Result<string>> => {
  const parameters = await client.call('cortex_parameters');
  if (!parameters.ok) return parameters;
  const { registry } = (parameters.value ?? {}) as { readonly registry?: unknown };
  return typeof registry === 'string' ? ok(registry) : fail(diagnostic('NOD0003', 'the node tells no registry of models'));
};

/** Sends a transaction of the node's own account and waits for its receipt; a development node has it at once. */
export const send = async (client: RpcClient, from: string, to: string, data: string): Promise<Result<Receipt>> => {
  const hash = await client.call('eth_sendTransaction', { from, to, data });
  if (!hash.ok) return hash;
  for (let i = 0; i < LOOKS; i++) {
    const receipt = await client.call('eth_getTransactionReceipt', hash.value);
    if (!receipt.ok) return receipt;
    if (receipt.value !== null) {
      const found = receipt.value as Receipt;
      return found.status === '0x1' ? ok(found) : fail(diagnostic('NOD0003', 'the transaction failed', { where: String(hash.value) }));
    }
    await new Promise((next) => setTimeout(next, PAUSE_MS));
  }
  return fail(diagnostic('NOD0002', `transaction ${String(hash.value)} is in no block after 5 minutes`));
};
