import type { Block } from '@ethereumjs/block';
import { describeChain } from '../../network/description.ts';
import { MAX_ASKED } from '../../network/bisect.ts';
import { packTensors } from '../../evm/packing.ts';
import type { Inference } from '../../evm/engine.ts';
import { inferenceAt, journalOf } from '../../trace/journal.ts';
import type { Layers } from '../../trace/layers.ts';
import { bytesSource } from '../../../support/index.ts';
import { hex, quantity, readFixed, readQuantity } from '../fields.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, limitExceeded, notFound, unavailable } from '../rpc-error.ts';
import type { Method } from './method.ts';

/** Blocks of one answer at most, and their bytes: an answer is hex, with two characters a byte. */
const MAX_BLOCKS = 256;
const MAX_BLOCKS_BYTES = 2 ** 22;
/** Bytes of an object in one answer. */
const MAX_PART = 2 ** 22;
/** Bytes of the results of a layer that are sent. */
const MAX_LAYER_BYTES = 2 ** 22;

const whole = (value: unknown, what: string, most: number): number => {
  const n = readQuantity(value, what);
  if (n > BigInt(most)) throw invalidParams(`${what} is ${n}, but is at most ${most}`);
  return Number(n);
};

/**
 * Blocks from a number on, as RLP; a single one that is larger than an answer comes in parts.
 * @param params - number of the first, how many, and where a part begins
 */
const blocks: Method = async (node, [first, count, offset]) => {
  const from = whole(first, 'first', Number.MAX_SAFE_INTEGER);
  const wanted = whole(count ?? '0x1', 'count', MAX_BLOCKS);
  const start = whole(offset ?? '0x0', 'offset', 2 ** 40);
  const head = Number(node.chain.head.header.number);
  const found: string[] = [];
  let bytes = 0;
  for (let n = from; n <= head && found.length < wanted; n++) {
    const block = await node.block(quantity(n));
    const raw = block.serialize();
    if (found.length === 0 && raw.length > MAX_BLOCKS_BYTES)
      return { head: quantity(head), size: quantity(raw.length), part: hex(raw.subarray(start, start + MAX_BLOCKS_BYTES)) };
    bytes += raw.length;
    if (bytes > MAX_BLOCKS_BYTES) break;
    found.push(hex(raw));
  }
  return { head: quantity(head), hash: hex(node.chain.head.hash()), blocks: found };
};

const parentOf = async (node: DevNode, block: Block): Promise<Block> => {
  if (block.header.number === 0n) throw invalidParams('the genesis has no transactions');
  return node.block(quantity(block.header.number - 1n));
};

const inferences: Method = async (node, [hash]) => {
  const block = await node.block({ blockHash: hash });
  const journal = await journalOf(node.chain, await parentOf(node, block), block);
  return {
    count: quantity(journal.count),
    inferences: journal.inferences.map((e) => ({
      ...e,
      transaction: quantity(e.transaction),
      caller: e.caller ?? null,
      gas: quantity(e.gas),
      operations: quantity(e.operations),
    })),
    transactions: journal.transactions.map((t) => ({ ...t, gasUsed: quantity(t.gasUsed) })),
  };
};

/** The inference that was asked for last: a bisection asks about one many times, and each look runs the block again. */
const last = new WeakMap<DevNode, { readonly key: string; readonly inference: Inference }>();

const asked = async (node: DevNode, hash: unknown, index: unknown): Promise<{ readonly layers: Layers; readonly inference: Inference }> => {
  const { layers } = node;
  if (layers === undefined) throw unavailable('this node runs no layers of models');
  const n = whole(index, 'inference', 2 ** 31);
  const key = `${hex(readFixed(hash, 32, 'block hash'))} ${n}`;
  const kept = last.get(node);
  if (kept?.key === key) return { layers, inference: kept.inference };
  const block = await node.block({ blockHash: hash });
  const inference = await inferenceAt(node.chain, await parentOf(node, block), block, n);
  if (inference === undefined) throw notFound(`inference ${n} of the block`);
  last.set(node, { key, inference });
  return { layers, inference };
};

/** Digests of the results of nodes of a model on the inputs of an inference, as the backend of this node computes them. */
const layerDigest: Method = async (node, [hash, index, given]) => {
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_ASKED)
    throw invalidParams(`layers is a list of 1 to ${MAX_ASKED} numbers`);
  const nodes = given.map((n: unknown) => whole(n, 'layer', 2 ** 31));
  const { layers, inference } = await asked(node, hash, index);
  return { backend: layers.backend.name, version: node.version, digests: await layers.digests(inference, nodes) };
};

const layerResults: Method = async (node, [hash, index, layer]) => {
  const n = whole(layer, 'layer', 2 ** 31);
  const { layers, inference } = await asked(node, hash, index);
  const program = await layers.program(inference.meta.hash);
  const made = program.nodes[n];
  if (made === undefined) throw notFound(`layer ${n} of the model`);
  const bytes = packTensors(await layers.values(program, inference, made.results));
  if (bytes.length > MAX_LAYER_BYTES) throw limitExceeded(`the results have ${bytes.length} bytes, the limit is ${MAX_LAYER_BYTES}`);
  return hex(bytes);
};

/** A part of a package or of an input that this node has; null where it lacks it. */
const object: Method = async (node, [kind, hash, offset, length]) => {
  if (kind !== 'package' && kind !== 'input') throw invalidParams('kind is package or input');
  const digest = readFixed(hash, 32, 'hash');
  const from = whole(offset, 'offset', Number.MAX_SAFE_INTEGER);
  const wanted = whole(length, 'length', MAX_PART);
  const input = kind === 'input' ? await node.objects.input(digest) : undefined;
  const source = kind === 'package' ? await node.objects.package(digest) : input && bytesSource(input);
  if (source === undefined) return null;
  const { size } = source;
  return { size: quantity(size), part: hex(source.read(Math.min(from, size), Math.min(wanted, Math.max(0, size - from)))) };
};

/** What nodes ask each other. */
export const NETWORK = {
  cortex_network: async (node) => ({
    version: node.version,
    backend: node.layers?.backend.name ?? null,
    head: quantity(node.chain.head.header.number),
    agreed: describeChain(node.chain, (await node.block('earliest')).hash()),
  }),
  cortex_blocks: blocks,
  cortex_inferences: inferences,
  cortex_layerDigest: layerDigest,
  cortex_layerResults: layerResults,
  cortex_object: object,
} as const satisfies Readonly<Record<string, Method>>;
