/**
 * Packages between processes: npm run node-transfer -- [--size 200] [--engines ipfs,bittorrent] [--json]. For each engine two processes on this machine exchange a package of so many
 * megabytes: time, memory above that of the idle process, byte for byte. Then aria2 fetches it by a magnet link and sends it back, and peers that lie are met.
 * Exit status: 0 all as it should be, 1 something is not, 2 wrong use.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync, writeSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { aria2Fetches, aria2Seeds, hasAria2, trackerOf } from './testing/aria2.ts';
import { type LieRow, tryLies } from './testing/lies.ts';
import { packageFile, smallPackage, torrentOf } from './testing/packages.ts';
import { type EngineName, ENGINES } from './testing/transfer-peer.ts';

const PEER = fileURLToPath(new URL('testing/transfer-peer.js', import.meta.url));
const LIE_BYTES = 3_300_000;
const MAX_SECONDS = 600;

interface Row {
  readonly what: string;
  readonly seconds: number;
  readonly receiver: number | undefined;
  readonly sender: number | undefined;
  /** What went wrong. */
  readonly problem: string | undefined;
}

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest('hex');
};

/** A process that says lines of JSON. */
class Peer {
  readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private said = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [PEER, ...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: MAX_SECONDS * 1000 });
    const { stdout, stderr } = this.child;
    stderr?.on('data', (bytes: Uint8Array) => (this.said = (this.said + new TextDecoder().decode(bytes)).slice(-1000)));
    this.lines = createInterface({ input: stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  async next<T>(): Promise<T> {
    const line = await this.lines.next();
    if (line.done === true) throw new TypeError(`a process ended: ${this.said.trim()}`);
    return JSON.parse(line.value) as T;
  }

  /** The last line, after its standard input is closed. */
  end<T>(): Promise<T> {
    this.child.stdin?.end();
    return this.next<T>();
  }
}

interface Memory {
  readonly rss: number;
}

interface Model {
  readonly path: string;
  readonly hash: string;
  readonly size: number;
  readonly digest: string;
}

const same = async (path: string, { digest, size }: Model): Promise<string | undefined> =>
  statSync(path).size === size && (await digestOf(path)) === digest ? undefined : 'the bytes are others';

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Two processes of this compiler. */
const between = async (engine: EngineName, model: Model, folder: string): Promise<Row> => {
  const out = join(folder, `${engine}.out`);
  const sender = new Peer(['send', engine, model.path, model.hash]);
  try {
    const { hints } = await sender.next<{ readonly hints: readonly string[] }>();
    const receiver = new Peer(['receive', engine, out, model.hash, String(model.size), ...hints]);
    const { ms, rss } = await receiver.next<Memory & { readonly ms: number }>();
    const memory = await sender.end<Memory>();
    return { what: `${engine}: two processes`, seconds: ms / 1000, receiver: rss, sender: memory.rss, problem: await same(out, model) };
  } catch (error) {
    return { what: `${engine}: two processes`, seconds: 0, receiver: undefined, sender: undefined, problem: wordsOf(error) };
  } finally {
    sender.child.kill();
    rmSync(out, { force: true });
  }
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  await new Promise<void>((done) => void server.close(() => done()));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** aria2 fetches by a magnet link, and sends what it has to a process of this compiler. */
const withAria2 = async (model: Model, folder: string): Promise<readonly Row[]> => {
  const theirs = join(folder, 'aria2');
  mkdirSync(theirs);
  const got = join(theirs, `${model.hash}.cvm`);
  const sender = new Peer(['send', 'bittorrent', model.path, model.hash]);
  const rows: Row[] = [];
  try {
    const { hints } = await sender.next<{ readonly hints: readonly string[] }>();
    const [magnet = ''] = hints;
    const tracker = await trackerOf(Number(/x\.pe=[^:]+:(\d+)/.exec(magnet)?.[1]));
    const began = performance.now();
    const problem = await aria2Fetches(`${magnet}&tr=${encodeURIComponent(tracker.announce)}`, theirs, MAX_SECONDS);
    const seconds = (performance.now() - began) / 1000;
    tracker.close();
    const memory = await sender.end<Memory>();
    rows.push({
      what: 'bittorrent: aria2 fetches by magnet',
      seconds,
      receiver: undefined,
      sender: memory.rss,
      problem: problem ?? (await same(got, model)),
    });
    if (problem !== undefined) return rows;

    const port = await freePort();
    const torrent = join(folder, 'package.torrent');
    writeFileSync(torrent, await torrentOf(model.path, model.hash));
    const stop = aria2Seeds(torrent, theirs, port, MAX_SECONDS);
    const out = join(folder, 'back.out');
    const magnetBack = magnet.replace(/&x\.pe=.*/, `&x.pe=127.0.0.1:${port}`);
    try {
      // aria2 looks through the file before it listens
      for (let i = 0; ; i++) {
        const receiver = new Peer(['receive', 'bittorrent', out, model.hash, String(model.size), magnetBack]);
        try {
          const { ms, rss } = await receiver.next<Memory & { readonly ms: number }>();
          rows.push({
            what: 'bittorrent: aria2 sends it back',
            seconds: ms / 1000,
            receiver: rss,
            sender: undefined,
            problem: await same(out, model),
          });
          break;
        } catch (error) {
          if (i === 20 || !/ECONNREFUSED|closed the connection/.test(wordsOf(error))) throw error;
          await new Promise((next) => setTimeout(next, 500));
        }
      }
    } finally {
      await stop();
    }
  } catch (error) {
    rows.push({ what: 'bittorrent: aria2', seconds: 0, receiver: undefined, sender: undefined, problem: wordsOf(error) });
  } finally {
    sender.child.kill();
  }
  return rows;
};

const megabytes = (value: number | undefined): string => (value === undefined ? '-' : `+${value} MB`);
const tell = (row: Row, size: number): void => {
  const speed = row.problem === undefined ? `${row.seconds.toFixed(2)} s, ${(size / 10 ** 6 / row.seconds).toFixed(0)} MB/s` : '-';
  process.stdout.write(
    `${row.what.padEnd(38)} ${speed.padEnd(20)} receiver ${megabytes(row.receiver).padEnd(9)} sender ${megabytes(row.sender).padEnd(9)} ${row.problem ?? 'byte for byte'}\n`,
  );
};
const tellLie = ({ engine, lie, said, healed }: LieRow): void =>
  void process.stdout.write(
    `${`${engine}: ${lie}`.padEnd(38)} ${healed ? 'another peer brings it' : 'IT DOES NOT COME'}; ${said.replace(/^.*(was left: (peer \w+: )?|no peer is left: \S+ )/, '').slice(0, 120)}\n`,
  );

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      size: { type: 'string', default: '200' },
      engines: { type: 'string', default: ENGINES.join(',') },
      json: { type: 'boolean', default: false },
    },
  });
  const names = values.engines.split(',');
  const engines = ENGINES.filter((name) => names.includes(name));
  const size = Number(values.size);
  if (engines.length !== names.length || !(size >= 1 && size <= 4000)) {
    process.stderr.write(`use: npm run node-transfer -- [--size MEGABYTES, 1 to 4000] [--engines ${ENGINES.join(',')}] [--json]\n`);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-transfer-'));
  const rows: Row[] = [];
  const lies: LieRow[] = [];
  try {
    const path = join(folder, 'package.cvm');
    const handle = openSync(path, 'w');
    const { hash, pieces } = packageFile(size * 10 ** 6);
    for (const piece of pieces) writeSync(handle, piece);
    closeSync(handle);
    const model: Model = { path, hash: hash(), size: statSync(path).size, digest: await digestOf(path) };
    const add = (row: Row): void => {
      rows.push(row);
      if (!values.json) tell(row, model.size);
    };
    for (const engine of engines) add(await between(engine, model, folder));
    if (engines.includes('bittorrent')) {
      if (hasAria2()) for (const row of await withAria2(model, folder)) add(row);
      else process.stderr.write('aria2c is not installed (apt-get install aria2): no other client was tried\n');
    }
    for (const engine of engines)
      for (const row of await tryLies(engine, smallPackage(LIE_BYTES))) {
        lies.push(row);
        if (!values.json) tellLie(row);
      }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ size, rows, lies })}\n`);
  return rows.every((r) => r.problem === undefined) && lies.every((l) => l.healed && l.said !== 'accepted') ? 0 : 1;
};

process.exitCode = await main();
