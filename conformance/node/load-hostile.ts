/** Clients that do not behave, one of these ways each; what they are told does not interest them. */
import { connect, type Socket } from 'node:net';
import WebSocket from 'ws';
import { type LoadTask, pause, readTask, request } from './load-task.ts';

/** One attempt; the next follows when it ends. */
type Attack = (task: LoadTask, url: URL) => Promise<void>;

const ended = (socket: Socket): Promise<void> => new Promise((done) => socket.on('close', () => done()));

const open = (url: URL): Socket => {
  const socket = connect(Number(url.port), url.hostname);
  socket.on('error', () => socket.destroy());
  socket.resume();
  return socket;
};

const head = (length: number | 'chunked', host = 'localhost', more = ''): string =>
  `POST / HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n${more}` +
  (length === 'chunked' ? 'transfer-encoding: chunked\r\n\r\n' : `content-length: ${length}\r\n\r\n`);

/** Sends a body and waits for an answer, or for so long. */
const post = async (url: URL, body: string, host?: string, more?: string): Promise<void> => {
  const socket = open(url);
  socket.write(head(new TextEncoder().encode(body).length, host, more));
  socket.write(body);
  await Promise.race([new Promise((answer) => socket.once('data', answer)), ended(socket), pause(10_000)]);
  socket.destroy();
};

const call = (data: string, more: object = {}): string => request(1, 'eth_call', [{ data, gas: '0xffffffff', ...more }, 'latest']);

/** Drips a byte at a time until the other end has enough. */
const drip = async (url: URL, start: string): Promise<void> => {
  const socket = open(url);
  socket.write(start);
  const timer = setInterval(() => socket.writable && socket.write(' '), 500);
  await ended(socket);
  clearInterval(timer);
};

const webSocket = async (url: URL, work: (ws: WebSocket) => Promise<void>): Promise<void> => {
  const ws = new WebSocket(`ws://${url.host}`);
  const over = new Promise<void>((done) => {
    ws.on('close', () => done());
    ws.on('error', () => done());
  });
  await Promise.race([over, new Promise((ready) => ws.once('open', ready))]);
  if (ws.readyState === ws.OPEN) await Promise.race([over, work(ws)]);
  ws.terminate();
};

