import type { DevNode } from './rpc/node.ts';
import type { RunningServer } from './rpc/server.ts';

/** Feeds the figures of a chain and a store: call it once for a node. */
export const watchNode = (node: DevNode): void => {
  const { chain, objects, metrics } = node;
  metrics.watch('height', () => Number(chain.head.header.number));
  metrics.watch('waitingTransactions', () => node.waiting);
  metrics.watch('storeBytes', () => objects.usage().bytes);
  metrics.watch('storePackages', () => objects.usage().packages);
  chain.watchers.add({
    added: ({ header, transactions }) => {
      // a node that gives its transactions to another takes the blocks of that one
      metrics.count('blocks', 1, { origin: node.forward === undefined ? 'own' : 'other' });
      metrics.count('transactions', transactions.length);
      metrics.count('gas', Number(header.gasUsed));
    },
    wentBack: () => undefined,
  });
};

/** Feeds the figures of an RPC: call it once for a server. */
export const watchServer = ({ metrics, calls }: DevNode, { loads }: Pick<RunningServer, 'loads'>): void => {
  metrics.watch('rpcConnections', () => loads().connections);
  metrics.watch('rpcWebSockets', () => loads().webSockets);
  metrics.watch('rpcBytes', () => loads().bytes);
  for (const name of Object.keys(loads().queues)) metrics.watch('rpcQueue', () => loads().queues[name]?.waiting ?? 0, { class: name });
  metrics.watch('rpcQueue', () => calls.loads().reduce((sum, { waiting }) => sum + waiting, 0), { class: 'call' });
};
