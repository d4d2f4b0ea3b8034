import type { Block } from '@ethereumjs/block';
import { bytesToHex } from '@ethereumjs/util';
import { type AnyNode, isStaticType, type Program, type StaticType, typeOf, type ValueId } from '../../ir/index.ts';
import { at, messageOf } from '../../support/index.ts';
import type { Disagreement } from '../chain/chain.ts';
import type { InferenceRequest } from '../evm/engine.ts';
import { packTensors, unpackTensors } from '../evm/packing.ts';
import type { DevNode } from '../rpc/node.ts';
import { inferenceAt, journalOf } from '../trace/journal.ts';
import { layersOf, type Layers } from '../trace/layers.ts';
import { firstDifference } from './bisect.ts';
import { compareJournals, type Difference } from './compare.ts';
import type { Described, Peer } from './peer.ts';
import { type Files, oneOp, operandValues, reproFiles } from './repro.ts';

/** What two nodes disagree on, as far down as it could be followed. */
export interface Finding {
  readonly block: { readonly number: bigint; readonly hash: string };
  readonly disagreement: Disagreement;
  readonly difference?: Difference;
  /** The op whose results differ although its operands agree. */
  readonly layer?: { readonly index: number; readonly name: string; readonly op: string };
  readonly report: readonly string[];
  /** To see the difference again. */
  readonly files: Files;
}

const staticTypes = (program: Program, values: readonly ValueId[]): readonly StaticType[] =>
  values.map((v) => typeOf(program, v)).filter(isStaticType);

/** Runs the two sides of one layer, or of the whole model when no layer differs, and makes the files of it. */
const reproduce = async (
  layers: Layers,
  program: Program,
  request: InferenceRequest,
  layer: number | undefined,
  theirs: () => Promise<Uint8Array | undefined>,
  report: readonly string[],
): Promise<Files> => {
  const results = layer === undefined ? program.outputs.map((o) => o.value) : (at(program.nodes, layer) as AnyNode).results;
  const operands = layer === undefined ? program.inputs.map((p) => p.value) : operandValues(program, layer);
  const own = await layers.values(program, request, results);
  // a seed of the chain is an input of the whole program
  const inputs = operands.length === 0 ? [] : await layers.values(program, request, operands);
  const bytes = await theirs();
  const types = staticTypes(program, results);
  const unpacked = bytes === undefined || bytes.length !== packTensors(own).length ? [] : unpackTensors(types, bytes);
  return reproFiles({
    program: layer === undefined ? program : oneOp(program, layer),
    inputs,
    own,
    peer: 'value' in unpacked ? [] : unpacked,
    report,
  });
};

/** Follows a difference in the output of an inference to the op that makes it. */
const intoModel = async (
  node: DevNode,
  peer: Peer,
  block: Block,
  n: number,
  report: string[],
): Promise<Pick<Finding, 'layer' | 'files'>> => {
  const { layers } = node;
  const request = await inferenceAt(node.chain, node.chain.head, block, n);
  if (layers === undefined || request === undefined) return { files: new Map() };
  const hash = bytesToHex(block.hash());
  const program = await layers.program(request.meta.hash);
  let index: number | undefined;
  try {
    index = await firstDifference(
      program,
      (nodes) => layers.digests(request, nodes),
      (nodes) => peer.digests(hash, n, nodes),
    );
  } catch (error) {
    report.push(`the layers could not be compared: ${messageOf(error)}`);
    return { files: await reproduce(layers, program, request, undefined, () => Promise.resolve(undefined), report) };
  }
  if (index === undefined) {
    report.push('no op differs when its results are asked for: the difference is in how a backend puts ops together, or it comes and goes');
    return { files: await reproduce(layers, program, request, undefined, () => Promise.resolve(undefined), report) };
  }
  const found = at(layersOf(program), index);
  report.push(
    `first op that differs, while its operands agree: ${found.op}, ${found.name}, number ${index + 1} of ${program.nodes.length}`,
  );
  const theirs = async (): Promise<Uint8Array | undefined> => {
    try {
      return await peer.results(hash, n, index);
    } catch (error) {
      report.push(`the peer did not send its results: ${messageOf(error)}`);
      return undefined;
    }
  };
  const files = await reproduce(layers, program, request, index, theirs, report);
  return { layer: { index, name: found.name, op: found.op }, files };
};

/**
 * Finds out what a block does differently here and there: the first inference, then the first op of its model; or the first
 * transaction, receipt or state. What cannot be found out is told in the report; it never throws for what the peer does.
 * @param block - that does not follow the head of this node as its header says
 */
export const investigate = async (
  node: DevNode,
  peer: Peer,
  described: Described,
  block: Block,
  disagreement: Disagreement,
): Promise<Finding> => {
  const { number } = block.header;
  const hash = bytesToHex(block.hash());
  const report = [
    `block ${number} ${hash}`,
    `${disagreement.what}: the header says ${disagreement.expected}, here it is ${disagreement.found}`,
    `this node: cortexc ${node.version}, backend ${node.layers?.backend.name ?? 'not told'}`,
    `its peer: cortexc ${described.version}, backend ${described.backend}, ${peer.url}`,
  ];
  const base = { block: { number, hash }, disagreement };
  let difference: Difference | undefined;
  try {
    const own = await journalOf(node.chain, node.chain.head, block);
    difference = compareJournals(own, await peer.journal(hash));
    if (difference === undefined) {
      report.push(
        'both nodes tell the same of its inferences and transactions: the header itself is wrong, or the difference comes and goes',
      );
      return { ...base, report, files: new Map() };
    }
    report.push(`first difference: ${difference.what} ${difference.index}: ${difference.own} here, ${difference.peer} there`);
    if (difference.what === 'transaction' || difference.what === 'receipt' || difference.what === 'state') {
      const tx = block.transactions[difference.index];
      if (tx !== undefined) report.push(`transaction ${difference.index}: ${bytesToHex(tx.hash())}`);
    }
    const entry = own.inferences[difference.index];
    if (difference.what !== 'output' || entry === undefined) return { ...base, difference, report, files: new Map() };
    report.push(`model ${entry.model}, package ${entry.hash}, transaction ${entry.transaction}, input ${entry.input}`);
    return { ...base, difference, ...(await intoModel(node, peer, block, difference.index, report)), report };
  } catch (error) {
    report.push(`it could not be followed further: ${messageOf(error)}`);
    return { ...base, ...(difference === undefined ? {} : { difference }), report, files: new Map() };
  }
};
