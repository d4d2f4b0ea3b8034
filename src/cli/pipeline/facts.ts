import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  formatType,
  identityHash,
  isStaticType,
  nodeCost,
  type OpName,
  placeOf,
  type Port,
  type Program,
  proveProgram,
  type Range,
} from '../../ir/index.ts';
import { at, compareCodeUnits } from '../../support/index.ts';

/** How often an op occurs, and its share of the work. */
export interface OpCount {
  readonly op: OpName;
  readonly nodes: number;
  /** Arithmetic operations; undefined when a dimension is symbolic. */
  readonly operations: number | undefined;
}

/** How far an accumulator stays below int32. */
export interface Headroom {
  readonly layer: string;
  readonly op: OpName;
  /** Greatest absolute value that the proof admits. */
  readonly bound: number;
  /** Bits that are never used: 31 - bits of `bound`. */
  readonly freeBits: number;
}

/** What a program is, in numbers. */
export interface ProgramFacts {
  readonly inputs: readonly { readonly name: string; readonly type: string }[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
  readonly nodes: number;
  readonly parameters: number;
  readonly parameterElements: number;
  readonly parameterBytes: number;
  readonly ops: readonly OpCount[];
  readonly identity: string;
}

export const isStatic = (program: Program): boolean => program.types.every(isStaticType);

const portFacts = (program: Program, ports: readonly Port[]): ProgramFacts['inputs'] =>
  ports.map((p) => ({ name: p.name, type: formatType(at(program.types, p.value)) }));

/** Ops by the work they do, then by how often they occur. */
export const opCounts = (program: Program): readonly OpCount[] => {
  const known = isStatic(program);
  const counts = new Map<OpName, { nodes: number; operations: number }>();
  for (const node of program.nodes as readonly AnyNode[]) {
    const entry = counts.get(node.op) ?? { nodes: 0, operations: 0 };
    entry.nodes++;
    if (known) entry.operations += nodeCost(program, node);
    counts.set(node.op, entry);
  }
  return Array.from(counts, ([op, c]) => ({ op, nodes: c.nodes, operations: known ? c.operations : undefined })).sort(
    (a, b) => (b.operations ?? 0) - (a.operations ?? 0) || b.nodes - a.nodes || compareCodeUnits(a.op, b.op),
  );
};

export const programFacts = (program: Program): ProgramFacts => {
  const sizes = program.params.map((p) => {
    const type = at(program.types, p.value);
    return isStaticType(type)
      ? { elements: elementCount(type.shape), bytes: elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes }
      : { elements: 0, bytes: 0 };
  });
  return {
    inputs: portFacts(program, program.inputs),
    outputs: portFacts(program, program.outputs),
    nodes: program.nodes.length,
    parameters: program.params.length,
    parameterElements: sizes.reduce((n, s) => n + s.elements, 0),
    parameterBytes: sizes.reduce((n, s) => n + s.bytes, 0),
    ops: opCounts(program),
    identity: identityHash(program),
  };
};

const bitsOf = (bound: number): number => (bound === 0 ? 0 : Math.floor(Math.log2(bound)) + 1);

/** Bounds of the int32 results, tightest first; empty when the program has none or the proof does not hold. */
export const headrooms = (program: Program, ranges?: readonly (Range | undefined)[]): readonly Headroom[] => {
  const proven = ranges ?? (isStatic(program) ? proveProgram(program) : undefined);
  const all = proven === undefined ? [] : 'ok' in proven ? (proven.ok ? proven.value.ranges : []) : proven;
  const found: Headroom[] = [];
  (program.nodes as readonly AnyNode[]).forEach((node, index) => {
    for (const r of node.results) {
      const range = all[r];
      if (range === undefined || at(program.types, r).dtype !== 'i32') continue;
      const bound = Math.max(Math.abs(range.lo), Math.abs(range.hi));
      found.push({ layer: placeOf(node, index), op: node.op, bound, freeBits: 31 - bitsOf(bound) });
    }
  });
  return found.sort((a, b) => a.freeBits - b.freeBits || b.bound - a.bound);
};
