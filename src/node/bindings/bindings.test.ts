import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTx } from '@ethereumjs/tx';
import { bytesToHex, createAddressFromPrivateKey, hexToBytes } from '@ethereumjs/util';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { decodePackage } from '../../cvm-bytecode/index.ts';
import { unwrap } from '../../support/index.ts';
import { Chain } from '../chain/chain.ts';
import { CORTEX_UPLOADS } from '../evm/cvm.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { createEngine } from '../executor/engine.ts';
import { memoryObjects } from '../store/objects.ts';
import { call, wordOf, words } from '../testing/abi.ts';
import { KEY, packaged, RANDOM, SMALL } from '../testing/chain.ts';
import { bindingOf, contractSource, factsOfPackage, type ModelFacts, solidityBinding, typescriptBinding } from './index.ts';
import { camelCase, pascalCase, unique } from './names.ts';

jest.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), 'cortexc-bind-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const root = join(import.meta.dirname, '..', '..', '..');
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));

const factsOf = (text: string): ModelFacts => factsOfPackage(unwrap(decodePackage(packaged(text).file)), 0n);

interface Made {
  readonly errors: readonly string[];
  readonly bytecode: Readonly<Record<string, string>>;
}
const solc = (language: 'Solidity' | 'Yul', sources: Readonly<Record<string, string>>, evmVersion = 'cancun'): Made => {
  const { compile } = createRequire(import.meta.url)('solc') as { compile: (input: string) => string };
  const settings = { evmVersion, optimizer: { enabled: true }, outputSelection: { '*': { '*': ['evm.bytecode.object'] } } };
  const input = { language, sources: Object.fromEntries(Object.entries(sources).map(([n, content]) => [n, { content }])), settings };
  const output = JSON.parse(compile(JSON.stringify(input))) as {
    errors?: readonly { severity: string; formattedMessage: string }[];
    contracts?: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>;
  };
  const all = Object.values(output.contracts ?? {}).flatMap((c) => Object.entries(c));
  return {
    errors: (output.errors ?? []).filter((e) => e.severity === 'error').map((e) => e.formattedMessage),
    bytecode: Object.fromEntries(all.map(([name, c]) => [name, c.evm.bytecode.object])),
  };
};
const library = { 'Infer.sol': contractSource('Infer.sol'), 'InferOps.sol': contractSource('InferOps.sol') };

/** Labels that try to get out of strings and comments, names that are words of the languages or equal each other. */
const HOSTILE: ModelFacts = {
  name: 'x"; } contract Evil { // */ \u202e /*',
  hash: 'ab'.repeat(32),
  gas: 7n,
  inputs: [
    { name: 'function', dtype: 'i8', shape: [2, 3] },
    { name: 'a-b', dtype: 'i16', shape: [4], scale: 0.5, zero: -3 },
    { name: 'a b', dtype: 'i32', shape: [] },
    { name: '数', dtype: 'u8', shape: [1] },
    { name: '9', dtype: 'f32', shape: [2] },
  ],
  outputs: [{ name: 'scores */ ${process.exit()}', dtype: 'i16', shape: [1, 3] }],
  seeded: false,
  labels: ['plain', '"; selfdestruct(); //\n', '\u202e\u0000\\x`${1}`'],
};

const CASES: readonly (readonly [what: string, facts: ModelFacts])[] = [
  ['a model of two outputs', factsOf(SMALL)],
  ['a model with random ops', factsOf(RANDOM)],
  ['hostile names', HOSTILE],
  ['many inputs', { ...HOSTILE, inputs: Array.from({ length: 12 }, (_, i) => ({ name: `x${i}`, dtype: 'i8' as const, shape: [i + 1] })) }],
  [
    'inputs and outputs of the same names',
    {
      ...HOSTILE,
      inputs: [
        { name: 'x', dtype: 'i8', shape: [1] },
        { name: 'output', dtype: 'i8', shape: [2] },
      ],
      outputs: [
        { name: 'x', dtype: 'i8', shape: [1] },
        { name: 'output', dtype: 'i8', shape: [2] },
        { name: 'input', dtype: 'i8', shape: [2] },
      ],
    },
  ],
  [
    'names of types',
    {
      ...HOSTILE,
      inputs: ['uint256', 'bytes32', 'int', 'Infer', 'packed'].map((name) => ({ name, dtype: 'i8' as const, shape: [1] })),
      outputs: [{ name: 'fixed128x18', dtype: 'i8', shape: [1] }],
    },
  ],
  ['an address', { ...HOSTILE, address: `0x${'Ab'.repeat(20)}` }],
  [
    '10,000 labels',
    {
      ...HOSTILE,
      outputs: [{ name: 'y', dtype: 'i8' as const, shape: [1, 10_000] }],
      labels: Array.from({ length: 10_000 }, (_, i) => `l${i}`),
    },
  ],
];

