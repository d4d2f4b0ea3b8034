import { execFile } from 'node:child_process';
import { existsSync, writeFileSync, mkdirSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { privateKeyToAccount } from 'viem/accounts';
import { fetched } from './fetched.ts';
import { holds, KEYS, Missed, REASON, REFUSED, type Room, same, type Sheet, STRANGER, TOO_LARGE, UNBORN, WEATHER } from './room.ts';
import { TYPED } from './typed.ts';

const TIMEOUT_MS = 60_000;

const run = promisify(execFile);

/** @returns why it was skipped; undefined: it was not */
export const tryCast = async ({ url, model, bytecode, cache }: Room, sheet: Sheet): Promise<string | undefined> => {
  const folder = join(cache, 'cast');
  const failed = await fetched(folder, ['@foundry-rs/cast@1.7.1']);
  if (failed !== undefined) return failed;
  const system = `${platform()}-${arch() === 'x64' ? 'amd64' : arch()}`;
  const program = join(folder, 'node_modules', '@foundry-rs', `cast-${system}`, 'bin', 'cast');
  if (!existsSync(program)) return `there is no cast for ${system}`;
  const check = sheet.check.bind(sheet, 'cast');
  const account = privateKeyToAccount(KEYS.cast);
  const env = { PATH: process.env['PATH'], HOME: folder, ETH_RPC_URL: url, FOUNDRY_DISABLE_NIGHTLY_WARNING: '1', NO_COLOR: '1' };
  const cast = async (...words: readonly string[]): Promise<string> =>
    (await run(program, words, { env, cwd: folder, timeout: TIMEOUT_MS })).stdout.trim();
  const refused = async (...words: readonly string[]): Promise<string> => {
    try {
      return Promise.reject(new Missed(`was to fail, but answered ${await cast(...words)}`));
    } catch (error) {
      return (error as { readonly stderr?: string }).stderr ?? String(error);
    }
  };
  const key = ['--private-key', KEYS.cast];
  let address: string = STRANGER;
  const write = async (...words: readonly string[]): Promise<void> => {
    const receipt = JSON.parse(await cast('send', '--json', ...key, address, ...words)) as { readonly status: string };
    same(receipt.status, '0x1');
  };

  await check('connect', async () => same(await cast('chain-id'), 1337));
  await check('deploy', async () => {
    const receipt = JSON.parse(await cast('send', '--json', ...key, '--create', bytecode, 'constructor(address)', model)) as {
      readonly contractAddress: string;
    };
    address = receipt.contractAddress;
  });
  await check('write', () => write('store(uint256)', '5'));
  await check('read', async () => same(await cast('call', address, 'value()(uint256)'), 5));
  await check('logs', async () => {
    const logs = JSON.parse(await cast('logs', '--json', '--from-block', '0', '--address', address, 'Stored(address,uint256)')) as {
      readonly data: string;
    }[];
    same(logs.length, 1);
    same(BigInt(logs[0]?.data ?? '0x0'), 5);
  });
  await check('reason', async () => holds(await refused('call', address, 'store(uint256)', `${REFUSED}`), REASON));
  await check('custom error', async () => {
    const text = await refused('call', address, 'store(uint256)', `${TOO_LARGE}`);
    const selector = await cast('sig', 'TooLarge(uint256,uint256)');
    holds(text, selector.slice(2));
  });
  await check('inference', async () => {
    await write('evolve(bytes4)', WEATHER);
    if ((await cast('call', address, 'traits()(bytes8)')) === UNBORN) throw new Missed('the traits are as they were');
    same(await cast('call', address, 'generation()(uint256)'), 1);
  });
  await check('wrong nonce', async () => holds(await refused('send', ...key, '--nonce', '0', '--gas-limit', '21000', STRANGER), 'nonce'));
  await check('too little gas', async () =>
    holds(await refused('send', ...key, '--gas-limit', '21001', address, 'store(uint256)', '6'), 'gas'),
  );
  await check('unknown account', async () => holds(await refused('send', '--unlocked', '--from', STRANGER, STRANGER), 'no key of'));
  await check('sign', async () => {
    const params = ['0x612074657874', account.address];
    same(JSON.parse(await cast('rpc', 'personal_sign', ...params)), await cast('wallet', 'sign', ...key, 'a text'));
  });
  await check('typed data', async () => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'typed.json');
    writeFileSync(file, JSON.stringify(TYPED));
    const here = JSON.parse(await cast('rpc', '--raw', 'eth_signTypedData_v4', JSON.stringify([account.address, TYPED]))) as string;
    same(here, await cast('wallet', 'sign', ...key, '--data', '--from-file', file));
  });
  return undefined;
};
