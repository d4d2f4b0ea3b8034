import type { IncomingMessage } from 'node:http';

export interface PartRules {
  /** Milliseconds until a body is there; after them it has to have come at the least rate. */
  readonly graceMs: number;
  /** Bytes a second at least. */
  readonly minRate: number;
}

/** Reads a body of exactly so many bytes into memory. @returns a text and a status: why it is not taken */
export const readPart = (
  request: IncomingMessage,
  size: number,
  { graceMs, minRate }: PartRules,
): Promise<Uint8Array | readonly [number, string]> =>
  new Promise((resolve) => {
    const room = new Uint8Array(size);
    const started = performance.now();
    let held = 0;
    const end = (result: Uint8Array | readonly [number, string]): void => {
      clearInterval(watch);
      request.removeAllListeners('data');
      resolve(result);
    };
    const watch = setInterval(
      () => {
        const ms = performance.now() - started;
        if (ms > graceMs && (held / ms) * 1000 < minRate) end([408, `the part came slower than ${minRate} bytes a second`]);
      },
      Math.min(1000, graceMs),
    );
    request.on('data', (piece: Uint8Array) => {
      if (held + piece.length > size) return end([400, `the body has more than the ${size} bytes that were announced`]);
      room.set(piece, held);
      held += piece.length;
    });
    request.once('error', () => end([400, 'the request ended early']));
    request.once('close', () => end([400, 'the request ended early']));
    request.once('end', () => end(held === size ? room : [400, `the body has ${held} bytes but ${size} were announced`]));
  });
