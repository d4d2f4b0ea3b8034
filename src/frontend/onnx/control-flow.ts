import { at } from '../../support/index.ts';
import { detailUnsupported, malformed, mustBeKnown, type OperatorName, overLimit, stop } from './diagnostics.ts';
import { importNode } from './import-node.ts';
import { onnxOp } from './ops/index.ts';
import { type AttributeProto, type GraphProto, int64 } from './schema.ts';
import type { Session } from './session.ts';
import { hostValue, type KnownValue, type UnknownValue, type Value } from './values.ts';

/**
 * Operators with inner graphs. A program has no branches and no loops: a condition and a number of iterations that are
 * known at import choose what is inlined.
 */

/** A control node and what it may do. */
export interface ControlSite {
  readonly op: string;
  readonly version: number | undefined;
  readonly origin: string;
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  readonly session: Session;
  /** Imports an inner graph with values under the names of its inputs; gives those of its outputs. */
  inline(graph: GraphProto, inputs: readonly Value[], label: string): readonly Value[];
}

/** Gives the values of the node's outputs. */
export type Control = (site: ControlSite) => readonly Value[];

/** Iterations that a loop may be unrolled to. */
const MAX_ITERATIONS = 4096;
const GRAPH_ATTRIBUTE = 5;
const INT_ATTRIBUTE = 2;

const operatorOf = (s: ControlSite): OperatorName => ({ op: s.op, domain: '', version: s.version });
const refuse = (s: ControlSite, detail: string, notes: readonly string[] = []): never =>
  stop(detailUnsupported(operatorOf(s), s.origin, detail, notes));
const bad = (s: ControlSite, detail: string): never => stop(malformed(`${s.op}: ${detail}`, s.origin));
const unknown = (s: ControlSite, what: string, notes: readonly string[] = []): never =>
  stop(mustBeKnown(operatorOf(s), s.origin, what, notes));

const graphOf = (s: ControlSite, name: string): GraphProto => {
  const found = s.attributes.get(name);
  return found?.type === GRAPH_ATTRIBUTE && found.g !== undefined && found.g !== null ? found.g : refuse(s, `attribute ${name} is missing`);
};

const checkAttributes = (s: ControlSite, ...names: readonly string[]): void => {
  for (const name of s.attributes.keys()) if (!names.includes(name)) refuse(s, `attribute ${name} is not supported`);
};

const intsOf = (s: ControlSite, name: string, count: number): readonly number[] => {
  const list = s.attributes.get(name)?.ints.map(int64) ?? new Array<number>(count).fill(0);
  return list.length === count ? list : bad(s, `${name} has ${list.length} entries but ${count} are wanted`);
};

/** One number that is known at import. */
const scalarOf = (s: ControlSite, i: number, what: string): number => {
  const value = s.inputs[i];
  if (value?.host?.symbols !== undefined) return unknown(s, what, ['Bind the symbolic dimensions.']);
  const data = value?.host?.data ?? unknown(s, `${what} (input ${i}, ${value?.name ?? 'absent'})`);
  return data.length === 1 ? at(data, 0) : bad(s, `${what} has ${data.length} elements but 1 is wanted`);
};

const hostInts = (name: string, shape: readonly number[], ...values: readonly number[]): KnownValue =>
  hostValue(name, { elem: 'int64', shape, data: Float64Array.from(values) });
const hostTrue = (name: string): KnownValue => hostValue(name, { elem: 'bool', shape: [], data: Uint8Array.of(1) });

const intAttribute = (name: string, i: number): readonly [string, AttributeProto] => [
  name,
  { name, refAttrName: '', type: INT_ATTRIBUTE, f: 0, i, s: new Uint8Array(), floats: [], ints: [], strings: [] },
];

/** One node of a standard operator, so that known elements stay known. */
const apply = (
  s: ControlSite,
  op: 'Split' | 'Squeeze' | 'Unsqueeze' | 'Concat',
  inputs: readonly KnownValue[],
  attributes: Readonly<Record<string, number>>,
  outputs = 1,
): readonly KnownValue[] => {
  const row = onnxOp(op);
  if (row === undefined) return refuse(s, `operator ${op} is not supported`);
  const site = {
    op,
    domain: '',
    version: s.version,
    since: at(row.since.toReversed(), 0),
    origin: s.origin,
    inputs,
    outputs: Array.from({ length: outputs }, (_, i) => `${s.origin}/${op}${i}`),
    attributes: new Map(Object.entries(attributes).map(([name, v]) => intAttribute(name, v))),
    readExternal: undefined,
  };
  return importNode(row, site, s.session).results;
};

const resolved = (s: ControlSite, axis: number, rank: number): number => {
  const a = axis < 0 ? axis + rank : axis;
  return a >= 0 && a < rank ? a : bad(s, `an axis is ${axis} but the rank is ${rank}`);
};

