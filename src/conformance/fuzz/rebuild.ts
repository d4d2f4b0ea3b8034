import {
  type AnyAttrs,
  type AnyNode,
  canonicalBytes,
  DTYPE_INFO,
  elementCount,
  isStaticType,
  paramTensors,
  type Program,
  ProgramBuilder,
  proveProgram,
  runProgram,
  type StaticType,
  stridesOf,
  type Tensor,
  type ValueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { FuzzCase } from './check.ts';

/** A change to a case. What is absent stays. */
export interface Edit {
  /** Indices of the outputs that stay. */
  readonly outputs?: readonly number[];
  /** Nodes that become inputs, with the elements that they compute now. */
  readonly cut?: ReadonlySet<AnyNode>;
  /** Another value in place of one. */
  readonly replace?: ReadonlyMap<ValueId, ValueId>;
  readonly attrs?: (node: AnyNode) => AnyAttrs;
  /** Another shape for inputs and parameters; elements beyond it are dropped. */
  readonly shape?: (shape: readonly number[]) => readonly number[];
  /** Other elements for the inputs of set `set`, or for parameters (set -1). */
  readonly data?: (tensor: Tensor, port: number, set: number) => Tensor;
}

/** The elements of the leading box of a tensor. */
const cropped = (tensor: Tensor, shape: readonly number[]): Tensor => {
  const data = DTYPE_INFO[tensor.dtype].make(elementCount(shape));
  const [from, to] = [stridesOf(tensor.shape), stridesOf(shape)];
  for (let i = 0; i < data.length; i++) {
    let offset = 0;
    let rest = i;
    for (let d = 0; d < shape.length; d++) {
      const index = Math.floor(rest / at(to, d));
      rest -= index * at(to, d);
      offset += index * at(from, d);
    }
    data[i] = tensor.data[offset] ?? 0;
  }
  return { dtype: tensor.dtype, shape, data };
};

const reshaped = (tensor: Tensor, shape: Edit['shape']): Tensor => {
  const to = shape?.(tensor.shape) ?? tensor.shape;
  return to.length !== tensor.shape.length || to.every((d, i) => d === tensor.shape[i]) ? tensor : cropped(tensor, to);
};

/** Values that the outputs still need, after the edit. */
const neededValues = (program: Program, edit: Edit): ReadonlySet<ValueId> => {
  const needed = new Set<ValueId>();
  const need = (v: ValueId): void => void needed.add(edit.replace?.get(v) ?? v);
  program.outputs.forEach((o, i) => {
    if (edit.outputs === undefined || edit.outputs.includes(i)) need(o.value);
  });
  for (const node of [...(program.nodes as readonly AnyNode[])].reverse()) {
    if (!edit.cut?.has(node) && node.results.some((r) => needed.has(r))) node.operands.forEach(need);
  }
  return needed;
};

/** The results of the nodes that are cut, for each set of inputs. */
const observed = (c: FuzzCase, cut: ReadonlySet<AnyNode>): readonly ReadonlyMap<ValueId, Tensor>[] =>
  c.inputs.map((inputs) => {
    const values = new Map<ValueId, Tensor>();
    if (cut.size === 0) return values;
    try {
      runProgram(c.program, inputs, (node, results) => {
        if (cut.has(node)) node.results.forEach((r, i) => values.set(r, at(results, i)));
      });
    } catch {
      // the find is that a later node throws: what is before it is known
    }
    return values;
  });

/** The case after the edit without what is no longer needed; undefined when that is not a valid program. */
export const rebuild = (c: FuzzCase, edit: Edit): FuzzCase | undefined => {
  const { program } = c;
  const builder = new ProgramBuilder(program.name);
  const needed = neededValues(program, edit);
  const map = new Map<ValueId, ValueId>();
  const inputs: Tensor[][] = c.inputs.map(() => []);
  const addInput = (value: ValueId, tensors: readonly Tensor[]): void => {
    const port = inputs[0]?.length ?? 0;
    const made = tensors.map((t, set) => {
      const tensor = reshaped(t, edit.shape);
      return edit.data?.(tensor, port, set) ?? tensor;
    });
    const [one] = made;
    if (one === undefined) return;
    made.forEach((t, set) => at(inputs, set).push(t));
    map.set(value, builder.input(`x${port}`, { dtype: one.dtype, shape: one.shape }));
  };
  program.inputs.forEach(({ value }, i) => {
    if (!needed.has(value)) return;
    addInput(
      value,
      c.inputs.map((set) => at(set, i)),
    );
  });
  let params = 0;
  for (const [value, tensor] of paramTensors(program)) {
    if (!needed.has(value)) continue;
    const kept = reshaped(tensor, edit.shape);
    map.set(value, builder.param(`w${params}`, edit.data?.(kept, params, -1) ?? kept));
    params++;
  }
  const cut = edit.cut ?? new Set<AnyNode>();
  const results = observed(c, cut);
  const mapped = (v: ValueId): ValueId | undefined => map.get(edit.replace?.get(v) ?? v);
  for (const node of program.nodes as readonly AnyNode[]) {
    if (!node.results.some((r) => needed.has(r))) continue;
    if (cut.has(node)) {
      for (const r of node.results.filter((v) => needed.has(v))) {
        const tensors = results.flatMap((values) => values.get(r) ?? []);
        if (tensors.length < results.length) return undefined;
        addInput(r, tensors);
      }
      continue;
    }
    const operands = node.operands.map(mapped);
    if (!operands.every((v) => v !== undefined)) return undefined;
    const emitted = builder.tryEmit(node.op, operands, edit.attrs?.(node) ?? node.attrs, node.origin);
    if (!emitted.ok || emitted.value.length !== node.results.length) return undefined;
    node.results.forEach((r, i) => map.set(r, at(emitted.value, i)));
  }
  for (const [i, { name, value }] of program.outputs.entries()) {
    if (edit.outputs !== undefined && !edit.outputs.includes(i)) continue;
    const to = mapped(value);
    if (to === undefined) return undefined;
    builder.output(name, to);
  }
  const made = builder.finish();
  return isAdmitted(made) ? { program: made, inputs } : undefined;
};

/** As the programs of the fuzzer are: a find that throws while it is proved stays one. */
const isAdmitted = (program: Program): boolean => {
  try {
    return program.types.every(isStaticType) && verifyProgram(program).ok && proveProgram(program).ok;
  } catch {
    return true;
  }
};

/** How big a case is, for the reducer: nodes first, then elements, then attributes, then set bits of the data. */
export const sizeOf = ({ program, inputs }: FuzzCase): readonly number[] => {
  const tensors = [...paramTensors(program).values(), ...inputs.flat()];
  const elements = program.types.reduce((n, t) => n + elementCount((t as StaticType).shape) + t.shape.length, 0);
  const attrs = (program.nodes as readonly AnyNode[]).reduce((n, node) => n + JSON.stringify(node.attrs).length, 0);
  // -0 and NaN count by their bytes
  const bytes = tensors.reduce((n, t) => n + canonicalBytes(t).reduce((m, b) => m + (b === 0 ? 0 : 1 + (b & 1)), 0), 0);
  return [program.nodes.length, program.outputs.length + inputs.length, elements, attrs, bytes];
};
