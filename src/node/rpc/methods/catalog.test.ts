import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../../backends/index.ts';
import { sha256, toHex, unwrap } from '../../../support/index.ts';
import { createDevNode } from '../../dev-node.ts';
import { modelCalls } from '../../evm/model-calls.ts';
import { call, wordOf } from '../../testing/abi.ts';
import { packaged, SMALL } from '../../testing/chain.ts';
import { LOCAL_CALLER } from '../caller.ts';
import { DEV_ACCOUNTS, type DevNode } from '../node.ts';
import { METHODS } from './index.ts';

jest.setTimeout(60_000);

const PEAKS = [17, 0, 39, 5];
const images = Uint8Array.from({ length: 160 }, (_, k) => (k % 40 === PEAKS[Math.floor(k / 40)] ? 100 : k % 7));
const labels = Uint8Array.of(17, 0, 38, 5);
const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;

let node: DevNode;
let model: string;
let [imagesAt, labelsAt] = ['', ''];

const rpc = async (method: string, ...params: readonly unknown[]): Promise<Record<string, unknown>> =>
  (await METHODS.get(method)!(node, params, LOCAL_CALLER)) as Record<string, unknown>;
const from = DEV_ACCOUNTS[0]!.address.toString();
const send = async (
  to: string,
  data: string,
): Promise<{ readonly status: string; readonly logs: readonly { readonly topics: readonly string[] }[] }> => {
  const hash = await rpc('eth_sendTransaction', { from, to, data });
  const receipt = (await rpc('eth_getTransactionReceipt', hash)) as never as { status: string; logs: { topics: string[] }[] };
  expect(receipt.status).toBe('0x1');
  return receipt;
};
const registered = async (data: string): Promise<string> => {
  const registry = node.chain.cvm.params.registry.toString();
  const account = `0x${(await send(registry, data)).logs[0]!.topics[1]!.slice(26)}`;
  await send(registry, modelCalls.upload(account));
  await rpc('evm_mine');
  return account;
};
const storedInput = async (bytes: Uint8Array, shape: readonly bigint[]): Promise<string> => {
  await rpc('cortex_putInput', hex(bytes));
  return registered(hex(call('registerInput(bytes32,uint256,uint256[])', wordOf(sha256(bytes)), bytes.length, shape)));
};

beforeAll(async () => {
  let clock = 1_800_000_000;
  node = await createDevNode({ backend: unwrap(await loadBackend('reference', { selfTest: false })), version: 'test', now: () => clock++ });
  const small = packaged(SMALL);
  await rpc('cortex_putPackage', hex(small.file));
  model = await registered(modelCalls.register(77, small.record, small.bytecode));
  [imagesAt, labelsAt] = [await storedInput(images, [4n, 40n]), await storedInput(labels, [4n])];
});

describe('cortex_models', () => {
  test('tells the name from the package, the state, and uses as they come and go with the chain', async () => {
    const first = async (query: object = {}): Promise<unknown> => ((await rpc('cortex_models', query))['models'] as readonly unknown[])[0];
    expect(await first()).toMatchObject({
      address: model,
      name: 'model',
      state: 'usable',
      runs: '0x0',
      here: true,
      inputs: ['i8[1,40]'],
      fee: '0x4d',
    });
    const id = await rpc('evm_snapshot');
    const { inferPrecompile } = node.chain.cvm.params;
    await send(inferPrecompile.toString(), `0x${model.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}${'05'.repeat(40)}`);
    expect(await first({ minRuns: '0x1' })).toMatchObject({ runs: '0x1', fees: '0x4d' });
    expect((await rpc('cortex_leaderboard', { by: 'fees' }))['models']).toHaveLength(1);
    await rpc('evm_revert', id);
    expect(await first()).toMatchObject({ runs: '0x0', fees: '0x0' });
    expect((await rpc('cortex_leaderboard'))['models']).toHaveLength(0);
    expect(await first({ name: 'MOD', input: '[1,40]', state: 'usable', author: from, order: 'size' })).toMatchObject({ address: model });
    expect(await first({ name: 'nothing' })).toBeUndefined();
  });

  test('what a query lacks or has too much of is told by name', async () => {
    await expect(rpc('cortex_models', { nmae: 'x' })).rejects.toThrow('query has no field "nmae"');
    await expect(rpc('cortex_models', { limit: '0x65' })).rejects.toThrow('limit is 101, but takes 1 to 100');
    await expect(rpc('cortex_models', { after: '1' })).rejects.toThrow('after takes what an earlier answer had as next');
    await expect(rpc('cortex_models', { state: 'gone' })).rejects.toThrow('state takes one of registered');
    await expect(rpc('cortex_models', { input: 'i8[' })).rejects.toThrow('input takes a dtype');
    await expect(rpc('cortex_leaderboard', { set: '0x0' })).rejects.toThrow('set belongs to by: accuracy');
    await expect(rpc('cortex_leaderboard', { by: 'accuracy', set: '0x9' })).rejects.toThrow('the test set is not known');
  });
});

