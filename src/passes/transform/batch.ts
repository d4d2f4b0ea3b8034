import {
  type AnyNode,
  decompositionOf,
  formatType,
  isStaticType,
  opOf,
  placeOf,
  type Program,
  ProgramBuilder,
  type StaticType,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { at, MrlError } from '../../support/index.ts';
import { batchRuleOf } from './batch-rules.ts';

/** Why a program cannot take several samples at once. */
export interface BatchRefusal {
  /** The node, input or output that stands in the way. */
  readonly place: string;
  readonly reason: string;
}

class Refused extends Error {
  readonly refusal: BatchRefusal;
  constructor(place: string, reason: string) {
    super(reason);
    this.refusal = { place, reason };
  }
}

/** A value of the new program. */
interface Mapped {
  readonly value: ValueId;
  /** Whether it holds samples along its first axis. */
  readonly holds: boolean;
}

/** Type of a value that holds one sample, with several. */
const withSamples = (type: StaticType, samples: number): StaticType => ({ dtype: type.dtype, shape: [samples, ...type.shape.slice(1)] });

const staticTypes = (program: Program, values: readonly ValueId[], place: string): readonly StaticType[] =>
  values.map((v) => {
    const type: TensorType = at(program.types, v);
    if (!isStaticType(type)) throw new Refused(place, `${formatType(type)} has a dimension without a number`);
    return type;
  });

/** Checks that results are those of one sample with the samples in front: a rule that is wrong about an op's shapes shows here. */
const checkResults = (
  builder: ProgramBuilder,
  results: readonly ValueId[],
  before: readonly StaticType[],
  samples: number,
  place: string,
): void => {
  before.forEach((type, i) => {
    const [wanted, got] = [formatType(withSamples(type, samples)), formatType(builder.typeOf(at(results, i)))];
    if (type.shape[0] !== 1 || wanted !== got)
      throw new Refused(place, `its result would be ${got} and not ${formatType(type)} for each sample`);
  });
};

/** The nodes of a program over values of another one that hold more samples. */
class Batching {
  private readonly builder: ProgramBuilder;
  private readonly samples: number;

  constructor(builder: ProgramBuilder, samples: number) {
    this.builder = builder;
    this.samples = samples;
  }

  private primitive(node: AnyNode, operands: readonly Mapped[], source: Program, place: string): readonly ValueId[] {
    const results = staticTypes(source, node.results, place);
    const attrs = batchRuleOf(node.op)?.({
      node,
      operands: staticTypes(source, node.operands, place),
      results,
      holds: operands.map((o) => o.holds),
      samples: this.samples,
    });
    if (attrs === undefined) throw new Refused(place, `${node.op} does not keep samples apart here`);
    const emitted = this.builder.tryEmit(
      node.op,
      operands.map((o) => o.value),
      attrs,
      node.origin,
    );
    if (!emitted.ok) throw new Refused(place, at(emitted.diagnostics, 0).message);
    return emitted.value;
  }

  /** A composite as it is where its definition for many samples is that for one, batched; else that definition. */
  private composite(node: AnyNode, operands: readonly Mapped[], source: Program, place: string): readonly ValueId[] {
    const types = staticTypes(source, node.operands, place);
    const one = decompositionOf(node.op, types, node.attrs);
    const holds = operands.map((o) => o.holds);
    const wide = types.map((t, i) => (holds[i] === true ? withSamples(t, this.samples) : t));
    const scratch = new ProgramBuilder(node.op);
    const inside = new Batching(scratch, this.samples);
    const inputs = wide.map((t, i): Mapped => ({ value: scratch.input(`x${i}`, t), holds: holds[i] === true }));
    for (const r of inside.run(one, inputs, place)) scratch.output('y', r.value);
    if (sameProgram(scratch.finish(), node, wide)) {
      const whole = this.builder.tryEmit(
        node.op,
        operands.map((o) => o.value),
        node.attrs,
        node.origin,
      );
      if (whole.ok) return whole.value;
    }
    return this.run(one, operands, place).map((r) => r.value);
  }

  /** Adds the nodes of a program; its outputs. @param place - of all nodes, when they stand for one */
  run(program: Program, inputs: readonly Mapped[], place?: string): readonly Mapped[] {
    const map = new Map<ValueId, Mapped>();
    program.inputs.forEach((port, i) => map.set(port.value, at(inputs, i)));
    for (const p of program.params) map.set(p.value, { value: this.param(p.name, p.tensor, place !== undefined), holds: false });
    const mapped = (v: ValueId): Mapped => {
      const m = map.get(v);
      if (m === undefined) throw new Refused(place ?? program.name, `value ${v} is used before it is defined`);
      return m;
    };
    (program.nodes as readonly AnyNode[]).forEach((node, i) => {
      const operands = node.operands.map(mapped);
      const holds = operands.some((o) => o.holds);
      const where = place ?? placeOf(node, i);
      const results = !holds
        ? this.builder.copy(
            node,
            operands.map((o) => o.value),
          )
        : opOf(node.op).kind === 'composite'
          ? this.composite(node, operands, program, where)
          : this.primitive(node, operands, program, where);
      if (holds) checkResults(this.builder, results, staticTypes(program, node.results, where), this.samples, where);
      node.results.forEach((r, k) => map.set(r, { value: at(results, k), holds }));
    });
    return program.outputs.map((o) => mapped(o.value));
  }

  private param(name: string, tensor: Program['params'][number]['tensor'], inner: boolean): ValueId {
    return inner ? this.builder.constant(tensor) : this.builder.param(name, tensor);
  }
}

const sameBytes = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

/** Attributes that the types of the results tell as well, in several spellings. */
const TOLD_BY_TYPES: readonly string[] = ['shape'];

const attrsText = (node: AnyNode): string => JSON.stringify(Object.entries(node.attrs).filter(([name]) => !TOLD_BY_TYPES.includes(name)));

/** Whether a program is the definition of a composite over operands of the given types, node by node. */
const sameProgram = (batched: Program, composite: AnyNode, types: readonly StaticType[]): boolean => {
  let defined: Program;
  try {
    defined = decompositionOf(composite.op, types, composite.attrs);
  } catch (error) {
    if (error instanceof MrlError) return false;
    throw error;
  }
  const nodes = defined.nodes as readonly AnyNode[];
  const typesOf = (p: Program, n: AnyNode): string => n.results.map((r) => formatType(at(p.types, r))).join();
  // values are numbered in the order of definition, but parameters stand where they were made
  const order = (p: Program): ReadonlyMap<ValueId, string> =>
    new Map([
      ...p.inputs.map((x, i) => [x.value, `x${i}`] as const),
      ...p.params.map((x, i) => [x.value, `p${i}`] as const),
      ...(p.nodes as readonly AnyNode[]).flatMap((n, i) => n.results.map((r, k) => [r, `n${i}.${k}`] as const)),
    ]);
  const [left, right] = [order(batched), order(defined)];
  const named = (names: ReadonlyMap<ValueId, string>, values: readonly ValueId[]): string => values.map((v) => names.get(v)).join();
  return (
    batched.nodes.length === nodes.length &&
    batched.params.length === defined.params.length &&
    batched.params.every((p, i) => {
      const other = at(defined.params, i).tensor;
      return formatType(p.tensor) === formatType(other) && sameBytes(p.tensor.data, other.data);
    }) &&
    (batched.nodes as readonly AnyNode[]).every((n, i) => {
      const other = at(nodes, i);
      return (
        n.op === other.op &&
        attrsText(n) === attrsText(other) &&
        typesOf(batched, n) === typesOf(defined, other) &&
        named(left, n.operands) === named(right, other.operands)
      );
    }) &&
    named(
      left,
      batched.outputs.map((o) => o.value),
    ) ===
      named(
        right,
        defined.outputs.map((o) => o.value),
      )
  );
};

/**
 * The program over several samples at once: every input and output has them along its first axis, which is 1 before. Each sample's
 * results are bit for bit those that it has alone.
 */
export const batchProgram = (program: Program, samples: number): Program | BatchRefusal => {
  if (samples === 1) return program;
  const builder = new ProgramBuilder(program.name);
  try {
    const inputs = program.inputs.map((port): Mapped => {
      const [type] = staticTypes(program, [port.value], `input ${port.name}`);
      if (type?.shape[0] !== 1)
        throw new Refused(`input ${port.name}`, `its first axis is ${type?.shape[0] ?? 'absent'}, and not that of one sample`);
      return { value: builder.input(port.name, withSamples(type, samples)), holds: true };
    });
    const outputs = new Batching(builder, samples).run(program, inputs);
    program.outputs.forEach((port, i) => {
      const { value, holds } = at(outputs, i);
      if (!holds) throw new Refused(`output ${port.name}`, 'it does not depend on the inputs');
      builder.output(port.name, value);
    });
    return builder.finish();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
};
