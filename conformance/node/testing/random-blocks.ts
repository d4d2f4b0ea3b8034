import { createTx } from '@ethereumjs/tx';
import type { Common } from '@ethereumjs/common';
import { Address, bigIntToBytes, bytesToBigInt, bytesToHex, concatBytes, hexToBytes, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { decodePackage, encodePackage } from '../../../src/cvm-bytecode/index.ts';
import { randomProgram } from '../../../src/conformance/index.ts';
import { parseMrl } from '../../../src/frontend/mrl/index.ts';
import { elementCount, isStaticType, type Program, typeOf } from '../../../src/ir/index.ts';
import { DEFAULT_PARAMS, DEV_ACCOUNTS, packedBytes } from '../../../src/node/index.ts';
import { at, sha256Hex, unwrap } from '../../../src/support/index.ts';

/** Calls a method of the node that makes the blocks. */
export type Rpc = (method: string, ...params: readonly unknown[]) => Promise<unknown>;

/** Random numbers from a seed: xorshift of 32 bits. */
export class Rng {
  private state: number;
  constructor(seed: number) {
    this.state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) | 1;
  }
  /** A whole number from 0 to below n. */
  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    return at(list, this.below(list.length));
  }
  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.below(256));
  }
}

const TEXTS = [
  `mrl 1;
model small {
  input x: i8[1, 40];
  param one: i32[] = 1;
  let sum = add(cast(x, dtype: i32), one);
  output y = cast(clamp(sum, lo: -128, hi: 127), dtype: i8);
}
`,
  `mrl 1;
model dice {
  input seed: i32[2];
  input x: i8[4];
  output y = add(cast(x, dtype: i32), random_int(seed, shape: [4], low: 0, high: 99));
}
`,
];

interface Package {
  readonly program: Program;
  readonly file: Uint8Array;
  readonly record: Uint8Array;
  readonly bytecode: Uint8Array;
  /** Bytes of the packed inputs, without the seed of the chain. */
  readonly inputBytes: number;
  readonly outputWords: number;
  readonly seeded: boolean;
  /** Of the first input, when there is one. */
  readonly shape: readonly number[] | undefined;
}

const packageOf = (program: Program): Package | undefined => {
  const words = { name: 'model', author: '', description: '', licence: '', version: '' };
  const source = { format: 'mrl', file: 'model.mrl', sha256: sha256Hex('model'), compilerVersion: 'test' };
  const encoded = encodePackage({ program, metadata: { ...words, source } });
  if (!encoded.ok) return undefined;
  const decoded = decodePackage(encoded.value);
  if (!decoded.ok) return undefined;
  const seeded = program.inputs.some((p) => p.name === 'seed');
  const inputs = program.inputs.filter((p) => p.name !== 'seed').map((p) => typeOf(program, p.value)).filter(isStaticType); // biome-ignore format: short
  const outputs = program.outputs.map((p) => typeOf(program, p.value)).filter(isStaticType);
  const outputWords = Math.ceil(packedBytes(outputs) / 32);
  const { record, bytecode } = decoded.value;
  const inputBytes = packedBytes(inputs);
  return { program, file: encoded.value, record, bytecode, inputBytes, outputWords, seeded, shape: inputs.length === 1 ? inputs[0]?.shape : undefined };
}; // biome-ignore format: long

const MOST_BYTES = 512;
const fits = (program: Program): boolean =>
  [...program.inputs, ...program.outputs].every((port) => {
    const type = typeOf(program, port.value);
    return isStaticType(type) && elementCount(type.shape) > 0 && elementCount(type.shape) * 4 <= MOST_BYTES;
  });

const word = (n: bigint | number): Uint8Array => setLengthLeft(bigIntToBytes(BigInt(n)), 32);
const padded = (bytes: Uint8Array): Uint8Array => concatBytes(bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
const selector = (signature: string): Uint8Array => keccak_256(new TextEncoder().encode(signature)).subarray(0, 4);

/** Instructions by name; numbers are pushed. */
const OPS = {
  STOP: 0x00, ADD: 0x01, KECCAK256: 0x20, CALLDATALOAD: 0x35, CALLDATASIZE: 0x36, CALLDATACOPY: 0x37, CODECOPY: 0x39,
  RETURNDATASIZE: 0x3d, RETURNDATACOPY: 0x3e, MSTORE: 0x52, SLOAD: 0x54, SSTORE: 0x55, GAS: 0x5a, DUP1: 0x80,
  INFER: 0xc0, INFERARRAY: 0xc1, CALL: 0xf1, RETURN: 0xf3, STATICCALL: 0xfa, REVERT: 0xfd,
} as const; // biome-ignore format: a table
const code = (...items: readonly (keyof typeof OPS | number | Address)[]): Uint8Array =>
  concatBytes(
    ...items.map((item) => {
      if (typeof item === 'string') return Uint8Array.of(OPS[item]);
      if (item instanceof Address) return concatBytes(Uint8Array.of(0x73), item.bytes);
      const bytes = item === 0 ? new Uint8Array(0) : bigIntToBytes(BigInt(item));
      return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes);
    }),
  );

