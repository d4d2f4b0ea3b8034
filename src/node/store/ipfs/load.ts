import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Libp2p, PrivateKey } from '@libp2p/interface';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { reasonOf } from '../transfer.ts';

/** Packages that the IPFS engine needs and that are installed by those who want it; later ones need Node 22. */
const PACKAGES = [
  'libp2p@2',
  '@libp2p/tcp@10',
  '@libp2p/identify@3',
  '@libp2p/crypto@5',
  '@chainsafe/libp2p-noise@16',
  '@chainsafe/libp2p-yamux@7',
  '@multiformats/multiaddr@12',
];

/** Connections at most, in both directions. */
const MAX_CONNECTIONS = 32;
const MAX_STREAM_WINDOW_BYTES = 2 ** 20;
const DIAL_MS = 10_000;

/** Promise.withResolvers, which these libraries take for granted and Node has from version 22 on. */
const addWithResolvers = (): void => {
  if ('withResolvers' in Promise) return;
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value: <T>() => {
      let resolve!: (value: T) => void;
      let reject!: (reason: unknown) => void;
      const promise = new Promise<T>((a, b) => ([resolve, reject] = [a, b]));
      return { promise, resolve, reject };
    },
  });
};

const load = async () => {
  addWithResolvers();
  // one after another: some loaders do not take modules that are asked for twice at the same time
  const { createLibp2p } = await import('libp2p');
  const { tcp } = await import('@libp2p/tcp');
  const { identify } = await import('@libp2p/identify');
  const keys = await import('@libp2p/crypto/keys');
  const { noise } = await import('@chainsafe/libp2p-noise');
  const { yamux } = await import('@chainsafe/libp2p-yamux');
  const { multiaddr } = await import('@multiformats/multiaddr');
  return { createLibp2p, tcp, identify, keys, noise, yamux, multiaddr };
};
type Libraries = Awaited<ReturnType<typeof load>>;

/** The key that names this node among its peers; others know its address only for as long as it stays. */
const ownKey = async ({ keys }: Libraries, file: string | undefined): Promise<PrivateKey> => {
  // @libp2p/crypto declares keys by a later generation of the same interface
  const asKey = (key: unknown): PrivateKey => key as PrivateKey;
  if (file !== undefined && existsSync(file)) return asKey(keys.privateKeyFromProtobuf(new Uint8Array(readFileSync(file))));
  const key = await keys.generateKeyPair('Ed25519');
  if (file === undefined) return asKey(key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.draft`, keys.privateKeyToProtobuf(key), { mode: 0o600 });
  renameSync(`${file}.draft`, file);
  return asKey(key);
};

export interface P2pOptions {
  /** Multiaddress to listen on. */
  readonly listen: string;
  /** Where the key of this node is kept; a new one each time when left out. */
  readonly keyFile?: string | undefined;
}

export interface P2p {
  readonly libp2p: Libp2p;
  readonly multiaddr: Libraries['multiaddr'];
}

/**
 * Starts a host that speaks with the peers it is told about, and looks for no others: no discovery, no relay, no routing.
 * Errors: NOD0040 when a package is not installed, NOD0041 when the address is taken or none.
 */
export const startP2p = async ({ listen, keyFile }: P2pOptions): Promise<Result<P2p>> => {
  let libraries: Libraries;
  try {
    libraries = await load();
  } catch (error) {
    return fail(
      diagnostic('NOD0040', `IPFS: a package that it needs cannot be loaded: ${reasonOf(error)}`, {
        notes: [`Install them: npm install ${PACKAGES.join(' ')}.`],
      }),
    );
  }
  const { createLibp2p, tcp, identify, noise, yamux, multiaddr } = libraries;
  try {
    const libp2p = await createLibp2p({
      privateKey: await ownKey(libraries, keyFile),
      addresses: { listen: [listen] },
      transports: [tcp({ maxConnections: MAX_CONNECTIONS })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux({ maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES })],
      peerDiscovery: [],
      services: { identify: identify() },
      connectionManager: { maxConnections: MAX_CONNECTIONS, dialTimeout: DIAL_MS },
    });
    return ok({ libp2p: libp2p as Libp2p, multiaddr });
  } catch (error) {
    return fail(
      diagnostic('NOD0041', `IPFS cannot listen on ${listen}: ${reasonOf(error)}`, {
        notes: ['An address looks like this: /ip4/127.0.0.1/tcp/4001; port 0 takes any that is free.'],
      }),
    );
  }
};
