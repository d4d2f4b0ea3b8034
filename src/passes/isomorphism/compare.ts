import { identityHash, type Program } from '../../ir/index.ts';
import { at, sha256Hex } from '../../support/index.ts';
import { type Alignment, alignments } from './align.ts';
import { sameBatch } from './batch-size.ts';
import { colorOf, colorsOf, Interner } from './colors.ts';
import type { Difference } from './difference.ts';
import { openToField, withField } from './field/decision.ts';
import { compareInField } from './field/fingerprint.ts';
import { type Graph, sourceGraph } from './graph.ts';
import { type Match, matchGraphs, type Pair } from './match.ts';
import { BudgetError, canNormalize, type NormalGraph, normalize, type Rewrite } from './normal/index.ts';
import { inputScale } from './input-scale.ts';
import type { PictureView, Seen } from './picture-view.ts';
import type { Level, LevelResult, Outcome } from './levels.ts';
import { type Probes, type RunModel, runProbes } from './probes.ts';
import { runSeen } from './run-seen.ts';
import { weightDifference } from './weight-difference.ts';
import { comparePlainly, compareWeights, type WeightVerdict } from './weights.ts';

export interface Comparison {
  readonly levels: readonly LevelResult[];
  /** The highest level of 0 to 3 that is proven; -1 when none is. */
  readonly reached: number;
  /** The first difference, where some level is refuted. */
  readonly difference: Difference | undefined;
  /** What was assumed about layouts, batches and the order of ports. */
  readonly notes: readonly string[];
  /** The graphs that were matched: as given when level 1 holds, else in normal form. */
  readonly graphs: { readonly a: Graph; readonly b: Graph };
  readonly pairs: readonly Pair[];
  /** No mapping proves the models equal, but their values over a finite field; pairs have equal values there. */
  readonly byField: boolean;
  readonly form: 'source' | 'normal';
  readonly ports: { readonly inputs: Alignment; readonly outputs: Alignment };
  readonly trace: { readonly a: readonly Rewrite[]; readonly b: readonly Rewrite[] };
  readonly weights: WeightVerdict | undefined;
  readonly probes: Probes | undefined;
  /** As compared: with the same number of samples. */
  readonly programs: { readonly a: Program; readonly b: Program };
  /** The number of samples that both are seen with, where the files differ in it. */
  readonly batch: number | undefined;
  /** The steps of quantized activations are left out. */
  readonly quantized: boolean;
  /** How the input of B is seen, where what is proven holds only so. */
  readonly view?: PictureView;
}

export interface CompareOptions {
  /** Compare structure only: weights are places of a type. */
  readonly structureOnly?: boolean;
  /** A model and its quantized twin are the same: steps and ranges of activations are left out, and weights differ by their steps. */
  readonly quantized?: boolean;
  /** Greatest difference of weights over the greatest weight of their tensor. */
  readonly tolerance?: number | undefined;
  /** Makes what runs a model, or nothing where it cannot; without it level 4 is left out. */
  readonly run?: (program: Program) => RunModel | undefined;
  readonly probes?: number;
  /** Greatest difference of outputs over the greatest output. */
  readonly outputTolerance?: number | undefined;
}

/** Rounding of one framework or another (NUMERICS §6). */
export const DEFAULT_TOLERANCE = 1 / 1_048_576;
/** Half a step of weights of 6 bits, over the greatest. */
export const QUANTIZED_TOLERANCE = 1 / 64;
export const DEFAULT_OUTPUT_TOLERANCE = 1e-4;
/** Numbers in the structure of normal forms went through a few roundings. */
export const STRUCTURE_TOLERANCE = 1e-6;

interface Matched {
  readonly match: Match;
  readonly a: Graph;
  readonly b: Graph;
  readonly inputs: Alignment;
  readonly outputs: Alignment;
  readonly unordered: boolean;
}

