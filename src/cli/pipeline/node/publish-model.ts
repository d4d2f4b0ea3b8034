import { decodePackage, isPackage } from '../../../cvm-bytecode/index.ts';
import { modelCalls } from '../../../node/index.ts';
import { diagnostic, fail, ok, type Result, toHex } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { wrongKind } from '../../diagnostics.ts';
import { openSource } from '../../file-source.ts';
import { formatBytes, formatCount, formatFacts } from '../../text.ts';
import { readToken } from './node-store.ts';
import { RpcClient } from './rpc-client.ts';
import { registryOf, send, signer } from './transactions.ts';
import { uploadPackage } from './upload.ts';

export interface PublishArgs {
  readonly model: string;
  readonly rpc: string;
  readonly from?: string | undefined;
  readonly fee: number;
  readonly again: boolean;
  readonly tokenFile: string | undefined;
}

interface ModelView {
  readonly address: string;
  readonly author: string;
  readonly remaining: string;
  readonly gas: string;
  readonly usableFrom: string | null;
  readonly withdrawn: string | null;
}

/** Files above are read in parts, whatever else is whole: what is sent is a part at a time. */
const HELD_BYTES = 2 ** 23;
const QUOTA_PAUSE_MS = 2000;
/** Looks at a chain whose quota is used up, before it is given up for now. */
const QUOTA_LOOKS = 1800;
/** Bytes at which a file is known to be a package or not. */
const START_BYTES = 64;

/** The registration of a package by an author that is there; undefined: none. */
const registrationOf = async (client: RpcClient, hash: string, author: string): Promise<Result<ModelView | undefined>> => {
  let after: unknown;
  do {
    const page = await client.call('cortex_models', { hash: `0x${hash}`, author, ...(after === undefined ? {} : { after }) });
    if (!page.ok) return page;
    const { models, next } = page.value as { readonly models: readonly ModelView[]; readonly next: unknown };
    const found = models.find((m) => m.withdrawn === null);
    if (found !== undefined) return ok(found);
    after = next ?? undefined;
  } while (after !== undefined);
  return ok(undefined);
};

interface Metered {
  readonly view: ModelView;
  readonly gas: number;
}

/** Has the chain meter an upload, a part for each call; waits for the quota of blocks where it is used up, and tells so. */
const meter = async (
  client: RpcClient,
  from: string,
  registry: string,
  model: string,
  { progress, io }: Context,
): Promise<Result<Metered>> => {
  let gas = 0;
  let total = 0;
  let waits = 0;
  for (;;) {
    const looked = (await client.call('cortex_getModel', model)) as Result<ModelView>;
    if (!looked.ok) return looked;
    const remaining = Number(looked.value.remaining);
    if (remaining === 0) return ok({ view: looked.value, gas });
    total = Math.max(total, remaining);
    progress.step('metered (bytes)', total - remaining, total);
    const call = { from, to: registry, data: modelCalls.upload(model) };
    const possible = await client.call('eth_call', call, 'latest');
    if (!possible.ok) {
      const problem = possible.diagnostics[0]?.message ?? '';
      // what a revert says: QuotaUsedUp(uint256)
      if (!problem.includes('revert') || ++waits > QUOTA_LOOKS) return possible;
      if (waits === 1)
        io.stderr.write(`the chain's quota of uploads is used up: ${formatCount(remaining)} bytes wait for further blocks\n`);
      await new Promise((next) => setTimeout(next, QUOTA_PAUSE_MS));
      continue;
    }
    const part = await send(client, from, registry, modelCalls.upload(model));
    if (!part.ok) return part;
    gas += Number(part.value.gasUsed);
  }
};

/** `cortexc publish`: the package goes to the node in parts, then the chain registers it and meters its upload. */
export const publishModel = async (args: PublishArgs, context: Context): Promise<Result<Report>> => {
  const token = args.tokenFile === undefined ? ok(undefined) : readToken(args.tokenFile, context);
  if (!token.ok) return token;
  const file = openSource(context.io.cwd, args.model, 'model', HELD_BYTES);
  if (!file.ok) return file;
  if (!isPackage(file.value.read(0, START_BYTES)))
    return fail(wrongKind(args.model, 'this is no package', 'Make one: cortexc compile MODEL.'));
  const decoded = decodePackage(file.value);
  if (!decoded.ok) return decoded;
  const { record, bytecode, modelHash } = decoded.value;
  const hash = toHex(modelHash);
  const client = new RpcClient(args.rpc);
  const from = await signer(client, args.from);
  if (!from.ok) return from;
  const registry = await registryOf(client);
  if (!registry.ok) return registry;
  const { progress } = context;
  const sent = await uploadPackage(file.value, { rpc: args.rpc, hash, token: token.value, progress });
  if (!sent.ok) return sent;

  const there = args.again ? ok(undefined) : await registrationOf(client, hash, from.value);
  if (!there.ok) return there;
  let gas = 0;
  let model = there.value?.address;
  if (model === undefined) {
    const registered = await send(client, from.value, registry.value, modelCalls.register(args.fee, record, bytecode));
    if (!registered.ok) return registered;
    model = `0x${(registered.value.logs[0]?.topics[1] ?? '').slice(-40)}`;
    gas = Number(registered.value.gasUsed);
  }
  const metered = await meter(client, from.value, registry.value, model, context);
  if (!metered.ok) return metered;
  gas += metered.value.gas;
  const { view } = metered.value;
  const usableFrom = Number(view.usableFrom);
  const warnings =
    there.value === undefined || gas > 0
      ? []
      : [
          diagnostic('NOD0064', `${model} is this package already, of the same author: nothing was registered`, {
            severity: 'warning',
            notes: ['A second model of the same package, with its own fee: --again.'],
          }),
        ];
  return ok({
    json: { address: model, hash, usableFrom, gas, inferenceGas: Number(view.gas), rpc: args.rpc, sent: sent.value ?? 0 },
    text: formatFacts([
      ['address', model],
      ['hash', hash],
      ['sent', sent.value === undefined ? 'nothing: the node has the package' : formatBytes(sent.value)],
      ['usable', `from block ${formatCount(usableFrom)}`],
      ['paid', gas === 0 ? 'nothing' : `${formatCount(gas)} gas for registration and upload`],
      ['a run', `${formatCount(Number(view.gas))} gas and what its input and output take`],
    ]),
    warnings,
  });
};