/** Makes a word of memory at `at` of slot 0, hashes all up to there, and keeps that: every output changes the state. */
const keep = (length: readonly (keyof typeof OPS | number)[]): readonly (keyof typeof OPS | number)[] => [
  0, 'SLOAD', ...length, 'MSTORE', 32, ...length, 'ADD', 0, 'KECCAK256', 0, 'SSTORE', 'STOP',
]; // biome-ignore format: instructions

/** Calls the precompile with its call data. */
const PRECOMPILE = code(
  'CALLDATASIZE', 0, 0, 'CALLDATACOPY', 0, 0, 'CALLDATASIZE', 0, DEFAULT_PARAMS.inferPrecompile, 'GAS', 'STATICCALL', 'RETURNDATASIZE', 'ADD', 1, 'SSTORE', 'RETURNDATASIZE', 0, 0, 'RETURNDATACOPY', ...keep(['RETURNDATASIZE']),
); // biome-ignore format: instructions
/** INFER: model, stored input, words of the output. */
const INFER = code(64, 'CALLDATALOAD', 0, 'MSTORE', 0, 32, 'CALLDATALOAD', 0, 'CALLDATALOAD', 'INFER', 1, 'SSTORE', ...keep([544])); // biome-ignore format: instructions
/** INFERARRAY: model, words of the output, then the words of the input, which go to storage at slot 5 first. */
const arrayCode = (words: number): Uint8Array => {
  const start = bytesToBigInt(keccak_256(word(5)));
  const stores = Array.from({ length: words }, (_, i) =>
    concatBytes(code(64 + 32 * i, 'CALLDATALOAD'), Uint8Array.of(0x7f), word(start + BigInt(i)), code('SSTORE')),
  );
  return concatBytes(
    code(words, 5, 'SSTORE'), ...stores, code(32, 'CALLDATALOAD', 0, 'MSTORE', 0, 5, 0, 'CALLDATALOAD', 'INFERARRAY', 1, 'SSTORE', ...keep([544])),
  ); // biome-ignore format: instructions
};
/** Has the precompile run, and gives up what it did. */
const REVERTS = code(
  'CALLDATASIZE', 0, 0, 'CALLDATACOPY', 0, 0, 'CALLDATASIZE', 0, DEFAULT_PARAMS.inferPrecompile, 'GAS', 'STATICCALL', 0, 'SSTORE', 0, 0, 'REVERT',
); // biome-ignore format: instructions

const initOf = (runtime: Uint8Array): Uint8Array => {
  // the length of this part depends on how its own length is pushed
  const head = (offset: number): Uint8Array => code(runtime.length, 'DUP1', offset, 0, 'CODECOPY', 0, 'RETURN');
  return concatBytes(head(head(20).length), runtime);
};

interface Model {
  readonly package: Package;
  readonly address: Uint8Array;
  usable: boolean;
}

/** What the blocks had in them, for people. */
export interface Counts {
  blocks: number;
  transactions: number;
  failed: number;
  transfers: number;
  deployments: number;
  inferences: number;
  registrations: number;
  withdrawals: number;
}

const REGISTERED = bytesToHex(keccak_256(new TextEncoder().encode('Registered(address,address,bytes32,uint256,bool)')));

interface Receipt {
  readonly status: string;
  readonly contractAddress: string | null;
  readonly logs: readonly { readonly topics: readonly string[] }[];
}

/** Makes random blocks on a node with automine off, a function of the seed. */
export class RandomBlocks {
  readonly counts: Counts = { blocks: 0, transactions: 0, failed: 0, transfers: 0, deployments: 0, inferences: 0, registrations: 0, withdrawals: 0 }; // biome-ignore format: long
  private readonly rpc: Rpc;
  private readonly rng: Rng;
  private readonly seed: number;
  private readonly common: Common;
  private readonly models: Model[] = [];
  private readonly inputs: { readonly address: Uint8Array; readonly shape: string }[] = [];
  private readonly contracts: { readonly kind: 'precompile' | 'infer' | 'reverts' | number; readonly address: Address }[] = [];
  private nonces = new Map<string, bigint>();
  private sent: { readonly hash: string; readonly told?: (receipt: Receipt) => void }[] = [];
  private index = 0;