/** Tries ports in the order of an alignment, then, with unnamed inputs, in any order. */
const matchPorts = (a: Graph, b: Graph, inputs: Alignment, outputs: Alignment, tolerance: number): Matched => {
  const inputsA = a.inputs.map((_, i) => String(i));
  const inputsB = b.inputs.map((_, j) => String(inputs.order.indexOf(j)));
  const attempt = (ordered: boolean, order: readonly number[], mergeEqual: boolean): Match =>
    matchGraphs(a, b, {
      inputsA: ordered ? inputsA : undefined,
      inputsB: ordered ? inputsB : undefined,
      outputs: order,
      tolerance,
      mergeEqual,
    });
  const first = attempt(true, outputs.order, false);
  const found = (match: Match, order = outputs, unordered = false): Matched => ({ match, a, b, inputs, outputs: order, unordered });
  if (first.kind !== 'different') return found(first);
  if (first.difference.kind === 'sharing') {
    const merged = attempt(true, outputs.order, true);
    if (merged.kind === 'same') return found(merged);
  }
  const byColor = outputsByColor(a, b, inputsA, inputsB);
  if (byColor !== undefined && byColor.some((o, i) => o !== outputs.order[i])) {
    const again = attempt(true, byColor, false);
    if (again.kind === 'same')
      return found(again, { ...outputs, order: byColor, notes: [...outputs.notes, 'outputs are in another order'] });
  }
  const named = a.inputs.every((p) => b.inputs.some((q) => q.name === p.name));
  if (a.inputs.length > 1 && !named && a.inputs.length === b.inputs.length) {
    const free = attempt(false, outputs.order, false);
    if (free.kind === 'same') return found(free, outputs, true);
  }
  return found(first);
};

/** The outputs of B whose colors are those of the outputs of A, in their order. */
const outputsByColor = (a: Graph, b: Graph, inputsA: readonly string[], inputsB: readonly string[]): readonly number[] | undefined => {
  if (a.outputs.length < 2 || a.outputs.length !== b.outputs.length) return undefined;
  const interner = new Interner();
  const [ca, cb] = [colorsOf(a, interner, inputsA), colorsOf(b, interner, inputsB)];
  const free = new Set(b.outputs.keys());
  const order = a.outputs.map(({ term }) => {
    const j = [...free].find((k) => colorOf(cb, at(b.outputs, k).term) === colorOf(ca, term)) ?? -1;
    free.delete(j);
    return j;
  });
  return order.includes(-1) ? undefined : order;
};

/** With inputs in any order, the order that the match found. */
const foundInputs = (matched: Matched): Alignment => {
  if (!matched.unordered || matched.match.kind !== 'same') return matched.inputs;
  const map = new Map(matched.match.pairs);
  const order = matched.a.inputs.map(({ term }, i) => {
    const j = matched.b.inputs.findIndex((p) => p.term === map.get(term));
    return j < 0 ? i : j;
  });
  const names = matched.a.inputs.map((p, i) => `${p.name} is ${matched.b.inputs[at(order, i)]?.name ?? ''}`);
  return {
    ...matched.inputs,
    order,
    notes: [...matched.inputs.notes, `inputs are matched by what is done with them: ${names.join(', ')}`],
  };
};

const countDifference = (a: Program, b: Program): Difference | undefined => {
  for (const side of ['inputs', 'outputs'] as const) {
    if (a[side].length === b[side].length) continue;
    const list = (p: Program): string => `${p[side].length}: ${p[side].map((port) => port.name).join(', ')}`;
    return { kind: side, what: `number of ${side}`, a: { name: '', op: '', value: list(a) }, b: { name: '', op: '', value: list(b) } };
  }
  return undefined;
};

interface NormalMatch extends Matched {
  readonly trace: Comparison['trace'];
}

