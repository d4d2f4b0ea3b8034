import type { Diagnostic } from '../support/index.ts';
import { optionValue } from './diagnostics.ts';

const POLICIES = ['full', 'light'] as const;
const LIGHT_BYTES = 2 ** 26;

/** Options of `cortexc node` for the store of packages. */
export const STORE_OPTIONS = {
  'store-bytes': {
    type: 'number',
    requiresArg: true,
    describe: 'Bytes of packages and inputs at most; as many as the disk has if left out',
  },
  'store-policy': {
    type: 'string',
    choices: POLICIES,
    default: 'full',
    requiresArg: true,
    describe: 'full: whatever the chain names is kept; light: packages up to --light-bytes, and less when room is needed',
  },
  'light-bytes': {
    type: 'number',
    default: LIGHT_BYTES,
    requiresArg: true,
    describe: 'Largest package that a light node fetches and keeps',
  },
  'store-peer': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'URL of a node that packages of the chain are fetched from, besides those of --peer (repeatable)',
  },
  'admin-token-file': {
    type: 'string',
    requiresArg: true,
    describe:
      'File with a secret of at least 16 characters: putting, removing and pinning packages needs it; without it, loopback is enough',
  },
} as const;

export interface GivenStore {
  readonly 'store-bytes'?: number | undefined;
  readonly 'store-policy': string;
  readonly 'light-bytes': number;
  readonly 'store-peer'?: readonly string[] | undefined;
  readonly 'admin-token-file'?: string | undefined;
}

export interface StoreArgs {
  readonly bytes: number | undefined;
  readonly policy: (typeof POLICIES)[number];
  readonly lightBytes: number;
  readonly peers: readonly string[];
  readonly tokenFile: string | undefined;
}

/** What is wrong with the options of the store. */
export const storeProblems = (given: GivenStore): readonly Diagnostic[] => [
  ...(['store-bytes', 'light-bytes'] as const).flatMap((name) => {
    const v = given[name];
    return v === undefined || (Number.isSafeInteger(v) && v >= 0) ? [] : [optionValue(name, `is ${v} but takes a whole number of bytes`)];
  }),
  ...(given['store-peer'] ?? [])
    .filter((url) => !/^https?:\/\/[^/]/.test(url))
    .map((url) => optionValue('store-peer', `is ${url} but takes http://HOST:PORT`)),
];

export const storeArgs = (given: GivenStore): StoreArgs => ({
  bytes: given['store-bytes'],
  policy: POLICIES.find((p) => p === given['store-policy']) ?? 'full',
  lightBytes: given['light-bytes'],
  peers: given['store-peer'] ?? [],
  tokenFile: given['admin-token-file'],
});
