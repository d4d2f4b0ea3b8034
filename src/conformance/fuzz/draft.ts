import {
  type AnyAttrs,
  type AnyNode,
  completeAttrs,
  decompositionOf,
  elementCount,
  inferNode,
  isStaticType,
  opOf,
  type OpName,
  type OpNode,
  type Param,
  type Port,
  type Program,
  proveProgram,
  type StaticType,
  type Tensor,
  type ValueId,
  valueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** Programs of the fuzzer are small, so that many of them are checked. */
const MOST_ELEMENTS = 3000;
const MOST_COST = 40_000;
const MOST_DEFINED = 200_000;
/** A node costs as much to compile as these many elements to compute. */
const NODE_ELEMENTS = 400;
/** Bytecode limits the sizes of empty tensors too. */
const MOST_SIZE = 2 ** 20;

const isLarge = ({ shape }: StaticType): boolean => elementCount(shape) > MOST_ELEMENTS || shape.some((d) => d > MOST_SIZE);

/** Elements of everything that the definition of a composite computes on the way: it may be far more than the result. */
const definedElements = (op: OpName, operands: readonly StaticType[], attrs: AnyAttrs): number => {
  if (opOf(op).kind === 'primitive') return 0;
  const program = decompositionOf(op, operands, attrs);
  const elements = program.types.reduce((n, t) => n + (isStaticType(t) ? elementCount(t.shape) : 0), 0);
  const own = elements + NODE_ELEMENTS * program.nodes.length;
  if (own > MOST_DEFINED) return own;
  return (program.nodes as readonly AnyNode[]).reduce((n, node) => {
    const types = node.operands.map((v) => at(program.types, v)).filter(isStaticType);
    return n > MOST_DEFINED ? n : n + definedElements(node.op, types, node.attrs);
  }, own);
};

/** False also where the definition throws, which is kept as a find of the checks to come. */
const isLargeInside = (op: OpName, operands: readonly StaticType[], attrs: AnyAttrs): boolean => {
  try {
    return definedElements(op, operands, attrs) > MOST_DEFINED;
  } catch {
    return false;
  }
};

/** The use of an op with its result types and whether it is small; undefined when the op does not take it. */
export const inferUse = (op: OpName, operands: readonly StaticType[], attrs: AnyAttrs): readonly StaticType[] | undefined => {
  if (operands.some(isLarge)) return undefined;
  const complete = completeAttrs(op, attrs);
  const inferred = complete.ok ? inferNode(op, operands, complete.value) : complete;
  if (!inferred.ok || !complete.ok) return undefined;
  const results = inferred.value.filter(isStaticType);
  if (results.length !== inferred.value.length || results.some(isLarge)) return undefined;
  return opOf(op).cost(operands, complete.value, results) > MOST_COST ? undefined : results;
};

/** What a draft can be taken back to. */
interface Mark {
  readonly types: number;
  readonly inputs: number;
  readonly params: number;
  readonly nodes: number;
}

/** A program under construction from which the last steps can be taken back. */
export class Draft {
  private readonly types: StaticType[] = [];
  private readonly inputs: Port[] = [];
  private readonly params: Param[] = [];
  private readonly nodes: AnyNode[] = [];
  /** Whether i8 parameters may hold -128. */
  readonly leastWeights: boolean;

  constructor(leastWeights: boolean) {
    this.leastWeights = leastWeights;
  }

  private define(type: StaticType): ValueId {
    this.types.push({ dtype: type.dtype, shape: type.shape });
    return valueId(this.types.length - 1);
  }

  get size(): number {
    return this.nodes.length;
  }

  typeOf(value: ValueId): StaticType {
    return at(this.types, value);
  }

  /** Every value, in order of definition. */
  values(): readonly ValueId[] {
    return this.types.map((_, i) => valueId(i));
  }

  isParam(value: ValueId): boolean {
    return this.params.some((p) => p.value === value);
  }

  input(type: StaticType): ValueId {
    const value = this.define(type);
    this.inputs.push({ name: `x${this.inputs.length}`, value });
    return value;
  }

  param(tensor: Tensor): ValueId {
    const value = this.define(tensor);
    this.params.push({ name: `w${this.params.length}`, value, tensor });
    return value;
  }

  /** The results; undefined when the op does not take the operands or the work would be large. */
  emit(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs): readonly ValueId[] | undefined {
    const types = inferUse(
      op,
      operands.map((v) => this.typeOf(v)),
      attrs,
    );
    const complete = completeAttrs(op, attrs);
    if (types === undefined || !complete.ok) return undefined;
    if (
      isLargeInside(
        op,
        operands.map((v) => this.typeOf(v)),
        complete.value,
      )
    )
      return undefined;
    const results = types.map((t) => this.define(t));
    this.nodes.push({ op, operands, attrs: complete.value, results, origin: `${op}_${this.nodes.length}` });
    return results;
  }

  mark(): Mark {
    return { types: this.types.length, inputs: this.inputs.length, params: this.params.length, nodes: this.nodes.length };
  }

  rollBack(mark: Mark): void {
    this.types.length = mark.types;
    this.inputs.length = mark.inputs;
    this.params.length = mark.params;
    this.nodes.length = mark.nodes;
  }

  /** Verified and free of overflow by proof, with the given outputs. What throws is kept, as a find of the checks to come. */
  isAdmitted(outputs: readonly ValueId[]): boolean {
    const program = this.program(outputs);
    try {
      return verifyProgram(program).ok && proveProgram(program).ok;
    } catch {
      return true;
    }
  }

  program(outputs: readonly ValueId[]): Program {
    return {
      name: 'random',
      inputs: [...this.inputs],
      params: [...this.params],
      nodes: [...this.nodes] as unknown as readonly OpNode[],
      outputs: outputs.map((value, i): Port => ({ name: `y${i}`, value })),
      types: [...this.types],
    };
  }
}