/** Normal forms under every way in which ports may correspond, until one matches. */
const matchNormal = (a: Program, b: Program, quantized: boolean): NormalMatch => {
  const na: NormalGraph = normalize(a, { quantized });
  let first: NormalMatch | undefined;
  for (const inputs of alignments(a, b, 'inputs')) {
    for (const outputs of alignments(a, b, 'outputs')) {
      const nb = normalize(b, { inputs: inputs.views, outputs: outputs.views, quantized });
      const matched = matchPorts(na.graph, nb.graph, inputs, outputs, STRUCTURE_TOLERANCE);
      const found = { ...matched, trace: { a: na.trace, b: nb.trace } };
      if (matched.match.kind === 'same') return found;
      first ??= found;
    }
  }
  if (first === undefined) throw new BudgetError('the ports of the models have no correspondence');
  return first;
};

const structureOf = (match: Match, what: string): Omit<LevelResult, 'level'> => {
  switch (match.kind) {
    case 'same':
      return { outcome: 'proven', text: what };
    case 'different':
      return { outcome: 'refuted', text: describeDifference(match.difference) };
    case 'undecided':
      return { outcome: 'undecided', text: match.reason };
    default:
      return match satisfies never;
  }
};

/** A difference in one line. */
export const describeDifference = ({ kind, what, a, b }: Difference): string => {
  const side = (name: string, op: string, value: string): string =>
    // the value of a whole node begins with its op

    `${name === '' ? '' : `${name} `}${op === '' || value.startsWith(op) ? '' : `(${op}) `}${value}`.trim();
  return `${what.startsWith(kind) ? what : `${kind}${what === '' ? '' : ` ${what}`}`}: ${side(a.name, a.op, a.value)} ≠ ${side(b.name, b.op, b.value)}`;
};

const distinctRules = (trace: readonly Rewrite[]): number => new Set(trace.map((t) => t.rule)).size;

