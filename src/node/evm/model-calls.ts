import { bytesToHex } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';

const word = (value: bigint): string => value.toString(16).padStart(64, '0');
const tail = (bytes: Uint8Array): string => {
  const digits = bytesToHex(bytes).slice(2);
  return word(BigInt(bytes.length)) + digits.padEnd(Math.ceil(digits.length / 64) * 64, '0');
};
const selector = (signature: string): string => bytesToHex(keccak_256(new TextEncoder().encode(signature)).subarray(0, 4));

/** Call data for the registry of models, by the contract ABI. */
export const modelCalls = {
  register: (fee: number, record: Uint8Array, bytecode: Uint8Array): string => {
    const [first, second] = [tail(record), tail(bytecode)];
    const head = word(BigInt(fee)) + word(96n) + word(96n + BigInt(first.length / 2));
    return selector('register(uint256,bytes,bytes)') + head + first + second;
  },
  /** @param account - address in hex */
  upload: (account: string): string => selector('upload(address)') + word(BigInt(account)),
  /** @param account - address in hex */
  withdraw: (account: string): string => selector('withdraw(address)') + word(BigInt(account)),
} as const;
