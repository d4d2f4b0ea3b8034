import { hashPersonalMessage } from '@ethereumjs/util';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { hex, readAddress, readBytes } from '../fields.ts';
import { DEV_ACCOUNTS } from '../node.ts';
import { rejected } from '../rpc-error.ts';
import { typedDataHash } from '../typed-data.ts';
import type { Method } from './method.ts';

/** r, s and 27 or 28: as wallets write signatures. Nonces are those of RFC 6979, so that a signature is always the same. */
const signed = (given: unknown, hash: Uint8Array): string => {
  const address = readAddress(given);
  const account = DEV_ACCOUNTS.find((a) => a.address.equals(address));
  if (account === undefined) throw rejected(`this node has no key of ${address.toString()}`);
  const bytes = secp256k1.sign(hash, account.key, { prehash: false, format: 'recovered' });
  return hex(Uint8Array.of(...bytes.subarray(1), 27 + (bytes[0] ?? 0)));
};

/** Signatures of the development accounts. */
export const SIGNING = {
  eth_sign: (_, [address, data]) => signed(address, hashPersonalMessage(readBytes(data, 'data'))),
  personal_sign: (_, [data, address]) => signed(address, hashPersonalMessage(readBytes(data, 'data'))),
  eth_signTypedData_v4: (_, [address, data]) => signed(address, typedDataHash(data)),
} as const satisfies Readonly<Record<string, Method>>;