/** Compares two programs as they stand; `seen` is how B came from a model whose input is seen through a view. */
export const compareAsGiven = (givenA: Program, givenB: Program, options: CompareOptions & { readonly seen?: Seen }): Comparison => {
  const quantized = options.quantized ?? false;
  const tolerance = options.tolerance ?? (quantized ? QUANTIZED_TOLERANCE : DEFAULT_TOLERANCE);
  const levels: LevelResult[] = [];
  const say = (level: Level, outcome: Outcome, text: string): void => {
    levels.push({ level, outcome, text });
  };
  const identical = options.structureOnly !== true && identityHash(givenA) === identityHash(givenB);
  const { a, b, batch, notes } = sameBatch(givenA, givenB);
  const [plainInputs, plainOutputs] = [at(alignments(a, b, 'inputs'), 0), at(alignments(a, b, 'outputs'), 0)];
  const [ga, gb] = [sourceGraph(a), sourceGraph(b)];
  const base = {
    graphs: { a: ga, b: gb },
    pairs: [],
    byField: false,
    trace: { a: [], b: [] },
    form: 'source' as const,
    programs: { a, b },
    batch,
    quantized,
  };
  const counts = countDifference(a, b);
  if (counts !== undefined) {
    say(1, 'refuted', describeDifference(counts));
    say(2, 'refuted', describeDifference(counts));
    const ports = { inputs: plainInputs, outputs: plainOutputs };
    return { ...base, levels, reached: -1, difference: counts, notes, ports, weights: undefined, probes: undefined };
  }
  if (options.structureOnly === true) say(0, 'skipped', 'weights are not looked at');
  else
    say(
      0,
      identical ? 'proven' : 'refuted',
      identical ? 'canonical forms and weights have the same hash' : 'canonical forms have different hashes',
    );

  const viewed = plainInputs.views.size + plainOutputs.views.size > 0;
  const source = matchPorts(ga, gb, plainInputs, plainOutputs, 0);
  if (viewed && source.match.kind === 'same') say(1, 'refuted', 'inputs or outputs have other shapes');
  else {
    const result = structureOf(source.match, `${source.match.kind === 'same' ? source.match.pairs.length : 0} values match one to one`);
    say(1, result.outcome, result.text);
  }
  const sourceSame = source.match.kind === 'same' && !viewed;

  const plain =
    sourceSame && source.match.kind === 'same' && options.structureOnly !== true
      ? comparePlainly(source.match.pairs, tolerance)
      : undefined;
  // the source alone settles what needs no rewriting
  const settled = sourceSame && (options.structureOnly === true || plain?.kind === 'equal');
  let normal: NormalMatch | undefined;
  let undecided: string | undefined;
  if (settled) undecided = undefined;
  else if (canNormalize(a) && canNormalize(b)) {
    try {
      normal = matchNormal(a, b, quantized);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      undecided = error.message;
    }
  } else undecided = 'a dimension is symbolic; bind it with --bind';

  const best: Matched = sourceSame || normal === undefined ? source : normal;
  if (sourceSame) say(2, 'proven', 'level 1 implies it');
  else if (normal === undefined) say(2, 'undecided', undecided ?? '');
  else {
    const rules = distinctRules([...normal.trace.a, ...normal.trace.b]);
    const result = structureOf(
      normal.match,
      `normal forms match${quantized ? ', the steps of quantization left out,' : ''} after ${normal.trace.a.length} and ${normal.trace.b.length} rewrites by ${rules} rules`,
    );
    say(2, result.outcome, result.text);
  }
  const structured = best.match.kind === 'same';

  // weights follow the normal forms, where channels can be followed; the source alone where it settles it
  let weights: WeightVerdict | undefined;
  if (options.structureOnly === true) say(3, 'skipped', 'weights are not looked at');
  else if (!structured || best.match.kind !== 'same') say(3, 'skipped', 'there is no mapping to compare weights under');
  else {
    weights =
      plain?.kind === 'equal' || normal?.match.kind !== 'same'
        ? plain
        : compareWeights(
            normal.match.pairs,
            normal.a.outputs.map((o) => o.term),
            tolerance,
          );
    const choices = best.match.choices;
    say(3, ...weightResult(weights, choices, tolerance));
  }
  const ports = { inputs: foundInputs(best), outputs: best.outputs };
  const scale =
    weights?.kind === 'different' && normal?.match.kind === 'same' ? inputScale(normal.match.pairs, normal.a, tolerance) : undefined;
  const field =
    options.structureOnly === true || quantized || normal === undefined
      ? undefined
      : openToField(levels, () => {
          const seed = Number.parseInt(sha256Hex(identityHash(a), identityHash(b)).slice(0, 13), 16);
          return compareInField(normal.a, normal.b, foundInputs(normal).order, normal.outputs.order, seed);
        });
  const proven = field?.kind === 'same' ? field : undefined;
  const difference =
    proven !== undefined
      ? undefined
      : best.match.kind === 'different'
        ? best.match.difference
        : weights?.kind === 'different'
          ? weightDifference(weights)
          : undefined;

  let probes: Probes | undefined;
  const runnable = canNormalize(a) && canNormalize(b) && ports.inputs.order.every((j) => j >= 0);
  const runOther = (): RunModel | undefined => (options.seen === undefined ? options.run?.(b) : runSeen(options.seen, batch, options.run));
  const [runA, runB] = runnable ? [options.run?.(a), runOther()] : [undefined, undefined];
  if (options.run === undefined) say(4, 'skipped', 'the models are not run');
  else if (runA === undefined || runB === undefined) say(4, 'skipped', 'the models cannot be run on the same inputs here');
  else {
    const seed = sha256Hex(identityHash(a), identityHash(b));
    const run = { a: runA, b: runB };
    const probeOptions = { count: options.probes ?? 24, seed, tolerance: options.outputTolerance ?? DEFAULT_OUTPUT_TOLERANCE };
    probes = runProbes(a, b, ports.inputs, ports.outputs, run, probeOptions);
    say(4, ...probeResult(probes));
  }
  const told = withField(levels, field);
  const reached = told.filter((l) => l.outcome === 'proven' && l.level < 4).map((l) => l.level);
  return {
    levels: told,
    reached: identical ? 3 : Math.max(-1, ...reached),
    difference,
    notes: [...notes, ...ports.inputs.notes, ...ports.outputs.notes, ...(scale === undefined ? [] : [scale])],
    graphs: proven !== undefined && normal !== undefined ? { a: normal.a, b: normal.b } : { a: best.a, b: best.b },
    pairs: proven?.pairs ?? (best.match.kind === 'same' ? best.match.pairs : []),
    byField: proven !== undefined,
    form: best === source && proven === undefined ? 'source' : 'normal',
    ports,
    trace: normal?.trace ?? base.trace,
    weights,
    probes,
    programs: { a, b },
    batch,
    quantized,
  };
};

