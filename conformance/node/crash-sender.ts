import { decodePackage, encodePackage } from '../../src/cvm-bytecode/index.ts';
import { parseMrl } from '../../src/frontend/mrl/index.ts';
import { modelCalls } from '../../src/node/index.ts';
import { sha256, toHex, unwrap } from '../../src/support/index.ts';
import type { Dice } from './crash-dice.ts';
import type { Promises } from './crash-promises.ts';
import { ask, Gone, Refusal } from './crash-rpc.ts';

/** Accounts that send at the same time, each one thing after another. */
const LANES = 4;
/** Rounds between two models, and things that an account sends between two packages. */
const PACKAGE_EVERY = 5;
/** Creates a contract whose first word of storage counts its calls, and that logs the count. */
const COUNTER = '0x6013600c60003960136000f3' + '6000546001018060005560005260206000a000';

/** Each has another constant, and so another hash: y = min(x + n, 127). */
const packaged = (n: number) => {
  const text = `mrl 1;
model crash {
  input x: i8[1, 40];
  param n: i32[] = ${n};
  output y = cast(clamp(add(cast(x, dtype: i32), n), lo: -128, hi: 127), dtype: i8);
}
`;
  const { program } = unwrap(parseMrl(text, { file: 'crash.mrl' }));
  const source = { format: 'mrl', file: 'crash.mrl', sha256: toHex(sha256(text)), compilerVersion: 'crash' };
  const words = { name: 'crash', author: '', description: '', licence: '', version: '' };
  const file = unwrap(encodePackage({ program, metadata: { ...words, source } }));
  return { file, ...unwrap(decodePackage(file)) };
};

interface Receipt {
  readonly logs: readonly { readonly topics: readonly string[] }[];
  readonly contractAddress: string | null;
  readonly blockNumber: string;
}

/** Loads a node until it is gone, and notes what it promised. */
export class Sender {
  private readonly promises: Promises;
  private readonly dice: Dice;
  private accounts: readonly string[] = [];
  private precompile = '';
  private model: string | undefined;
  private counter: string | undefined;

  constructor(promises: Promises, dice: Dice) {
    this.promises = promises;
    this.dice = dice;
  }

  /** Publishes what the load calls, where that is not there yet. */
  async prepare(url: string, round: number): Promise<void> {
    this.accounts = await ask<string[]>(url, 'eth_accounts');
    const p = await ask<{ registry: string; inferPrecompile: string }>(url, 'cortex_parameters');
    this.precompile = p.inferPrecompile;
    const from = this.accounts[9];
    this.counter ??= (await this.send(url, { from, data: COUNTER })).contractAddress ?? undefined;
    if (this.model !== undefined && round % PACKAGE_EVERY !== 0) return;
    const { file, record, bytecode, modelHash } = packaged(round + 1);
    await ask(url, 'cortex_putPackage', `0x${toHex(file)}`);
    this.promises.package(`0x${toHex(modelHash)}`, file);
    const made = await this.send(url, { from, to: p.registry, data: modelCalls.register(0, record, bytecode) });
    this.model = `0x${made.logs[0]?.topics[1]?.slice(-40) ?? ''}`;
    await this.send(url, { from, to: p.registry, data: modelCalls.upload(this.model) });
    await ask(url, 'evm_mine');
  }

  /** Sends one thing after another from each account, until the node is gone. */
  async run(url: string): Promise<void> {
    // in one round of four blocks are made when they are asked for, and transactions wait
    const waits = this.dice(4) === 0;
    const plans = Array.from({ length: LANES }, () => this.dice(2 ** 31));
    try {
      if (waits) await ask(url, 'evm_setAutomine', false);
      await Promise.all(plans.map((plan, lane) => this.lane(url, lane, plan, waits)));
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
    }
  }

  private async lane(url: string, lane: number, plan: number, waits: boolean): Promise<void> {
    const from = this.accounts[lane];
    for (let i = plan; ; i = (Math.imul(i, 1_103_515_245) + 12_345) >>> 1) {
      const input = toHex(Uint8Array.from({ length: 40 }, (_, k) => (i >>> (k % 24)) & 0x7f));
      const kinds = [
        { to: this.accounts[5 + (i % 4)], value: '0x1' },
        { to: this.counter, data: '0x' },
        { to: this.precompile, data: `0x${(this.model ?? '').slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}${input}` },
      ];
      const kind = (i >>> 4) % kinds.length;
      try {
        if (i % PACKAGE_EVERY === 0 && lane === 0) await this.keep(url, i);
        const hash = await ask<string>(url, 'eth_sendTransaction', { from, gas: '0x100000', ...kinds[kind] });
        this.promises.accepted(hash);
        if (kind === 2) this.promises.inferences++;
        if (waits && lane === 0) await ask(url, 'evm_mine');
        if (!waits) await this.note(url, hash);
      } catch (error) {
        // what a node refuses it has promised nothing about
        if (!(error instanceof Refusal)) throw error;
      }
    }
  }

  /** A package that no model on the chain has: the node keeps it all the same. */
  private async keep(url: string, n: number): Promise<void> {
    const { file, modelHash } = packaged(n);
    await ask(url, 'cortex_putPackage', `0x${toHex(file)}`);
    this.promises.package(`0x${toHex(modelHash)}`, file);
  }

  /** Keeps the receipt of a transaction and its block, as they were. */
  private async note(url: string, hash: string): Promise<Receipt> {
    const receipt = await ask<Receipt | null>(url, 'eth_getTransactionReceipt', hash);
    if (receipt === null) throw new Refusal(`transaction ${hash} was accepted and has no receipt`);
    this.promises.receipt(hash, receipt);
    this.promises.block(receipt.blockNumber, await ask(url, 'eth_getBlockByNumber', receipt.blockNumber, true));
    return receipt;
  }

  private async send(url: string, tx: object): Promise<Receipt> {
    const hash = await ask<string>(url, 'eth_sendTransaction', tx);
    this.promises.accepted(hash);
    return this.note(url, hash);
  }
}
