import { expect, test } from '@jest/globals';
import { readTransportArgs } from './transport-options.ts';

const problem = (given: Parameters<typeof readTransportArgs>[0]): readonly string[] => {
  const read = readTransportArgs(given);
  return read.ok ? [] : read.diagnostics.map((d) => `${d.code} ${d.message}`);
};

test('options become addresses', () => {
  const peer = '/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWabc';
  expect(
    readTransportArgs({ ipfs: '/ip4/127.0.0.1/tcp/0', 'ipfs-peer': [peer], 'ipfs-api': 'http://127.0.0.1:5001', torrent: '6881' }),
  ).toEqual({
    ok: true,
    value: {
      ipfs: { listen: '/ip4/127.0.0.1/tcp/0', peers: [peer] },
      kubo: { api: 'http://127.0.0.1:5001', peers: [peer] },
      torrent: { host: '127.0.0.1', port: 6881 },
    },
  });
  expect(readTransportArgs({ torrent: '[::]:0', 'torrent-address': 'node.example:6881' })).toMatchObject({
    value: { torrent: { host: '::', port: 0, address: 'node.example:6881' } },
  });
  expect(readTransportArgs({})).toEqual({ ok: true, value: {} });
});

test('what is none is told', () => {
  expect(problem({ ipfs: '127.0.0.1:4001' })).toEqual(['CLI1003 --ipfs is 127.0.0.1:4001 but takes a multiaddress']);
  expect(problem({ ipfs: '/ip4/127.0.0.1/tcp/1', 'ipfs-peer': ['/ip4/1.1.1.1/tcp/1'] })).toHaveLength(1);
  expect(problem({ 'ipfs-peer': ['/ip4/1.1.1.1/tcp/1/p2p/a'] })).toEqual([
    'CLI1005 --ipfs-peer names peers, but there is neither --ipfs nor --ipfs-api',
  ]);
  expect(problem({ 'ipfs-api': 'ftp://x', torrent: '70000', 'torrent-address': '6881' })).toHaveLength(3);
  expect(problem({ 'torrent-address': 'a:1' })).toHaveLength(1);
});