const many = (count: number, text: string): string => `[${Array.from({ length: count }, () => text).join(',')}]`;
const ADDRESSES = Array.from({ length: 1000 }, (_, i) => `0x${i.toString(16).padStart(40, '0')}`);

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'a length above the limit': (_, url) => post(url, ' '.repeat(2 ** 16), undefined, 'x: y\r\ncontent-length: 999999999999\r\n'),
  'chunks without end': async (_, url) => {
    const socket = open(url);
    socket.write(head('chunked'));
    const piece = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const over = ended(socket);
    while (!socket.destroyed) if (!socket.write(piece)) await Promise.race([new Promise((go) => socket.once('drain', go)), over]);
  },
  'large JSON': (_, url) => post(url, `{"id":1,"method":"x","params":["${'a'.repeat(2 ** 23)}"]}`),
  'dripped headers': (_, url) => drip(url, 'POST / HTTP/1.1\r\nhost: localhost\r\nx: '),
  'dripped bodies': (_, url) => drip(url, `${head(1_000_000)}{"id":`),
  'bad JSON': (_, url) => post(url, '{"id":1,"method":"eth_call","params":[}'),
  'deep JSON': (_, url) => post(url, '['.repeat(1_000_000)),
  'bad RLP': async (_, url) => {
    await post(url, request(1, 'eth_sendRawTransaction', [`0x${'c1'.repeat(100_000)}`]));
    await post(url, request(1, 'eth_sendRawTransaction', [`0xfa0f4240${'80'.repeat(1_000_000)}`]));
  },
  // JUMPDEST PUSH0 JUMP
  'a loop that burns gas': (_, url) => post(url, call('0x5b5f56')),
  // calls itself with all gas: GAS ADDRESS … CALL, in a loop; as init code it has no code, so it delegates to a copy of itself
  'calls without end': (_, url) => post(url, call('0x5b5f5f5f5f5f305af1505f56')),
  // CREATE of its own code, again and again
  'contracts that make contracts': (_, url) => post(url, call('0x5b385f5f39385f5ff0505f56')),
  // memory of 4 MB, hashed in a loop
  'memory bombs': (_, url) => post(url, call('0x5b6240000080505f2050623fffe05f5e5f56')),
  'hashes of megabytes in a row': (_, url) => post(url, call(`0x${'621000005f2050'.repeat(3000)}`)),
  // pairing of 1000 points at infinity; modexp of 4096 bytes
  'precompiles of seconds': async (_, url) => {
    await post(
      url,
      request(1, 'eth_call', [{ to: '0x0000000000000000000000000000000000000008', data: `0x${'00'.repeat(192_000)}` }, 'latest']),
    );
    const length = (4096).toString(16).padStart(64, '0');
    await post(
      url,
      request(1, 'eth_call', [
        { to: '0x0000000000000000000000000000000000000005', data: `0x${length.repeat(3)}${'ff'.repeat(12_288)}` },
        'latest',
      ]),
    );
  },
  'long lists of long calls': (_, url) => post(url, many(100, call('0x5b5f56'))),
  'estimates of loops': (_, url) => post(url, many(20, request(1, 'eth_estimateGas', [{ data: '0x5b5f56' }]))),
  'ranges of everything': async (_, url) => {
    await post(url, many(100, request(1, 'eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest', address: ADDRESSES }])));
    await post(url, many(20, request(1, 'eth_feeHistory', ['0x400', 'latest', Array.from({ length: 1000 }, (__, i) => i / 10)])));
  },
  'foreign names and pages': async (_, url) => {
    await post(url, request(1, 'evm_mine', []), 'evil.example');
    await post(url, request(1, 'evm_mine', []), 'localhost', 'origin: https://evil.example\r\n');
  },
  'silent connections': async (_, url) => {
    const sockets = Array.from({ length: 10 }, () => open(url));
    await Promise.all(sockets.map(ended));
  },
  'requests in a pipe': async (_, url) => {
    const socket = open(url);
    const body = request(1, 'eth_getBalance', ['0x000000000000000000000000000000000000dead', 'latest']);
    socket.write(`${head(body.length)}${body}`.repeat(500));
    await Promise.race([ended(socket), pause(5000)]);
    socket.destroy();
  },
  'floods of frames': (_, url) =>
    webSocket(url, async (ws) => {
      for (let i = 0; i < 2000 && ws.readyState === ws.OPEN; i++) {
        ws.send(i % 2 === 0 ? 'nonsense' : request(i, 'eth_blockNumber', []));
        if (i % 100 === 99) await pause(10);
      }
    }),
  'floods of pings': (_, url) =>
    webSocket(url, async (ws) => {
      for (let i = 0; i < 2000 && ws.readyState === ws.OPEN; i++) {
        ws.ping();
        if (i % 100 === 99) await pause(10);
      }
    }),
  'fragments without end': (_, url) =>
    webSocket(url, async (ws) => {
      while (ws.readyState === ws.OPEN) {
        ws.send(' '.repeat(65_536), { fin: false });
        await pause(20);
      }
    }),
  'answers that nobody reads': async (_, url) => {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => socket.destroy());
    socket.pause();
    const body = many(100, request(1, 'eth_getBlockByNumber', ['0x2', true]));
    socket.write(`${head(body.length)}${body}`.repeat(20));
    await Promise.race([ended(socket), pause(40_000)]);
    socket.destroy();
  },
  'searches and scores': async (task, url) => {
    await post(url, many(100, request(1, 'cortex_models', [{ name: 'x', limit: 100 }])));
    const images = `0x${'00'.repeat(40 * 1000)}`;
    await post(url, request(1, 'cortex_score', [{ model: task.model, images, labels: `0x${'00'.repeat(1000)}` }]));
  },
};

const main = async (): Promise<void> => {
  const task = readTask();
  const url = new URL(task.url);
  const until = performance.now() + task.seconds * 1000;
  const names = Object.keys(ATTACKS).filter((name) => task.only === undefined || name === task.only);
  const kinds = Object.values(ATTACKS).filter((_, i) => task.only === undefined || Object.keys(ATTACKS)[i] === task.only);
  const counts = kinds.map(() => 0);
  const tell = setInterval(() => process.send?.({ attempts: Object.fromEntries(names.map((k, i) => [k, counts[i]])) }), 1000);
  const stop = pause(task.seconds * 1000);
  const attacker = async (i: number): Promise<void> => {
    const which = i % kinds.length;
    while (performance.now() < until) {
      counts[which] = (counts[which] ?? 0) + 1;
      await Promise.race([kinds[which]?.(task, url), stop]).catch(() => undefined);
      await pause(100);
    }
  };
  await Promise.all(Array.from({ length: task.clients }, (_, i) => attacker(i)));
  clearInterval(tell);
  process.exit(0);
};

await main();
