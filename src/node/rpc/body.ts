import type { IncomingMessage } from 'node:http';
import { concatBytes } from '@ethereumjs/util';
import type { ByteBudget } from './byte-budget.ts';

/** Why a body was not read to its end. */
export type BodyFault = 'too large' | 'too slow' | 'no room' | 'broken' | 'not UTF-8';

export interface BodyRules {
  readonly maxBytes: number;
  readonly budget: ByteBudget;
  /** Milliseconds until a body is there whatever its length; after them it has to have come at the least rate. */
  readonly graceMs: number;
  /** Bytes a second at least. */
  readonly minRate: number;
}

export interface Body {
  readonly text: string;
  readonly bytes: number;
  /** Gives the room back; to be called once. */
  readonly release: () => void;
}

/** Reads a body within its bounds: a client that drips bytes, or says one length and sends another, holds a socket for a bounded time. */
export const readBody = (request: IncomingMessage, { maxBytes, budget, graceMs, minRate }: BodyRules): Promise<Body | BodyFault> =>
  new Promise((resolve) => {
    const pieces: Uint8Array[] = [];
    const started = performance.now();
    let held = 0;
    let ended = false;
    const end = (result: Body | BodyFault): void => {
      if (ended) return;
      ended = true;
      clearInterval(watch);
      if (typeof result === 'string') {
        // what still comes is not read: the connection is closed
        request.removeAllListeners('data');
        request.pause();
        budget.give(held);
      }
      resolve(result);
    };
    const watch = setInterval(
      () => {
        const ms = performance.now() - started;
        if (ms > graceMs && (held / ms) * 1000 < minRate) end('too slow');
      },
      Math.min(1000, graceMs),
    );
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return end('too large');
    request.on('data', (piece: Uint8Array) => {
      if (held + piece.length > maxBytes) return end('too large');
      if (!budget.take(piece.length)) return end('no room');
      held += piece.length;
      pieces.push(piece);
    });
    request.once('error', () => end('broken'));
    request.once('close', () => end('broken'));
    request.once('end', () => {
      try {
        const text = new TextDecoder('utf-8', { fatal: true }).decode(concatBytes(...pieces));
        end({ text, bytes: held, release: () => budget.give(held) });
      } catch {
        end('not UTF-8');
      }
    });
  });
