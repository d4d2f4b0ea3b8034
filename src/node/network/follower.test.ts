import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTx } from '@ethereumjs/tx';
import { type Address, bytesToHex, hexToBytes } from '@ethereumjs/util';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type Backend, loadBackend } from '../../backends/index.ts';
import { parseMrl } from '../../frontend/mrl/index.ts';
import { decodeNpy } from '../../frontend/tensors/index.ts';
import { type OpName, runProgram } from '../../ir/index.ts';
import { at, ok, unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { DEV_ACCOUNTS, type DevNode } from '../rpc/node.ts';
import { type RunningServer, serveRpc } from '../rpc/server.ts';
import { call, joined, words, wordOf } from '../testing/abi.ts';
import { packaged, SMALL } from '../testing/chain.ts';
import { Follower, type FollowOptions, type Stopped } from './follower.ts';

jest.setTimeout(15_000);

/** The clamp hides what large elements differ in, and values are used twice. */
const DEEP = `mrl 1;
model deep {
  input x: i8[1, 40];
  param one: i32[] = 1;
  param three: i32[] = 3;
  let a = cast(x, dtype: i32);
  let b = mul(a, three);
  let c = maximum(b, one);
  let d = sub(c, a);
  let e = add(d, b);
  output y = cast(clamp(e, lo: -128, hi: 127), dtype: i8);
}
`;
const deep = packaged(DEEP);
const small = packaged(SMALL);

/** The reference, but for one bit of the results of one op. */
const wrongIn = (op: OpName): Backend => ({
  name: `reference, wrong in ${op}`,
  summary: 'for tests',
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: () => undefined,
  support: () => 'primitive',
  compile: (program) =>
    ok({
      run: (inputs) =>
        runProgram(program, inputs, (node, results) => {
          const { data } = at(results, 0);
          if (node.op === op) data[3] = at(data, 3) ^ 1;
        }),
    }),
});

const GENESIS = 1_800_000_000;
const open: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const nodeOn = async (backend: string | Backend, more: { chainId?: number; genesisTime?: number } = {}): Promise<DevNode> => {
  const loaded = typeof backend === 'string' ? unwrap(await loadBackend(backend, { selfTest: false })) : backend;
  return createDevNode({ backend: loaded, version: 'test', genesisTime: GENESIS, now: () => GENESIS, ...more });
};

const served = async (node: DevNode, port = 0): Promise<RunningServer & { readonly url: string }> => {
  const server = await serveRpc(node, { port });
  open.push(() => server.close());
  return { ...server, url: `http://127.0.0.1:${server.port}` };
};

const following = (node: DevNode, peers: readonly string[], more: Partial<FollowOptions> = {}): { follower: Follower; ended: Promise<Stopped>; told: string[] } => {
  const told: string[] = [];
  const follower = new Follower(node, { peers, pollMs: 10, tell: (line) => told.push(line), ...more });
  const ended = follower.run();
  open.push(async () => {
    follower.stop();
    await ended;
  });
  return { follower, ended, told };
}; // biome-ignore format: short

const until = async (what: () => boolean): Promise<void> => {
  for (let i = 0; i < 2000; i++) {
    if (what()) return;
    await new Promise((go) => setTimeout(go, 5));
  }
  throw new Error(`not so after 10 s: ${String(what)}`);
};
const same = (a: DevNode, b: DevNode) => (): boolean => bytesToHex(a.chain.head.hash()) === bytesToHex(b.chain.head.hash());

const nonces = new WeakMap<DevNode, bigint>();
const signed = (node: DevNode, data: Uint8Array, to: Address | undefined, gasLimit = 10_000_000n) => {
  const nonce = nonces.get(node) ?? 0n;
  nonces.set(node, nonce + 1n);
  const fields = { nonce, gasLimit, gasPrice: 10n ** 10n, data, ...(to === undefined ? {} : { to }) };
  return createTx(fields, { common: node.chain.common }).sign(at(DEV_ACCOUNTS, 0).key);
};

const { registry, inferPrecompile } = DEFAULT_PARAMS;
/** Registers a model and makes it usable. @returns its address as a word */
const published = async (node: DevNode, model: typeof deep): Promise<bigint> => {
  await node.objects.putPackage(model.file);
  const [made] = (await node.chain.mine([signed(node, call('register(uint256,bytes,bytes)', 0, model.record, model.bytecode), registry)]))
    .mined;
  const address = wordOf(at(made!.logs, 0)[1][1]!);
  await node.chain.mine([signed(node, call('upload(address)', address), registry)]);
  await node.chain.mine([]);
  return address;
};

/** Runtime code that keeps the hash of what the precompile answers to its call data. */
const KEEPER = hexToBytes(`0x365f5f375f5f365f73${inferPrecompile.toString().slice(2)}5afa503d5f5f3e3d5f205f5500`);
const keeper = async (node: DevNode): Promise<Address> => {
  const init = joined(hexToBytes(`0x60${KEEPER.length.toString(16).padStart(2, '0')}80600a5f395ff3fe`), KEEPER);
  const [made] = (await node.chain.mine([signed(node, init, undefined)])).mined;
  return made!.created!;
};
const pixels = Uint8Array.from({ length: 40 }, (_, i) => (i < 20 ? (7 * i) % 20 : 100));

describe('Follower', () => {
  test('a node on another backend takes the blocks of its peer, and fetches the packages that it lacks', async () => {
    const [maker, follower] = [await nodeOn('reference'), await nodeOn('wasm')];
    const model = await published(maker, small);
    const contract = await keeper(maker);
    const { told } = following(follower, [(await served(maker)).url]);
    await until(same(maker, follower));
    const [m] = (await maker.chain.mine([signed(maker, joined(words(model, 1), pixels), contract)])).mined;
    expect(m!.succeeded).toBe(true);
    await until(same(maker, follower));
    expect(await follower.objects.package(small.hash)).toBeDefined();
    expect(told.join('\n')).toContain('backend reference');
    const slot = (node: DevNode) => node.chain.at(node.chain.head, (cvm) => cvm.vm.stateManager.getStorage(contract, new Uint8Array(32)));
    expect((await slot(follower)).length).toBe(32);
    expect(await slot(follower)).toEqual(await slot(maker));
  });

  test('a transaction goes on to the maker of blocks; the follower makes none itself', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    following(node, [(await served(maker)).url]);
    await until(() => node.forward !== undefined);
    const tx = signed(maker, new Uint8Array(0), registry, 21_000n + 5_000n);
    expect(bytesToHex(await node.submit(tx))).toBe(bytesToHex(tx.hash()));
    expect(await node.chain.transaction(bytesToHex(tx.hash()))).toBeDefined();
    await expect(node.mine()).rejects.toThrow('this node follows another');
    const again = createTx({ ...tx.toJSON(), nonce: 7 } as never, { common: node.chain.common }).sign(at(DEV_ACCOUNTS, 1).key);
    await expect(node.submit(again)).rejects.toThrow('nonce');
  });

  test('a peer that is gone is asked again; blocks that were made meanwhile come', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    const server = await served(maker);
    const { told } = following(node, [server.url]);
    await maker.chain.mine([]);
    await until(same(maker, node));
    await server.close();
    await until(() => told.length > 1);
    await maker.chain.mine([]);
    await served(maker, server.port);
    await until(same(maker, node));
  });

  test('a block waits for its files, and goes on when they are there', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    const model = await published(maker, small);
    await maker.chain.mine([signed(maker, joined(words(model, 1), pixels), inferPrecompile)]);
    const { told } = following(node, [(await served(maker)).url], { bring: () => Promise.resolve() });
    await until(() => told.some((line) => line.includes('waits: package')));
    expect(node.chain.head.header.number).toBe(maker.chain.head.header.number - 1n);
    await node.objects.putPackage(small.file);
    await until(same(maker, node));
  });

  test('another chain, another genesis: told with both values', async () => {
    const maker = await nodeOn('reference');
    const { url } = await served(maker);
    const other = await following(await nodeOn('reference', { chainId: 5 }), [url]).ended;
    expect(other.reason).toMatchObject({ code: 'NOD0051', message: expect.stringContaining('chain id is 5 here and 1337 there') });
    const later = await following(await nodeOn('reference', { genesisTime: GENESIS + 1 }), [url]).ended;
    expect(later.reason?.message).toContain('genesis is 0x');
  });

  test('a peer that goes back is followed no longer', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    const id = maker.chain.snapshot();
    await maker.chain.mine([]);
    const { ended } = following(node, [(await served(maker)).url]);
    await until(same(maker, node));
    const head = bytesToHex(node.chain.head.hash());
    await maker.chain.revert(id);
    await maker.chain.mine([signed(maker, new Uint8Array(0), registry)]);
    expect((await ended).reason).toMatchObject({ code: 'NOD0052' });
    expect(bytesToHex(node.chain.head.hash())).toBe(head);
  });

  test('of two peers the one that answers is followed', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    following(node, ['http://127.0.0.1:9', (await served(maker)).url]);
    await maker.chain.mine([]);
    await until(same(maker, node));
  });
});

