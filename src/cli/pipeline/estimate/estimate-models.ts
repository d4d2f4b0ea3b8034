import { relative, resolve, sep } from 'node:path';
import { endorphinOf, isIntegerProgram, type Program, programCost } from '../../../ir/index.ts';
import { inferenceGas, lifeGasOf, type LifeGas } from '../../../node/index.ts';
import { prepareFloat } from '../../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Json } from '../../json.ts';
import { formatBytes, formatCount, formatFacts, formatTable, visible } from '../../text.ts';
import { isStatic } from '../facts.ts';
import { loadModel, type ModelArgs } from '../load.ts';
import { programOf, warningsOf } from '../model.ts';
import { type LayerCost, layerCosts } from './layers.ts';
import { type Difference, differences, type Prices, readSnapshot, snapshotText } from './snapshot.ts';

export interface EstimateArgs extends ModelArgs {
  readonly models: readonly string[];
  readonly top: number;
  readonly fee: number;
  /** Gwei. */
  readonly gasPrice: number | undefined;
  readonly mode: 'snapshot' | 'check' | 'diff' | undefined;
  readonly tolerance: number;
  readonly file: string;
}

interface Estimate {
  readonly name: string;
  readonly endorphin: number;
  readonly operations: number;
  readonly gas: bigint;
  /** Integers already, or priced as if they were. */
  readonly exact: boolean;
  readonly layers: readonly LayerCost[];
  readonly life: LifeGas | undefined;
}

/** How a model is called in the snapshot: relative to where the user stands, with slashes. */
const nameOf = (cwd: string, path: string): string => relative(cwd, resolve(cwd, path)).split(sep).join('/');

const estimateOf = async (
  path: string,
  args: EstimateArgs,
  context: Context,
): Promise<Result<{ readonly estimate: Estimate; readonly warnings: readonly Diagnostic[] }>> => {
  const loaded = await loadModel(context, path, args);
  if (!loaded.ok) return loaded;
  const model = loaded.value;
  const given: Program = programOf(model);
  if (!isStatic(given))
    return fail(
      diagnostic('CLI2017', 'a dimension has no size, so that there is no price', {
        where: path,
        notes: ['Give it one: --bind NAME=SIZE.'],
      }),
    );
  const exact = isIntegerProgram(given);
  const program = exact ? given : prepareFloat(given);
  const operations = programCost(program);
  let life: LifeGas | undefined;
  if (model.kind === 'package' && args.mode === undefined) {
    const { record, bytecode } = model.package;
    const found = await lifeGasOf(record, bytecode, args.fee);
    if (typeof found === 'string') return fail(diagnostic('CLI2017', `a chain would not register it: ${visible(found)}`, { where: path }));
    life = found;
  }
  const estimate = {
    name: nameOf(context.io.cwd, path),
    endorphin: endorphinOf(operations),
    operations,
    gas: inferenceGas(BigInt(operations), BigInt(args.fee)),
    exact,
    layers: layerCosts(program),
    life,
  };
  return ok({ estimate, warnings: warningsOf(model) });
};

const GWEI = 1e9;
const etherText = (gas: bigint, gwei: number | undefined): string =>
  gwei === undefined ? '' : `, ${((Number(gas) * gwei) / GWEI).toPrecision(3)} ether`;

const layerTable = ({ layers, operations }: Estimate, top: number): string => {
  const sorted = [...layers].sort((a, b) => b.operations - a.operations);
  const shown = top === 0 ? sorted : sorted.slice(0, top);
  const share = (n: number): string => `${((100 * n) / Math.max(1, operations)).toFixed(1)} %`;
  const rows = shown.map((l) => [visible(l.layer), l.op, formatCount(l.operations), share(l.operations), formatBytes(l.bytes)]);
  const rest = sorted.slice(shown.length);
  if (rest.length > 0) {
    const sum = rest.reduce((n, l) => n + l.operations, 0);
    rows.push([`${formatCount(rest.length)} more`, '', formatCount(sum), share(sum), '']);
  }
  return formatTable(['layer', 'op', 'operations', 'share', 'moved'], rows, ['left', 'left', 'right', 'right', 'right']);
};

