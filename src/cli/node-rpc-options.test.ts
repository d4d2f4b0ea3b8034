import { expect, test } from '@jest/globals';
import { RPC_OPTIONS, rpcArgs, rpcProblems } from './node-rpc-options.ts';
import { SERVICE_OPTIONS } from './node-service-options.ts';

const given = { 'call-gas': 2 ** 27, 'call-ms': 5000 };

test('one option bounds calls and the inferences for them', () => {
  expect(Object.keys({ ...RPC_OPTIONS, ...SERVICE_OPTIONS }).filter((name) => name.includes('call'))).toEqual(['call-gas', 'call-ms']);
  expect(rpcProblems(given)).toEqual([]);
  expect(rpcArgs({ ...given, 'call-ms': 70 }).calls).toEqual({ gas: 2n ** 27n, ms: 70 });
});

test('milliseconds that no timer takes are refused, with the limit', () => {
  for (const ms of [0, 1.5, -1, Number.NaN, 2 ** 31])
    expect(rpcProblems({ ...given, 'call-ms': ms }).map((d) => d.message)).toEqual([
      `--call-ms is ${ms} but takes a whole number from 1 to 86400000`,
    ]);
});
