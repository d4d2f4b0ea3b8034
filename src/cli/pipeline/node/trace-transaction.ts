import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Json } from '../../json.ts';
import { formatCount, formatFacts, formatPercent, formatTable, visible } from '../../text.ts';
import { RpcClient } from './rpc-client.ts';

export interface TraceArgs {
  readonly transaction: string;
  readonly rpc: string;
  readonly layers: boolean;
  readonly digests: boolean;
}

interface LayerView {
  readonly index: number;
  readonly name: string;
  readonly op: string;
  readonly operations: number;
  readonly endorphin: string;
  /** Of 100,000. */
  readonly share: number;
  readonly digest?: string | null;
}

interface InferenceView {
  readonly model: string;
  readonly caller: string | null;
  readonly input: string;
  readonly output: string;
  readonly inputBytes: string;
  readonly outputBytes: string;
  readonly gas: string;
  readonly fee: string;
  readonly operations: string;
  readonly endorphin: string;
  readonly layers: readonly LayerView[] | null;
}

interface TraceView {
  readonly transaction: string;
  readonly block: string;
  readonly succeeded: boolean;
  readonly gasUsed: string;
  readonly inferenceCount: string;
  readonly inferences: readonly InferenceView[];
}

const count = (quantity: string): string => formatCount(Number(quantity));
/** The first digits of a digest: enough to compare by eye; --json has all. */
const short = (digest: string): string => digest.replace(/^0x/, '').slice(0, 16);

const layersText = (layers: readonly LayerView[], digests: boolean): string =>
  formatTable(
    ['layer', 'op', 'operations', 'Endorphin', 'share', ...(digests ? ['digest'] : [])],
    layers.map((l) => [
      visible(l.name),
      visible(l.op),
      formatCount(l.operations),
      l.endorphin,
      formatPercent(l.share / 100_000),
      ...(digests ? [short(l.digest ?? '')] : []),
    ]),
    ['left', 'left', 'right', 'right', 'right', 'left'],
  );

const inferenceText = (i: InferenceView, n: number, { layers, digests }: TraceArgs): string => {
  const facts = formatFacts([
    ['inference', String(n + 1)],
    ['model', i.model],
    ['asked by', i.caller ?? 'not known'],
    ['input', `${count(i.inputBytes)} bytes, SHA-256 ${short(i.input)}…`],
    ['output', `${count(i.outputBytes)} bytes, SHA-256 ${short(i.output)}…`],
    ['gas', `${count(i.gas)}, of it ${count(i.fee)} for the author`],
    ['Endorphin', `${i.endorphin} (${count(i.operations)} operations)`],
  ]);
  if (!layers) return facts;
  return `${facts}${i.layers === null ? 'layers    not told: the node lacks the package now\n' : layersText(i.layers, digests)}`;
};

/** `cortexc trace`. */
export const traceTransaction = async (args: TraceArgs, context: Context): Promise<Result<Report>> => {
  const client = new RpcClient(args.rpc);
  context.progress.step('trace', 0, 1);
  const hash = args.transaction.toLowerCase();
  const known = await client.call('eth_getTransactionReceipt', hash);
  if (!known.ok) return known;
  if (known.value === null)
    return fail(
      diagnostic('NOD0054', `${hash} is in no block of ${visible(args.rpc)}`, {
        notes: ['Is it another chain, or does the transaction wait still? Name the node: --rpc URL.'],
      }),
    );
  const answer = await client.call('cortex_traceTransaction', hash, { layers: args.layers, digests: args.digests });
  if (!answer.ok) return answer;
  const view = answer.value as TraceView;
  const left = Number(view.inferenceCount) - view.inferences.length;
  const head = formatFacts([
    ['transaction', view.transaction],
    ['block', count(view.block)],
    ['status', view.succeeded ? 'succeeded' : 'failed'],
    ['gas', count(view.gasUsed)],
    ['inferences', `${count(view.inferenceCount)}${left > 0 ? `, of which the last ${formatCount(left)} are not shown` : ''}`],
  ]);
  const text = [head, ...view.inferences.map((i, n) => inferenceText(i, n, args))].join('\n');
  return ok({ json: view as unknown as { readonly [key: string]: Json }, text });
};