describe('scores', () => {
  test('a node counts for nothing what the chain would count, on stored inputs and on bytes', async () => {
    for (const given of [
      { images: imagesAt, labels: labelsAt },
      { images: hex(images), labels: hex(labels) },
    ])
      expect(await rpc('cortex_score', { model, ...given })).toEqual({
        correct: '0x3',
        counted: '0x4',
        samples: '0x4',
        next: null,
        classes: PEAKS,
      });
    expect(await rpc('cortex_score', { model, images: imagesAt, labels: labelsAt, from: '0x1', count: '0x2' })).toMatchObject({
      correct: '0x1',
      next: '0x3',
    });
    await expect(rpc('cortex_score', { model, images: hex(images.subarray(1)), labels: hex(labels) })).rejects.toThrow(
      /labels are|images have/,
    );
    await expect(rpc('cortex_score', { model: from, images: '0x', labels: '0x' })).rejects.toThrow('holds no model');
  });

  test('the board of the chain, with what a model could have known', async () => {
    const scores = node.chain.cvm.params.scores.toString();
    await send(scores, hex(call('submit(address,address)', BigInt(imagesAt), BigInt(labelsAt))));
    await send(scores, hex(call('run(address,uint256,uint256,uint256)', BigInt(model), 0, 0, 3)));
    const board = async (): Promise<Record<string, unknown>> => rpc('cortex_leaderboard', { by: 'accuracy', set: '0x0' });
    expect(await board()).toMatchObject({
      samples: '0x4',
      rows: [],
      running: [{ model, correct: '0x2', counted: '0x3', accuracy: '0.6666' }],
    });
    await send(scores, hex(call('run(address,uint256,uint256,uint256)', BigInt(model), 0, 3, 1)));
    expect(await board()).toMatchObject({
      rows: [{ rank: '0x1', model, name: 'model', correct: '0x3', accuracy: '0.7500', unseen: true, unchosen: false, runs: '0x4' }],
      running: [],
    });
    expect((await rpc('cortex_leaderboard', { by: 'accuracy' }))['sets']).toMatchObject([
      { set: '0x0', scored: '0x1', best: { model, correct: '0x3' } },
    ]);
  });
});

test('cortex_parameters: everything that is agreed on, and a digest that any difference changes', async () => {
  const { digest, client, ...all } = (await rpc('cortex_parameters')) as never as Record<string, string>;
  expect(client).toBe('cortexc/test');
  for (const name of [
    'chainId',
    'genesis',
    'hardfork',
    'gasLimit',
    'registryCode',
    'scoresCode',
    'bytecodeVersion',
    ...Object.keys(node.chain.cvm.params),
  ])
    expect(all[name]).toBeDefined();
  const text = (values: Record<string, string>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  expect(digest).toBe(hex(sha256(text(all))));
});
