import { isStaticType, OP_NAMES, type OpName, type Program } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Graph, type GraphPort, liveTerms, type Term, type TermOp } from '../graph.ts';
import { ACTIVATIONS } from './activations.ts';
import { Arena, type Rewrite, type Rule } from './arena.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { BLOCKS } from './blocks.ts';
import { LAYERS } from './layers.ts';
import { movementRules } from './moves.ts';
import { PARTS } from './parts.ts';
import { QUANTIZATION } from './quantization.ts';
import { realProgram } from './real-program.ts';
import { STRUCTURE } from './structure.ts';

export { BudgetError, type Rewrite } from './arena.ts';

/** Composites that are what their definition says: a model that spells the definition out is the same model. */
const EXPANDED: ReadonlySet<OpName> = new Set<OpName>([
  'relu6',
  'hard_sigmoid',
  'hard_swish',
  'silu',
  'gelu',
  'softsign',
  'reciprocal',
  'rsqrt',
  'global_max_pool',
  'global_average_pool',
  'flatten',
  'squeeze',
  'unsqueeze',
  'depth_to_space',
  'space_to_depth',
  'layer_norm',
  'rms_norm',
  'instance_norm',
  'group_norm',
  'logsumexp',
  'reduce_l1',
  'reduce_l2',
  'reduce_sum_square',
  'stack',
  'gemm',
  'conv_nhwc',
  'max_pool_nhwc',
  'average_pool_nhwc',
  'attention',
]);

const NAMES: readonly TermOp[] = [...OP_NAMES, 'bounded', 'power', 'slope'];

/** All rules, in the order in which they are tried at an op. */
export const RULES: readonly Rule[] = [
  ...STRUCTURE,
  ...PARTS,
  ...ACTIVATIONS,
  ...BLOCKS,
  ...LAYERS,
  ...ARITHMETIC,
  ...movementRules(NAMES),
];

/** A port of another layout than its counterpart in the other model. */
export interface InputView {
  /** The shape of the counterpart. */
  readonly shape: readonly number[];
  /** Axis i of the port is axis perm[i] of the counterpart; undefined when only the shape differs. */
  readonly perm: readonly number[] | undefined;
}

export interface NormalGraph {
  readonly graph: Graph;
  readonly trace: readonly Rewrite[];
}

/** Normal forms need numbers as dimensions. */
export const canNormalize = (program: Program): boolean => program.types.every(isStaticType);

export interface NormalOptions {
  /** How inputs are seen, by index. */
  readonly inputs?: ReadonlyMap<number, InputView>;
  /** How outputs are seen, by index. */
  readonly outputs?: ReadonlyMap<number, InputView>;
  /** Also take the steps of quantized activations out. */
  readonly quantized?: boolean;
}

/** The real numbers that a quantized output stands for; unsigned integers are signed ones shifted. */
const realOutput = (arena: Arena, output: Term): Term => {
  let term = output;
  for (const op of ['cast', 'add', 'cast']) if (term.op === op) term = at(term.operands, 0);
  if (term.op !== 'quantize') return output;
  const { inverse_scale: inverseScale, zero } = term.attrs as { readonly inverse_scale: number; readonly zero: number };
  return arena.emit('dequantize', [term], { scale: Math.fround(1 / inverseScale), zero }, term.origin);
};

const inverse = (perm: readonly number[]): readonly number[] => perm.map((_, i) => perm.indexOf(i));

/**
 * The normal form of a program: what two programs share when they compute the same but for roundings, as far as the rules know.
 * One sweep, since a node is built from operands that are normal already.
 * @throws {BudgetError} when a program takes more steps than its size explains
 */
export const normalize = (given: Program, { inputs, outputs, quantized = false }: NormalOptions = {}): NormalGraph => {
  const program = quantized ? (realProgram(given) ?? given) : given;
  const rules = quantized ? [...QUANTIZATION, ...RULES] : RULES;
  const arena = new Arena(rules, EXPANDED, program.nodes.length);
  const ports: GraphPort[] = [];
  const seen = program.inputs.map((port, i) => {
    const type = at(program.types, port.value);
    const view = inputs?.get(i);
    const term = arena.input(i, view === undefined ? type : { dtype: type.dtype, shape: view.shape }, port.name);
    const real = quantized && type.dtype !== 'f32' ? arena.realInput(term) : term;
    ports.push({ name: port.name, term: real });
    if (view === undefined) return term;
    const shape = type.shape as readonly number[];
    return arena.move(term, view.perm === undefined ? shape : view.shape, view.perm ?? shape.map((_, k) => k), shape, port.name);
  });
  const results = arena
    .inline(program, seen, (key) => key)
    .map((given, i) => {
      const term = quantized ? realOutput(arena, given) : given;
      const view = outputs?.get(i);
      const shape = term.type.shape as readonly number[];
      if (view === undefined) return term;
      const perm = inverse(view.perm ?? shape.map((_, k) => k));
      return arena.move(term, shape, perm, view.shape, at(program.outputs, i).name);
    });
  const named = program.outputs.map((port, i): GraphPort => ({ name: port.name, term: at(results, i) }));
  return { graph: { inputs: ports, outputs: named, terms: liveTerms(named) }, trace: arena.trace };
};