  constructor(rpc: Rpc, seed: number, common: Common) {
    this.rpc = rpc;
    this.rng = new Rng(seed);
    this.seed = seed;
    this.common = common;
  }

  async begin(): Promise<void> {
    await this.rpc('evm_setAutomine', false);
    for (const text of TEXTS) await this.register(packageOf(unwrap(parseMrl(text, { file: 'model.mrl' })).program));
    for (const kind of ['precompile', 'infer', 'reverts', 1, 2] as const) await this.deploy(kind);
    await this.mine();
    await this.uploads();
    await this.mine();
  }

  /** After the node was begun again: what was not in a block by then is given up. */
  async resume(): Promise<void> {
    await this.rpc('evm_setAutomine', false);
    this.sent = [];
    this.nonces = new Map();
    // an upload may have been lost with the transactions that waited; a second one is refused and harms nobody
    for (const model of this.models) model.usable = false;
  }

  /** One block. */
  async next(): Promise<void> {
    const { rng } = this;
    await this.uploads();
    const wanted = rng.below(6);
    for (let i = 0; i < wanted; i++) await this.something();
    await this.mine();
  }

  private something(): Promise<void> {
    const { rng } = this;
    const kind = rng.below(20);
    if (kind < 4) return this.transfer();
    if (kind === 4) return this.deploy(rng.pick(['precompile', 'infer', 'reverts', 1, 2] as const));
    if (kind === 5 && this.models.length < 24) return this.registerRandom();
    if (kind === 6 && this.inputs.length < 24) return this.registerInput();
    if (kind === 7 && rng.below(8) === 0) return this.withdraw();
    return this.infer();
  }

  private async send(
    data: Uint8Array,
    to: Address | undefined,
    more: { readonly value?: bigint; readonly gasLimit?: bigint; readonly from?: number; readonly told?: (receipt: Receipt) => void } = {},
  ): Promise<void> {
    const account = at(DEV_ACCOUNTS, more.from ?? this.rng.below(DEV_ACCOUNTS.length));
    const key = account.address.toString();
    const known = this.nonces.get(key) ?? BigInt((await this.rpc('eth_getTransactionCount', key, 'latest')) as string);
    this.nonces.set(key, known + 1n);
    const fields = {
      nonce: known,
      gasLimit: more.gasLimit ?? 8_000_000n,
      data,
      value: more.value ?? 0n,
      ...(to === undefined ? {} : { to }),
    };
    const typed = this.rng.below(2) === 0;
    const tx = typed
      ? createTx({ ...fields, type: 2, chainId: 1337, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: BigInt(this.rng.below(3)) }, { common: this.common })
      : createTx({ ...fields, gasPrice: 10n ** 10n }, { common: this.common }); // biome-ignore format: long
    const hash = (await this.rpc('eth_sendRawTransaction', bytesToHex(tx.sign(account.key).serialize()))) as string;
    this.sent.push({ hash, ...(more.told === undefined ? {} : { told: more.told }) });
  }

  private async mine(): Promise<void> {
    await this.rpc('evm_mine');
    this.counts.blocks++;
    for (const { hash, told } of this.sent.splice(0)) {
      const receipt = (await this.rpc('eth_getTransactionReceipt', hash)) as Receipt | null;
      this.counts.transactions++;
      if (receipt === null || receipt.status !== '0x1') this.counts.failed++;
      else told?.(receipt);
    }
    this.nonces = new Map();
  }

  private async transfer(): Promise<void> {
    this.counts.transfers++;
    // sometimes to an account that is not there yet
    const to = this.rng.below(2) === 0 ? at(DEV_ACCOUNTS, this.rng.below(10)).address : new Address(this.rng.bytes(20));
    await this.send(new Uint8Array(0), to, { value: BigInt(this.rng.below(1_000_000)), gasLimit: 30_000n });
  }

  private async deploy(kind: 'precompile' | 'infer' | 'reverts' | number): Promise<void> {
    this.counts.deployments++;
    const runtime = kind === 'precompile' ? PRECOMPILE : kind === 'infer' ? INFER : kind === 'reverts' ? REVERTS : arrayCode(Number(kind));
    await this.send(initOf(runtime), undefined, {
      told: ({ contractAddress }) => {
        if (contractAddress !== null) this.contracts.push({ kind, address: new Address(hexToBytes(contractAddress as `0x${string}`)) });
      },
    });
  }

