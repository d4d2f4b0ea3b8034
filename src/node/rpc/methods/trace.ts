import { bytesToHex } from '@ethereumjs/util';
import type { Mined } from '../../chain/chain.ts';
import { DataUnavailable, type Inference } from '../../evm/engine.ts';
import { CallTracer } from '../../trace/call-tracer.ts';
import { callerOf, digestHex } from '../../trace/journal.ts';
import { endorphinText, layersOf } from '../../trace/layers.ts';
import { type Again, runAgain, type Watch } from '../../trace/rerun.ts';
import { StructTracer } from '../../trace/struct-logs.ts';
import { hex, isRecord, optional, quantity, readFixed, readQuantity } from '../fields.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, notFound, rejected } from '../rpc-error.ts';
import type { Method } from './method.ts';

/** Inferences of a transaction that are shown; all are counted. */
const MAX_SHOWN = 256;
/** Layers in one answer. */
const MAX_LAYERS = 20_000;

const minedAt = async (node: DevNode, hash: unknown): Promise<Mined> => {
  const text = hex(readFixed(hash, 32, 'hash'));
  return (await node.chain.transaction(text)) ?? notFoundTransaction(text);
};
const notFoundTransaction = (text: string): never => {
  throw notFound(`transaction ${text}`);
};

/** Runs a transaction again behind those that stand before it in its block. */
const again = async (node: DevNode, { block, index }: Mined, watch: Watch): Promise<Again> => {
  const parent = await node.block(quantity(block.header.number - 1n));
  const { transactions, refused } = await runAgain(node.chain, parent, block, watch, index);
  const found = transactions[index];
  if (found === undefined)
    throw rejected(`transaction ${refused?.index ?? index} of the block does not run again: ${refused?.reason ?? ''}`);
  return found;
};

const debugTrace: Method = async (node, [hash, given]) => {
  const mined = await minedAt(node, hash);
  const options = given === undefined || given === null ? {} : given;
  if (!isRecord(options)) throw invalidParams('the options of a trace are an object');
  const { tracer } = options;
  let at = -1;
  const here = (): boolean => at === mined.index;
  const begin = (index: number): void => void (at = index);
  if (tracer === 'callTracer') {
    const calls = new CallTracer();
    const { result } = await again(node, mined, {
      begin,
      enter: (m) => void (here() && calls.enter(m)),
      leave: (r) => void (here() && calls.leave(r)),
    });
    const frame = calls.result(mined.tx.gasLimit, result.totalGasSpent);
    return { ...frame, ...(calls.truncated ? { truncated: true } : {}) };
  }
  if (tracer !== undefined && tracer !== null)
    throw invalidParams(`tracer is ${JSON.stringify(tracer).slice(0, 60)}, but this node has callTracer and the one without a name`);
  const limit = optional(options['limit'], (v) => readQuantity(v, 'limit')) ?? 0n;
  const struct = new StructTracer({
    memory: options['enableMemory'] === true,
    stack: options['disableStack'] !== true,
    limit: limit > 2n ** 31n ? 0 : Number(limit),
  });
  const { result } = await again(node, mined, { begin, step: (s) => struct.step(s) });
  return {
    gas: Number(result.totalGasSpent),
    failed: result.execResult.exceptionError !== undefined,
    returnValue: bytesToHex(result.execResult.returnValue).slice(2),
    structLogs: struct.logs,
    ...(struct.truncated ? { truncated: true } : {}),
  };
};

interface Seen {
  readonly inference: Inference;
  readonly caller: string | undefined;
}

/** What the layers of a model take, and their digests where they are asked for. */
const layersView = async (node: DevNode, { inference }: Seen, digests: boolean): Promise<readonly unknown[] | null> => {
  const { layers } = node;
  if (layers === undefined) return null;
  const program = await layers.program(inference.meta.hash);
  const rows = layersOf(program).slice(0, MAX_LAYERS);
  const found = digests
    ? await layers.digests(
        inference,
        rows.map((r) => r.index),
      )
    : [];
  return rows.map((r) => ({
    ...r,
    endorphin: endorphinText(r.operations),
    ...(digests ? { digest: found[r.index] ?? null } : {}),
  }));
};

/**
 * Every inference of a transaction, with what each layer costs.
 * @param params - hash; `{ layers: false }` leaves them out, `{ digests: true }` adds the digests of their results
 */
const cortexTrace: Method = async (node, [hash, given]) => {
  const mined = await minedAt(node, hash);
  const options = given === undefined || given === null ? {} : given;
  if (!isRecord(options)) throw invalidParams('the options of a trace are an object');
  const precompile = node.chain.options.params.inferPrecompile.toString();
  const seen: Seen[] = [];
  let count = 0;
  let bytes = 0;
  const { result } = await again(node, mined, {
    inference: (inference, transaction, frame) => {
      if (transaction !== mined.index) return;
      count++;
      bytes += inference.input.length;
      // the bytes are there for the digests of layers; without room for them the inference is counted
      if (seen.length < MAX_SHOWN && bytes < 2 ** 28)
        seen.push({ inference: { ...inference, input: inference.input.slice() }, caller: callerOf(frame, precompile) });
    },
  });
  const inferences: unknown[] = [];
  const budgeted = { layers: 0 };
  for (const s of seen) {
    const { model, meta, input, output, gas, seed } = s.inference;
    let layers: readonly unknown[] | null = null;
    try {
      if (options['layers'] !== false && budgeted.layers < MAX_LAYERS) layers = await layersView(node, s, options['digests'] === true);
    } catch (error) {
      // the model ran when the block was made, and its package was removed since
      if (!(error instanceof DataUnavailable)) throw error;
    }
    budgeted.layers += layers?.length ?? 0;
    inferences.push({
      model: model.toString(),
      hash: hex(meta.hash),
      caller: s.caller ?? null,
      input: digestHex(input),
      output: digestHex(output),
      inputBytes: quantity(input.length),
      outputBytes: quantity(output.length),
      seed: meta.seeded ? seed : null,
      gas: quantity(gas),
      fee: quantity(meta.fee),
      operations: quantity(meta.operations),
      endorphin: endorphinText(Number(meta.operations)),
      layers,
    });
  }
  return {
    transaction: hex(mined.tx.hash()),
    block: quantity(mined.block.header.number),
    succeeded: mined.succeeded,
    gasUsed: quantity(result.totalGasSpent),
    inferenceCount: quantity(count),
    inferences,
  };
};

/** What a transaction did, step by step, frame by frame, or inference by inference. */
export const TRACE = {
  debug_traceTransaction: debugTrace,
  cortex_traceTransaction: cortexTrace,
} as const satisfies Readonly<Record<string, Method>>;
