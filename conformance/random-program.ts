import {
  type AnyOp,
  DTYPE_INFO,
  elementCount,
  formatType,
  isStaticType,
  OP_NAMES,
  opOf,
  type OpName,
  parseType,
  Philox,
  type Program,
  ProgramBuilder,
  proveProgram,
  randomTensor,
  type Sample,
  type SampleOperand,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../src/ir/index.ts';
import { at, invariant } from '../src/support/index.ts';

const typeOfOperand = (operand: SampleOperand): StaticType => {
  const type = parseType(typeof operand === 'string' ? operand : operand.type);
  invariant(type !== undefined && isStaticType(type), 'sample operands have sizes');
  return type;
};

const tensorOf = (operand: SampleOperand, random: Philox): Tensor => {
  const type = typeOfOperand(operand);
  if (typeof operand === 'string') return randomTensor(type, random);
  if (!('data' in operand)) return randomTensor(type, random, operand.lo, operand.hi);
  const data = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
  data.set(operand.data);
  return { ...type, data };
};

/** Weights hold no -128 (NUMERICS §1.2). */
const legalWeight = (tensor: Tensor): Tensor => {
  if (tensor.dtype === 'i8') tensor.data.forEach((v, i) => (tensor.data[i] = Math.max(v, -127)));
  return tensor;
};

interface Grown {
  readonly builder: ProgramBuilder;
  readonly byType: Map<string, ValueId[]>;
  readonly random: Philox;
  inputs: number;
  params: number;
}

/** A value for one operand: an earlier one of the same type, a new input, or a new parameter. */
const supply = (g: Grown, op: OpName, operand: SampleOperand, index: number): ValueId => {
  const constant = typeof operand !== 'string' || ((op === 'conv' || op === 'dense') && index > 0);
  const text = formatType(typeOfOperand(operand));
  const earlier = g.byType.get(text) ?? [];
  if (!constant && earlier.length > 0 && g.random.int(0, 2) > 0) return at(earlier, g.random.int(0, earlier.length - 1));
  if (constant || g.random.int(0, 1) === 0) return g.builder.param(`w${g.params++}`, legalWeight(tensorOf(operand, g.random)));
  const value = g.builder.input(`x${g.inputs++}`, typeOfOperand(operand));
  g.byType.set(text, [...earlier, value]);
  return value;
};

const addSample = (g: Grown, op: OpName, sample: Sample): void => {
  const operands = sample.operands.map((operand, i) => supply(g, op, operand, i));
  const results = g.builder.tryEmit(op, operands, sample.attrs, `${op}_${g.params}`);
  if (!results.ok) return;
  for (const r of results.value) {
    const text = formatType(g.builder.typeOf(r));
    g.byType.set(text, [...(g.byType.get(text) ?? []), r]);
  }
};

const pickSample = (random: Philox, ops: readonly OpName[]): { readonly op: OpName; readonly sample: Sample } => {
  const op = at(ops, random.int(0, ops.length - 1));
  const { samples }: AnyOp = opOf(op);
  return { op, sample: at(samples, random.int(0, samples.length - 1)) };
};

const grow = (random: Philox, nodes: number, ops: readonly OpName[]): Program => {
  const g: Grown = { builder: new ProgramBuilder('random'), byType: new Map(), random, inputs: 0, params: 0 };
  for (let i = 0; i < nodes; i++) {
    const { op, sample } = pickSample(random, ops);
    addSample(g, op, sample);
  }
  const draft = g.builder.finish();
  const used = new Set<number>(draft.nodes.flatMap((node) => node.operands));
  const free = draft.nodes.flatMap((node) => node.results).filter((r) => !used.has(r) || random.int(0, 7) === 0);
  free.forEach((r, i) => g.builder.output(`y${i}`, r));
  return g.builder.finish();
};

/**
 * A valid program of about `nodes` uses of ops, from their samples, connected where types allow; free of overflow by proof.
 * The same seed gives the same program. `ops` are all ops unless given.
 */
export const randomProgram = (seed: number, nodes: number, ops: readonly OpName[] = OP_NAMES): Program => {
  for (let attempt = 0; ; attempt++) {
    invariant(attempt < 1000, `no program without overflow from seed ${seed}`);
    const program = grow(new Philox(seed, attempt), nodes, ops);
    if (program.outputs.length > 0 && proveProgram(program).ok) return program;
  }
};
