import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  type Abi,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const findRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package-lock.json'))) folder = dirname(folder);
  return folder;
};

export const ROOT = findRoot();
/** This module may run from dist; contracts and models stand with the source. */
export const HERE = join(ROOT, 'examples', 'contracts');
export const OUT = join(ROOT, 'build', 'contracts');

/** An example cannot go on. */
export class ExampleError extends Error {
  override readonly name = 'ExampleError';
}

export const say = (text = ''): void => void process.stdout.write(`${text}\n`);

const CORTEXC = [join(ROOT, 'dist', 'src', 'cli', 'cortexc.cjs')];

/** Runs a command of cortexc. @returns what it prints on stdout */
export const cortexc = async (...words: readonly string[]): Promise<string> => {
  const child = spawn(process.execPath, [...CORTEXC, ...words], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, complaints] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (complaints += piece.toString()));
  const status = await new Promise((done) => child.on('close', done));
  if (status !== 0) throw new ExampleError(`cortexc ${words.join(' ')} ended with ${String(status)}:\n${complaints}${out}`);
  return out;
};

/** The first account of development nodes; everyone knows its key. */
const KEY: Hex = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';

/** A contract on the chain. */
export interface Deployed {
  readonly address: Hex;
  readonly abi: Abi;
}

/** A node, and a person with an account on it. */
export class Desk {
  readonly url: string;
  readonly open: PublicClient;
  private readonly wallet: WalletClient;
  private readonly account = privateKeyToAccount(KEY);
  private readonly process: ChildProcess | undefined;

  private constructor(url: string, process?: ChildProcess) {
    this.url = url;
    this.process = process;
    const chain = { id: 1337, name: 'cortexc', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } } }; // biome-ignore format: short
    const options = { chain, transport: http(url), pollingInterval: 20 };
    this.open = createPublicClient(options);
    this.wallet = createWalletClient({ ...options, account: this.account });
  }

  /** Uses the node at an address, or starts one that ends with `close`. */
  static async create(url?: string): Promise<Desk> {
    if (url !== undefined) return new Desk(url);
    const child = spawn(process.execPath, [...CORTEXC, 'node', '--dev', '--port', '0'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    const lines = createInterface({ input: child.stderr });
    const seen: string[] = [];
    const found = await new Promise<string>((done, fail) => {
      lines.on('line', (line) => {
        seen.push(line);
        const [here] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
        if (here !== undefined) done(here);
      });
      child.once('exit', (code) => fail(new ExampleError(`the node ended with ${String(code)}:\n${seen.join('\n')}`)));
    });
    return new Desk(found, child);
  }

  /** Puts a package on the chain. @returns the address of the model */
  async publish(file: string): Promise<Hex> {
    const { address } = JSON.parse(await cortexc('publish', file, '--rpc', this.url, '--json')) as { readonly address: Hex };
    return address;
  }

  async deploy(name: string, folder: string, args: readonly unknown[]): Promise<Deployed> {
    const { abi, bytecode } = compileSolidity(name, folder);
    const hash = await this.wallet.deployContract({ abi, bytecode, args, account: this.account, chain: null });
    const { contractAddress } = await this.open.waitForTransactionReceipt({ hash });
    if (contractAddress === null || contractAddress === undefined) throw new ExampleError(`${name} was not deployed`);
    return { abi, address: contractAddress };
  }

  /** Sends a transaction and waits until it is in a block. Rejects with the decoded reason when the contract refuses. */
  async send({ address, abi }: Deployed, functionName: string, args: readonly unknown[], value = 0n): Promise<TransactionReceipt> {
    const call = { address, abi, functionName, args, account: this.account, value };
    const { request } = await this.open.simulateContract(call as never);
    return this.open.waitForTransactionReceipt({ hash: await this.wallet.writeContract(request as never) });
  }

  read<T>({ address, abi }: Deployed, functionName: string, args: readonly unknown[] = []): Promise<T> {
    return this.open.readContract({ address, abi, functionName, args } as never) as Promise<T>;
  }

  /** Lets blocks pass. */
  async pass(blocks: number): Promise<void> {
    await this.open.request({ method: 'hardhat_mine', params: [`0x${blocks.toString(16)}`] } as never);
  }

  get sender(): Hex {
    return this.account.address;
  }

  async close(): Promise<void> {
    if (this.process === undefined || this.process.exitCode !== null) return;
    const ended = new Promise((done) => this.process?.once('exit', done));
    this.process.kill('SIGTERM');
    await ended;
  }
}

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<
    Record<string, Readonly<Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>>>
  >;
}

/** Compiles examples/contracts/NAME.sol; what it imports is beside it or in `folder`, where `cortexc bind` writes. */
const compileSolidity = (name: string, folder: string): { readonly abi: Abi; readonly bytecode: Hex } => {
  const solc = createRequire(import.meta.url)('solc') as {
    readonly compile: (input: string, callbacks: { readonly import: (path: string) => object }) => string;
  };
  const input = {
    language: 'Solidity',
    sources: { [`${name}.sol`]: { content: readFileSync(join(HERE, `${name}.sol`), 'utf8') } },
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const find = (path: string): object => {
    const file = join(folder, path);
    return existsSync(file) ? { contents: readFileSync(file, 'utf8') } : { error: `${path} is not in ${folder}` };
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find })) as SolcOutput;
  const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
  const made = Object.values(output.contracts?.[`${name}.sol`] ?? {}).find((c) => c.evm.bytecode.object !== '');
  if (errors.length > 0 || made === undefined) throw new ExampleError(errors.map((e) => e.formattedMessage).join('\n'));
  return { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}` };
};
