import { statSync } from 'node:fs';
import { blockPlaces } from '../../../src/cvm-bytecode/index.ts';
import { makeTorrent, torrentFile } from '../../../src/node/store/bittorrent/metainfo.ts';
import { type SyntheticPackage, syntheticFile, syntheticPackage } from '../../../src/node/store/testing/synthetic-package.ts';
import { fileSource } from '../../../src/node/store/testing/test-draft.ts';
import { bytesSource, fromHex, joinBytes, toHex, unwrap } from '../../../src/support/index.ts';

/** A package of so many bytes of parameters, piece by piece, and its model hash, which is known once they have been made. */
export const packageFile = (bytes: number): { readonly hash: () => string; readonly pieces: Iterable<Uint8Array> } => {
  const file = syntheticFile(bytes, 7);
  const front: Uint8Array[] = [];
  return {
    hash: () => {
      const [root] = unwrap(blockPlaces(bytesSource(joinBytes(front))));
      return toHex(root?.name.digest ?? new Uint8Array(32));
    },
    pieces: (function* kept(): Generator<Uint8Array> {
      let count = 0;
      for (const piece of file.pieces()) {
        // header, then name and bytes of the root
        if (count++ < 3) front.push(piece.slice());
        yield piece;
      }
    })(),
  };
};

export const smallPackage = (bytes: number): SyntheticPackage => syntheticPackage(bytes, 7);

/** The .torrent of a package file. */
export const torrentOf = async (path: string, hash: string): Promise<Uint8Array> =>
  torrentFile(await makeTorrent(fromHex(hash), fileSource(path, statSync(path).size)));