  private async register(made: Package | undefined): Promise<void> {
    if (made === undefined) return;
    this.counts.registrations++;
    await this.rpc('cortex_putPackage', bytesToHex(made.file));
    const [record, bytecode] = [padded(made.record), padded(made.bytecode)];
    const head = concatBytes(word(this.rng.below(100)), word(96), word(96 + 32 + record.length));
    const tail = concatBytes(word(made.record.length), record, word(made.bytecode.length), bytecode);
    const data = concatBytes(selector('register(uint256,bytes,bytes)'), head, tail);
    await this.send(data, DEFAULT_PARAMS.registry, {
      from: 0,
      told: ({ logs }) => {
        const topics = logs.find((l) => l.topics[0] === REGISTERED)?.topics;
        if (topics !== undefined) this.models.push({ package: made, address: hexToBytes(topics[1] as `0x${string}`), usable: false });
      },
    });
  }

  private registerRandom(): Promise<void> {
    for (;;) {
      const program = randomProgram(this.seed, 1 + (this.index % 6), { index: this.index });
      this.index++;
      const made = fits(program) ? packageOf(program) : undefined;
      if (made !== undefined) return this.register(made);
    }
  }

  /** An input for one of the models. */
  private async registerInput(): Promise<void> {
    const model = this.rng.pick(this.models);
    const { shape, inputBytes, seeded } = model.package;
    if (shape === undefined || seeded) return;
    const bytes = this.rng.bytes(inputBytes);
    const hash = hexToBytes((await this.rpc('cortex_putInput', bytesToHex(bytes))) as `0x${string}`);
    const data = concatBytes(selector('registerInput(bytes32,uint256,uint256[])'), hash, word(inputBytes), word(96), word(shape.length), ...shape.map(word)); // biome-ignore format: long
    await this.send(data, DEFAULT_PARAMS.registry, {
      from: 0,
      told: ({ logs }) => {
        const topics = logs.find((l) => l.topics[0] === REGISTERED)?.topics;
        if (topics !== undefined) this.inputs.push({ address: hexToBytes(topics[1] as `0x${string}`), shape: shape.join() });
      },
    });
    // its upload is metered like that of a model
    this.uploadsDue = true;
  }
  private uploadsDue = false;

  /** Uploads what was registered; the block after it is mature. */
  private async uploads(): Promise<void> {
    const upload = (address: Uint8Array): Promise<void> =>
      this.send(concatBytes(selector('upload(address)'), address), DEFAULT_PARAMS.registry, { from: 1 });
    for (const model of this.models.filter((m) => !m.usable)) {
      model.usable = true;
      await upload(model.address);
    }
    if (this.uploadsDue) for (const input of this.inputs.slice(-2)) await upload(input.address);
    this.uploadsDue = false;
  }

  private async withdraw(): Promise<void> {
    this.counts.withdrawals++;
    const model = this.rng.pick(this.models);
    await this.send(concatBytes(selector('withdraw(address)'), model.address), DEFAULT_PARAMS.registry, { from: 0 });
  }

  private async infer(): Promise<void> {
    const { rng } = this;
    if (this.contracts.length === 0 || this.models.length === 0) return this.transfer();
    this.counts.inferences++;
    const model = rng.pick(this.models);
    const contract = rng.pick(this.contracts);
    const { inputBytes, outputWords } = model.package;
    // one in eight runs out of gas somewhere, before, in or behind the inference
    const gasLimit = rng.below(8) === 0 ? BigInt(30_000 + rng.below(90_000)) : 8_000_000n;
    // small values: what is outside of a narrow type reverts, which is tried too
    const input = Uint8Array.from({ length: inputBytes }, () => (rng.below(64) === 0 ? rng.below(256) : rng.below(2)));
    let data: Uint8Array;
    if (contract.kind === 'infer') {
      const fitting = this.inputs.filter((i) => i.shape === model.package.shape?.join());
      const stored = fitting.length === 0 ? this.inputs[0] : rng.pick(fitting);
      data = concatBytes(model.address, stored?.address ?? word(1), word(outputWords));
    } else if (typeof contract.kind === 'number') {
      const words = Math.ceil(inputBytes / 32);
      const fitting = this.models.filter((m) => Math.ceil(m.package.inputBytes / 32) === contract.kind);
      const chosen = fitting.length === 0 || words === contract.kind ? model : rng.pick(fitting);
      const bytes = new Uint8Array(32 * contract.kind);
      bytes.set(input.subarray(0, bytes.length));
      data = concatBytes(chosen.address, word(chosen.package.outputWords), bytes);
    } else data = concatBytes(model.address, word(1), input);
    await this.send(data, contract.address, { gasLimit });
  }
}
