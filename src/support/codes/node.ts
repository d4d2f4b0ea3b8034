import type { CodeInfo } from './info.ts';

export const nodeCodes = {
  NOD0001: {
    title: 'node cannot listen',
    explain: 'The address or port that the node is to listen on is taken or not allowed. Choose another: --port 0 takes any that is free.',
    exit: 6,
  },
  NOD0002: {
    title: 'node does not answer',
    explain: 'Nothing listens at the address of --rpc, or what listens there speaks no JSON-RPC. Start a node: cortexc node --dev.',
    exit: 6,
  },
  NOD0003: {
    title: 'node refuses',
    explain: 'The node was asked for something and said no; the message has its own words.',
    exit: 6,
  },
  NOD0004: {
    title: 'network of the node is open to others',
    explain:
      'A development node signs for accounts whose keys everyone knows. Bound to an address that others reach, it does what they ask.',
    exit: 2,
  },
  NOD0040: {
    title: 'a way to other stores lacks a package',
    explain:
      'IPFS between nodes needs libraries that are installed by those who want it, beside cortexc: the note names them. Without them packages come by HTTP, by BitTorrent or from a Kubo daemon (--ipfs-api), which need nothing.',
    exit: 4,
  },
  NOD0041: {
    title: 'a way to other stores cannot listen',
    explain: 'The address or port that IPFS or BitTorrent is to listen on is taken, not allowed, or no address. Port 0 takes any that is free.',
    exit: 6,
  },
} as const satisfies Record<string, CodeInfo>;
