import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Pages of browser extensions: wallets. A page of the web cannot take such an origin. */
const EXTENSION = /^(chrome|moz|safari-web)-extension:\/\/[\w-]+$/;

export interface OriginRules {
  /** Names that requests may come under besides loopback's. */
  readonly hosts: readonly string[];
  /** Origins of web pages that may use this node, besides those of this machine and of extensions; as browsers write them. */
  readonly origins: readonly string[];
}

const nameOf = (host: string): string => host.replace(/:\d+$/, '').toLowerCase();

/**
 * A page elsewhere that resolves its own name to this machine (DNS rebinding) comes under that name. An address is nobody's name, so
 * that it cannot be rebound.
 */
export const hostAllowed = (rules: OriginRules, host: string | undefined): boolean => {
  const name = nameOf(host ?? '');
  return LOOPBACK.has(name) || isIP(name) !== 0 || (name.startsWith('[') && isIP(name.slice(1, -1)) === 6) || rules.hosts.includes(name);
};

const isLoopback = (origin: string): boolean => {
  try {
    return LOOPBACK.has(new URL(origin).hostname);
  } catch {
    return false;
  }
};

/**
 * Whether the page that asks may: the keys of the accounts are this node's, so that a page of the web that is open in a browser on this
 * machine could spend and delete. `null`, which files and frames without rights have, is no origin of ours.
 */
export const originAllowed = (rules: OriginRules, origin: string | undefined): boolean =>
  origin === undefined || rules.origins.includes(origin) || EXTENSION.test(origin) || isLoopback(origin);

/** A browser sends this type across origins only after it asked (a preflight), which pages elsewhere do not get. */
export const isJson = (request: IncomingMessage): boolean =>
  /^application\/json(-rpc)?\s*(;|$)/i.test(request.headers['content-type'] ?? '');

/** The headers that let a page read an answer; none for programs, which send no origin. */
export const corsHeaders = (origin: string | undefined): Readonly<Record<string, string>> =>
  origin === undefined
    ? {}
    : {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'content-type, authorization',
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, OPTIONS',
        // Chrome asks before a public page reaches a private address
        'access-control-allow-private-network': 'true',
        vary: 'origin',
      };
