import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '../../support/index.ts';

/** Who may do what takes something away from others: remove, pin, and fill the disk with what no chain names. */
export interface AdminGate {
  /** @param authorization - the header of a request */
  readonly allows: (authorization: string | undefined) => boolean;
  /** What a client needs, for its error. */
  readonly need: string;
}

/** Characters of a token at least: a short one is guessed. */
export const MIN_TOKEN = 16;

/**
 * With a token, requests that carry it; without one, all requests where the node listens on this machine alone, and none elsewhere.
 * @param token - as in `authorization: Bearer TOKEN`
 */
export const adminGate = ({ token, loopback }: { readonly token?: string | undefined; readonly loopback: boolean }): AdminGate => {
  if (token === undefined)
    return { allows: () => loopback, need: 'this node is open to others and has no admin token: start it with --admin-token-file FILE' };
  const expected = sha256(`Bearer ${token}`);
  return {
    // digests have one length, and are compared in constant time
    allows: (authorization) => authorization !== undefined && timingSafeEqual(sha256(authorization), expected),
    need: 'the header authorization: Bearer TOKEN is needed, with the token of --admin-token-file',
  };
};
