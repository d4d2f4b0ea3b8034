import { decodePackage, isPackage } from '../../../cvm-bytecode/index.ts';
import { modelCalls } from '../../../node/index.ts';
import { diagnostic, fail, ok, type Result, toHex } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { wrongKind } from '../../diagnostics.ts';
import { formatCount, formatFacts } from '../../text.ts';
import { RpcClient } from './rpc-client.ts';

export interface PublishArgs {
  readonly model: string;
  readonly rpc: string;
  readonly from?: string | undefined;
  readonly fee: number;
}

interface Receipt {
  readonly status: string;
  readonly gasUsed: string;
  readonly blockNumber: string;
  readonly logs: readonly { readonly topics: readonly string[] }[];
}

/** Sends a transaction of the node's own account and waits for its receipt; a development node has it at once. */
const send = async (client: RpcClient, from: unknown, to: string, data: string): Promise<Result<Receipt>> => {
  const hash = await client.call('eth_sendTransaction', { from, to, data });
  if (!hash.ok) return hash;
  for (let i = 0; i < 600; i++) {
    const receipt = await client.call('eth_getTransactionReceipt', hash.value);
    if (!receipt.ok) return receipt;
    if (receipt.value !== null) {
      const found = receipt.value as Receipt;
      return found.status === '0x1' ? ok(found) : fail(diagnostic('NOD0003', 'the transaction failed', { where: String(hash.value) }));
    }
    await new Promise((next) => setTimeout(next, 500));
  }
  return fail(diagnostic('NOD0002', `transaction ${String(hash.value)} is in no block after 5 minutes`));
};

interface ModelView {
  readonly remaining: string;
  readonly gas: string;
  readonly usableFrom: string | null;
}

/** `cortexc publish`. */
export const publishModel = async (args: PublishArgs, context: Context): Promise<Result<Report>> => {
  const file = context.read(args.model, 'model');
  if (!file.ok) return file;
  if (!isPackage(file.value)) return fail(wrongKind(args.model, 'this is no package', 'Make one: cortexc compile MODEL.'));
  const decoded = decodePackage(file.value);
  if (!decoded.ok) return decoded;
  const { record, bytecode, modelHash } = decoded.value;
  const client = new RpcClient(args.rpc);
  const accounts = args.from === undefined ? await client.call('eth_accounts') : ok([args.from]);
  if (!accounts.ok) return accounts;
  const [from] = accounts.value as readonly unknown[];
  const parameters = await client.call('cortex_parameters');
  if (!parameters.ok) return parameters;
  const { registry } = parameters.value as { readonly registry: string };

  const kept = await client.call('cortex_putPackage', `0x${toHex(file.value)}`);
  if (!kept.ok) return kept;
  const registered = await send(client, from, registry, modelCalls.register(args.fee, record, bytecode));
  if (!registered.ok) return registered;
  const model = `0x${(registered.value.logs[0]?.topics[1] ?? '').slice(-40)}`;
  let gas = Number(registered.value.gasUsed);
  const look = async (): Promise<Result<ModelView>> => (await client.call('cortex_getModel', model)) as Result<ModelView>;
  let view = await look();
  let total = 0;
  while (view.ok && view.value.remaining !== '0x0') {
    const remaining = Number(view.value.remaining);
    total = Math.max(total, remaining);
    context.progress.step('upload', total - remaining, total);
    const part = await send(client, from, registry, modelCalls.upload(model));
    if (!part.ok) return part;
    gas += Number(part.value.gasUsed);
    view = await look();
  }
  if (!view.ok) return view;
  const usableFrom = Number(view.value.usableFrom);
  return ok({
    json: { address: model, hash: toHex(modelHash), usableFrom, gas, inferenceGas: Number(view.value.gas), rpc: args.rpc },
    text: formatFacts([
      ['address', model],
      ['hash', toHex(modelHash)],
      ['usable', `from block ${formatCount(usableFrom)}`],
      ['paid', `${formatCount(gas)} gas for registration and upload`],
      ['a run', `${formatCount(Number(view.value.gas))} gas and what its input and output take`],
    ]),
  });
};
