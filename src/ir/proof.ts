import { at, diagnostic, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { decompositionOf } from './evaluate.ts';
import { opOf } from './ops/index.ts';
import { type AnyNode, paramTensors, type Program, type ValueId } from './program.ts';
import { dtypeRange, type Range, range, rangeOfTensor } from './range.ts';
import { DTYPE_INFO, elementCount, type StaticType, type Tensor } from './types.ts';
import { placeOf } from './verify.ts';

/**
 * The overflow proof (NUMERICS §2): intervals of every integer value from the actual weights, by the `range` of each op.
 * It holds when no op's exact result can leave its dtype; then wrapping arithmetic never wraps, on any backend.
 */
export interface Proof {
  /** Interval of each value; undefined for f32. By ValueId. */
  readonly ranges: readonly (Range | undefined)[];
}

const clampTo = (r: Range, type: StaticType): Range => {
  const { lo, hi } = DTYPE_INFO[type.dtype];
  return r.lo >= lo && r.hi <= hi ? r : range(Math.max(r.lo, lo), Math.min(r.hi, hi));
};

const worstChannel = (r: Range, lo: number, hi: number): string => {
  const c = r.channels === undefined ? -1 : r.channels.lo.findIndex((v, i) => v < lo || (r.channels?.hi[i] ?? 0) > hi);
  return c < 0 ? '' : ` in channel ${c}`;
};

const nodeRanges = (
  program: Program,
  node: AnyNode,
  index: number,
  rangeAt: (value: ValueId) => Range | undefined,
  params: ReadonlyMap<ValueId, Tensor>,
): Result<readonly (Range | undefined)[]> => {
  const resultTypes = node.results.map((r) => at(program.types, r) as StaticType);
  if (resultTypes.every((t) => t.dtype === 'f32')) return ok(resultTypes.map(() => undefined));
  const spec = opOf(node.op);
  const operandRanges = node.operands.map((v) => rangeAt(v) ?? range(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));
  if (spec.range === undefined) {
    const inner = decompositionOf(
      node.op,
      node.operands.map((v) => at(program.types, v)),
      node.attrs,
    );
    const bound = new Map(
      node.operands.flatMap((v, i) => (params.has(v) ? [[at(inner.inputs, i).value, params.get(v) as Tensor] as const] : [])),
    );
    const proof = proveFrom(inner, operandRanges, bound, placeOf(node, index));
    return proof.ok ? ok(inner.outputs.map((o) => proof.value.ranges[o.value])) : proof;
  }
  const exact = spec.range(operandRanges, node.attrs, {
    operandTypes: node.operands.map((v) => at(program.types, v) as StaticType),
    resultTypes,
    constant: (i) => {
      const v = node.operands[i];
      return v === undefined ? undefined : params.get(v);
    },
  });
  const problems: Diagnostic[] = [];
  const out = resultTypes.map((type, i) => {
    // next to an integer result: top_k
    if (type.dtype === 'f32') return undefined;
    // nothing lies in no interval: the one of no elements is [0, 0], as for empty parameters
    const r = elementCount(type.shape) === 0 ? range(0, 0) : (exact[i] ?? dtypeRange(type.dtype));
    const { lo, hi } = DTYPE_INFO[type.dtype];
    if (!(r.lo >= lo && r.hi <= hi && r.lo <= r.hi)) {
      problems.push(
        diagnostic(
          'IR0011',
          `${node.op}: the result lies in [${r.lo}, ${r.hi}]${worstChannel(r, lo, hi)} but ${type.dtype} holds [${lo}, ${hi}]`,
          {
            where: placeOf(node, index),
            notes: ['Use fewer weight bits or smaller weights for this layer, or split the reduction.'],
          },
        ),
      );
    }
    return clampTo(r, type);
  });
  return problems.length > 0 ? fail(...problems) : ok(out);
};

const proveFrom = (program: Program, inputs: readonly Range[], bound: ReadonlyMap<ValueId, Tensor>, where?: string): Result<Proof> => {
  const params = new Map([...paramTensors(program), ...bound]);
  const ranges: (Range | undefined)[] = new Array(program.types.length).fill(undefined);
  // when a node first uses it: a stored tensor is then read once for its range and for the node
  const rangeAt = (value: ValueId): Range | undefined => {
    const tensor = ranges[value] === undefined ? params.get(value) : undefined;
    if (tensor !== undefined && tensor.dtype !== 'f32') ranges[value] = rangeOfTensor(tensor);
    return ranges[value];
  };
  program.inputs.forEach((port, i) => {
    if (at(program.types, port.value).dtype !== 'f32' && !bound.has(port.value)) ranges[port.value] = inputs[i];
  });
  const problems: Diagnostic[] = [];
  (program.nodes as readonly AnyNode[]).forEach((node, index) => {
    const found = nodeRanges(program, node, index, rangeAt, params);
    if (!found.ok) problems.push(...found.diagnostics.map((d) => (where === undefined ? d : { ...d, where })));
    node.results.forEach((r, i) => {
      const type = at(program.types, r);
      ranges[r] = found.ok ? found.value[i] : type.dtype === 'f32' ? undefined : dtypeRange(type.dtype);
    });
  });
  for (const value of params.keys()) rangeAt(value);
  return problems.length > 0 ? fail(...problems) : ok({ ranges });
};

/** Proves that no integer op of the program can overflow, for every possible input; lists every op that might. */
export const proveProgram = (program: Program): Result<Proof> =>
  proveFrom(
    program,
    program.inputs.map((p) => dtypeRange(at(program.types, p.value).dtype)),
    new Map(),
  );
