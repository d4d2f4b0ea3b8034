import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';
import { SERVICE_OPTIONS, serviceArgs, serviceProblems } from '../node-service-options.ts';
import { STORE_OPTIONS, storeArgs, storeProblems } from '../node-store-options.ts';
import { readTransportArgs, TRANSPORT_OPTIONS } from '../transport-options.ts';
import { RPC_OPTIONS, rpcArgs, rpcProblems } from '../node-rpc-options.ts';

const CACHE_POLICIES = ['lru', 'fifo', 'lfu', 'gdsf'] as const;
const MAX_PORT = 65_535;

export const node = command({
  name: 'node',
  summary: 'Run a development chain whose contracts run models',
  doc:
    'An EVM with INFER (0xc0) and INFERARRAY (0xc1), and the same as a precompile for plain Solidity. Serves JSON-RPC (eth_*, net_*, web3_*, evm_*, cortex_*) over HTTP and WebSocket, for viem, ' +
    'ethers, Hardhat and Foundry. Ten accounts are funded, those of the mnemonic that Hardhat and Foundry use; each transaction gets a block at once. `cortexc publish` puts a package on it. ' +
    'It listens on this machine alone unless --host says otherwise; Ctrl-C ends it; with --data the chain goes on from there the next time, without it ends too.',
  positionals: {},
  options: {
    dev: { type: 'boolean', default: false, describe: 'A development chain; the only kind so far' },
    port: { type: 'number', default: 8545, requiresArg: true, describe: 'Port of the RPC; 0: any that is free' },
    host: { type: 'string', default: '127.0.0.1', requiresArg: true, describe: 'Address to listen on' },
    'chain-id': { type: 'number', default: 1337, requiresArg: true, describe: 'Number of the chain, in signatures' },
    backend: { type: 'string', default: 'wasm', requiresArg: true, describe: 'What runs models; the bytes are the same on all' },
    threads: { type: 'number', default: 1, requiresArg: true, describe: 'Threads of one inference; the bytes do not depend on them' },
    data: { type: 'string', requiresArg: true, describe: 'Folder of the chain, packages and inputs; in memory if left out' },
    'block-time': { type: 'number', requiresArg: true, describe: 'Seconds between blocks; a block for each transaction if left out' },
    objects: { type: 'string', requiresArg: true, describe: 'Folder of packages and inputs; that of --data, or in memory, if left out' },
    'cache-bytes': { type: 'number', default: 2 ** 31, requiresArg: true, describe: 'Bytes of models that are kept ready' },
    'cache-policy': {
      type: 'string',
      choices: CACHE_POLICIES,
      default: 'lru',
      requiresArg: true,
      describe: 'What is given up first: least recently used, first in, least often used, or by size, use and price (gdsf)',
    },
    peer: { type: 'string', array: true, requiresArg: true, describe: 'URL of a node to follow; it makes the blocks (repeatable)' },
    'exit-on-mismatch': {
      type: 'boolean',
      default: false,
      describe: 'End when following ends: with exit 1 where this node and its peer disagree on a block',
    },
    mismatch: {
      type: 'string',
      requiresArg: true,
      describe: 'Folder for the op that differs, its inputs and both outputs; cortexc-mismatch if left out',
    },
    ...RPC_OPTIONS,
    ...SERVICE_OPTIONS,
    ...STORE_OPTIONS,
    ...TRANSPORT_OPTIONS,
  },
  examples: [
    ['cortexc node --dev', 'a chain at http://127.0.0.1:8545'],
    ['cortexc node --dev --port 0 --peer http://127.0.0.1:8545 --backend native', 'follows that node on another backend, and compares'],
    ['cortexc node --dev --port 0 --data chain', 'another port; chain and packages on disk'],
  ],
  run: async (args, context) => {
    if (!args.dev) return fail(optionsConflict('node runs a development chain, and --dev is not given', 'Say so: cortexc node --dev.'));
    const whole = (name: 'port' | 'chain-id' | 'cache-bytes' | 'threads', least: number, most: number) => {
      const v = args[name];
      return Number.isSafeInteger(v) && v >= least && v <= most
        ? []
        : [optionValue(name, `is ${v} but takes a whole number from ${least} to ${most}`)];
    };
    const pause = args['block-time'];
    const problems = [
      ...(pause === undefined || (pause > 0 && pause <= 86_400)
        ? []
        : [optionValue('block-time', `is ${pause} but takes seconds from 0 to 86400`)]),
      ...whole('port', 0, MAX_PORT),
      ...whole('chain-id', 1, 2 ** 31),
      ...whole('threads', 1, 64),
      ...whole('cache-bytes', 0, Number.MAX_SAFE_INTEGER),
      ...rpcProblems(args),
      ...serviceProblems(args),
      ...storeProblems(args),
      ...(args.peer ?? [])
        .filter((url) => !/^https?:\/\/[^/]/.test(url))
        .map((url) => optionValue('peer', `is ${url} but takes http://HOST:PORT`)),
      ...(args.peer !== undefined && pause !== undefined
        ? [optionValue('block-time', 'is given with --peer, but the peer makes the blocks')]
        : []),
    ];
    const transports = readTransportArgs(args);
    if (!transports.ok) return fail(...problems, ...transports.diagnostics);
    if (problems.length > 0) return fail(...problems);
    const { runNode } = await import('../pipeline/node/run-node.ts');
    const policy = CACHE_POLICIES.find((p) => p === args['cache-policy']) ?? 'lru';
    return runNode(
      {
        ...args,
        ...serviceArgs(args),
        ...rpcArgs(args),
        keep: storeArgs(args),
        transports: transports.value,
        policy,
        chainId: args['chain-id'],
        exitOnMismatch: args['exit-on-mismatch'],
        blockTime: pause,
        cacheBytes: args['cache-bytes'],
      },
      context,
    );
  },
});
