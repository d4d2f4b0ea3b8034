import { inferenceGas } from '../../evm/gas.ts';
import { decodeModel } from '../../evm/meta.ts';
import { readStatus } from '../../evm/model-state.ts';
import { hex, quantity, readAddress, readBytes } from '../fields.ts';
import { StoreFull } from '../../store/disk.ts';
import { invalidParams, rejected } from '../rpc-error.ts';
import { parametersDigest, parametersOf } from '../parameters.ts';
import type { Method } from './method.ts';
import { needAdmin } from './packages.ts';

const modelAt: Method = async (node, [address, tag]) => {
  const account = readAddress(address);
  const block = await node.block(tag);
  return node.chain.at(block, async (cvm) => {
    const meta = decodeModel(await cvm.vm.stateManager.getCode(account));
    const status = meta === undefined ? undefined : await readStatus(cvm.vm.stateManager, cvm.params, account);
    if (meta === undefined || status === undefined) return null;
    const port = ({ dtype, shape }: (typeof meta.inputs)[number]) => ({ dtype, shape });
    return {
      address: account.toString(),
      hash: hex(meta.hash),
      author: hex(meta.author),
      size: quantity(meta.rawSize),
      fee: quantity(meta.fee),
      operations: quantity(meta.operations),
      gas: quantity(inferenceGas(meta.operations, meta.fee)),
      inputs: meta.inputs.map(port),
      outputs: meta.outputs.map(port),
      seeded: meta.seeded,
      remaining: quantity(status.remaining),
      usableFrom: status.remaining > 0n ? null : quantity(status.ready + cvm.params.matureBlocks),
      withdrawn: status.withdrawn === 0n ? null : quantity(status.withdrawn),
    };
  });
};

/** Models, inputs and what the chain agrees on about them. */
export const CORTEX = {
  cortex_getModel: modelAt,
  // what the chain names is taken from anybody by `PUT /packages/HASH`, where the name is known before the bytes
  cortex_putPackage: async (node, [bytes], caller) => {
    needAdmin(node, caller);
    const file = readBytes(bytes, 'package');
    const kept = await node.objects.putPackage(file);
    node.metrics.count('packages', 1, { way: 'rpc', outcome: typeof kept === 'string' ? 'refused' : 'kept' });
    if (typeof kept !== 'string') node.metrics.count('packageBytes', file.length, { way: 'rpc' });
    if (typeof kept === 'string') throw invalidParams(`the package is refused: ${kept}`);
    void node.sharing?.offer(kept, () => node.objects.package(kept));
    return hex(kept);
  },
  cortex_putInput: async (node, [bytes], caller) => {
    needAdmin(node, caller);
    try {
      return hex(await node.objects.putInput(readBytes(bytes, 'input')));
    } catch (error) {
      if (error instanceof StoreFull) throw rejected(error.message);
      throw error;
    }
  },
  /** What nodes of this chain agree on, one digest over it, and what this node is: the digest tells two versions apart before a block does. */
  cortex_parameters: async (node) => {
    const parameters = parametersOf(node.chain, (await node.block('earliest')).hash());
    return { ...parameters, digest: parametersDigest(parameters), client: `cortexc/${node.version}` };
  },
} as const satisfies Readonly<Record<string, Method>>;
