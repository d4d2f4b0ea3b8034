/** Clients that behave: half by HTTP with connections that stay, half by WebSocket. Each asks, waits for the answer, checks it, and thinks for a while. */
import { Agent, request as httpRequest } from 'node:http';
import WebSocket from 'ws';
import { Stats } from './load-stats.ts';
import { type LoadTask, NoAnswer, pause, randomFrom, readTask, request } from './load-task.ts';

/** Milliseconds between an answer and the next question, on average. */
const THINK_MS = 2000;
const PATIENCE_MS = 60_000;
/** Of the clients, those that also send transactions: one each of the node's accounts. */
const SENDERS = 10;
const NOBODY = '0x000000000000000000000000000000000000dead';

interface Question {
  readonly kind: string;
  readonly method: string;
  readonly params: readonly unknown[];
  readonly right: (result: unknown) => boolean;
}

const isHex = (result: unknown): boolean => typeof result === 'string' && /^0x[0-9a-f]*$/.test(result);

/** An input of the model, and what it makes of it: each element plus one, at most 127; then the first two sums as int32. */
const inference = (random: () => number): readonly [input: string, output: string] => {
  const digits = (v: number, width: number): string => (v < 0 ? v + 2 ** (8 * width) : v).toString(16).padStart(2 * width, '0');
  const x = Array.from({ length: 40 }, () => Math.floor(random() * 256) - 128);
  const y = x.map((v) => digits(Math.min(v + 1, 127), 1)).join('');
  return [
    x.map((v) => digits(v, 1)).join(''),
    `0x${y}${x
      .slice(0, 2)
      .map((v) => digits(v + 1, 4))
      .join('')}`,
  ];
};

const questions = (task: LoadTask): readonly ((random: () => number) => Question)[] => [
  () => ({ kind: 'eth_chainId', method: 'eth_chainId', params: [], right: (r) => r === '0x539' }),
  () => ({ kind: 'eth_blockNumber', method: 'eth_blockNumber', params: [], right: isHex }),
  () => ({ kind: 'eth_getBalance', method: 'eth_getBalance', params: [NOBODY, 'latest'], right: (r) => r === '0x0' }),
  () => ({
    kind: 'eth_getBlockByNumber',
    method: 'eth_getBlockByNumber',
    params: ['0x0', false],
    right: (r) => (r as { number?: unknown } | null)?.number === '0x0',
  }),
  () => ({
    kind: 'eth_getLogs',
    method: 'eth_getLogs',
    params: [{ fromBlock: '0x0', toBlock: '0x2' }],
    right: (r) => Array.isArray(r) && r.length >= 1,
  }),
  (random) => {
    const [input, output] = inference(random);
    const data = `0x${task.model.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}${input}`;
    return {
      kind: 'eth_call, inference',
      method: 'eth_call',
      params: [{ to: task.precompile, data }, 'latest'],
      right: (r) => r === output,
    };
  },
  // PUSH1 42 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
  () => ({
    kind: 'eth_call, contract',
    method: 'eth_call',
    params: [{ data: '0x602a5f5260205ff3' }, 'latest'],
    right: (r) => r === `0x${'2a'.padStart(64, '0')}`,
  }),
  () => ({
    kind: 'eth_estimateGas',
    method: 'eth_estimateGas',
    params: [{ from: NOBODY, to: NOBODY }],
    right: (r) => Number(r) >= 21_000 && Number(r) < 25_000,
  }),
  () => ({
    kind: 'cortex_models',
    method: 'cortex_models',
    params: [{ limit: 5 }],
    right: (r) => (r as { models: { address: string }[] }).models[0]?.address === task.model,
  }),
];

/** Sends the text of a request. Rejects when the connection ends or nothing comes. */
type Send = (text: string) => Promise<string>;

