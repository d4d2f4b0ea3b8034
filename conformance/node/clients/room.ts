import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Abi, Hex } from 'viem';
import { HERE } from '../../../examples/contracts/toolkit.ts';

/** What each client has to do. */
export const CHECKS = [
  'connect', 'deploy', 'write', 'read', 'logs', 'reason', 'custom error', 'inference', 'wrong nonce', 'too little gas', 'unknown account', 'sign', 'typed data',
] as const; // biome-ignore format: a list
export type Check = (typeof CHECKS)[number];

/** Creature.sol of the examples, which infers, with what clients show to people: an event, a reason and an error of its own. */
export const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
import "./Creature.sol";
contract Tool is Creature {
    uint256 public value;
    error TooLarge(uint256 given, uint256 limit);
    event Stored(address indexed by, uint256 value);
    constructor(address model_) Creature(model_) {}
    function store(uint256 v) external {
        require(v != 13, "thirteen is refused");
        if (v > 1000) revert TooLarge(v, 1000);
        value = v;
        emit Stored(msg.sender, v);
    }
}
`;
export const REASON = 'thirteen is refused';
export const REFUSED = 13;
export const TOO_LARGE = 1001;
/** Bytes of the traits of a creature that nothing happened to. */
export const UNBORN = '0x3232323232323200';
export const WEATHER = '0x5a051e14';
/** An account that nobody has the key of. */
export const STRANGER: Hex = '0x00000000000000000000000000000000deadbeef';

/** What the checks run on. */
export interface Room {
  readonly url: string;
  readonly model: Hex;
  readonly abi: Abi;
  readonly bytecode: Hex;
  /** The sources, for clients that compile: file and text. */
  readonly sources: ReadonlyMap<string, string>;
  /** Folder of what clients are fetched into. */
  readonly cache: string;
}

/** Keys of the first development accounts: a client has one of its own. */
export const KEYS: Readonly<Record<'viem' | 'ethers' | 'cast' | 'hardhat' | 'wallet', Hex>> = {
  viem: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  ethers: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  cast: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  hardhat: '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  wallet: '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
};

/** Something is not as it has to be. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

/** @param what what was looked for in the text; texts are compared without regard to case */
export const holds = (text: string, what: string): void => {
  if (!text.toLowerCase().includes(what.toLowerCase())) throw new Missed(`'${what}' is not in: ${text.slice(0, 600)}`);
};

export const same = (got: unknown, wanted: unknown): void => {
  if (String(got) !== String(wanted)) throw new Missed(`got ${String(got)}, wanted ${String(wanted)}`);
};

/** The error of what has to fail, with all that it says. */
export const errorOf = async (run: () => Promise<unknown>): Promise<Error> => {
  let got: unknown;
  try {
    got = await run();
  } catch (error) {
    return error instanceof Error ? error : new Missed(String(error));
  }
  throw new Missed(`was to fail, but answered ${String(got)}`);
};

export const textOf = async (run: () => Promise<unknown>): Promise<string> => {
  const error = await errorOf(run);
  const parts: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) parts.push(e.message);
  return parts.join('\n');
};

export interface Outcome {
  readonly client: string;
  readonly check: string;
  /** What was wrong. */
  readonly problem: string | undefined;
}

/** Runs the checks of one client in turn, and keeps what came out. */
export class Sheet {
  readonly outcomes: Outcome[] = [];

  async check(client: string, check: Check, run: () => Promise<void>): Promise<void> {
    let problem: string | undefined;
    try {
      await run();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.outcomes.push({ client, check, problem });
  }
}

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<
    Record<string, Readonly<Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>>>
  >;
}

/** The contract, compiled. @param bindings where `cortexc bind` wrote the model's Solidity */
export const compiled = (bindings: string): Pick<Room, 'abi' | 'bytecode' | 'sources'> => {
  const sources = new Map([['Tool.sol', SOURCE]]);
  for (const name of ['Creature.sol', 'CreatureModel.sol', 'Infer.sol', 'InferOps.sol']) {
    const here = join(HERE, name);
    sources.set(name, readFileSync(existsSync(here) ? here : join(bindings, name), 'utf8'));
  }
  const solc = createRequire(import.meta.url)('solc') as { readonly compile: (input: string) => string };
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries([...sources].map(([name, content]) => [name, { content }])),
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  const made = output.contracts?.['Tool.sol']?.['Tool'];
  if (made === undefined || made.evm.bytecode.object === '')
    throw new Missed((output.errors ?? []).map((e) => e.formattedMessage).join('\n'));
  return { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}`, sources };
};