/** A peer that answers what the test says. */
const lyingPeer = async (answer: (method: string) => unknown): Promise<string> => {
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      const { method } = JSON.parse(body) as { method: string };
      const result = answer(method);
      response.end(typeof result === 'string' ? result : JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
    });
  });
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('a peer is not believed', () => {
  test.each([
    ['no JSON', () => 'hello', 'no JSON'],
    ['an answer without end', () => ' '.repeat(2 ** 25 + 2 ** 17), 'longer than'],
    ['brackets', () => '['.repeat(2 ** 20), 'no JSON'],
    ['another form', () => ({ head: -1 }), 'head is -1'],
  ])('%s', async (_, answer, message) => {
    const { reason } = await following(await nodeOn('reference'), [await lyingPeer(answer)]).ended;
    expect(reason).toMatchObject({ code: 'NOD0055', message: expect.stringContaining(message) });
  });

  test.each([
    ['blocks that are no RLP', '0xc3c2c1', 'cannot be read'],
    ['the wrong block', undefined, 'says that it is block'],
  ])('%s', async (_, raw, message) => {
    const node = await nodeOn('reference');
    const maker = await nodeOn('reference');
    await maker.chain.mine([]);
    const agreed = ((await (await fetch((await served(maker)).url, { method: 'POST', body: JSON.stringify({ id: 1, method: 'cortex_network' }), headers: { 'content-type': 'application/json' } })).json()) as { result: object }).result; // biome-ignore format: long
    const block = raw ?? bytesToHex(maker.chain.head.serialize());
    const url = await lyingPeer((method) => (method === 'cortex_network' ? agreed : { head: '0x1', blocks: [block] }));
    const { reason } = await following(node, [url]).ended;
    expect(reason).toMatchObject({ code: 'NOD0055', message: expect.stringContaining(message) });
    expect(node.chain.head.header.number).toBe(0n);
  });
});