const httpSend = (url: URL): Send => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (text) =>
    new Promise((done, fail) => {
      const r = httpRequest(
        {
          host: url.hostname,
          port: url.port,
          method: 'POST',
          agent,
          timeout: PATIENCE_MS,
          headers: { 'content-type': 'application/json' },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (piece: string) => (body += piece));
          response.on('end', () => done(body));
          response.on('error', fail);
        },
      );
      r.on('timeout', () => r.destroy(new NoAnswer('no answer in a minute')));
      r.on('error', fail);
      r.end(text);
    });
};

const socketSend = async (url: URL): Promise<Send> => {
  const ws = new WebSocket(`ws://${url.host}`);
  let answer: ((text: string) => void) | undefined;
  let end: ((error: Error) => void) | undefined;
  ws.on('message', (data: Buffer) => answer?.(data.toString('utf8')));
  ws.on('error', (e) => end?.(e));
  ws.on('close', () => end?.(new NoAnswer('the WebSocket was closed')));
  await new Promise((open, fail) => {
    ws.once('open', open);
    ws.once('error', fail);
  });
  return (text) =>
    new Promise((done, fail) => {
      const late = setTimeout(() => fail(new NoAnswer('no answer in a minute')), PATIENCE_MS);
      answer = (said) => {
        clearTimeout(late);
        done(said);
      };
      end = fail;
      if (ws.readyState === ws.OPEN) ws.send(text);
      else fail(new NoAnswer('the WebSocket was closed'));
    });
};

const judge = (stats: Stats, q: Question, text: string, ms: number): void => {
  const said = JSON.parse(text) as { readonly result?: unknown; readonly error?: { readonly code: number; readonly message: string } };
  if (said.error?.code === -32005) return stats.busy(q.kind);
  if (said.error !== undefined) return stats.failed(q.kind, `${q.kind}: ${said.error.message.slice(0, 120)}`);
  if (!q.right(said.result)) stats.mistake(`${q.kind}: ${JSON.stringify(said.result)?.slice(0, 200)}`);
  stats.done(q.kind, ms);
};

const client = async (task: LoadTask, stats: Stats, index: number, until: number): Promise<void> => {
  const random = randomFrom(index + 1);
  const url = new URL(task.url);
  const all = questions(task);
  // they do not all come at once
  await pause(random() * Math.min(10_000, task.seconds * 100));
  let send: Send | undefined;
  for (let i = 0; performance.now() < until; i++) {
    const pick = all[Math.floor(random() * all.length)];
    if (pick === undefined) continue;
    let q = pick(random);
    if (index < SENDERS && i % 5 === 4) q = transfer(task, index);
    try {
      send ??= index % 2 === 0 ? httpSend(url) : await socketSend(url);
      const started = performance.now();
      judge(stats, q, await send(request(i, q.method, q.params)), performance.now() - started);
    } catch (error) {
      stats.failed(q.kind, error instanceof Error ? error.message : String(error));
      send = undefined;
    }
    await pause(THINK_MS * (0.5 + random()));
  }
};

const ACCOUNTS: string[] = [];
const transfer = (_: LoadTask, index: number): Question => ({
  kind: 'eth_sendTransaction',
  method: 'eth_sendTransaction',
  params: [{ from: ACCOUNTS[index], to: ACCOUNTS[(index + 1) % SENDERS], value: '0x1', gas: '0x5208' }],
  right: (r) => typeof r === 'string' && r.length === 66,
});

const main = async (): Promise<void> => {
  const task = readTask();
  const stats = new Stats();
  const first = httpSend(new URL(task.url));
  ACCOUNTS.push(...(JSON.parse(await first(request(0, 'eth_accounts', []))) as { result: string[] }).result);
  const until = performance.now() + task.seconds * 1000;
  const tell = setInterval(() => process.send?.(stats.report()), 1000);
  await Promise.all(Array.from({ length: task.clients }, (_, i) => client(task, stats, i, until)));
  clearInterval(tell);
  process.send?.(stats.report(), () => process.exit(0));
};

await main();
