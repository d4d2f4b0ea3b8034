import { type AnyAttrs, type AnyNode, attrNames, type OpName, opOf, type Program, type TensorType } from '../../ir/index.ts';
import { invariant } from '../../support/index.ts';
import { type Constant, isScalar, parameterConstant } from './constant.ts';

/**
 * What a term computes: an op of the IR, or one of the forms that only normal graphs have. `sum` and `product` take any number
 * of operands in any order; `move` puts the elements of its operand elsewhere (every chain of reshape and transpose is one).
 */
export type TermOp = OpName | 'input' | 'constant' | 'sum' | 'product' | 'move' | 'bounded' | 'power' | 'slope';

/** A value of a graph, with what computes it. Terms are compared by identity. */
export interface Term {
  /** Position in the order of execution. */
  readonly id: number;
  readonly op: TermOp;
  readonly attrs: AnyAttrs;
  readonly operands: readonly Term[];
  /** Which result of the op this is. */
  readonly result: number;
  readonly type: TensorType;
  /** The user's own name of the node. */
  readonly origin: string;
  readonly constant?: Constant;
}

export interface GraphPort {
  readonly name: string;
  readonly term: Term;
}

/** A program as terms; only what an output needs. */
export interface Graph {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  /** Operands stand before the terms that use them. */
  readonly terms: readonly Term[];
}

const NORMAL_COMMUTATIVE: ReadonlySet<TermOp> = new Set<TermOp>(['sum', 'product']);
const NORMAL_ONLY: ReadonlySet<TermOp> = new Set<TermOp>(['input', 'constant', 'sum', 'product', 'move', 'bounded', 'power', 'slope']);

/** The op of the IR behind a term; undefined for inputs, constants and normal forms. */
export const irOp = (op: TermOp): OpName | undefined => (NORMAL_ONLY.has(op) ? undefined : (op as OpName));

export const isCommutative = (op: TermOp): boolean => {
  const ir = irOp(op);
  return ir === undefined ? NORMAL_COMMUTATIVE.has(op) : opOf(ir).traits.commutative === true;
};

/** Attributes in a defined order. */
export const attrText = (op: TermOp, attrs: AnyAttrs): string => {
  const ir = irOp(op);
  const names = ir === undefined ? Object.keys(attrs).sort() : attrNames(opOf(ir).attrs);
  return names.map((n) => `${n}=${JSON.stringify(attrs[n])}`).join(' ');
};

/** Ops whose operands after the first are what training found: their numbers belong to the weights, whatever their size. */
const WEIGHTED: ReadonlySet<TermOp> = new Set<TermOp>([
  'conv',
  'conv_nhwc',
  'conv_transpose',
  'conv_deformable',
  'dense',
  'matmul',
  'gemm',
  'batch_norm',
  'prelu',
  'layer_norm',
  'rms_norm',
  'instance_norm',
  'group_norm',
  'lstm',
  'gru',
  'rnn',
  'embedding',
]);

/** Layers, whose sum with a constant is a bias. */
export const isLayer = (term: Term): boolean => term.op === 'conv' || term.op === 'dense';

/** A constant that belongs to the structure of the model, and is compared with it: a single number, or integers that are no weights. */
export const isStructural = (user: Term, constant: Constant): boolean => {
  if (WEIGHTED.has(user.op)) return false;
  if (user.op === 'sum' && user.operands.some(isLayer)) return false;
  return isScalar(constant) || constant.type.dtype === 'i32' || constant.type.dtype === 'bool';
};

/** The terms that outputs need, operands first; an explicit stack, since chains are longer than the call stack is deep. */
export const liveTerms = (outputs: readonly GraphPort[]): readonly Term[] => {
  const seen = new Set<Term>();
  const stack = outputs.map((o) => o.term);
  for (let term = stack.pop(); term !== undefined; term = stack.pop()) {
    if (seen.has(term)) continue;
    seen.add(term);
    for (const operand of term.operands) if (!seen.has(operand)) stack.push(operand);
  }
  return [...seen].sort((a, b) => a.id - b.id);
};

/** The program as it stands: one term a value, nothing merged. */
export const sourceGraph = (program: Program): Graph => {
  const terms: (Term | undefined)[] = new Array(program.types.length);
  let id = 0;
  const typeAt = (value: number): TensorType => {
    const type = program.types[value];
    invariant(type !== undefined, `value ${value} has a type`);
    return type;
  };
  const leaf = { attrs: {}, operands: [], result: 0 };
  const inputs = program.inputs.map((port): GraphPort => {
    const term: Term = { ...leaf, id: id++, op: 'input', type: typeAt(port.value), origin: port.name };
    terms[port.value] = term;
    return { name: port.name, term };
  });
  program.params.forEach((param, i) => {
    const constant = parameterConstant(param.name, i, param.tensor);
    terms[param.value] = { ...leaf, id: id++, op: 'constant', type: constant.type, origin: param.name, constant };
  });
  const termAt = (value: number): Term => {
    const term = terms[value];
    invariant(term !== undefined, `value ${value} is defined before it is used`);
    return term;
  };
  for (const node of program.nodes as readonly AnyNode[]) {
    const operands = node.operands.map(termAt);
    node.results.forEach((value, result) => {
      terms[value] = { id: id++, op: node.op, attrs: node.attrs, operands, result, type: typeAt(value), origin: node.origin ?? node.op };
    });
  }
  const outputs = program.outputs.map((port): GraphPort => ({ name: port.name, term: termAt(port.value) }));
  return { inputs, outputs, terms: liveTerms(outputs) };
};
