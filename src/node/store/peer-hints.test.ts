import { afterAll, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { bytesSource, toHex, unwrap } from '../../support/index.ts';
import { createFetcher } from './fetcher.ts';
import { memoryObjects } from './objects.ts';
import { withPeerHints } from './peer-hints.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';
import { createTransports } from './transports.ts';

const servers: Server[] = [];
const peer = async (answer: (body: string) => string): Promise<string> => {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => response.end(answer(body)));
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};
afterAll(() => servers.forEach((server) => server.close()));

test('nodes that are known say where a package is; those that talk nonsense are passed over', async () => {
  const model = syntheticPackage(400_000, 1);
  const [here, there] = [
    unwrap(await createTransports({ torrent: { host: '127.0.0.1', port: 0 } })),
    unwrap(await createTransports({ torrent: { host: '127.0.0.1', port: 0 } })),
  ];
  const hints = (await here.torrent?.offer(model.hash, bytesSource(model.bytes))) ?? [];
  const asked: string[] = [];
  const peers = [
    await peer(() => 'no JSON'),
    await peer(() => JSON.stringify({ result: [1, null, 'x'.repeat(5000)] })),
    await peer(() => '['.repeat(2 ** 20)),
    'http://127.0.0.1:1',
    await peer((body) => {
      asked.push(body);
      return JSON.stringify({ jsonrpc: '2.0', id: 1, result: hints });
    }),
  ];
  const store = memoryObjects();
  const fetcher = createFetcher({ store, transports: there.all.map((t) => withPeerHints(t, peers)), rounds: 1 });
  expect(await fetcher.want(model.hash, 400_000, [])).toBe('there');
  expect(JSON.parse(asked[0] ?? '')).toMatchObject({ method: 'cortex_packageHints', params: [`0x${toHex(model.hash)}`] });
  await fetcher.close();
  await here.close();
  await there.close();
});
