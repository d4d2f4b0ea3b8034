import { bytesToHex } from '@ethereumjs/util';
import { isRecord, quantity } from '../fields.ts';
import { Filters } from '../filters.ts';
import { LOCAL_CALLER } from '../caller.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, RpcError } from '../rpc-error.ts';
import { blockView } from '../views.ts';
import { ETH } from './eth.ts';
import type { Method } from './method.ts';

const kept = new WeakMap<DevNode, Filters>();

/** The filters of a node. */
const filtersOf = (node: DevNode): Filters => {
  const have = kept.get(node);
  if (have !== undefined) return have;
  const { chain } = node;
  const made = new Filters(
    {
      head: () => Number(chain.head.header.number),
      hashes: async (from, to) => {
        const found: string[] = [];
        for (let n = from; n <= to; n++) {
          const block = await chain.block(n);
          if (block === undefined) break;
          found.push(bytesToHex(block.hash()));
        }
        return found;
      },
      logs: async (filter, from, to) =>
        (await ETH.eth_getLogs(
          node,
          [{ ...filter, blockHash: undefined, fromBlock: quantity(from), toBlock: quantity(to) }],
          LOCAL_CALLER,
        )) as readonly unknown[],
      headView: (block) => {
        const { transactions: _, uncles: __, size: ___, ...header } = blockView(block, [], false);
        return header;
      },
      watch: (told) => void chain.watchers.add(told),
    },
    () => performance.now(),
  );
  kept.set(node, made);
  return made;
};

/** A filter of logs as it is kept: address and topics alone. It begins with the next block. */
const readFilter = (given: unknown): object => {
  if (given === undefined || given === null) return {};
  if (!isRecord(given)) throw invalidParams('a filter is an object');
  const { address, topics } = given;
  return { ...(address === undefined ? {} : { address }), ...(topics === undefined ? {} : { topics }) };
};

const readId = (id: unknown): string => {
  if (typeof id !== 'string') throw invalidParams('a filter is named by the text that it was given');
  return id;
};

const subscribe: Method = (node, [kind, filter], caller) => {
  const { notify } = caller;
  if (notify === undefined) throw new RpcError(-32000, 'subscriptions take a WebSocket: by HTTP there is eth_newFilter');
  if (kind === 'newHeads') return filtersOf(node).subscribe(caller, notify, undefined);
  if (kind === 'logs') return filtersOf(node).subscribe(caller, notify, readFilter(filter));
  throw invalidParams(`a subscription is to newHeads or logs, not to ${JSON.stringify(kind)?.slice(0, 60) ?? 'nothing'}`);
};

/** News of blocks and logs, asked for by HTTP or told by WebSocket. */
export const FILTERS = {
  eth_newFilter: (node, [filter]) => filtersOf(node).create(readFilter(filter)),
  eth_newBlockFilter: (node) => filtersOf(node).create(undefined),
  eth_getFilterChanges: (node, [id]) => filtersOf(node).changes(readId(id)),
  eth_getFilterLogs: (node, [id], caller) =>
    ETH.eth_getLogs(node, [{ ...filtersOf(node).logsOf(readId(id)), fromBlock: 'earliest' }], caller),
  eth_uninstallFilter: (node, [id]) => filtersOf(node).uninstall(readId(id)),
  eth_subscribe: subscribe,
  eth_unsubscribe: (node, [id], caller) => filtersOf(node).unsubscribe(caller, readId(id)),
} as const satisfies Readonly<Record<string, Method>>;