describe('names', () => {
  test('become identifiers, and differ', () => {
    expect(['image', 'conv 1/out', '2x', '数', 'function', 'Äpfel', ''].map((t) => camelCase(t, 'data'))).toEqual(
      ['image', 'conv1Out', '_2x', 'data', 'function_', 'aPfel', 'data'],
    ); // biome-ignore format: pairs
    expect(['2d net', 'Infer', 'uint8', 'model'].map((t) => pascalCase(t, 'Model'))).toEqual([
      'M2dNet',
      'InferModel',
      'Uint8Model',
      'ModelModel',
    ]);
    expect(unique(['a', 'A', 'b', 'a'])).toEqual(['a', 'A2', 'b', 'a3']);
  });
});

describe('Solidity', () => {
  test.each(CASES)('%s compiles, the same each time', (_, facts) => {
    const binding = bindingOf(facts, 'Bound');
    const text = solidityBinding(binding);
    expect(text).toBe(solidityBinding(bindingOf(facts, 'Bound')));
    const user = `// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.20;\nimport "./Bound.sol";\ncontract User { function at(bytes memory o) external pure returns (uint256) { return Bound.OUTPUT_BYTES + o.length; } }`;
    const made = solc('Solidity', { ...library, 'Bound.sol': text, 'User.sol': user });
    expect(made.errors).toEqual([]);
    expect(Object.keys(made.bytecode).sort()).not.toContain('Evil');
  });

  test('the opcodes in InferOps.sol are InferOps.yul, compiled', () => {
    const made = solc('Yul', { 'InferOps.yul': contractSource('InferOps.yul') }, 'london');
    expect(made.errors).toEqual([]);
    expect(library['InferOps.sol']).toContain(`hex"${made.bytecode['InferOps']}"`);
  });
});

describe('on a chain', () => {
  test('a contract runs a model by the precompile, and one with random ops by the opcodes', async () => {
    const objects = memoryObjects();
    const engine = createEngine({ source: objects, backend: unwrap(await loadBackend('reference', { selfTest: false })) });
    const sender = createAddressFromPrivateKey(KEY);
    const chain = await Chain.create({
      chainId: 7,
      engine,
      params: { ...DEFAULT_PARAMS, matureBlocks: 1n },
      uploads: { ...CORTEX_UPLOADS, quotaPerBlock: 2n ** 30n },
      balances: new Map([[sender.toString(), 10n ** 24n]]),
      gasLimit: 10n ** 9n,
      now: () => 1_800_000_000,
    });
    let nonce = 0n;
    const send = async (data: Uint8Array, to?: string) => {
      const fields = { nonce: nonce++, gasLimit: 10_000_000n, gasPrice: 10n ** 10n, data };
      const tx = createTx({ ...fields, ...(to === undefined ? {} : { to: to as `0x${string}` }) }, { common: chain.common }).sign(KEY);
      const [mined] = (await chain.mine([tx])).mined;
      return mined!;
    };
    const publish = async (text: string): Promise<bigint> => {
      const { file, record, bytecode } = packaged(text);
      await objects.putPackage(file);
      const registry = DEFAULT_PARAMS.registry.toString();
      const model = wordOf((await send(call('register(uint256,bytes,bytes)', 0, record, bytecode), registry)).logs[0]![1][1]!);
      await send(call('upload(address)', model), registry);
      await chain.mine([]);
      return model;
    };
    const source = `// SPDX-License-Identifier: Apache-2.0
      pragma solidity ^0.8.20;
      import "./Small.sol"; import "./Dice.sol"; import "./InferOps.sol";
      contract User {
        address immutable small; address immutable dice; address immutable ops; uint256[] packed;
        constructor(address s, address d) { small = s; dice = d; ops = InferOps.deploy(); packed.push(0); }
        function one(bytes calldata x) external view returns (int8, int32, int32) {
          bytes memory o = Small.run(small, x);
          return (Small.yAt(o, 39), Small.zAt(o, 0), Small.zAt(o, 1));
        }
        event Rolled(bytes outputs);
        function roll() external { emit Rolled(Dice.run(ops, dice, packed)); }
      }`;
    const made = solc('Solidity', {
      ...library,
      'Small.sol': solidityBinding(bindingOf(factsOf(SMALL), 'Small')),
      'Dice.sol': solidityBinding(bindingOf(factsOf(RANDOM), 'Dice')),
      'User.sol': source,
    });
    expect(made.errors).toEqual([]);
    const [small, dice] = [await publish(SMALL), await publish(RANDOM)];
    const code = hexToBytes(`0x${made.bytecode['User']!}`);
    const user = (await send(Uint8Array.from([...code, ...words(small, dice)]))).created!.toString();

    const x = Uint8Array.from({ length: 40 }, (_, i) => (i === 39 ? 127 : 256 - i));
    const seen = await send(call('one(bytes)', x), user);
    expect(seen.succeeded).toBe(true);
    // y saturates, z are the first two sums
    expect(bytesToHex(seen.output)).toBe(bytesToHex(words(127, 1, 0)));
    const short = await send(call('one(bytes)', x.subarray(1)), user);
    expect([short.succeeded, bytesToHex(short.output)]).toEqual([false, bytesToHex(call('WrongLength(uint256,uint256)', 39, 40))]);

    const rolls = [await send(call('roll()'), user), await send(call('roll()'), user)].map((m) => bytesToHex(m.logs[0]![2]));
    expect(new Set(rolls).size).toBe(2);
  });
});

