import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fetched } from './fetched.ts';
import { type Check, Missed, KEYS, REASON, REFUSED, type Room, type Sheet, STRANGER, TOO_LARGE, UNBORN, WEATHER } from './room.ts';
import { TYPED } from './typed.ts';

const TIMEOUT_MS = 180_000;
const PACKAGES = ['hardhat@2.29.1', '@nomicfoundation/hardhat-ethers@3.1.3', 'ethers@6.17.0'];

/** The compiler is that of this project: nothing is downloaded. */
const config = (url: string, solc: string): string => `
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
require('@nomicfoundation/hardhat-ethers');
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD).setAction(async () => ({
  version: '0.8.37', longVersion: '0.8.37', compilerPath: ${JSON.stringify(join(solc, 'soljson.js'))}, isSolcJs: true,
}));
module.exports = {
  defaultNetwork: 'dev',
  networks: { dev: { url: ${JSON.stringify(url)}, accounts: [${JSON.stringify(KEYS.hardhat)}] }, unlocked: { url: ${JSON.stringify(url)} } },
  solidity: { version: '0.8.37', settings: { evmVersion: 'cancun', optimizer: { enabled: true, runs: 200 } } },
};
`;

/** Runs inside of Hardhat, and says a line of JSON for each check. */
const script = (model: string): string => `
const { ethers, network } = require('hardhat');
const assert = require('node:assert/strict');
const TYPED = ${JSON.stringify(TYPED)};
const problemOf = async (run) => {
  let got;
  try { got = await run(); } catch (error) { return [error.message, error.data, error.reason].join(' '); }
  throw new Error('was to fail, but answered ' + got);
};
const check = async (name, run) => {
  let problem = null;
  try { await run(); } catch (error) { problem = error.message; }
  console.log('CHECK ' + JSON.stringify([name, problem]));
};
const main = async () => {
  const [signer] = await ethers.getSigners();
  let tool;
  await check('connect', async () => assert.equal((await ethers.provider.getNetwork()).chainId, 1337n));
  await check('deploy', async () => { tool = await ethers.deployContract('Tool', ['${model}']); await tool.waitForDeployment(); });
  await check('write', async () => assert.equal((await (await tool.store(5)).wait()).status, 1));
  await check('read', async () => assert.equal(await tool.value(), 5n));
  await check('logs', async () => {
    const events = await tool.queryFilter('Stored');
    assert.deepEqual(events.map((e) => e.args.value), [5n]);
  });
  await check('reason', async () => assert.match(await problemOf(() => tool.store.staticCall(${REFUSED})), /${REASON}/));
  // on networks of others Hardhat hands the bytes on, which its contracts decode
  await check('custom error', async () => {
    const error = await tool.store.staticCall(${TOO_LARGE}).then(() => assert.fail('was to fail'), (e) => e);
    const decoded = tool.interface.parseError(error.data);
    assert.equal(decoded.name + '(' + decoded.args.join() + ')', 'TooLarge(${TOO_LARGE},1000)');
  });
  await check('inference', async () => {
    await (await tool.evolve('${WEATHER}')).wait();
    assert.notEqual(await tool.traits(), '${UNBORN}');
    assert.equal(await tool.generation(), 1n);
  });
  await check('wrong nonce', async () =>
    assert.match(await problemOf(() => signer.sendTransaction({ to: '${STRANGER}', nonce: 0, gasLimit: 21000 })), /nonce/i));
  await check('too little gas', async () => assert.match(await problemOf(() => tool.store(6, { gasLimit: 21001 })), /gas/i));
  // the wallet of Hardhat knows its own accounts only: this asks the node
  const raw = async (method, params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const { result, error } = await (await fetch(network.config.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
    if (error) throw new Error(error.message);
    return result;
  };
  await check('unknown account', async () =>
    assert.match(await problemOf(() => raw('eth_sendTransaction', [{ from: '${STRANGER}', to: '${STRANGER}' }])), /no key of/));
  await check('sign', async () =>
    assert.equal(await raw('personal_sign', ['0x612074657874', signer.address]), await signer.signMessage('a text')));
  await check('typed data', async () => {
    const { EIP712Domain, ...types } = TYPED.types;
    const wanted = await signer.signTypedData(TYPED.domain, types, TYPED.message);
    assert.equal(await raw('eth_signTypedData_v4', [signer.address, TYPED]), wanted);
  });
};
main().catch((error) => { console.error(error); process.exitCode = 1; });
`;

/** @returns why it was skipped; undefined: it was not */
export const tryHardhat = async ({ url, model, sources, cache }: Room, sheet: Sheet): Promise<string | undefined> => {
  const folder = join(cache, 'hardhat');
  const failed = await fetched(folder, PACKAGES);
  if (failed !== undefined) return failed;
  const contracts = join(folder, 'contracts');
  mkdirSync(contracts, { recursive: true });
  for (const [name, text] of sources) writeFileSync(join(contracts, name), text);
  const solc = dirname(createRequire(import.meta.url).resolve('solc/package.json'));
  writeFileSync(join(folder, 'hardhat.config.cjs'), config(url, solc));
  writeFileSync(join(folder, 'clients.cjs'), script(model));
  const program = join(folder, 'node_modules', 'hardhat', 'internal', 'cli', 'bootstrap.js');
  const env = { PATH: process.env['PATH'], HOME: folder, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true', CI: 'true' };
  const words = [program, '--config', 'hardhat.config.cjs', 'run', 'clients.cjs'];
  let said = '';
  try {
    said = (await promisify(execFile)(process.execPath, words, { cwd: folder, env, timeout: TIMEOUT_MS })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    await sheet.check('hardhat', 'connect', () => Promise.reject(new Missed(`${stderr ?? String(error)}${stdout ?? ''}`.slice(0, 1000))));
    return undefined;
  }
  for (const line of said.split('\n').filter((l) => l.startsWith('CHECK '))) {
    const [name, problem] = JSON.parse(line.slice(6)) as [Check, string | null];
    await sheet.check('hardhat', name, () => (problem === null ? Promise.resolve() : Promise.reject(new Missed(problem))));
  }
  return undefined;
};
