import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { bencode, type Bencoded } from '../../../src/node/store/bittorrent/bencode.ts';

/** Whether the client is there. */
export const hasAria2 = (): boolean => spawnSync('aria2c', ['--version']).status === 0;

/** A tracker that knows one peer: clients that do not read addresses in magnet links find it so. */
export const trackerOf = async (port: number): Promise<{ readonly announce: string; readonly close: () => void }> => {
  const answer = bencode(
    new Map<string, Bencoded>([
      ['interval', 60],
      ['peers', Uint8Array.of(127, 0, 0, 1, port >> 8, port & 255)],
    ]),
  );
  const server = createServer((_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(answer));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    announce: `http://127.0.0.1:${own}/announce`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const QUIET = ['--enable-dht=false', '--enable-dht6=false', '--bt-enable-lpd=false', '--enable-peer-exchange=false', '--follow-torrent=mem', '--summary-interval=0', '--file-allocation=none', '--no-conf=true', '--disable-ipv6=true']; // biome-ignore format: options

const run = (
  options: readonly string[],
  seconds: number,
): { readonly child: ChildProcess; readonly ended: Promise<string | undefined> } => {
  const child = spawn('aria2c', [...QUIET, ...options], { stdio: ['ignore', 'pipe', 'pipe'], timeout: seconds * 1000 });
  let said = '';
  child.stdout.on('data', (bytes: Uint8Array) => (said = (said + new TextDecoder().decode(bytes)).slice(-2000)));
  const ended = new Promise<string | undefined>((done) => {
    child.on('error', (error) => done(error.message));
    child.on('close', (status) => done(status === 0 ? undefined : `status ${status}: ${said.trim()}`));
  });
  return { child, ended };
};

/** Fetches with aria2. @param link - a magnet link, or the path of a .torrent. @returns what it says when it fails */
export const aria2Fetches = async (link: string, folder: string, seconds = 120): Promise<string | undefined> =>
  run(['--seed-time=0', `--dir=${folder}`, '--listen-port=20000-60000', link], seconds).ended;

/** Has aria2 send a file that it has. @returns what ends it */
export const aria2Seeds = (torrent: string, folder: string, port: number, seconds = 300): (() => Promise<void>) => {
  const { child, ended } = run(
    ['--check-integrity=true', '--seed-ratio=0.0', `--dir=${folder}`, `--listen-port=${port}`, torrent],
    seconds,
  );
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
};