describe('TypeScript', () => {
  test('compiles strictly, packs as the precompile takes it, and reads what it gives', async () => {
    const files = { 'small.ts': factsOf(SMALL), 'dice.ts': factsOf(RANDOM), 'hostile.ts': HOSTILE };
    for (const [file, facts] of Object.entries(files)) writeFileSync(join(folder, file), typescriptBinding(bindingOf(facts, 'Bound')));
    writeFileSync(
      join(folder, 'use.ts'),
      "import { createPublicClient, http } from 'viem';\nimport { runBound } from './small.ts';\nconst client = createPublicClient({ transport: http() });\n" +
        "void runBound(client, '0x00', { x: new Int8Array(40) }).then(({ z }) => z.length);\n",
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const flags = [
      '--strict',
      '--noUncheckedIndexedAccess',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--allowImportingTsExtensions',
      '--rewriteRelativeImportExtensions',
      '--skipLibCheck',
    ];
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const done = spawnSync(process.execPath, [tsc, ...flags, ...Object.keys(files), 'use.ts'], { cwd: folder, encoding: 'utf8' });
    expect(done.stdout).toBe('');
    const small = (await import(pathToFileURL(join(folder, 'small.js')).href)) as {
      packBound: (i: { x: Int8Array }) => Uint8Array;
      unpackBound: (b: Uint8Array) => { y: Int8Array; z: Int32Array };
      runBound: (client: object, model: string, inputs: object) => Promise<{ y: Int8Array; z: Int32Array }>;
    };
    const x = Int8Array.from({ length: 40 }, (_, i) => i - 20);
    expect(small.packBound({ x })).toEqual(new Uint8Array(x.buffer));
    expect(() => small.packBound({ x: x.subarray(1) })).toThrow('39 elements, the model takes 40');
    const answer = Uint8Array.from([...new Uint8Array(40).fill(255), 255, 255, 255, 254, 0, 0, 1, 0]);
    const asked: unknown[] = [];
    const client = { call: (args: unknown) => (asked.push(args), Promise.resolve({ data: bytesToHex(answer) })) };
    const got = await small.runBound(client, `0x${'12'.repeat(20)}`, { x });
    expect([Array.from(got.y.slice(0, 2)), Array.from(got.z)]).toEqual([[-1, -1], [-2, 256]]); // biome-ignore format: short
    expect(asked).toEqual([{ to: DEFAULT_PARAMS.inferPrecompile.toString(), data: bytesToHex(Uint8Array.from([...words(BigInt(`0x${'12'.repeat(20)}`), 1), ...new Uint8Array(x.buffer)])) }]); // biome-ignore format: short
  });
});