const textOf = (e: Estimate, args: EstimateArgs): string => {
  const { life } = e;
  return (
    formatFacts([
      ['model', visible(e.name)],
      [
        'a run',
        `${formatCount(e.endorphin)} Endorphin (${formatCount(e.operations)} operations)${e.exact ? '' : ', once it is quantized'}`,
      ],
      ['gas of it', `${formatCount(Number(e.gas))}, ${formatCount(args.fee)} of it for the author${etherText(e.gas, args.gasPrice)}`],
      ...(life === undefined
        ? []
        : ([
            ['register', `${formatCount(Number(life.registration))} gas${etherText(life.registration, args.gasPrice)}`],
            [
              'upload',
              `${formatCount(Number(life.upload))} gas in ${formatCount(life.uploadCalls)} calls, the quota of ${formatCount(Number(life.quotaBlocks))} blocks${etherText(life.upload, args.gasPrice)}`,
            ],
          ] as const)),
    ]) +
    '\n' +
    layerTable(e, args.top)
  );
};

const jsonOf = (e: Estimate): Json => ({
  name: e.name,
  endorphin: e.endorphin,
  operations: e.operations,
  gas: Number(e.gas),
  exact: e.exact,
  ...(e.life === undefined
    ? {}
    : {
        registrationGas: Number(e.life.registration),
        uploadGas: Number(e.life.upload),
        uploadCalls: e.life.uploadCalls,
        quotaBlocks: Number(e.life.quotaBlocks),
      }),
  layers: e.layers.map((l) => ({ ...l })),
});

const differenceRows = (found: readonly Difference[]): string =>
  formatTable(
    ['model', 'was', 'is', 'change'],
    found.map((d) => [
      visible(d.name),
      d.before === undefined ? 'not in the file' : formatCount(d.before),
      d.now === undefined ? 'not given' : formatCount(d.now),
      d.percent === undefined ? '' : `${d.percent > 0 ? '+' : ''}${d.percent.toFixed(2)} %`,
    ]),
    ['left', 'right', 'right', 'right'],
  );

const compared = (prices: Prices, args: EstimateArgs, context: Context, warnings: readonly Diagnostic[]): Result<Report> => {
  const file = context.read(args.file, 'text');
  if (!file.ok) return file;
  const before = readSnapshot(new TextDecoder().decode(file.value), args.file);
  if (!before.ok) return before;
  const check = args.mode === 'check';
  const found = differences(before.value, prices, check ? args.tolerance : 0);
  const overall = [...before.value.values(), ...[...prices.values()].map((p) => -p)].reduce((a, b) => a + b, 0);
  return ok({
    exit: check && found.length > 0 ? 1 : 0,
    json: { differences: found.map((d) => ({ ...d })), models: prices.size, overall: -overall },
    text:
      found.length === 0
        ? `${formatCount(prices.size)} prices are as in ${visible(args.file)}\n`
        : `${differenceRows(found)}overall ${overall <= 0 ? '+' : ''}${formatCount(-overall)} Endorphin\n`,
    warnings,
  });
};

/** `cortexc estimate`. */
export const estimateModels = async (args: EstimateArgs, context: Context): Promise<Result<Report>> => {
  const estimates: Estimate[] = [];
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  for (const [i, path] of args.models.entries()) {
    if (args.models.length > 1) context.progress.step('estimate', i, args.models.length);
    const done = await estimateOf(path, args, context);
    if (!done.ok) problems.push(...done.diagnostics);
    else {
      estimates.push(done.value.estimate);
      warnings.push(...done.value.warnings);
    }
  }
  if (problems.length > 0) return fail(...problems);
  const prices = new Map(estimates.map((e) => [e.name, e.endorphin]));
  if (args.mode === 'check' || args.mode === 'diff') return compared(prices, args, context, warnings);
  if (args.mode === 'snapshot') {
    const text = snapshotText(prices);
    const written = context.write(args.file, text);
    if (!written.ok) return written;
    return ok({ json: { file: args.file, models: prices.size }, text, warnings });
  }
  return ok({ json: { models: estimates.map(jsonOf) }, text: estimates.map((e) => textOf(e, args)).join('\n'), warnings });
};
