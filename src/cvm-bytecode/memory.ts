import { type AnyNode, decompositionOf, DTYPE_INFO, elementCount, opOf, placeOf, type Program, type StaticType } from '../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { attempt, limitProblem, LIMITS } from './format.ts';

export const byteSize = (type: StaticType): number => elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;

const typeOf = (program: Program, value: number): StaticType => at(program.types, value) as StaticType;
const isComposite = (node: AnyNode): boolean => opOf(node.op).decompose !== undefined;

const sumOf = (list: readonly number[]): number => list.reduce((n, v) => n + Math.abs(v), 0);

/** Writing out definitions costs a verifier more than reading bytes: there is a limit to it. */
export const expansionProblem = (program: Program): Diagnostic | undefined => {
  let count = 0;
  let sizes = 0;
  for (const node of program.nodes as readonly AnyNode[]) {
    if (!isComposite(node)) continue;
    count++;
    for (const r of node.results) sizes += typeOf(program, r).shape.reduce((n, d) => n + d, 0);
    for (const value of Object.values(node.attrs)) if (Array.isArray(value)) sizes += sumOf(value);
  }
  if (count > LIMITS.composites) return limitProblem('uses of composite ops', count, LIMITS.composites);
  return sizes > LIMITS.compositeSizes ? limitProblem('sizes of the results of composite ops', sizes, LIMITS.compositeSizes) : undefined;
};

const lastUses = (program: Program): Int32Array => {
  const last = new Int32Array(program.types.length).fill(-1);
  program.nodes.forEach((node, i) => {
    for (const v of node.operands) last[v] = i;
  });
  for (const output of program.outputs) last[output.value] = program.nodes.length;
  return last;
};

/**
 * Bytes that a node needs while it runs, besides its operands and results: those of the values inside a composite's definition.
 * Fails where the definition does not work out (an inner value above the limit on elements): such a node cannot run.
 */
const innerBytes = (program: Program, node: AnyNode, index: number): Result<number> => {
  if (!isComposite(node)) return ok(0);
  const operandTypes = node.operands.map((v) => typeOf(program, v));
  const inner = attempt('CVM1003', () => decompositionOf(node.op, operandTypes, node.attrs));
  const peak = inner.ok ? peakBytes(inner.value) : inner;
  if (!inner.ok || !peak.ok) return fail(...(peak.ok ? [] : peak.diagnostics).map((d) => ({ ...d, where: placeOf(node, index) })));
  const constants = inner.value.params.reduce((n, p) => n + byteSize(typeOf(inner.value, p.value)), 0);
  const outside = [...operandTypes, ...node.results.map((r) => typeOf(program, r))].reduce((n, t) => n + byteSize(t), 0);
  return ok(Math.max(0, constants + peak.value - outside));
};

const FREED = -2;

/**
 * Bytes of the run-time values at the fullest moment: a result lives from its node to its last use, an input from the start.
 * Parameters are not counted.
 */
export const peakBytes = (program: Program): Result<number> => {
  const last = lastUses(program);
  const isParam = new Uint8Array(program.types.length);
  for (const param of program.params) isParam[param.value] = 1;
  const size = (v: number): number => byteSize(typeOf(program, v));
  let live = program.inputs.reduce((n, port) => n + size(port.value), 0);
  let peak = live;
  for (const [i, node] of (program.nodes as readonly AnyNode[]).entries()) {
    for (const r of node.results) live += size(r);
    const inner = innerBytes(program, node, i);
    if (!inner.ok) return inner;
    peak = Math.max(peak, live + inner.value);
    for (const v of node.operands) {
      if (last[v] !== i || isParam[v] === 1) continue;
      live -= size(v);
      last[v] = FREED;
    }
    for (const r of node.results) if (last[r] === -1) live -= size(r);
  }
  return ok(peak);
};