/** The parts of x along an axis, without it. */
const slices = (s: ControlSite, x: KnownValue, axis: number): readonly KnownValue[] => {
  const a = resolved(s, axis, x.shape.length);
  const size = x.shape[a];
  if (typeof size !== 'number') return unknown(s, `dimension ${String(size)} of ${x.name}`, [`Bind it: --bind ${String(size)}=1.`]);
  if (size > MAX_ITERATIONS) return tooLong(s, size);
  const dropped = hostInts('axes', [1], a);
  const parts = size === 0 ? [] : apply(s, 'Split', [x], { axis: a, num_outputs: size }, size);
  return parts.map((p) => at(apply(s, 'Squeeze', [p, dropped], {}), 0));
};

/** Values of equal shape side by side along a new axis. */
const stacked = (s: ControlSite, parts: readonly KnownValue[], axis: number): KnownValue => {
  const [first] = parts;
  if (first === undefined) return refuse(s, 'a loop without iterations has no shape for its scan outputs');
  const other = parts.find((p) => p.shape.join() !== first.shape.join());
  if (other !== undefined)
    return refuse(s, `a scan output has shape [${first.shape.join(', ')}] in one iteration and [${other.shape.join(', ')}] in another`);
  const a = resolved(s, axis, first.shape.length + 1);
  const added = hostInts('axes', [1], a);
  const wide = parts.map((p) => at(apply(s, 'Unsqueeze', [p, added], {}), 0));
  return at(apply(s, 'Concat', wide, { axis: a }), 0);
};

const tooLong = (s: ControlSite, count: number): never =>
  stop(overLimit(`${s.op}: ${count} iterations are more than the ${MAX_ITERATIONS} that a loop is unrolled to`, s.origin));

const firstUnknown = (values: readonly (Value | undefined)[]): UnknownValue | undefined =>
  values.find((v): v is UnknownValue => v !== undefined && !v.known);
const knownOnes = (values: readonly Value[]): readonly KnownValue[] => values.filter((v) => v.known);

/** Every output of a node whose body could not be imported. */
const allUnknown = (s: ControlSite, cause: UnknownValue): readonly Value[] => s.outputs.map(() => cause);

const branch: Control = (s) => {
  checkAttributes(s, 'then_branch', 'else_branch');
  const name = scalarOf(s, 0, 'the condition') !== 0 ? 'then_branch' : 'else_branch';
  return s.inline(graphOf(s, name), [], '');
};

/** States after all iterations, then the scan outputs, each with its values in order. */
interface Unrolled {
  readonly states: readonly Value[];
  readonly scans: readonly (readonly KnownValue[])[];
}

/**
 * ONNX Loop: for (i = 0; i < M && condition; i++). M is known at import, or absent; so is the condition, at first and
 * after every iteration.
 */
const loop: Control = (s) => {
  checkAttributes(s, 'body');
  const body = graphOf(s, 'body');
  const trips = s.inputs[0] === undefined ? Number.POSITIVE_INFINITY : scalarOf(s, 0, 'the trip count');
  let goes = s.inputs[1] === undefined || scalarOf(s, 1, 'the condition') !== 0;
  let states: readonly Value[] = s.inputs.slice(2).map((v, i) => v ?? bad(s, `input ${i + 2} is missing`));
  const count = states.length;
  if (body.input.length !== count + 2 || body.output.length < count + 1)
    return bad(s, `the body has ${body.input.length} inputs and ${body.output.length} outputs for ${count} loop-carried values`);
  const scans = body.output.slice(count + 1).map((): KnownValue[] => []);
  if (Number.isFinite(trips) && trips > MAX_ITERATIONS && goes) return tooLong(s, trips);
  for (let i = 0; i < trips && goes; i++) {
    if (i >= MAX_ITERATIONS) return tooLong(s, i + 1);
    const results = s.inline(body, [hostInts('iteration', [], i), hostTrue('condition'), ...states], `${i}/`);
    const broken = firstUnknown(results);
    if (broken !== undefined) return allUnknown(s, broken);
    const [condition, ...rest] = knownOnes(results);
    const next = condition?.host?.data[0];
    // after the last iteration nothing asks for the condition
    if (next === undefined && i + 1 < trips)
      return unknown(s, `the condition after iteration ${i} (${condition?.name ?? 'absent'})`, [
        'A program has a fixed length. Give the loop a condition that does not depend on data, or unroll it before export.',
      ]);
    goes = next !== 0;
    states = rest.slice(0, count);
    rest.slice(count).forEach((v, k) => scans[k]?.push(v));
  }
  return [...states, ...scans.map((parts) => stacked(s, parts, 0))];
};

