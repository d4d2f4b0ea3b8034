import type { Libp2p } from '@libp2p/interface';
import { type BlockName, blockPlaces } from '../../../cvm-bytecode/index.ts';
import { bytesSource, toHex, unwrap } from '../../../support/index.ts';
import { framed, HeldBytes, unframed } from '../ipfs/framing.ts';
import { startP2p } from '../ipfs/load.ts';
import { decodeMessage, encodeBlock, encodePresence } from '../ipfs/message.ts';

/** What a hostile peer does. */
export const IPFS_LIES = [
  'corrupted blocks',
  'says it has none',
  'silent',
  'message of 4 GB',
  'no Bitswap message',
  'closes the connection',
  'other blocks than asked for',
] as const;
export type IpfsLie = (typeof IPFS_LIES)[number];

const PROTOCOL = '/ipfs/bitswap/1.2.0';

export interface HostilePeer {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** A peer that has the package, sends its root as it is, and does one thing wrong from then on. */
export const hostilePeer = async (package_: Uint8Array, lie: IpfsLie): Promise<HostilePeer> => {
  const { libp2p } = unwrap(await startP2p({ listen: '/ip4/127.0.0.1/tcp/0' }));
  const blocks = new Map(
    unwrap(blockPlaces(bytesSource(package_))).map((p) => [toHex(p.name.digest), package_.subarray(p.start, p.start + p.length)]),
  );
  const [rootKey = ''] = blocks.keys();
  const answer = (name: BlockName): Uint8Array | undefined => {
    const block = blocks.get(toHex(name.digest)) ?? new Uint8Array(0);
    if (toHex(name.digest) === rootKey) return framed(encodeBlock(name, block));
    switch (lie) {
      case 'corrupted blocks':
        return framed(
          encodeBlock(
            name,
            block.map((v, i) => (i === 0 ? v ^ 1 : v)),
          ),
        );
      case 'says it has none':
        return framed(encodePresence(name, false));
      case 'silent':
      case 'closes the connection':
        return undefined;
      case 'message of 4 GB':
        return Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3);
      case 'no Bitswap message':
        return framed(new Uint8Array(100).fill(0xff));
      case 'other blocks than asked for':
        return framed(encodeBlock(name, new Uint8Array(1000)));
      default:
        return lie satisfies never;
    }
  };
  const send = async (host: Libp2p, to: Parameters<Libp2p['dialProtocol']>[0], bytes: Uint8Array): Promise<void> => {
    const stream = await host.dialProtocol(to, PROTOCOL);
    await stream.sink([bytes]);
    await stream.close();
  };
  await libp2p.handle(PROTOCOL, ({ stream, connection }) => {
    void (async () => {
      for await (const bytes of unframed(stream.source, new HeldBytes(2 ** 26)))
        for (const { name, cancel } of decodeMessage(bytes)?.wants ?? []) {
          if (cancel) continue;
          const message = answer(name);
          if (message !== undefined) await send(libp2p, connection.remotePeer, message);
          else if (lie === 'closes the connection') await connection.close();
        }
    })().catch(() => {});
  });
  return { address: libp2p.getMultiaddrs()[0]?.toString() ?? '', close: () => Promise.resolve(libp2p.stop()) };
};
