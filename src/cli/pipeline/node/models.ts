import { modelCalls } from '../../../node/index.ts';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { formatBytes, formatCount, formatFacts, formatTable, visible } from '../../text.ts';
import { readToken } from './node-store.ts';
import { RpcClient } from './rpc-client.ts';
import { registryOf, send, signer } from './transactions.ts';

export interface ModelsArgs {
  readonly action: 'list' | 'show' | 'pin' | 'unpin' | 'remove' | 'withdraw';
  readonly model?: string | undefined;
  readonly rpc: string;
  readonly name?: string | undefined;
  readonly author?: string | undefined;
  readonly hash?: string | undefined;
  readonly limit: number;
  readonly from?: string | undefined;
  readonly tokenFile: string | undefined;
}

/** A model, as `cortex_models` tells it. */
// a type, not an interface: it is printed as JSON
type Listed = {
  readonly address: string;
  readonly hash: string;
  readonly author: string;
  readonly name: string | null;
  readonly state: string;
  readonly size: string;
  readonly remaining: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly gas: string;
  readonly fee: string;
  readonly usableFrom: string | null;
  readonly withdrawn: string | null;
  readonly successor: string | null;
  readonly runs: string;
  readonly here: boolean;
};

const PAGE = 100;
const NAME_WIDTH = 32;
const HASH_WIDTH = 14;

/** `pin`, `unpin` and `remove` of the RPC. */
const METHOD = { pin: 'cortex_pin', unpin: 'cortex_unpin', remove: 'cortex_removePackage' } as const;
const DONE = { pin: 'pinned', unpin: 'no longer pinned', remove: 'removed from this node' } as const;

interface Found {
  readonly models: readonly Listed[];
  readonly total: number;
}

const list = async (client: RpcClient, query: Readonly<Record<string, unknown>>, limit: number): Promise<Result<Found>> => {
  const found: Listed[] = [];
  let total = 0;
  let after: string | null = null;
  do {
    const page = await client.call('cortex_models', {
      ...query,
      limit: `0x${Math.min(PAGE, limit - found.length).toString(16)}`,
      ...(after === null ? {} : { after }),
    });
    if (!page.ok) return page;
    const { models, total: all, next } = page.value as { models: readonly Listed[]; total: string; next: string | null };
    found.push(...models);
    total = Number(all);
    after = models.length === 0 ? null : next;
  } while (after !== null && found.length < limit);
  return ok({ models: found, total });
};

const stateOf = (m: Listed): string => (m.here ? m.state : `${m.state}, missing here`);

const short = (text: string | null, width: number): string => {
  const shown = visible(text ?? '');
  return shown.length > width ? `${shown.slice(0, width - 1)}…` : shown;
};

const listed = (found: Found): Report => {
  const rows = found.models.map((m) => [
    m.address,
    short(m.name, NAME_WIDTH),
    m.hash.slice(2, HASH_WIDTH),
    formatBytes(Number(m.size)),
    stateOf(m),
    formatCount(Number(m.runs)),
    formatCount(Number(m.gas)),
  ]);
  const left = found.total - found.models.length;
  const more = left > 0 ? `${formatCount(left)} more: --limit\n` : '';
  const table = formatTable(['address', 'name', 'hash', 'size', 'state', 'runs', 'gas'], rows);
  return {
    json: { total: found.total, models: found.models },
    text: rows.length === 0 ? 'the chain has no such model\n' : `${table}${more}`,
  };
};

const shown = (m: Listed): Report => ({
  json: m,
  text: formatFacts([
    ['address', m.address],
    ['name', visible(m.name ?? '')],
    ['hash', m.hash.slice(2)],
    ['author', m.author],
    ['state', stateOf(m)],
    ['size', `${formatCount(Number(m.size))} bytes of parameters, ${formatCount(Number(m.remaining))} not metered yet`],
    ['usable', m.usableFrom === null ? 'when its upload is metered' : `from block ${formatCount(Number(m.usableFrom))}`],
    ...(m.withdrawn === null ? [] : [['withdrawn', `in block ${formatCount(Number(m.withdrawn))}`] as const]),
    ...(m.successor === null ? [] : [['successor', m.successor] as const]),
    ['inputs', visible(m.inputs.join(', '))],
    ['outputs', visible(m.outputs.join(', '))],
    ['a run', `${formatCount(Number(m.gas))} gas, of which ${formatCount(Number(m.fee))} go to the author`],
    ['runs', formatCount(Number(m.runs))],
  ]),
});

const unknown = (model: string): Result<never> =>
  fail(diagnostic('NOD0003', `the chain has no model ${visible(model)}`, { notes: ['See what it has: cortexc models.'] }));

const HASH = /^(0x)?[0-9a-fA-F]{64}$/;

/** The hash of the package that an address or a hash names. */
const hashOf = async (client: RpcClient, model: string): Promise<Result<string>> => {
  if (HASH.test(model)) return ok(`0x${model.replace(/^0x/, '').toLowerCase()}`);
  const found = await list(client, { address: model }, 1);
  if (!found.ok) return found;
  const [first] = found.value.models;
  return first === undefined ? unknown(model) : ok(first.hash);
};

/** `cortexc models`. */
export const runModels = async (args: ModelsArgs, context: Context): Promise<Result<Report>> => {
  const token = args.tokenFile === undefined ? ok(undefined) : readToken(args.tokenFile, context);
  if (!token.ok) return token;
  const client = new RpcClient(args.rpc, token.value);
  const { action, model = '' } = args;
  const given = { name: args.name, author: args.author, hash: args.hash === undefined ? undefined : `0x${args.hash.replace(/^0x/, '')}` };
  const query = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  switch (action) {
    case 'list': {
      const found = await list(client, query, args.limit);
      return found.ok ? ok(listed(found.value)) : found;
    }
    case 'show': {
      const found = await list(client, { address: model }, 1);
      if (!found.ok) return found;
      const [first] = found.value.models;
      return first === undefined ? unknown(model) : ok(shown(first));
    }
    case 'withdraw': {
      const from = await signer(client, args.from);
      if (!from.ok) return from;
      const registry = await registryOf(client);
      if (!registry.ok) return registry;
      if (!/^0x[0-9a-fA-F]{40}$/.test(model)) return unknown(model);
      const receipt = await send(client, from.value, registry.value, modelCalls.withdraw(model));
      if (!receipt.ok) return receipt;
      const block = Number(receipt.value.blockNumber);
      return ok({ json: { model, action, block }, text: `${model} withdrawn in block ${formatCount(block)}\n` });
    }
    case 'pin':
    case 'unpin':
    case 'remove': {
      const hash = await hashOf(client, model);
      if (!hash.ok) return hash;
      const done = await client.call(METHOD[action], hash.value);
      return done.ok ? ok({ json: { hash: hash.value, action }, text: `${hash.value.slice(2)} ${DONE[action]}\n` }) : done;
    }
    default:
      return action satisfies never;
  }
};