interface ScanAttributes {
  readonly body: GraphProto;
  readonly states: number;
  readonly inputAxes: readonly number[];
  readonly inputDirections: readonly number[];
  readonly outputAxes: readonly number[];
  readonly outputDirections: readonly number[];
}

const scanAttributes = (s: ControlSite, count: number): ScanAttributes => {
  const old = s.version !== undefined && s.version < 9;
  const names = old ? ['directions'] : ['scan_input_axes', 'scan_input_directions', 'scan_output_axes', 'scan_output_directions'];
  checkAttributes(s, 'body', 'num_scan_inputs', ...names);
  const body = graphOf(s, 'body');
  const scanned = int64(s.attributes.get('num_scan_inputs')?.i ?? 0);
  const states = count - scanned;
  if (scanned < 1 || states < 0 || body.input.length !== count || body.output.length < states)
    return bad(
      s,
      `num_scan_inputs is ${scanned}, but the body has ${body.input.length} inputs and ${body.output.length} outputs for ${count} values`,
    );
  const made = body.output.length - states;
  return {
    body,
    states,
    inputAxes: intsOf(s, 'scan_input_axes', scanned),
    inputDirections: intsOf(s, old ? 'directions' : 'scan_input_directions', scanned),
    outputAxes: intsOf(s, 'scan_output_axes', made),
    outputDirections: intsOf(s, 'scan_output_directions', made),
  };
};

/** One sequence of ONNX Scan: as many iterations as the scanned inputs have indices along their axes. */
const scanOnce = (s: ControlSite, a: ScanAttributes, values: readonly KnownValue[], label: string): Unrolled | UnknownValue => {
  const sequences = values.slice(a.states).map((x, k) => {
    const parts = slices(s, x, at(a.inputAxes, k));
    return at(a.inputDirections, k) === 1 ? parts.toReversed() : parts;
  });
  const steps = at(sequences, 0).length;
  const differing = sequences.find((p) => p.length !== steps);
  if (differing !== undefined) return bad(s, `the scanned inputs have ${steps} and ${differing.length} indices along their axes`);
  let states: readonly Value[] = values.slice(0, a.states);
  const scans = a.outputAxes.map((): KnownValue[] => []);
  for (let t = 0; t < steps; t++) {
    const results = s.inline(a.body, [...states, ...sequences.map((p) => at(p, t))], `${label}${t}/`);
    const broken = firstUnknown(results);
    if (broken !== undefined) return broken;
    const known = knownOnes(results);
    states = known.slice(0, a.states);
    known.slice(a.states).forEach((v, k) => scans[k]?.push(v));
  }
  return { states, scans: scans.map((parts, k) => (at(a.outputDirections, k) === 1 ? parts.toReversed() : parts)) };
};

const required = (s: ControlSite, values: readonly (KnownValue | undefined)[]): readonly KnownValue[] =>
  values.map((v, i) => v ?? bad(s, `input ${i} is missing`));

/** Version 8: every value has a batch dimension before its own, and lengths may stand first. */
const scanBatches = (s: ControlSite): readonly Value[] => {
  if (s.inputs[0] !== undefined) return refuse(s, `sequence_lens (input 0, ${s.inputs[0].name}) is not supported`);
  const values = required(s, s.inputs.slice(1));
  const a = scanAttributes(s, values.length);
  const batches = values.map((v) => slices(s, v, 0));
  const results: Unrolled[] = [];
  for (let b = 0; b < at(batches, 0).length; b++) {
    const own = batches.map((p) => p[b] ?? bad(s, 'the batch sizes of the inputs differ'));
    const result = scanOnce(s, a, own, `${b}/`);
    if ('known' in result) return allUnknown(s, result);
    results.push(result);
  }
  const states = span(a.states).map((i) => stacked(s, knownOnes(results.map((r) => at(r.states, i))), 0));
  const scans = a.outputAxes.map((_, k) =>
    stacked(
      s,
      results.map((r) => stacked(s, at(r.scans, k), 0)),
      0,
    ),
  );
  return [...states, ...scans];
};

const span = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

const scan: Control = (s) => {
  if (s.version !== undefined && s.version < 9) return scanBatches(s);
  const values = required(s, s.inputs);
  const a = scanAttributes(s, values.length);
  const result = scanOnce(s, a, values, '');
  if ('known' in result) return allUnknown(s, result);
  return [...result.states, ...result.scans.map((parts, k) => stacked(s, parts, at(a.outputAxes, k)))];
};

const CONTROLS: ReadonlyMap<string, Control> = new Map([
  ['If', branch],
  ['Loop', loop],
  ['Scan', scan],
]);

/** How a control operator of the default domain is inlined; undefined for every other operator. */
export const controlOf = (op: string): Control | undefined => CONTROLS.get(op);
