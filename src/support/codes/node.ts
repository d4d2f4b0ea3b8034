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
} as const satisfies Record<string, CodeInfo>;
