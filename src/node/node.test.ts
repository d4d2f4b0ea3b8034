import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  type BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  decodeErrorResult,
  type Hex,
  http,
  parseAbi,
  toHex,
  webSocket,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { loadBackend } from '../backends/index.ts';
import { unwrap } from '../support/index.ts';
import { createDevNode } from './dev-node.ts';
import { DEFAULT_PARAMS } from './evm/params.ts';
import { DEV_ACCOUNTS, type DevNode } from './rpc/node.ts';
import { type RunningServer, serveRpc } from './rpc/server.ts';
import { packaged, SMALL } from './testing/chain.ts';

jest.setTimeout(120_000);

const small = packaged(SMALL);
const registryAbi = parseAbi([
  'function register(uint256 fee, bytes record, bytes bytecode) payable returns (address)',
  'function upload(address account)',
  'event Registered(address indexed account, address indexed author, bytes32 indexed hash, uint256 size, bool isModel)',
]);

/** A contract that a person would write: it keeps the greatest of the outputs. */
const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
import "./Infer.sol";
contract Classifier {
    address public immutable model;
    event Classified(uint256 best);
    constructor(address m) { model = m; }
    function classify(bytes calldata pixels) external returns (uint256 best) {
        best = Infer.argmax8(Infer.run(model, pixels));
        emit Classified(best);
    }
    function raw(bytes calldata pixels) external view returns (bytes memory) { return Infer.run(model, pixels); }
}`;

const compiled = (): { abi: never; bytecode: Hex } => {
  const solc = createRequire(import.meta.url)('solc') as { compile: (input: string) => string };
  const library = readFileSync(join(import.meta.dirname, 'contracts/Infer.sol'), 'utf8');
  const input = {
    language: 'Solidity',
    sources: { 'Classifier.sol': { content: SOURCE }, 'Infer.sol': { content: library } },
    settings: { evmVersion: 'cancun', outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as never as {
    contracts: Record<string, Record<string, { abi: never; evm: { bytecode: { object: string } } }>>;
  };
  const made = output.contracts['Classifier.sol']!['Classifier']!;
  return { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}` };
};

let node: DevNode;
let server: RunningServer;
beforeAll(async () => {
  let clock = 1_800_000_000;
  node = await createDevNode({ backend: unwrap(await loadBackend('reference', { selfTest: false })), version: 'test', now: () => clock++ });
  server = await serveRpc(node, { port: 0, maxBytes: 2 ** 20 });
});
afterAll(() => server.close());

const url = (): string => `http://127.0.0.1:${server.port}`;
const chainOf = () => ({
  id: 1337,
  name: 'dev',
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [url()] } },
});
const clients = () => {
  const account = privateKeyToAccount(toHex(DEV_ACCOUNTS[0]!.key));
  const options = { chain: chainOf(), transport: http(url()), pollingInterval: 20 };
  return { account, open: createPublicClient(options), wallet: createWalletClient({ ...options, account }) };
};

test('the accounts are those of the well-known mnemonic', () => {
  expect(DEV_ACCOUNTS[0]!.address.toString()).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
  expect(DEV_ACCOUNTS[9]!.address.toString()).toBe('0xa0ee7a142d267c1f36714e4a8f75612f20a79720');
});

