import { createBlockFromRLP } from '@ethereumjs/block';
import { bytesToHex, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { loadBackend } from '../../src/backends/index.ts';
import { createDevNode } from '../../src/node/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { ask } from './crash-rpc.ts';

const BATCH = 100;

/** Runs all blocks of a node in a fresh one in memory. @returns what differs, and how many blocks ran */
export const replay = async (
  url: string,
  packages: readonly Uint8Array[],
): Promise<{ readonly blocks: number; readonly problem: string | undefined }> => {
  const genesis = await ask<{ timestamp: string; hash: string }>(url, 'eth_getBlockByNumber', '0x0', false);
  const head = await ask<{ number: string; hash: string; stateRoot: string }>(url, 'eth_getBlockByNumber', 'latest', false);
  const node = await createDevNode({
    backend: unwrap(await loadBackend('reference', { selfTest: false })),
    version: 'replay',
    genesisTime: Number(genesis.timestamp),
    now: () => Number(genesis.timestamp),
  });
  for (const file of packages) await node.objects.putPackage(file);
  const { chain } = node;
  if (bytesToHex(chain.head.hash()) !== genesis.hash)
    return { blocks: 0, problem: `genesis is ${genesis.hash} on disk and ${bytesToHex(chain.head.hash())} in memory` };
  const last = Number(head.number);
  for (let n = 1; n <= last; ) {
    const { blocks } = await ask<{ blocks?: PrefixedHexString[] }>(url, 'cortex_blocks', `0x${n.toString(16)}`, `0x${BATCH.toString(16)}`);
    if (blocks === undefined || blocks.length === 0) return { blocks: n - 1, problem: `block ${n} of ${last} does not come` };
    for (const raw of blocks) {
      const block = createBlockFromRLP(hexToBytes(raw), { common: chain.common, setHardfork: false, skipConsensusFormatValidation: true });
      const wrong = await chain.accept(block);
      if (wrong !== undefined)
        return { blocks: n - 1, problem: `block ${n}: ${wrong.what} is ${wrong.expected} on disk and ${wrong.found} when it runs again` };
      n++;
    }
  }
  const root = bytesToHex(chain.head.header.stateRoot);
  return { blocks: last, problem: root === head.stateRoot ? undefined : `state root is ${head.stateRoot} on disk and ${root} in memory` };
};
