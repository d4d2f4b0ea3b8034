import { identityHash, type Program } from '../../ir/index.ts';
import { diagnostic, type Diagnostic } from '../../support/index.ts';
import type { Alignment } from './align.ts';
import { withBatch } from './batch-size.ts';
import { labelOf } from './colors.ts';
import { type Comparison, DEFAULT_TOLERANCE, QUANTIZED_TOLERANCE, STRUCTURE_TOLERANCE } from './compare.ts';
import { type Graph, isCommutative, isStructural, sourceGraph, type Term } from './graph.ts';
import { closeValues, type Pair } from './match.ts';
import { BudgetError, canNormalize, type InputView, normalize } from './normal/index.ts';
import { type PictureView, seenThrough } from './picture-view.ts';
import { comparePlainly, compareWeights } from './weights.ts';

type PortsRecord = { readonly order: readonly number[]; readonly views: readonly (readonly [number, InputView])[] };

/** Evidence that two models are isomorphic, which anyone who has both can check in linear time (docs/isomorphism.md). */
export interface Certificate {
  readonly format: 'cortexc-iso';
  readonly version: 1;
  /** Identity hashes of the models. */
  readonly a: string;
  readonly b: string;
  /** The level that the evidence is for: 0 to 3. */
  readonly level: number;
  readonly form: 'source' | 'normal';
  /** The number of samples that both are seen with; absent when it is that of the files. */
  readonly batch?: number;
  /** How the input of B is seen; absent when it is as it stands. */
  readonly view?: PictureView;
  readonly inputs: PortsRecord;
  readonly outputs: PortsRecord;
  /** Term of A and its counterpart in B, by position in the order of execution. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly tolerance: number;
  /** The steps of quantized activations are left out. */
  readonly quantized: boolean;
}

const record = ({ order, views }: Alignment): PortsRecord => ({ order, views: [...views] });

/** The certificate of a comparison that proved a level by a mapping; undefined when none is. */
export const certificateOf = (a: Program, b: Program, comparison: Comparison, tolerance?: number): Certificate | undefined => {
  if (comparison.reached < 0 || comparison.pairs.length === 0 || comparison.byField) return undefined;
  const first = comparison.batch;
  return {
    format: 'cortexc-iso',
    version: 1,
    a: identityHash(a),
    b: identityHash(b),
    level: comparison.reached,
    form: comparison.form,
    ...(first === undefined ? {} : { batch: first }),
    ...(comparison.view === undefined ? {} : { view: comparison.view }),
    inputs: record(comparison.ports.inputs),
    outputs: record(comparison.ports.outputs),
    pairs: comparison.pairs.map(([x, y]) => [x.id, y.id]),
    tolerance: tolerance ?? (comparison.quantized ? QUANTIZED_TOLERANCE : DEFAULT_TOLERANCE),
    quantized: comparison.quantized,
  };
};

const refuse = (message: string, notes: readonly string[] = []): Diagnostic => diagnostic('ISO0002', message, { notes });

/** Every term of both graphs has one counterpart of the same op, over the counterparts of its operands. */
const mappingProblem = (a: Graph, b: Graph, pairs: readonly Pair[], outputs: PortsRecord, tolerance: number): string | undefined => {
  const map = new Map(pairs);
  const back = new Map(pairs.map(([x, y]) => [y, x]));
  const merged = (t: Term): boolean => t.op === 'constant';
  const lost = a.terms.find((t) => !map.has(t) && !merged(t)) ?? b.terms.find((t) => !back.has(t) && !merged(t));
  if (lost !== undefined) return `${lost.origin} (${lost.op}) has no counterpart`;
  if (new Set(map.values()).size !== map.size) return 'two values have one counterpart';
  const sameOperand = (user: Term, x: Term, y: Term | undefined): boolean => {
    if (y === undefined) return false;
    const constant = x.constant;
    if (constant === undefined) return map.get(x) === y;
    // one parameter may stand for several that are equal
    if (map.get(x) !== y && !closeValues(x, y, tolerance)) return false;
    return !isStructural(user, constant) || closeValues(x, y, tolerance);
  };
  for (const [x, y] of pairs) {
    if (labelOf(x) !== labelOf(y) || x.operands.length !== y.operands.length) return `${x.origin} (${x.op}) is not ${y.origin} (${y.op})`;
    const free = [...y.operands];
    const fits = x.operands.every((o, i) => {
      if (!isCommutative(x.op)) return sameOperand(x, o, free[i]);
      const k = free.findIndex((p) => sameOperand(x, o, p));
      if (k >= 0) free.splice(k, 1);
      return k >= 0;
    });
    if (!fits) return `the operands of ${x.origin} are not those of ${y.origin}`;
  }
  const wrong = a.outputs.find(({ term }, i) => map.get(term) !== b.outputs[outputs.order[i] ?? -1]?.term);
  return wrong === undefined ? undefined : `the output ${wrong.name} is not that of the other model`;
};

