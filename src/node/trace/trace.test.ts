import { createTx } from '@ethereumjs/tx';
import { bytesToHex, type Address } from '@ethereumjs/util';
import { describe, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { programCost } from '../../ir/index.ts';
import { at, sha256Hex, unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { LOCAL_CALLER } from '../rpc/caller.ts';
import { METHODS } from '../rpc/methods/index.ts';
import { DEV_ACCOUNTS, type DevNode } from '../rpc/node.ts';
import { assemble, call, joined, words, wordOf } from '../testing/abi.ts';
import { packaged, SMALL } from '../testing/chain.ts';
import { endorphinText, layersOf } from './layers.ts';

jest.setTimeout(30_000);

const small = packaged(SMALL);
const { registry, inferPrecompile } = DEFAULT_PARAMS;
const pixels = Uint8Array.from({ length: 40 }, (_, i) => i);

const ask = async (node: DevNode, method: string, ...params: readonly unknown[]): Promise<never> =>
  (await METHODS.get(method)!(node, params, LOCAL_CALLER)) as never;

interface Traced {
  readonly inferenceCount: string;
  readonly inferences: readonly {
    readonly model: string;
    readonly caller: string;
    readonly input: string;
    readonly output: string;
    readonly gas: string;
    readonly layers:
      | readonly { readonly op: string; readonly operations: number; readonly share: number; readonly digest?: string }[]
      | null;
  }[];
}
interface Frame {
  readonly type: string;
  readonly to: string;
  readonly error?: string;
  readonly gasUsed: string;
  readonly calls?: readonly Frame[];
}

const begun = async () => {
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const node = await createDevNode({ backend, version: 'test', now: () => 1_800_000_000 });
  let nonce = 0n;
  const send = (data: Uint8Array, to: Address | undefined, gasLimit = 10_000_000n) =>
    createTx(
      { nonce: nonce++, gasLimit, gasPrice: 10n ** 10n, data, ...(to === undefined ? {} : { to }) },
      { common: node.chain.common },
    ).sign(at(DEV_ACCOUNTS, 0).key);
  await node.objects.putPackage(small.file);
  const [made] = (await node.chain.mine([send(call('register(uint256,bytes,bytes)', 9, small.record, small.bytecode), registry)])).mined;
  const model = wordOf(at(made!.logs, 0)[1][1]!);
  await node.chain.mine([send(call('upload(address)', model), registry)]);
  await node.chain.mine([]);
  return { node, send, model };
};

describe('traces', () => {
  test('an inference: model, who asked, digests, gas, and layers that add up', async () => {
    const { node, send, model } = await begun();
    // another one stands before it in the block
    const other = send(joined(words(model, 1), pixels.toReversed()), inferPrecompile);
    const tx = send(joined(words(model, 1), pixels), inferPrecompile);
    const { mined } = await node.chain.mine([other, tx]);
    const head = bytesToHex(node.chain.head.hash());
    const traced: Traced = await ask(node, 'cortex_traceTransaction', bytesToHex(tx.hash()), { digests: true });
    expect(traced.inferenceCount).toBe('0x1');
    const [one] = traced.inferences;
    expect(one).toMatchObject({
      model: `0x${model.toString(16).padStart(40, '0')}`,
      caller: at(DEV_ACCOUNTS, 0).address.toString(),
      input: `0x${sha256Hex(pixels)}`,
      output: `0x${sha256Hex(mined[1]!.output)}`,
      gas: '0xa',
    });
    const layers = one!.layers!;
    expect(layers.map((l) => l.op)).toEqual(small.program.nodes.map((n) => n.op));
    expect(layers.reduce((n, l) => n + l.operations, 0)).toBe(programCost(small.program));
    expect(new Set(layers.map((l) => l.digest)).size).toBeGreaterThan(1);
    expect(layers.every((l) => /^[0-9a-f]{64}$/.test(l.digest ?? ''))).toBe(true);
    // the chain is as it was
    expect(bytesToHex(node.chain.head.hash())).toBe(head);
    const without: Traced = await ask(node, 'cortex_traceTransaction', bytesToHex(tx.hash()), { layers: false });
    expect(without.inferences[0]!.layers).toBeNull();
  });

  test('frames: calls within calls, what reverted, and the gas of the receipt', async () => {
    const { node, send, model } = await begun();
    const tx = send(joined(words(model, 1), pixels.subarray(1)), inferPrecompile);
    const { mined } = await node.chain.mine([tx]);
    const frame: Frame = await ask(node, 'debug_traceTransaction', bytesToHex(tx.hash()), { tracer: 'callTracer' });
    expect(frame).toMatchObject({
      type: 'CALL',
      to: inferPrecompile.toString(),
      error: 'revert',
      gasUsed: `0x${mined[0]!.gasUsed.toString(16)}`,
    });
    // the registry asks the precompile of registration
    const registered = await node.chain.block(1);
    const nested: Frame = await ask(node, 'debug_traceTransaction', bytesToHex(registered!.transactions[0]!.hash()), {
      tracer: 'callTracer',
    });
    expect(nested.calls!.map((c) => [c.type, c.to])).toContainEqual(['STATICCALL', DEFAULT_PARAMS.verifyPrecompile.toString()]);
    await expect(ask(node, 'debug_traceTransaction', bytesToHex(tx.hash()), { tracer: 'other' })).rejects.toThrow('callTracer');
    await expect(ask(node, 'debug_traceTransaction', `0x${'11'.repeat(32)}`)).rejects.toThrow('is not known');
  });

  test('steps: as many as are asked for, of this transaction alone', async () => {
    const { node, send } = await begun();
    const runtime = assemble(1, 2, 'ADD', 0, 'MSTORE', 32, 0, 'RETURN');
    const deploy = send(runtime, undefined);
    await node.chain.mine([send(runtime, undefined), deploy]);
    type Steps = { structLogs: { op: string; stack?: string[]; pc: number }[]; truncated?: boolean; failed: boolean; returnValue: string };
    const all: Steps = await ask(node, 'debug_traceTransaction', bytesToHex(deploy.hash()));
    expect(all.structLogs.map((l) => l.op)).toEqual(['PUSH1', 'PUSH1', 'ADD', 'PUSH1', 'MSTORE', 'PUSH1', 'PUSH1', 'RETURN']);
    expect(all.structLogs[2]!.stack).toEqual(['0x1', '0x2']);
    expect(all.returnValue).toBe('00'.repeat(31) + '03');
    const two: Steps = await ask(node, 'debug_traceTransaction', bytesToHex(deploy.hash()), { limit: '0x2', disableStack: true });
    expect(two).toMatchObject({ truncated: true, structLogs: [{ pc: 0 }, { pc: 2 }] });
    expect(two.structLogs[0]).not.toHaveProperty('stack');
  });

  test('Endorphin as a decimal, without floats', () => {
    expect([0, 1, 20_000, 30_001].map(endorphinText)).toEqual(['0', '0.00005', '1', '1.50005']);
    expect(layersOf(small.program).reduce((n, l) => n + l.share, 0)).toBeGreaterThan(99_990);
  });
});
