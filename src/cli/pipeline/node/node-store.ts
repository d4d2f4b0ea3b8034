import {
  adminGate,
  createFetcher,
  createHttpTransport,
  type DevNode,
  type FolderOptions,
  fullPolicy,
  keepStore,
  lightPolicy,
  lockFolder,
  MIN_TOKEN,
  type NodeLog,
  type PackageRoutes,
  packageRoutes,
  type Route,
  type Transport,
  withPeerHints,
} from '../../../node/index.ts';
import { fail, fromHex, ok, type Result, toHex } from '../../../support/index.ts';
import type { Context } from '../../context.ts';
import { optionValue } from '../../diagnostics.ts';
import type { StoreArgs } from '../../node-store-options.ts';

/** The store of a node: what it keeps, who may change it, and how packages come and go by HTTP. */
export interface NodeStore {
  readonly keep: FolderOptions;
  readonly route: Route;
  /** Begins to serve; before, requests are told to come again. */
  readonly attach: (node: DevNode) => void;
  /** Begins to fetch what the chain names, and to give up what it names no longer. */
  readonly begin: (transports: readonly Transport[], peers: readonly string[]) => void;
  /** Waits for a package of the chain to come in parts. @returns false: the hash is of none, or the store does not want it */
  readonly bring: (hash: Uint8Array) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Reads the secret of whoever runs a node. Error: CLI0003 and those of files. */
export const readToken = (path: string, context: Context): Result<string> => {
  const file = context.read(path, 'data');
  if (!file.ok) return file;
  const token = new TextDecoder().decode(file.value).trim();
  if (token.length >= MIN_TOKEN && /^[\x21-\x7e]+$/.test(token)) return ok(token);
  return fail(optionValue('admin-token-file', `has ${token.length} characters but takes at least ${MIN_TOKEN}, of ASCII without blanks`));
};

export interface StorePlace {
  /** Of packages; undefined: in memory. */
  readonly folder: string | undefined;
  /** Whether the node listens on this machine alone. */
  readonly loopback: boolean;
}

/** Has the folder for this process alone until it is closed. Errors: CLI0003, NOD0010, NOD0011 and those of files. */
export const openNodeStore = async (
  args: StoreArgs,
  { folder, loopback }: StorePlace,
  log: NodeLog,
  context: Context,
): Promise<Result<NodeStore>> => {
  const token = args.tokenFile === undefined ? ok(undefined) : readToken(args.tokenFile, context);
  if (!token.ok) return token;
  const lock = folder === undefined ? undefined : await lockFolder(folder);
  if (lock?.ok === false) return lock;
  let node: DevNode | undefined;
  let routes: PackageRoutes | undefined;
  let stop: (() => Promise<void>) | undefined;
  let again: ((hash: Uint8Array) => void) | undefined;
  let bring: NodeStore['bring'] = () => Promise.resolve(false);
  return ok({
    keep: {
      limitBytes: args.bytes,
      policy: args.policy === 'light' ? lightPolicy(args.lightBytes) : fullPolicy,
      log,
      onDamaged: (hash) => again?.(hash),
      onGone: (hash) => void node?.sharing?.withdraw(hash),
    },
    route: (request, response) => routes?.route(request, response) === true,
    attach: (made) => {
      node = made;
      made.admin = adminGate({ token: token.value, loopback });
      const named = async (hash: string): Promise<boolean> => {
        await made.catalog.sync();
        for (const model of made.catalog.all()) if (model.hash === `0x${hash}`) return true;
        return false;
      };
      routes = packageRoutes({
        store: made.objects,
        admin: () => made.admin,
        named,
        metrics: made.metrics,
        onArrived: (hash) => void made.sharing?.offer(hash, () => made.objects.package(hash)),
      });
    },
    begin: (transports, peers) => {
      if (node === undefined) return;
      const made = node;
      const http = createHttpTransport({ peers: [...args.peers, ...peers], tell: (line) => log.warn({}, line) });
      const fetcher = createFetcher({
        store: made.objects,
        transports: [
          ...(args.peers.length + peers.length > 0 ? [http] : []),
          ...transports.map((transport) => withPeerHints(transport, [...args.peers, ...peers])),
        ],
        log,
        metrics: made.metrics,
        onFetched: (hash) => void made.sharing?.offer(hash, () => made.objects.package(hash)),
      });
      const some = args.peers.length + peers.length + transports.length > 0;
      const modelOf = (hash: Uint8Array) => [...made.catalog.all()].find((m) => m.hash === `0x${toHex(hash)}`);
      if (some) {
        again = (hash) => {
          const model = modelOf(hash);
          if (model !== undefined) void fetcher.want(fromHex(toHex(hash)), model.size, []);
        };
        bring = async (hash) => {
          await made.catalog.sync();
          const model = modelOf(hash);
          return model !== undefined && (await fetcher.want(hash, model.size, [])) === 'there';
        };
      }
      stop = keepStore(made, { fetcher: some ? fetcher : undefined });
    },
    bring: (hash) => bring(hash),
    close: async () => {
      await stop?.();
      await routes?.close();
      await lock?.value.release();
    },
  });
};