/** Checks a certificate against both models; every reason why it does not hold. Linear in the models. */
export const checkCertificate = (certificate: Certificate, a: Program, b: Program): readonly Diagnostic[] => {
  const wrongModels = (['a', 'b'] as const).flatMap((side) => {
    const identity = identityHash(side === 'a' ? a : b);
    const other = certificate[side];
    return identity === other
      ? []
      : [
          refuse(`model ${side.toUpperCase()} has identity ${identity}, but the certificate is for ${other}`, [
            'Give the models in the order of the certificate.',
          ]),
        ];
  });
  if (wrongModels.length > 0) return wrongModels;
  const { batch, quantized, view } = certificate;
  const seen = view === undefined ? b : seenThrough(b, view)?.program;
  if (seen === undefined) return [refuse('the input of model B cannot be seen as the certificate says')];
  const [pa, pb] = batch === undefined ? [a, seen] : [withBatch(a, batch), withBatch(seen, batch)];
  if (pa === undefined || pb === undefined) return [refuse(`the models do not take ${String(batch)} samples`)];
  if (certificate.form === 'normal' && !(canNormalize(pa) && canNormalize(pb))) return [refuse('a dimension is symbolic')];
  let graphs: readonly [Graph, Graph];
  try {
    graphs =
      certificate.form === 'source'
        ? [sourceGraph(pa), sourceGraph(pb)]
        : [
            normalize(pa, { quantized }).graph,
            normalize(pb, { inputs: new Map(certificate.inputs.views), outputs: new Map(certificate.outputs.views), quantized }).graph,
          ];
  } catch (error) {
    if (error instanceof BudgetError) return [refuse(`the normal form is not reached: ${error.message}`)];
    throw error;
  }
  const [ga, gb] = graphs;
  const byId = (g: Graph): ReadonlyMap<number, Term> => new Map([...g.terms, ...g.inputs.map((p) => p.term)].map((t) => [t.id, t]));
  const [ta, tb] = [byId(ga), byId(gb)];
  const pairs: Pair[] = [];
  for (const [i, j] of certificate.pairs) {
    const [x, y] = [ta.get(i), tb.get(j)];
    if (x === undefined || y === undefined) return [refuse(`pair ${i}, ${j} names a value that the models do not have`)];
    pairs.push([x, y]);
  }
  const problem = mappingProblem(ga, gb, pairs, certificate.outputs, certificate.form === 'source' ? 0 : STRUCTURE_TOLERANCE);
  if (problem !== undefined) return [refuse(problem)];
  if (certificate.level === 0 && certificate.a !== certificate.b) return [refuse('the models are not identical')];
  if (certificate.level < 3) return [];
  const plain = comparePlainly(pairs, certificate.tolerance);
  const verdict =
    plain.kind === 'equal' || certificate.form === 'source'
      ? plain
      : compareWeights(
          pairs,
          ga.outputs.map((o) => o.term),
          certificate.tolerance,
        );
  return verdict.kind === 'equal' ? [] : [refuse(`weights: ${verdict.reason}`)];
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isIndex = (v: unknown): v is number => typeof v === 'number' && Number.isInteger(v) && v >= 0;
const isIndices = (v: unknown): v is number[] => Array.isArray(v) && v.every(isIndex);
const isView = (v: unknown): v is InputView => isRecord(v) && isIndices(v['shape']) && (v['perm'] === undefined || isIndices(v['perm']));

const isPorts = (v: unknown): v is PortsRecord =>
  isRecord(v) &&
  isIndices(v['order']) &&
  Array.isArray(v['views']) &&
  v['views'].every((e) => Array.isArray(e) && e.length === 2 && isIndex(e[0]) && isView(e[1]));

const isPictureView = (v: unknown): v is PictureView =>
  isRecord(v) && typeof v['turned'] === 'boolean' && (v['channels'] === undefined || isIndices(v['channels']));

/** Reads the text of a certificate; undefined when it is none. */
export const parseCertificate = (text: string): Certificate | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['format'] !== 'cortexc-iso' || value['version'] !== 1) return undefined;
  const fits =
    typeof value['a'] === 'string' &&
    typeof value['b'] === 'string' &&
    isIndex(value['level']) &&
    (value['form'] === 'source' || value['form'] === 'normal') &&
    (value['batch'] === undefined || isIndex(value['batch'])) &&
    (value['view'] === undefined || isPictureView(value['view'])) &&
    isPorts(value['inputs']) &&
    isPorts(value['outputs']) &&
    typeof value['tolerance'] === 'number' &&
    typeof value['quantized'] === 'boolean' &&
    Array.isArray(value['pairs']) &&
    value['pairs'].every((p) => isIndices(p) && p.length === 2);
  return fits ? (value as unknown as Certificate) : undefined;
};