describe('nodes that disagree', () => {
  test.each(['sub', 'add', 'mul'] as const)('the first op that differs is found: %s', async (op) => {
    const [maker, node] = [await nodeOn(wrongIn(op)), await nodeOn('reference')];
    const model = await published(maker, deep);
    const contract = await keeper(maker);
    const healthy = maker.chain.head;
    await maker.chain.mine([signed(maker, joined(words(model, 1), pixels), contract)]);
    const { reason, finding } = await following(node, [(await served(maker)).url]).ended;
    expect(reason).toMatchObject({ code: 'NOD0053', message: expect.stringContaining('state root') });
    expect(finding).toMatchObject({ difference: { what: 'output', index: 0 }, layer: { op } });
    // the node keeps what it had
    expect(bytesToHex(node.chain.head.hash())).toBe(bytesToHex(healthy.hash()));
    const files = finding!.files;
    const report = new TextDecoder().decode(files.get('report.txt'));
    expect(report).toContain(`first op that differs, while its operands agree: ${op}`);
    expect(report).toContain(`backend reference, wrong in ${op}`);
    // the files make the difference again
    const { program } = unwrap(parseMrl(new TextDecoder().decode(files.get('repro.mrl')), { file: 'repro.mrl' }));
    expect(program.nodes.map((n) => n.op)).toEqual([op]);
    const npy = (name: string) => unwrap(decodeNpy(files.get(name)!)) as unknown as { data: Int32Array; shape: number[] };
    const inputs = program.inputs.map((port, i) => ({ ...(program.types[port.value] as object), data: npy(`input-${i}.npy`).data }));
    expect(Array.from(at(runProgram(program, inputs as never), 0).data)).toEqual(Array.from(npy('own-0.npy').data));
    expect(npy('peer-0.npy').data[3]).toBe(npy('own-0.npy').data[3]! ^ 1);
  });

  /** Has the runs of transactions on a machine leave another state behind where the call data is long. */
  const skewed = <T extends DevNode['chain']['cvm']>(cvm: T): T => {
    const normal = cvm.runTx.bind(cvm);
    cvm.runTx = async (options, limit) => {
      const result = await normal(options, limit);
      if (options.tx.data.length > 4) await cvm.vm.stateManager.putStorage(registry, new Uint8Array(32).fill(7), Uint8Array.of(1));
      return result;
    };
    return cvm;
  };

  test('when inferences agree, the transaction that differs is told', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    skewed(maker.chain.cvm);
    // it does so again when the block runs again
    const machine = maker.chain.machine.bind(maker.chain);
    maker.chain.machine = async () => skewed(await machine());
    const [first, second] = [signed(maker, new Uint8Array(0), registry), signed(maker, new Uint8Array(8), registry)];
    await maker.chain.mine([first, second]);
    const { reason, finding } = await following(node, [(await served(maker)).url]).ended;
    expect(reason).toMatchObject({ code: 'NOD0053' });
    expect(finding!.difference).toMatchObject({ what: 'state', index: 1 });
    const report = finding!.report.join('\n');
    expect(report).toContain(bytesToHex(second.hash()));
    expect(report).not.toContain(bytesToHex(first.hash()));
  });

  test('a difference that is gone when the block runs again is told as such', async () => {
    const [maker, node] = [await nodeOn('reference'), await nodeOn('reference')];
    // only the machine of the chain is wrong: the one that runs the block again is another
    skewed(node.chain.cvm);
    await maker.chain.mine([signed(maker, new Uint8Array(8), registry)]);
    const { finding } = await following(node, [(await served(maker)).url]).ended;
    expect(finding!.report.join('\n')).toContain('comes and goes');
  });
});