describe('viem', () => {
  test('a model is published, a Solidity contract runs it, and a wrong input is a decoded error', async () => {
    const { open, wallet, account } = clients();
    const registry = DEFAULT_PARAMS.registry.toString();
    await wallet.request({ method: 'cortex_putPackage' as never, params: [toHex(small.file)] as never });
    const hash = await wallet.writeContract({
      address: registry, abi: registryAbi, functionName: 'register', args: [0n, toHex(small.record), toHex(small.bytecode)],
    }); // biome-ignore format: a call
    const receipt = await open.waitForTransactionReceipt({ hash });
    expect(receipt.status).toBe('success');
    const model = `0x${receipt.logs[0]!.topics[1]!.slice(26)}` as Hex;
    await open.waitForTransactionReceipt({
      hash: await wallet.writeContract({ address: registry, abi: registryAbi, functionName: 'upload', args: [model] }),
    });
    const shown = (await open.request({ method: 'cortex_getModel' as never, params: [model] as never })) as { hash: Hex; remaining: Hex };
    expect(shown).toMatchObject({ hash: toHex(small.hash), remaining: '0x0', inputs: [{ dtype: 'i8', shape: [1, 40] }] });

    const { abi, bytecode } = compiled();
    const deployed = await open.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode, args: [model] as never }) });
    const address = deployed.contractAddress!;
    const pixels = toHex(Uint8Array.from({ length: 40 }, (_, i) => (i === 17 ? 100 : i)));
    const called = await open.waitForTransactionReceipt({
      hash: await wallet.writeContract({ address, abi, functionName: 'classify' as never, args: [pixels] as never, account }),
    }); // biome-ignore format: a call
    expect(called.status).toBe('success');
    // outputs 40 to 47 are the int32 sums; the greatest byte is that of pixel 17, plus one
    expect(BigInt(called.logs[0]!.data)).toBe(17n);

    const failed: unknown = await open
      .readContract({ address, abi, functionName: 'raw' as never, args: ['0x1234'] as never })
      .catch((e: unknown) => e);
    const reverted = (failed as BaseError).walk((e) => e instanceof ContractFunctionRevertedError) as ContractFunctionRevertedError;
    const inner = decodeErrorResult({ abi: parseAbi(['error InferFailed(bytes reason)']), data: reverted.raw! });
    expect(inner.errorName).toBe('InferFailed');
    const reason = decodeErrorResult({ abi: parseAbi(['error Error(string)']), data: inner.args[0] });
    expect(reason.args[0]).toBe('infer: input has 2 bytes, but the model takes 40');
  });

  test('WebSocket; snapshots; logs by topic', async () => {
    const ws = createPublicClient({ chain: chainOf(), transport: webSocket(`ws://127.0.0.1:${server.port}`) });
    const before = await ws.getBlockNumber();
    const id = await ws.request({ method: 'evm_snapshot' as never });
    await ws.request({ method: 'evm_mine' as never });
    expect(await ws.getBlockNumber({ cacheTime: 0 })).toBe(before + 1n);
    expect(await ws.request({ method: 'evm_revert' as never, params: [id] as never })).toBe(true);
    expect(await ws.getBlockNumber({ cacheTime: 0 })).toBe(before);
    const logs = await ws.getLogs({ address: DEFAULT_PARAMS.registry.toString(), event: registryAbi[2], fromBlock: 0n });
    expect(logs.map((l) => l.args.hash)).toEqual([toHex(small.hash)]);
    (await ws.transport.getRpcClient()).close();
  });
});

describe('what is no request', () => {
  const post = (body: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> =>
    new Promise((done, fail) => {
      const r = request(url(), { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (text += piece));
        response.on('end', () => done({ status: response.statusCode ?? 0, text }));
      });
      r.on('error', fail);
      r.end(body);
    });
  const codeOf = async (body: string): Promise<number> => (JSON.parse((await post(body)).text) as { error: { code: number } }).error.code;

  test('bad JSON, deep brackets, empty and long lists, unknown methods, wrong parameters: a code each', async () => {
    expect(await codeOf('{"id":1')).toBe(-32700);
    expect(await codeOf('['.repeat(100_000))).toBe(-32600);
    expect(await codeOf('[]')).toBe(-32600);
    expect(await codeOf(JSON.stringify(Array.from({ length: 101 }, () => ({ method: 'eth_chainId', id: 1 }))))).toBe(-32600);
    expect(await codeOf('{"id":1,"method":"eth_mineBitcoin"}')).toBe(-32601);
    expect(await codeOf('{"id":1,"method":"constructor"}')).toBe(-32601);
    expect(await codeOf('{"id":1,"method":"eth_getBalance","params":["0x12"]}')).toBe(-32602);
    expect(await codeOf('{"id":1,"method":"eth_getBalance","params":[{"a":1}]}')).toBe(-32602);
    expect(await codeOf('{"id":1,"method":"eth_sendRawTransaction","params":["0xc0ffee"]}')).toBe(-32602);
    expect(await codeOf('{"id":1,"method":"eth_call","params":[{"to":"0x4200000000000000000000000000000000000001","gas":"0x"}]}')).toBe(
      -32602,
    );
    expect((await post('{"id":1,"method":"eth_getBlockByNumber","params":["0x99",false]}')).text).toContain('"result":null');
  });

  test('a body above the limit, a foreign host name, and a request that never ends', async () => {
    expect((await post(' '.repeat(2 ** 20 + 1))).status).toBe(413);
    expect((await post('{}', { host: 'evil.example' })).status).toBe(403);
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{');
    // others are served meanwhile
    expect((await post('{"id":1,"method":"eth_chainId"}')).text).toContain('"0x539"');
    socket.destroy();
  });
});
