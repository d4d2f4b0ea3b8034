import type { Transport } from '../../../src/node/store/contract.ts';
import { makeTorrent } from '../../../src/node/store/bittorrent/metainfo.ts';
import { hostilePeer as hostileIpfs, IPFS_LIES } from '../../../src/node/store/testing/hostile-ipfs.ts';
import { hostilePeer as hostileTorrent, TORRENT_LIES } from '../../../src/node/store/testing/hostile-torrent.ts';
import type { SyntheticPackage } from '../../../src/node/store/testing/synthetic-package.ts';
import { memoryDraft } from '../../../src/node/store/testing/test-draft.ts';
import { createIpfs } from '../../../src/node/store/ipfs/transport.ts';
import { createBitTorrent } from '../../../src/node/store/bittorrent/transport.ts';
import { bytesSource, toHex, sha256, unwrap } from '../../../src/support/index.ts';

export interface LieRow {
  readonly engine: string;
  readonly lie: string;
  /** What the node says of a peer that lies, when there is no other. */
  readonly said: string;
  /** Whether the package came byte for byte when an honest peer was beside it. */
  readonly healed: boolean;
}

const QUIET_MS = 2000;
const never = new AbortController().signal;

const tried = async (
  engine: string,
  lie: string,
  { hash, bytes }: SyntheticPackage,
  hint: string,
  pair: { readonly honest: Transport; readonly receiver: Transport },
): Promise<LieRow> => {
  const wanted = { hash, size: bytes.length };
  let said = 'accepted';
  try {
    await pair.receiver.fetch({ ...wanted, hints: [hint] }, memoryDraft(hash, bytes.length), never);
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  const draft = memoryDraft(hash, bytes.length);
  const hints = [hint, ...(await pair.honest.offer(hash, bytesSource(bytes)))];
  let healed = true;
  try {
    await pair.receiver.fetch({ ...wanted, hints }, draft, never);
  } catch {
    healed = false;
  }
  await pair.honest.close();
  await pair.receiver.close();
  return { engine, lie, said, healed: healed && toHex(sha256(draft.bytes())) === toHex(sha256(bytes)) };
};

/** Meets every lie of a hostile peer, alone and beside an honest one. */
export const tryLies = async (engine: string, model: SyntheticPackage): Promise<readonly LieRow[]> => {
  const rows: LieRow[] = [];
  if (engine === 'ipfs')
    for (const lie of IPFS_LIES) {
      const make = async () => unwrap(await createIpfs({ listen: '/ip4/127.0.0.1/tcp/0', idleMs: QUIET_MS }));
      const liar = await hostileIpfs(model.bytes, lie);
      rows.push(await tried(engine, lie, model, liar.address, { honest: await make(), receiver: await make() }));
      await liar.close();
    }
  if (engine === 'bittorrent')
    for (const lie of TORRENT_LIES) {
      const make = async () => unwrap(await createBitTorrent({ host: '127.0.0.1', port: 0, stallMs: QUIET_MS }));
      const liar = await hostileTorrent(await makeTorrent(model.hash, bytesSource(model.bytes)), model.bytes, lie);
      rows.push(await tried(engine, lie, model, liar.magnet, { honest: await make(), receiver: await make() }));
      liar.close();
    }
  return rows;
};