/** Names for how far apart weights are (NUMERICS §6). */
export const bandOf = (residual: number): string => {
  if (residual === 0) return 'exact';
  if (residual <= DEFAULT_TOLERANCE) return 'rounding of another framework';
  if (residual <= 1 / 1024) return 'half precision';
  return residual <= QUANTIZED_TOLERANCE ? 'quantized' : 'different';
};

const weightResult = (weights: WeightVerdict | undefined, choices: number, tolerance: number): readonly [Outcome, string] => {
  if (weights === undefined) return ['undecided', 'no mapping follows the channels'];
  switch (weights.kind) {
    case 'equal': {
      const permuted = weights.pairs.filter((p) => p.permuted).length;
      const scaled = weights.pairs.filter((p) => p.scaled).length;
      const moved = permuted + scaled === 0 ? '' : `, channels permuted in ${permuted} and scaled in ${scaled}`;
      return [
        'proven',
        `${weights.pairs.length} weights are equal (${bandOf(weights.worst)}, residual ${weights.worst.toExponential(1)})${moved}`,
      ];
    }
    case 'different': {
      const text = `${weights.reason}: residual ${(weights.at?.residual ?? 0).toExponential(1)}, tolerance ${tolerance.toExponential(1)}`;
      // another choice among symmetric parts could fit
      return choices > 0 ? ['undecided', `${text}; ${choices} choices among symmetric parts are open`] : ['refuted', text];
    }
    case 'undecided':
      return ['undecided', weights.reason];
    default:
      return weights satisfies never;
  }
};

const probeResult = (p: Probes): readonly [Outcome, string] => {
  const size = `greatest difference ${p.maxDifference.toExponential(1)} of outputs up to ${p.maxOutput.toPrecision(3)}`;
  if (p.counterexample !== undefined) return ['refuted', `probe ${p.counterexample.probe}: ${size}`];
  const bound =
    p.bound === undefined ? '' : `; with probability 1 - 1e-6 at most ${(p.bound.rate * 100).toFixed(1)} % of such inputs disagree`;
  return ['proven', `${p.count} probes agree: ${size}${bound}`];
};

/** The answer to the question whether two models are the same at a level. */
export type Verdict = 'isomorphic' | 'different' | 'undecided';

/** @param level - 0 to 3: the level that has to hold */
export const verdictOf = (comparison: Comparison, level: number): Verdict => {
  const outcome = (l: number): Outcome | undefined => comparison.levels.find((r) => r.level === l)?.outcome;
  // a proof in real arithmetic, and outputs that differ: roundings grew, or the proof is wrong
  if (comparison.reached >= level) return level === 3 && outcome(4) === 'refuted' ? 'undecided' : 'isomorphic';
  // normal forms that differ prove nothing where the models compute the same: a rule may be missing
  if (level >= 2 && outcome(2) === 'refuted' && outcome(4) === 'proven') return 'undecided';
  const decisive = level < 2 ? [level] : level === 2 ? [2] : [2, 3];
  if (decisive.some((l) => outcome(l) === 'refuted')) return 'different';
  // a counter-example ends the search for a mapping of weights
  return level === 3 && outcome(4) === 'refuted' ? 'different' : 'undecided';
};
