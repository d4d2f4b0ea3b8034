import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeErrorResult, decodeEventLog, encodeDeployData, encodeFunctionData, type Hex, hexToString } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { holds, KEYS, Missed, REASON, REFUSED, type Room, same, type Sheet, STRANGER, TOO_LARGE, UNBORN, WEATHER } from './room.ts';
import { TYPED, TYPED_VIEM } from './typed.ts';

const EXTENSION = 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn';
const OTHER = 'https://elsewhere.example';
const WAIT_MS = 30_000;

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const ask = (url: string, method: string, headers: Readonly<Record<string, string>>, body = ''): Promise<Reply> =>
  new Promise((done, fail) => {
    const sent = request(url, { method, headers, timeout: WAIT_MS }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => (text += part.toString()));
      answer.on('end', () => done({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.on('timeout', () => sent.destroy(new Missed(`no answer in ${WAIT_MS} ms`)));
    sent.on('error', fail);
    sent.end(body);
  });

class Refused extends Error {
  override readonly name = 'Refused';
  readonly data: unknown;
  constructor(message: string, data: unknown) {
    super(message);
    this.data = data;
  }
}

/** The calls that MetaMask makes, as its extension and as a page make them. @param page origin that the node allows */
export const tryWallet = async ({ url, model, abi, bytecode }: Room, page: string, sheet: Sheet): Promise<void> => {
  const check = sheet.check.bind(sheet, 'wallet');
  const account = privateKeyToAccount(KEYS.wallet);
  let id = 0;
  const call = async <T>(method: string, params: readonly unknown[] = [], origin = EXTENSION): Promise<T> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params });
    const { text, headers } = await ask(url, 'POST', { origin, 'content-type': 'application/json' }, body);
    same(headers['access-control-allow-origin'], origin);
    const answer = JSON.parse(text) as {
      readonly id: number;
      readonly result?: T;
      readonly error?: { readonly message: string; readonly data?: unknown };
    };
    same(answer.id, id);
    if (answer.error !== undefined) throw new Refused(answer.error.message, answer.error.data);
    return answer.result as T;
  };
  const refused = async (method: string, params: readonly unknown[]): Promise<Refused> => {
    try {
      await call(method, params);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
    throw new Missed(`${method} was to fail`);
  };
  let address: Hex = STRANGER;
  const sign = async (tx: { readonly to?: Hex; readonly data?: Hex; readonly nonce?: number; readonly gas?: bigint }): Promise<Hex> => {
    const nonce = tx.nonce ?? Number(await call<Hex>('eth_getTransactionCount', [account.address, 'latest']));
    const fields = { from: account.address, ...(tx.to === undefined ? {} : { to: tx.to }), data: tx.data ?? '0x' };
    const gas = tx.gas ?? BigInt(await call<Hex>('eth_estimateGas', [fields]));
    const history = await call<{ readonly baseFeePerGas: Hex[]; readonly reward: Hex[][] }>('eth_feeHistory', [
      '0x5',
      'latest',
      [10, 50, 95],
    ]);
    const base = BigInt(history.baseFeePerGas.at(-1) ?? '0x0');
    const tip = BigInt(history.reward.at(-1)?.[1] ?? '0x0');
    return account.signTransaction({
      ...tx,
      type: 'eip1559',
      chainId: 1337,
      nonce,
      gas,
      maxFeePerGas: base * 2n + tip,
      maxPriorityFeePerGas: tip,
    });
  };
  interface Receipt {
    readonly status: Hex;
    readonly contractAddress: Hex | null;
    readonly logs: readonly { readonly data: Hex; readonly topics: [Hex, ...Hex[]] }[];
  }
  const send = async (tx: { readonly to?: Hex; readonly data: Hex }): Promise<Receipt> => {
    const hash = await call<Hex>('eth_sendRawTransaction', [await sign(tx)]);
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const receipt = await call<Receipt | null>('eth_getTransactionReceipt', [hash]);
      if (receipt !== null) {
        same(receipt.status, '0x1');
        return receipt;
      }
      if (Date.now() > until) throw new Missed(`no receipt of ${hash}`);
      await sleep(50);
    }
  };
  const data = (functionName: string, args: readonly unknown[] = []): Hex => encodeFunctionData({ abi, functionName, args });
  const read = (name: string): Promise<Hex> => call('eth_call', [{ to: address, data: data(name) }, 'latest']);

  await check('connect', async () => {
    for (const origin of [EXTENSION, page]) {
      const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
      const flight = await ask(url, 'OPTIONS', headers);
      if (flight.status >= 300) throw new Missed(`a preflight from ${origin} got ${flight.status}`);
      same(flight.headers['access-control-allow-origin'], origin);
      holds(String(flight.headers['access-control-allow-methods']), 'POST');
      holds(String(flight.headers['access-control-allow-headers']), 'content-type');
      same(await call('eth_chainId', [], origin), '0x539');
    }
    const other = await ask(url, 'OPTIONS', { origin: OTHER, 'access-control-request-method': 'POST' });
    same(other.headers['access-control-allow-origin'], undefined);
    const post = { jsonrpc: '2.0', id: 1, method: 'eth_accounts', params: [] };
    const { status, text } = await ask(url, 'POST', { origin: OTHER, 'content-type': 'application/json' }, JSON.stringify(post));
    if (status < 400) throw new Missed(`a page that nobody allowed got ${status}: ${text.slice(0, 200)}`);
    same(await call('net_version'), '1337');
    const height = await call<Hex>('eth_blockNumber');
    const block = await call<{ readonly number: Hex; readonly baseFeePerGas: Hex }>('eth_getBlockByNumber', [height, false]);
    same(block.number, height);
    if (BigInt(await call<Hex>('eth_getBalance', [account.address, 'latest'])) === 0n) throw new Missed('the account has nothing');
    if (BigInt(await call<Hex>('eth_gasPrice')) < BigInt(block.baseFeePerGas)) throw new Missed('eth_gasPrice is below the base fee');
    same(await call('eth_getCode', [account.address, 'latest']), '0x');
  });
  await check('deploy', async () => {
    address = (await send({ data: encodeDeployData({ abi, bytecode, args: [model] }) })).contractAddress ?? STRANGER;
    if ((await call<Hex>('eth_getCode', [address, 'latest'])).length < 100) throw new Missed('the contract has no code');
  });
  await check('write', async () => void (await send({ to: address, data: data('store', [5n]) })));
  await check('read', async () => same(BigInt(await read('value')), 5));
  await check('logs', async () => {
    const { logs } = await send({ to: address, data: data('store', [7n]) });
    const [log] = logs;
    if (log === undefined) throw new Missed('no log');
    const { args } = decodeEventLog({ abi, eventName: 'Stored', data: log.data, topics: log.topics }) as unknown as {
      readonly args: { readonly value: bigint };
    };
    same(args.value, 7);
  });
  const reverted = (n: number): Promise<Refused> =>
    refused('eth_estimateGas', [{ from: account.address, to: address, data: data('store', [BigInt(n)]) }]);
  await check('reason', async () => holds((await reverted(REFUSED)).message, REASON));
  await check('custom error', async () =>
    same(decodeErrorResult({ abi, data: (await reverted(TOO_LARGE)).data as Hex }).args?.join(), `${TOO_LARGE},1000`),
  );
  await check('inference', async () => {
    await send({ to: address, data: data('evolve', [WEATHER]) });
    if ((await read('traits')).startsWith(UNBORN)) throw new Missed('the traits are as they were');
    same(BigInt(await read('generation')), 1);
  });
  await check('wrong nonce', async () => {
    const old = await sign({ to: STRANGER, nonce: 0, gas: 21_000n });
    holds((await refused('eth_sendRawTransaction', [old])).message, 'nonce');
  });
  await check('too little gas', async () => {
    const short = await sign({ to: address, data: data('store', [6n]), gas: 21_001n });
    holds((await refused('eth_sendRawTransaction', [short])).message, 'gas');
  });
  await check('unknown account', async () => {
    holds((await refused('eth_sendTransaction', [{ from: STRANGER, to: STRANGER }])).message, 'no key of');
    holds((await refused('personal_sign', ['0x00', STRANGER])).message, 'no key of');
  });
  await check('sign', async () => {
    const text: Hex = '0x612074657874';
    const wanted = await account.signMessage({ message: hexToString(text) });
    same(await call('personal_sign', [text, account.address]), wanted);
    same(await call('eth_sign', [account.address, text]), wanted);
  });
  await check('typed data', async () => {
    const wanted = await account.signTypedData(TYPED_VIEM);
    same(await call('eth_signTypedData_v4', [account.address, JSON.stringify(TYPED)]), wanted);
  });
};
