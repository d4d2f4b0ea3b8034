import { describe, expect, test } from '@jest/globals';
import { TypedDataEncoder, Wallet } from 'ethers';
import { hashTypedData, type Hex, hexToBytes, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { LOCAL_CALLER } from './caller.ts';
import { METHODS } from './methods/index.ts';
import { DEV_ACCOUNTS, type DevNode } from './node.ts';
import { refusalText } from './refusals.ts';
import { RpcError } from './rpc-error.ts';
import { typedDataHash } from './typed-data.ts';

/** These methods ask nothing of a node. */
const NO_NODE = {} as DevNode;
const call = (method: string, ...params: readonly unknown[]): unknown => METHODS.get(method)?.(NO_NODE, params, LOCAL_CALLER);

const person = [
  { name: 'name', type: 'string' },
  { name: 'wallet', type: 'address' },
];
const DOMAIN = [
  { name: 'name', type: 'string' },
  { name: 'chainId', type: 'uint256' },
];
/** Every kind of type: structs in lists of lists, fixed lists, negative numbers, bytes of both kinds. */
const DATA = {
  types: {
    EIP712Domain: DOMAIN,
    Person: person,
    Letter: [
      { name: 'to', type: 'Person[][2]' },
      { name: 'from', type: 'Person' },
      { name: 'depth', type: 'int16' },
      { name: 'sum', type: 'uint256' },
      { name: 'mark', type: 'bytes3' },
      { name: 'body', type: 'bytes' },
      { name: 'open', type: 'bool' },
      { name: 'about', type: 'Annex[]' },
    ],
    Annex: [{ name: 'pages', type: 'uint8[3]' }],
  },
  primaryType: 'Letter',
  domain: { name: 'post', chainId: 1337 },
  message: {
    to: [[{ name: 'A', wallet: `0x${'aa'.repeat(20)}` }], []],
    from: { name: 'Ä', wallet: `0x${'bb'.repeat(20)}` },
    depth: -300,
    sum: '115792089237316195423570985008687907853269984665640564039457584007913129639935',
    mark: '0x010203',
    body: '0xdeadbeef',
    open: true,
    about: [{ pages: [1, 2, 255] }],
  },
};
const withMessage = (change: object): unknown => ({ ...DATA, message: { ...DATA.message, ...change } });

describe('signatures of the development accounts', () => {
  const { key, address } = DEV_ACCOUNTS[1] as (typeof DEV_ACCOUNTS)[number];
  const from = address.toString();
  const account = privateKeyToAccount(toHex(key));

  test('a text is signed as viem and ethers sign it', async () => {
    const raw = toHex('any text, of any length ä');
    const wanted = await account.signMessage({ message: { raw } });
    expect(call('personal_sign', raw, from)).toBe(wanted);
    expect(call('eth_sign', from, raw)).toBe(wanted);
    expect(await new Wallet(toHex(key)).signMessage(hexToBytes(raw))).toBe(wanted);
  });

  test('typed data is hashed and signed as viem and ethers do it', async () => {
    const { EIP712Domain: _, ...types } = DATA.types;
    const wanted = TypedDataEncoder.hash(DATA.domain, types, DATA.message);
    expect(toHex(typedDataHash(DATA))).toBe(wanted);
    expect(hashTypedData(DATA as never)).toBe(wanted);
    expect(call('eth_signTypedData_v4', from, JSON.stringify(DATA))).toBe(await account.signTypedData(DATA as never));
  });

  test('an account of others has no key here', () => {
    expect(() => call('personal_sign', '0x00', `0x${'12'.repeat(20)}`)).toThrow(/no key of 0x1212/);
  });

  test.each<[unknown, RegExp]>([
    ['{', /no JSON/],
    [{}, /primaryType/],
    [{ ...DATA, primaryType: 'Nothing' }, /no type Nothing/],
    [withMessage({ depth: 40_000 }), /40000 is not a value of int16/],
    [withMessage({ sum: '1e3' }), /whole number/],
    [withMessage({ sum: -1 }), /-1 is not a value of uint256/],
    [withMessage({ mark: '0x01' }), /has 3 bytes, this has 1/],
    [withMessage({ about: [{ pages: [1] }] }), /list of 3/],
    [withMessage({ to: [[{ name: 'A' }], []] }), /Person has no wallet/],
    [{ ...DATA, types: { ...DATA.types, Annex: [{ name: 'pages', type: 'uint7[3]' }] } }, /no type uint7/],
    [{ ...DATA, types: { ...DATA.types, Long: [{ name: 'x'.repeat(40_000), type: 'bool' }] } }, /more than 32768 characters/],
    [{ ...DATA, types: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`T${i}`, []])) }, /65 types are more than 64/],
  ])('wrong typed data %# is refused with what is wrong', (data, wanted) => {
    expect(() => typedDataHash(data)).toThrow(RpcError);
    expect(() => typedDataHash(data)).toThrow(wanted);
  });

  test('a message that holds itself ends', () => {
    const types = { EIP712Domain: DOMAIN, Node: [{ name: 'next', type: 'Node' }] };
    let deep: object | null = null;
    for (let i = 0; i < 40; i++) deep = { next: deep };
    const of = (message: unknown): unknown => ({ types, primaryType: 'Node', domain: DATA.domain, message });
    expect(toHex(typedDataHash(of({ next: { next: null } })))).toMatch(/^0x[\da-f]{64}$/);
    expect(() => typedDataHash(of(deep))).toThrow(/deeper than 32/);
  });
});

test('changes that followers could not replay say so', () => {
  for (const method of ['hardhat_setBalance', 'anvil_setBalance', 'hardhat_impersonateAccount'])
    expect(() => call(method, `0x${'12'.repeat(20)}`, '0x1')).toThrow(/could not replay its blocks/);
});

describe('refusals in the words of go-ethereum', () => {
  const tail = ' (vm hf=cancun -> block number=9 hash=0xe9)';
  const sender: Hex = `0x${'ab'.repeat(20)}`;
  test.each([
    ["the tx doesn't have the correct nonce. account has nonce of: 3 tx has nonce of: 0", 'nonce too low: next nonce 3, tx nonce 0'],
    ["the tx doesn't have the correct nonce. account has nonce of: 3 tx has nonce of: 10", 'nonce too high: next nonce 3, tx nonce 10'],
    [
      `sender doesn't have enough funds to send tx. The max cost is: 9 and the sender's account (${sender}) only has: 8`,
      `insufficient funds for gas * price + value: address ${sender} have 8 want 9`,
    ],
    ['INTRINSIC_GAS_TOO_LOW: tx gas limit 1 is lower than the minimum gas limit of 2', 'intrinsic gas too low: have 1, want 2'],
    [
      "Transaction's maxFeePerGas (1) is less than the block's baseFeePerGas (2)",
      'max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 2',
    ],
    ['something else', 'something else'],
  ])('%s', (given, wanted) => expect(refusalText(given + tail)).toBe(wanted));
});
