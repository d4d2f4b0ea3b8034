import {
  DTYPE_INFO,
  elementCount,
  isStaticType,
  OP_NAMES,
  type OpName,
  Philox,
  type Program,
  sameType,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import type { OperandSpec } from '../case.ts';
import { DATA_CLASSES, type DataClass, fillOperand } from '../data.ts';
import { Draft } from './draft.ts';
import { adopted, oneIn, pick, type RandomUse, randomUse } from './random-use.ts';

/** Weights hold no NaN. */
const withoutNaN = (tensor: Tensor): Tensor => {
  if (tensor.dtype === 'f32') for (let i = 0; i < tensor.data.length; i++) if (Number.isNaN(tensor.data[i])) tensor.data[i] = 1;
  return tensor;
};

const dataClass = (random: Philox): DataClass => (oneIn(random, 2) ? 'uniform' : pick(random, DATA_CLASSES));

/** Weights on the chain hold no -128, of 16 bits no -32768 (NUMERICS §1.2). */
const withoutLeast = (tensor: Tensor): Tensor => {
  const { lo } = DTYPE_INFO[tensor.dtype];
  if (tensor.dtype === 'i8' || tensor.dtype === 'i16') tensor.data.forEach((v, i) => (tensor.data[i] = Math.max(v, lo + 1)));
  return tensor;
};

const newParam = (draft: Draft, random: Philox, spec: OperandSpec): ValueId => {
  const tensor = withoutNaN(fillOperand(usable(spec), dataClass(random), random));
  return draft.param(draft.leastWeights ? tensor : withoutLeast(tensor));
};

/** Given elements are repeated as the type needs, so there has to be one. */
const usable = (spec: OperandSpec): OperandSpec => {
  if (spec.given === undefined || spec.given.length > 0) return spec;
  return { type: spec.type, constant: spec.constant };
};

/** Limits a run-time value to the interval that a sample asks for. */
const bounded = (draft: Draft, value: ValueId, { type, bounds }: OperandSpec): ValueId | undefined => {
  if (bounds === undefined) return value;
  if (type.dtype === 'bool' || type.dtype === 'i6') return value;
  const limits = type.dtype === 'f32' ? { min: Math.fround(bounds.lo), max: Math.fround(bounds.hi) } : { lo: bounds.lo, hi: bounds.hi };
  return draft.emit(type.dtype === 'f32' ? 'clip' : 'clamp', [value], limits)?.[0];
};

/** The value converted to a type: its elements in order, repeated or cut where the counts differ. */
const converted = (draft: Draft, value: ValueId, type: StaticType): ValueId | undefined => {
  let v: ValueId | undefined = value;
  if (draft.typeOf(v).dtype !== type.dtype) v = draft.emit('cast', [v], { dtype: type.dtype })?.[0];
  const [have, want] = [elementCount(draft.typeOf(value).shape), elementCount(type.shape)];
  if (have !== want) {
    if (v !== undefined) v = draft.emit('reshape', [v], { shape: [have] })?.[0];
    if (v !== undefined && have > 0 && have < want) v = draft.emit('tile', [v], { repeats: [Math.ceil(want / have)] })?.[0];
    if (v !== undefined) v = draft.emit('slice', [v], { starts: [0], sizes: [want], steps: [1] })?.[0];
  }
  return v === undefined || sameType(draft.typeOf(v), type) ? v : draft.emit('reshape', [v], { shape: [...type.shape] })?.[0];
};

/** A late value, so that programs are deep as well as wide; undefined while there is none. */
const lateValue = (draft: Draft, random: Philox): ValueId | undefined => {
  const values = draft.values();
  return values.length === 0 ? undefined : at(values, values.length - 1 - random.int(0, Math.min(values.length - 1, 5)));
};

/** A value that exists, of the type or made so. */
const connected = (draft: Draft, random: Philox, spec: OperandSpec): ValueId | undefined => {
  const same = draft.values().filter((v) => sameType(draft.typeOf(v), spec.type));
  if (same.length > 0 && !oneIn(random, 4)) return pick(random, same);
  const from = lateValue(draft, random);
  return from === undefined ? undefined : converted(draft, from, spec.type);
};

const supply = (draft: Draft, random: Philox, spec: OperandSpec): ValueId | undefined => {
  const roll = random.int(0, 9);
  // where an interval or elements are given, a free value is seldom what the op needs
  const fixed = spec.given !== undefined || (spec.bounds !== undefined && spec.type.dtype === 'i32');
  if (fixed && roll < 7) return newParam(draft, random, spec);
  if (roll < 5) {
    const value = connected(draft, random, spec);
    if (value !== undefined) return bounded(draft, value, spec);
  }
  if (roll < 7) return newParam(draft, random, spec);
  return bounded(draft, draft.input(spec.type), spec);
};

/** Adds the use on a value that exists, as layers follow each other; false when that is not admitted. */
const chainUse = (draft: Draft, random: Philox, use: RandomUse): boolean => {
  const value = lateValue(draft, random);
  const changed = value === undefined ? undefined : adopted(use, draft.typeOf(value));
  const [first, ...rest] = changed?.operands ?? [];
  if (value === undefined || changed === undefined || first === undefined) return false;
  const mark = draft.mark();
  const x = oneIn(random, 2) ? value : bounded(draft, value, first);
  const operands = [x, ...rest.map((o) => (oneIn(random, 3) ? supply(draft, random, o) : newParam(draft, random, o)))];
  if (operands.every((v) => v !== undefined)) {
    const results = draft.emit(use.op, operands, changed.attrs);
    if (results !== undefined && draft.isAdmitted(results)) return true;
  }
  draft.rollBack(mark);
  return false;
};

/** Adds the use; takes it back when the program would not be admitted, then tries it with parameters. */
const addUse = (draft: Draft, random: Philox, use: RandomUse): void => {
  const mark = draft.mark();
  for (const attempt of [0, 1]) {
    const operands = use.operands.map((o, k) =>
      attempt === 1 && (k > 0 || use.operands.length === 1) ? newParam(draft, random, o) : supply(draft, random, o),
    );
    if (operands.every((v) => v !== undefined)) {
      const results = draft.emit(use.op, operands, use.attrs);
      if (results !== undefined && draft.isAdmitted(results)) return;
    }
    draft.rollBack(mark);
  }
};

/** Results that nothing reads, mostly all of them; some that are read as well; sometimes inputs and parameters. */
const chooseOutputs = (draft: Draft, random: Philox): readonly ValueId[] => {
  const all = draft.values();
  const program = draft.program(all);
  const used = new Set<number>(program.nodes.flatMap((node) => node.operands));
  const results = new Set<number>(program.nodes.flatMap((node) => node.results));
  const dead = oneIn(random, 4);
  const outputs = all.filter((v) => {
    if (!results.has(v)) return oneIn(random, results.size === 0 ? 2 : 24);
    return used.has(v) ? oneIn(random, 8) : !dead || !oneIn(random, 3);
  });
  if (outputs.length > 0 && oneIn(random, 12)) outputs.push(pick(random, outputs));
  return outputs.length > 0 ? outputs : [at(all, all.length - 1)];
};

/** A program that only hands its inputs and parameters on. */
const onlyCopies = (draft: Draft, random: Philox): void => {
  for (let i = random.int(1, 3); i > 0; i--) {
    const type = pick(random, ['i8', 'i32', 'f32', 'u8', 'bool', 'i16'] as const);
    const spec = { type: { dtype: type, shape: pick(random, [[], [0], [3], [2, 5]]) }, constant: false };
    if (oneIn(random, 2)) draft.input(spec.type);
    else newParam(draft, random, spec);
  }
};

/** All ops in one program, a few of them in the next, so that these follow each other often (swarm testing, Groce et al. 2012). */
const swarm = (random: Philox, ops: readonly OpName[]): readonly OpName[] =>
  oneIn(random, 2) ? ops : Array.from({ length: random.int(1, 6) }, () => pick(random, ops));

const grow = (random: Philox, nodes: number, { ops = OP_NAMES, leastWeights = false }: RandomProgramOptions): Program => {
  const draft = new Draft(leastWeights);
  if (nodes > 1 && oneIn(random, 50)) onlyCopies(draft, random);
  else {
    const some = swarm(random, ops);
    for (let tries = 0; draft.size < nodes && tries < 4 * nodes; tries++) {
      const use = randomUse(random, pick(random, some));
      if (use !== undefined && !(oneIn(random, 2) && chainUse(draft, random, use))) addUse(draft, random, use);
    }
  }
  if (draft.values().length === 0) onlyCopies(draft, random);
  return draft.program(chooseOutputs(draft, random));
};

export interface RandomProgramOptions {
  /** All ops if left out. */
  readonly ops?: readonly OpName[];
  /** Another program of the same seed. */
  readonly index?: number;
  /** i8 parameters may hold -128: every backend runs them, but bytecode does not admit them as weights. */
  readonly leastWeights?: boolean;
}

/**
 * A valid program of about `nodes` nodes, free of overflow by proof. Uses of ops derive from the samples, attribute schemas
 * and inference of the ops, so a new op joins at once. The same seed and index give the same program.
 */
export const randomProgram = (seed: number, nodes: number, options: RandomProgramOptions = {}): Program => {
  invariant(options.ops?.length !== 0, 'there is an op to choose');
  return grow(new Philox(seed, options.index), nodes, options);
};

/** Inputs of a program, by seed, program index and set. */
export const randomInputs = (program: Program, seed: number, index: number, set: number): readonly Tensor[] => {
  const random = new Philox(seed, index, 1 + set);
  return program.inputs.map(({ value }) => {
    const type = at(program.types, value);
    invariant(isStaticType(type), 'random programs have no symbolic dimensions');
    return fillOperand({ type, constant: false }, dataClass(random), random);
  });
};
