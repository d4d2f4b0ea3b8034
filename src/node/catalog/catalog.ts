import { setImmediate as others } from 'node:timers/promises';
import type { StateManagerInterface } from '@ethereumjs/common';
import { Address, bytesToHex, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import type { StaticType } from '../../ir/index.ts';
import { inferenceGas } from '../evm/gas.ts';
import { decodeModel } from '../evm/meta.ts';
import { Queue } from '../evm/queue.ts';
import { readUsage } from '../evm/usage.ts';
import { Boards } from './boards.ts';
import { type CatalogEvent, readEvent } from './events.ts';
import { flatHex } from './flat-hex.ts';
import type { CatalogBlock, CatalogSource } from './source.ts';

/** A model of the chain; replaced, never changed. */
export interface CatalogModel {
  readonly address: PrefixedHexString;
  readonly hash: PrefixedHexString;
  readonly author: PrefixedHexString;
  readonly size: number;
  readonly fee: number;
  readonly operations: number;
  /** Gas of a run. */
  readonly gas: number;
  /** Types as `i8[1,28,28]`, in the order of the ports. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly seeded: boolean;
  /** Block of the registration. */
  readonly block: number;
  /** Bytes that are still to be uploaded. */
  readonly remaining: number;
  /** Block in which the upload ended; 0: it has not. */
  readonly ready: number;
  /** Block of the withdrawal; 0: none. */
  readonly withdrawn: number;
  readonly successor: PrefixedHexString | undefined;
  readonly runs: number;
  /** Gas of the author's fees in them. */
  readonly fees: number;
}

/** Models at most: what a node holds in memory for the catalog is bounded. */
const MAX_MODELS = 500_000;
/** Blocks that can be taken back without reading all others again. */
const UNDO_BLOCKS = 256;
/** Blocks, or models, between two turns of others. */
const BATCH = 256;

interface Undo {
  readonly number: number;
  readonly hash: string;
  /** Models as they were before the block; undefined: they were not. */
  readonly before: Map<PrefixedHexString, CatalogModel | undefined>;
  readonly boards: (() => void)[];
}

export const typeText = ({ dtype, shape }: StaticType): string => `${dtype}[${shape.join(',')}]`;

const EMPTY = {
  hash: '0x', author: '0x', size: 0, fee: 0, operations: 0, gas: 0, inputs: [], outputs: [], seeded: false, block: 0, remaining: 0, ready: 0,
  withdrawn: 0, successor: undefined, runs: 0, fees: 0,
} as const; // biome-ignore format: a record

/**
 * The models of a chain and the results of test sets, in memory: built from events, brought up to date when it is asked, and taken back
 * with the chain. It decides nothing of the chain.
 */
export class Catalog {
  readonly boards = new Boards();
  private readonly source: CatalogSource;
  private readonly limit: number;
  private readonly models = new Map<PrefixedHexString, CatalogModel>();
  private readonly byHash = new Map<PrefixedHexString, PrefixedHexString[]>();
  private readonly texts = new Map<string, string>();
  private undo: Undo[] = [];
  private tip = { number: -1, hash: '' };
  /** Models whose state is to be read. */
  private touched = new Set<PrefixedHexString>();
  private left = 0;
  private readonly queue = new Queue();

  constructor(source: CatalogSource, limit = MAX_MODELS) {
    this.source = source;
    this.limit = limit;
  }

  /** The block that the catalog stands at. */
  get at(): { readonly number: number; readonly hash: string } {
    return this.tip;
  }
  get size(): number {
    return this.models.size;
  }
  /** Models that were left out for want of room. */
  get leftOut(): number {
    return this.left;
  }
  get(address: PrefixedHexString): CatalogModel | undefined {
    return this.models.get(address);
  }
  withHash(hash: PrefixedHexString): readonly CatalogModel[] {
    return (this.byHash.get(hash) ?? []).flatMap((a) => this.models.get(a) ?? []);
  }
  all(): IterableIterator<CatalogModel> {
    return this.models.values();
  }

  /** Brings the catalog to the head of the chain. */
  async sync(): Promise<void> {
    if (this.source.head().hash === this.tip.hash && this.touched.size === 0) return;
    await this.queue.run(() => this.follow());
  }

  private async follow(): Promise<void> {
    await this.takeBack();
    for (;;) {
      const block = await this.source.block(this.tip.number + 1);
      if (block === undefined) break;
      this.apply(block);
      if (block.number % BATCH === 0) await others();
    }
    while (this.touched.size > 0) {
      const some: PrefixedHexString[] = [];
      for (const address of this.touched) if (some.push(address) === BATCH) break;
      for (const address of some) this.touched.delete(address);
      try {
        await this.source.look(async (state) => {
          for (const address of some) await this.refresh(state, address);
        });
      } catch (error) {
        for (const address of some) this.touched.add(address);
        throw error;
      }
      await others();
    }
  }

  /** Takes back blocks that the chain has no longer. */
  private async takeBack(): Promise<void> {
    while (this.tip.number >= 0 && (await this.source.hashOf(this.tip.number)) !== this.tip.hash) {
      const last = this.undo.pop();
      if (last === undefined) return this.forget();
      for (const [address, before] of last.before) {
        this.put(address, before);
        if (before !== undefined) this.touched.add(address);
        else this.touched.delete(address);
      }
      for (const back of last.boards.reverse()) back();
      const previous = this.undo[this.undo.length - 1];
      if (previous === undefined) return this.forget();
      this.tip = { number: previous.number, hash: previous.hash };
    }
  }

  private forget(): void {
    this.models.clear();
    this.byHash.clear();
    this.texts.clear();
    this.boards.clear();
    this.touched.clear();
    this.undo = [];
    this.left = 0;
    this.tip = { number: -1, hash: '' };
  }

  private apply(block: CatalogBlock): void {
    const { number, hash } = block;
    const undo: Undo = { number, hash, before: new Map(), boards: [] };
    const { registry, scores } = this.source.params;
    const [models, board] = [registry.toString(), scores.toString()];
    for (const log of block.logs) {
      const from = bytesToHex(log[0]);
      const event = from === models || from === board ? readEvent(log) : undefined;
      if (event !== undefined) this.take(event, undo);
    }
    const used = block.models ?? this.models.keys();
    for (const address of used) {
      const model = this.models.get(address);
      if (model === undefined) continue;
      this.touched.add(address);
      if (!undo.before.has(address)) undo.before.set(address, model);
    }
    this.undo.push(undo);
    if (this.undo.length > UNDO_BLOCKS) this.undo.shift();
    this.tip = { number, hash };
  }

  private take(event: CatalogEvent, undo: Undo): void {
    switch (event.kind) {
      case 'registered':
        if (!event.isModel) return;
        if (this.models.size >= this.limit) return void this.left++;
        return this.change(event.account, { size: event.size, remaining: event.size }, undo, true);
      case 'uploaded':
        return this.change(event.account, { remaining: event.remaining }, undo);
      case 'ready':
        return this.change(event.account, { ready: event.block }, undo);
      case 'withdrawn':
        return this.change(event.account, { withdrawn: event.block }, undo);
      case 'updated':
        return this.change(event.account, { successor: event.successor }, undo);
      case 'submitted':
        return void undo.boards.push(this.boards.submit(event));
      case 'counted':
        return void undo.boards.push(this.boards.count(event));
      default:
        return event satisfies never;
    }
  }

  private change(address: PrefixedHexString, fields: Partial<CatalogModel>, undo: Undo, create = false): void {
    const before = this.models.get(address);
    // inputs have the same events
    if (before === undefined && !create) return;
    if (!undo.before.has(address)) undo.before.set(address, before);
    this.models.set(address, { ...(before ?? { ...EMPTY, address }), ...fields });
    if (create) this.touched.add(address);
  }

  private put(address: PrefixedHexString, model: CatalogModel | undefined): void {
    const now = this.models.get(address);
    if (model !== undefined) return void this.models.set(address, model);
    this.models.delete(address);
    if (now === undefined) return;
    const rest = (this.byHash.get(now.hash) ?? []).filter((a) => a !== address);
    if (rest.length === 0) this.byHash.delete(now.hash);
    else this.byHash.set(now.hash, rest);
  }

  /** Reads what the state says: metadata once, uses each time. */
  private async refresh(state: StateManagerInterface, address: PrefixedHexString): Promise<void> {
    const model = this.models.get(address);
    if (model === undefined) return;
    const account = new Address(hexToBytes(address));
    const { runs, fees } = await readUsage(state, this.source.params, account);
    const uses = { runs: Number(runs), fees: Number(fees) };
    const meta = model.hash === '0x' ? decodeModel(await state.getCode(account)) : undefined;
    if (meta === undefined) return void this.models.set(address, { ...model, ...uses });
    const hash = flatHex(meta.hash);
    const have = this.byHash.get(hash);
    if (have === undefined) this.byHash.set(hash, [address]);
    else have.push(address);
    const read = {
      ...model,
      ...uses,
      hash,
      author: this.shared(flatHex(meta.author)) as PrefixedHexString,
      size: Number(meta.rawSize),
      fee: Number(meta.fee),
      operations: Number(meta.operations),
      gas: Number(inferenceGas(meta.operations, meta.fee)),
      inputs: meta.inputs.map((t) => this.shared(typeText(t))),
      outputs: meta.outputs.map((t) => this.shared(typeText(t))),
      seeded: meta.seeded,
      block: Number(meta.block),
    };
    this.models.set(address, read);
  }

  /** One copy of texts that many models have. */
  private shared(text: string): string {
    const have = this.texts.get(text);
    if (have !== undefined) return have;
    this.texts.set(text, text);
    return text;
  }
}
