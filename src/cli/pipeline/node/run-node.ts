import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadBackend } from '../../../backends/index.ts';
import {
  createDevNode,
  DEV_ACCOUNTS,
  type DevNode,
  openLevel,
  OtherChain,
  type PolicyName,
  serveRpc,
  watchServer,
} from '../../../node/index.ts';
import { diagnostic, type Diagnostic, fail, ok, type Result, messageOf } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { formatFacts, visible } from '../../text.ts';
import type { ServiceArgs } from '../../node-service-options.ts';
import type { StoreArgs } from '../../node-store-options.ts';
import { compilerVersion } from '../../version.ts';
import { followPeers, type FollowArgs, genesisOfPeers } from './follow.ts';
import type { TransportArgs } from '../../transport-options.ts';
import { openNodeStore } from './node-store.ts';
import { openNodeService } from './run-service.ts';
import { openWays } from './ways.ts';

export interface NodeArgs extends ServiceArgs, FollowArgs {
  readonly transports: TransportArgs;
  readonly port: number;
  readonly host: string;
  readonly chainId: number;
  readonly backend: string;
  readonly threads: number;
  readonly objects?: string | undefined;
  /** Folder of chain, packages and inputs. */
  readonly data?: string | undefined;
  /** Seconds between blocks; undefined: a block for each transaction. */
  readonly blockTime?: number | undefined;
  readonly cacheBytes: number;
  readonly policy: PolicyName;
  readonly keep: StoreArgs;
  /** Origins of web pages that may use the RPC. */
  readonly origins: readonly string[];
  /** Bounds of calls that change nothing. */
  readonly calls: { readonly gas: bigint; readonly ms: number };
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Resolves when the process is asked to end. */
const asked = (): Promise<void> =>
  new Promise((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });

const openChain = (data: string): ReturnType<typeof openLevel> => {
  try {
    mkdirSync(data, { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    return Promise.resolve(fail(diagnostic('NOD0011', `the chain in ${visible(data)} cannot be opened: ${visible(reason)}`)));
  }
  return openLevel(join(data, 'chain'));
};

const otherChain = ({ what, asked, there }: OtherChain, data: string) =>
  diagnostic('NOD0012', `${visible(data)} has another chain: ${what} is ${visible(asked)} here and ${visible(there)} there`, {
    notes: ['Give the parameters of that chain, or another folder: --data.'],
  });

/** Resolves when the chain can go on no longer, for what its disk lost. */
const damageOf = ({ chain, log }: DevNode): Promise<Diagnostic> =>
  new Promise((done) => {
    chain.watchers.add({
      added: () => undefined,
      wentBack: () => undefined,
      damaged: ({ code, message }) => {
        log.error({ reason: message }, `${code} no block can be made or checked: the node ends`);
        done(diagnostic(code, visible(message), { notes: [`The head stays block ${chain.head.header.number}.`] }));
      },
    });
  });

/** A block each so many seconds. @returns ends it */
const minePeriodically = (node: DevNode, seconds: number, tell: (line: string) => void): (() => Promise<void>) => {
  node.automine = false;
  let last: Promise<unknown> = Promise.resolve();
  let going = false;
  const timer = setInterval(() => {
    // a block that takes longer than the pause is waited for
    if (going) return;
    going = true;
    last = node
      .mine()
      .catch((error: unknown) => tell(`no block: ${visible(messageOf(error))}`))
      .finally(() => (going = false));
  }, seconds * 1000);
  return async () => {
    clearInterval(timer);
    await last;
  };
};

/** `cortexc node --dev`: serves until it is asked to end. */
export const runNode = async (args: NodeArgs, context: Context): Promise<Result<Report>> => {
  const backend = await loadBackend(args.backend);
  if (!backend.ok) return backend;
  const { io } = context;
  const tell = (line: string): unknown => io.stderr.write(`${line}\n`);
  const interrupted = new AbortController();
  const ended = asked().then(() => interrupted.abort());
  const peers = args.peer ?? [];
  const joined = peers.length === 0 ? ok(undefined) : await genesisOfPeers(peers, args.chainId, interrupted.signal, tell);
  if (!joined.ok) return joined;
  const data = args.data === undefined ? undefined : resolve(io.cwd, args.data);
  const store = data === undefined ? undefined : await openChain(data);
  if (store?.ok === false) return store;
  const objects = args.objects === undefined ? data && join(data, 'objects') : resolve(io.cwd, args.objects);
  const opened = openNodeService({ ...args, folder: data ?? objects }, context);
  if (!opened.ok) return opened;
  const service = opened.value;
  const packages = await openNodeStore(args.keep, { folder: objects, loopback: LOOPBACK.test(args.host) }, service.log, context);
  if (!packages.ok) {
    await store?.value.close();
    service.close();
    return packages;
  }
  let node: DevNode;
  try {
    node = await createDevNode({
      backend: backend.value,
      version: compilerVersion(),
      chainId: args.chainId,
      cacheBytes: args.cacheBytes,
      policy: args.policy,
      threads: args.threads,
      ...(store === undefined ? {} : { store: store.value }),
      ...(objects === undefined ? {} : { objects }),
      ...(service.engineOf === undefined ? {} : { engineOf: service.engineOf }),
      keep: packages.value.keep,
      calls: args.calls,
      metrics: service.metrics,
      log: service.log,
      ...joined.value,
      now: () => Math.floor(Date.now() / 1000),
    });
  } catch (error) {
    await store?.value.close();
    service.close();
    await packages.value.close();
    if (error instanceof OtherChain) return fail(otherChain(error, data ?? ''));
    throw error;
  }
  const damaged = damageOf(node);
  packages.value.attach(node);
  let server: Awaited<ReturnType<typeof serveRpc>>;
  try {
    server = await serveRpc(node, {
      origins: args.origins,
      host: args.host,
      port: args.port,
      routes: [...service.routes, packages.value.route],
      ...(LOOPBACK.test(args.host) ? {} : { hosts: [args.host.toLowerCase()] }),
    });
  } catch (error) {
    const reason = messageOf(error);
    await packages.value.close();
    return fail(
      diagnostic('NOD0001', `cannot listen on ${args.host}:${args.port}: ${visible(reason)}`, { notes: ['Take any free port: --port 0.'] }),
    );
  }
  const ways = await openWays(args.transports, node, objects, (line) => service.log.warn({}, line));
  if (!ways.ok) {
    await server.close();
    await packages.value.close();
    await node.chain.close();
    service.close();
    return ways;
  }
  const url = `http://${args.host}:${server.port}`;
  const { registry, inferPrecompile } = node.chain.cvm.params;
  io.stderr.write(
    formatFacts([
      ['rpc', `${url}, also as WebSocket`],
      ['chain', String(args.chainId)],
      ['registry', registry.toString()],
      ['infer', `${inferPrecompile.toString()} (precompile); INFER 0xc0, INFERARRAY 0xc1`],
      ['backend', args.workers === 0 ? args.backend : `${args.backend}, ${args.workers} workers`],
      ['data', data === undefined ? 'in memory' : `${data}, block ${node.chain.head.header.number}`],
      ['objects', objects ?? 'in memory'],
      ...ways.value.facts,
      ...DEV_ACCOUNTS.map((a, i) => [i === 0 ? 'accounts' : '', `${a.address.toString()}, 10000 ether`] as const),
      ['next', `cortexc publish MODEL.cvm --rpc ${url}`],
    ]),
  );
  const mining = args.blockTime === undefined ? undefined : minePeriodically(node, args.blockTime, (line) => io.stderr.write(`${line}\n`));
  service.begin(node);
  watchServer(node, server);
  packages.value.begin(ways.value.transports, peers);
  const following = peers.length === 0 ? undefined : followPeers(node, args, io.cwd, packages.value.bring, tell);
  // a node that follows no longer still answers what it knows
  const problem = await Promise.race([
    ended,
    damaged,
    ...(following !== undefined && args.exitOnMismatch === true ? [following.ended] : []),
  ]);
  await following?.stop();
  await mining?.();
  await server.close();
  await packages.value.close();
  await ways.value.close();
  await node.chain.close();
  service.close();
  if (problem !== undefined) return fail(problem);
  const blocks = Number(node.chain.head.header.number) + 1;
  const warnings = LOOPBACK.test(args.host)
    ? []
    : [diagnostic('NOD0004', `the node listened on ${args.host}, where others may reach it`, { severity: 'warning' })];
  return ok({ json: { blocks, url }, text: `ended after ${blocks} blocks\n`, warnings });
};
