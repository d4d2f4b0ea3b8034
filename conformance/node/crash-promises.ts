import type { Dice } from './crash-dice.ts';
import { ask } from './crash-rpc.ts';

/** Of what is known from earlier rounds, so much is looked at in each; all of it in the end. */
const SAMPLE = 40;

/** What a client was told, and a node has to stand by after a kill. */
export class Promises {
  /** Transactions whose hash was given: each has a receipt, or waits. */
  private readonly sent = new Set<string>();
  private readonly receipts = new Map<string, string>();
  private readonly blocks = new Map<string, string>();
  private readonly files = new Map<string, Uint8Array>();
  /** What was promised and does not hold. */
  readonly broken: string[] = [];
  inferences = 0;

  accepted(hash: string): void {
    this.sent.add(hash);
  }
  receipt(hash: string, receipt: unknown): void {
    this.receipts.set(hash, JSON.stringify(receipt));
  }
  block(number: string, block: unknown): void {
    this.blocks.set(number, JSON.stringify(block));
  }
  package(hash: string, file: Uint8Array): void {
    this.files.set(hash, file);
  }
  packages(): readonly Uint8Array[] {
    return [...this.files.values()];
  }

  counts() {
    const { sent, receipts, blocks, files, inferences } = this;
    return { transactions: sent.size, inferences, receipts: receipts.size, blocksSeen: blocks.size, packages: files.size };
  }
  summary(): string {
    const { transactions, inferences, receipts, blocksSeen, packages } = this.counts();
    return `${transactions} transactions accepted (${inferences} inferences), ${receipts} receipts and ${blocksSeen} blocks seen, ${packages} packages`;
  }

  /** Looks at the latest and at some of the others. What waited before the kill is mined first. */
  async check(url: string, dice: Dice): Promise<void> {
    await ask(url, 'evm_mine');
    const some = <T>(all: readonly T[]): readonly T[] =>
      all.length <= 2 * SAMPLE ? all : [...all.slice(-SAMPLE), ...Array.from({ length: SAMPLE }, () => all[dice(all.length)] as T)];
    await this.look(url, some);
  }

  async checkAll(url: string): Promise<void> {
    await this.look(url, (all) => all);
  }

  private async look(url: string, some: <T>(all: readonly T[]) => readonly T[]): Promise<void> {
    for (const hash of some([...this.sent])) {
      const receipt = await ask(url, 'eth_getTransactionReceipt', hash);
      const before = this.receipts.get(hash);
      if (receipt === null)
        this.broken.push(`transaction ${hash} was accepted and is in no block${before === undefined ? '' : ' any more'}`);
      else if (before === undefined) this.receipt(hash, receipt);
      else if (before !== JSON.stringify(receipt)) this.broken.push(`receipt of ${hash} was ${before} and is ${JSON.stringify(receipt)}`);
    }
    for (const [number, before] of some([...this.blocks])) {
      const now = JSON.stringify(await ask(url, 'eth_getBlockByNumber', number, true));
      if (now !== before) this.broken.push(`block ${number} was ${before.slice(0, 200)} and is ${now.slice(0, 200)}`);
    }
    for (const [hash, file] of some([...this.files])) {
      const there = await ask<{ size: string } | null>(url, 'cortex_object', 'package', hash, '0x0', '0x1');
      if (Number(there?.size ?? -1) !== file.length) this.broken.push(`package ${hash} was kept and has ${there?.size ?? 'no'} bytes now`);
    }
  }
}
