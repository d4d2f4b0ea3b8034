import { fail, ok, type Result } from '../support/index.ts';
import { optionsConflict, optionValue } from './diagnostics.ts';

/** Options of the ways by which packages come from other nodes and go to them. */
export const TRANSPORT_OPTIONS = {
  ipfs: { type: 'string', requiresArg: true, describe: 'Multiaddress to listen on for IPFS peers, such as /ip4/127.0.0.1/tcp/4001' },
  'ipfs-peer': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Multiaddress of an IPFS peer that is asked for packages; may be repeated',
  },
  'ipfs-api': {
    type: 'string',
    requiresArg: true,
    describe: 'RPC of a Kubo daemon, such as http://127.0.0.1:5001: it keeps and finds packages',
  },
  torrent: { type: 'string', requiresArg: true, describe: 'PORT or HOST:PORT for BitTorrent; 127.0.0.1 if no host is named; 0: any port' },
  'torrent-address': { type: 'string', requiresArg: true, describe: 'HOST:PORT in magnet links, where others reach this node' },
} as const;

interface Given {
  readonly ipfs?: string | undefined;
  readonly 'ipfs-peer'?: readonly string[] | undefined;
  readonly 'ipfs-api'?: string | undefined;
  readonly torrent?: string | undefined;
  readonly 'torrent-address'?: string | undefined;
}

export interface TransportArgs {
  readonly ipfs?: { readonly listen: string; readonly peers: readonly string[] } | undefined;
  readonly kubo?: { readonly api: string; readonly peers: readonly string[] } | undefined;
  readonly torrent?: { readonly host: string; readonly port: number; readonly address?: string | undefined } | undefined;
}

const MAX_PORT = 65_535;

/** HOST:PORT, or the port alone; IPv6 in brackets. */
const hostAndPort = (value: string): { readonly host: string; readonly port: number } | undefined => {
  const match = /^(?:(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):)?(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  return match === null || port > MAX_PORT ? undefined : { host: match[1] ?? match[2] ?? '127.0.0.1', port };
};

const isHttp = (value: string): boolean => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

/** Reads the options; every problem is told. */
export const readTransportArgs = (given: Given): Result<TransportArgs> => {
  const peers = given['ipfs-peer'] ?? [];
  const { ipfs, 'ipfs-api': api, torrent, 'torrent-address': address } = given;
  const swarm = torrent === undefined ? undefined : hostAndPort(torrent);
  const problems = [
    ...(ipfs === undefined || ipfs.startsWith('/')
      ? []
      : [optionValue('ipfs', `is ${ipfs} but takes a multiaddress`, ['Such as --ipfs /ip4/127.0.0.1/tcp/4001.'])]),
    ...peers
      .filter((peer) => !/^\/.+\/p2p\/\w+$/.test(peer))
      .map((peer) =>
        optionValue('ipfs-peer', `is ${peer} but takes a multiaddress with the name of the peer`, [
          'Such as /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…: cortexc node tells its own.',
        ]),
      ),
    ...(peers.length > 0 && ipfs === undefined && api === undefined
      ? [optionsConflict('--ipfs-peer names peers, but there is neither --ipfs nor --ipfs-api', 'Give one of them.')]
      : []),
    ...(api === undefined || isHttp(api) ? [] : [optionValue('ipfs-api', `is ${api} but takes a URL`, ['Such as http://127.0.0.1:5001.'])]),
    ...(torrent === undefined || swarm !== undefined
      ? []
      : [optionValue('torrent', `is ${torrent} but takes PORT or HOST:PORT, ports up to ${MAX_PORT}`)]),
    ...(address === undefined || (hostAndPort(address) !== undefined && address.includes(':'))
      ? []
      : [optionValue('torrent-address', `is ${address} but takes HOST:PORT`)]),
    ...(address !== undefined && torrent === undefined
      ? [optionsConflict('--torrent-address is given, but --torrent is not', 'Give the port to listen on: --torrent PORT.')]
      : []),
  ];
  if (problems.length > 0) return fail(...problems);
  return ok({
    ipfs: ipfs === undefined ? undefined : { listen: ipfs, peers },
    kubo: api === undefined ? undefined : { api, peers },
    torrent: swarm === undefined ? undefined : { ...swarm, address },
  });
};
