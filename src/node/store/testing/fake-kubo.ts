import { createServer, type IncomingMessage, type Server } from 'node:http';
import { blockCid, blockPlaces } from '../../../cvm-bytecode/index.ts';
import { bytesSource, joinBytes } from '../../../support/index.ts';

export interface FakeKubo {
  readonly api: string;
  readonly blocks: Map<string, Uint8Array>;
  /** Pinned names and how. */
  readonly pins: Map<string, 'recursive' | 'direct'>;
  /** Commands in order, without their arguments. */
  readonly calls: string[];
  /** Changes what `block/get` answers. */
  lie: ((bytes: Uint8Array) => Uint8Array | 'silence') | undefined;
  readonly close: () => void;
}

const bodyOf = async (request: IncomingMessage): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part as Uint8Array);
  return joinBytes(parts);
};

/** The content of the one file of a form. */
const fileOf = (request: IncomingMessage, body: Uint8Array): Uint8Array => {
  const mark = /boundary=(\S+)/.exec(request.headers['content-type'] ?? '')?.[1] ?? '';
  // one character a byte
  const text = new TextDecoder('latin1').decode(body);
  return body.slice(text.indexOf('\r\n\r\n') + 4, text.lastIndexOf(`\r\n--${mark}--`));
};

/** A server that answers as the reference of Kubo's RPC says: POST alone, names as `arg`, errors as JSON with `Message`. */
export const fakeKubo = async (): Promise<FakeKubo> => {
  const kubo = {
    blocks: new Map<string, Uint8Array>(),
    pins: new Map<string, 'recursive' | 'direct'>(),
    calls: [] as string[],
    lie: undefined as FakeKubo['lie'],
  };
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const command = url.pathname.replace('/api/v0/', '');
    const args = url.searchParams.getAll('arg');
    const json = (value: unknown, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
    const refuse = (message: string): void => json({ Message: message, Code: 0, Type: 'error' }, 500);
    kubo.calls.push(command);
    void bodyOf(request).then((body) => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      switch (command) {
        case 'dag/import': {
          const file = fileOf(request, body);
          const places = blockPlaces(bytesSource(file));
          if (!places.ok) return refuse('invalid car');
          for (const { name, start, length } of places.value) kubo.blocks.set(blockCid(name), file.slice(start, start + length));
          return json({
            Root: { Cid: { '/': blockCid(places.value[0]?.name ?? { kind: 'raw', digest: new Uint8Array(32) }) }, PinErrorMsg: '' },
          });
        }
        case 'block/get': {
          const block = kubo.blocks.get(args[0] ?? '');
          if (block === undefined) return refuse('block was not found locally (offline): ipld: could not find it');
          const answer = kubo.lie === undefined ? block : kubo.lie(block);
          if (answer !== 'silence') response.writeHead(200).end(answer);
          return;
        }
        case 'pin/add':
          for (const arg of args) kubo.pins.set(arg, url.searchParams.get('recursive') === 'false' ? 'direct' : 'recursive');
          return json({ Pins: args });
        case 'pin/rm':
          for (const arg of args) kubo.pins.delete(arg);
          return json({ Pins: args });
        case 'id':
          return json({
            ID: '12D3KooWfake',
            Addresses: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWfake', '/ip4/127.0.0.1/udp/4001/quic-v1/p2p/12D3KooWfake'],
          });
        case 'swarm/connect':
          return json({ Strings: ['connect success'] });
        default:
          return void response.writeHead(404).end('404 page not found');
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return Object.assign(kubo, {
    api: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
};
