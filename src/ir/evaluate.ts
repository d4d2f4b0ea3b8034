import { at, type Diagnostic, diagnostic, fail, invariant, MrlError, ok, type Result, unwrap } from '../support/index.ts';
import { inferNode, ProgramBuilder } from './builder.ts';
import { canonicalizeNaN } from './numeric/index.ts';
import { opOf, type OpName } from './ops/index.ts';
import { type AnyAttrs, type AnyNode, paramTensors, type Program, type ValueId } from './program.ts';
import type { Decomposer, Wire } from './schema.ts';
import {
  DTYPE_INFO,
  elementCount,
  formatType,
  isStaticType,
  sameType,
  type StaticType,
  type Tensor,
  type TensorData,
  type TensorType,
  zeros,
} from './types.ts';

interface BuilderWire extends Wire {
  readonly value: ValueId;
}

/**
 * The type of an empty tensor in a target shape with a size of 0 where reshape, for which 0 means the size of x, would read
 * another one. Decompositions mean the sizes that they write.
 */
const emptyReshape = (x: TensorType | undefined, target: unknown): StaticType | undefined => {
  if (x === undefined || !isStaticType(x) || elementCount(x.shape) > 0 || !Array.isArray(target)) return undefined;
  const shape = target.map(Number);
  return shape.every((d) => d >= 0) && elementCount(shape) === 0 ? { dtype: x.dtype, shape } : undefined;
};

const decomposerOver = (builder: ProgramBuilder, origin?: string): Decomposer => {
  const wire = (value: ValueId): BuilderWire => ({ value, type: builder.typeOf(value) });
  const emitAll: Decomposer['emitAll'] = (op, operands, attrs = {}) => {
    const emitted = builder.tryEmit(
      op as OpName,
      operands.map((w) => (w as BuilderWire).value),
      attrs,
      origin,
    );
    if (!emitted.ok && op === 'reshape') {
      const empty = emptyReshape(operands[0]?.type, attrs['shape']);
      if (empty !== undefined) return [wire(builder.constant(zeros(empty)))];
    }
    return unwrap(emitted).map(wire);
  };
  return {
    emitAll,
    emit: (op, operands, attrs) => at(emitAll(op, operands, attrs), 0),
    constant: (type: StaticType, data: TensorData | readonly number[]) => {
      const typed = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
      typed.set(data);
      return wire(builder.constant({ dtype: type.dtype, shape: type.shape, data: typed }));
    },
  };
};

/** Replaces one use of a composite by its definition, inside a builder; returns the values of its results. */
export const expandInto = (
  builder: ProgramBuilder,
  op: OpName,
  operands: readonly ValueId[],
  attrs: AnyAttrs,
  origin?: string,
): readonly ValueId[] => {
  const spec = opOf(op);
  invariant(spec.decompose !== undefined, `${op} has no decomposition`);
  const wires = operands.map((value): BuilderWire => ({ value, type: builder.typeOf(value) }));
  const results = unwrap(
    inferNode(
      op,
      wires.map((w) => w.type),
      attrs,
      origin,
    ),
  );
  // results without elements have nothing to compute, whatever the definition does with sizes of 0
  if (results.every((t) => isStaticType(t) && elementCount(t.shape) === 0))
    return results.filter(isStaticType).map((t) => builder.constant(zeros(t)));
  return spec.decompose(decomposerOver(builder, origin), wires, attrs).map((w) => (w as BuilderWire).value);
};

/** The definition of a composite as a program of its own over operands of the given types (one level of expansion). */
export const decompositionOf = (op: OpName, operandTypes: readonly TensorType[], attrs: AnyAttrs): Program => {
  const builder = new ProgramBuilder(op);
  const operands = operandTypes.map((type, i) => builder.input(`x${i}`, type));
  expandInto(builder, op, operands, attrs).forEach((v, i) => builder.output(`y${i}`, v));
  return builder.finish();
};

/** Runs one op on tensors: the reference meaning. Result types must be the inferred ones. */
export const evaluateNode = (
  op: OpName,
  operands: readonly Tensor[],
  attrs: AnyAttrs,
  resultTypes: readonly StaticType[],
): readonly Tensor[] => {
  const spec = opOf(op);
  if (spec.evaluate === undefined) return runProgram(decompositionOf(op, operands, attrs), operands);
  const out = resultTypes.map(zeros);
  spec.evaluate(operands, attrs, out);
  for (const t of out) if (t.dtype === 'f32') canonicalizeNaN(t.data as Float32Array);
  return out;
};

/** Says how the given tensors differ from the program's inputs; lists all. */
export const checkInputs = (program: Program, inputs: readonly Tensor[]): Result<readonly Tensor[]> => {
  if (inputs.length !== program.inputs.length) {
    return fail(diagnostic('IR0010', `the program has ${program.inputs.length} inputs but ${inputs.length} tensors are given`));
  }
  const problems = program.inputs.flatMap((port, i) => {
    const wanted = at(program.types, port.value);
    const given = at(inputs, i);
    return sameType(wanted, given) && given.data.length === elementCount(given.shape)
      ? []
      : [diagnostic('IR0010', `input ${port.name} is ${formatType(wanted)} but the tensor is ${formatType(given)}`)];
  });
  return problems.length > 0 ? fail(...problems) : ok(inputs);
};

/** Sees every node's results as they are computed (per-layer statistics, traces). */
export type Observer = (node: AnyNode, results: readonly Tensor[]) => void;

const run = (program: Program, inputs: readonly Tensor[], observer?: Observer): readonly Tensor[] => {
  const values: (Tensor | undefined)[] = new Array(program.types.length);
  for (const [value, tensor] of paramTensors(program)) values[value] = tensor;
  program.inputs.forEach((port, i) => {
    values[port.value] = at(inputs, i);
  });
  const lastUse = new Int32Array(program.types.length).fill(-1);
  program.nodes.forEach((node, i) => {
    for (const v of node.operands) lastUse[v] = i;
  });
  for (const output of program.outputs) lastUse[output.value] = program.nodes.length;
  (program.nodes as readonly AnyNode[]).forEach((node, i) => {
    const resultTypes = node.results.map((r) => {
      const type = at(program.types, r);
      if (!isStaticType(type)) throw new MrlError([unboundSymbol(type)]);
      return type;
    });
    const results = evaluateNode(
      node.op,
      node.operands.map((v) => at(values as Tensor[], v)),
      node.attrs,
      resultTypes,
    );
    node.results.forEach((r, k) => {
      values[r] = at(results, k);
    });
    observer?.(node, results);
    for (const v of node.operands) if (lastUse[v] === i) values[v] = undefined;
  });
  return program.outputs.map((o) => at(values as Tensor[], o.value));
};

const unboundSymbol = (type: TensorType): Diagnostic => {
  const symbol = String(type.shape.find((d) => typeof d === 'string'));
  return diagnostic('IR0008', `dimension ${symbol} of ${formatType(type)} has no number`, { notes: [`Bind it: --bind ${symbol}=1.`] });
};

/**
 * The reference interpreter: runs a checked program op by op through the op definitions. The oracle for every backend.
 * @throws {MrlError} IR0010 when the tensors do not fit the inputs, IR0008 when a symbol is unbound
 */
export const runProgram = (program: Program, inputs: readonly Tensor[], observer?: Observer): readonly Tensor[] =>
  run(program, unwrap(checkInputs(program, inputs)), observer);
