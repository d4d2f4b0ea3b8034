import type { ServerResponse } from 'node:http';
import type { ByteSource } from '../../support/index.ts';

const PIECE_BYTES = 2 ** 18;

/** Sends a part of a source, no faster than it is read at the other end. A client that reads nothing for so long is let go. */
export const sendSource = async (
  response: ServerResponse,
  source: ByteSource,
  from: number,
  to: number,
  patienceMs: number,
): Promise<void> => {
  for (let at = from; at < to && !response.destroyed; ) {
    const piece = source.read(at, Math.min(PIECE_BYTES, to - at));
    at += piece.length;
    if (response.write(piece)) continue;
    await new Promise<void>((go) => {
      const late = setTimeout(() => response.destroy(), patienceMs);
      const done = (): void => {
        clearTimeout(late);
        response.off('drain', done);
        response.off('close', done);
        go();
      };
      response.once('drain', done);
      response.once('close', done);
    });
  }
  response.end();
};
