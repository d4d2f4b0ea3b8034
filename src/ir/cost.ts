import { at } from '../support/index.ts';
import { opOf } from './ops/index.ts';
import type { AnyNode, Program } from './program.ts';
import { DTYPE_INFO, elementCount, isStaticType, type StaticType } from './types.ts';

/** Arithmetic operations per Endorphin (the Cortex chain divides operation counts by 20,000). */
export const OPERATIONS_PER_ENDORPHIN = 20_000;

/** Operations of one node, from types and attributes alone. */
const nodeOperations = (program: Program, node: AnyNode): number =>
  opOf(node.op).cost(
    node.operands.map((v) => at(program.types, v) as StaticType),
    node.attrs,
    node.results.map((r) => at(program.types, r) as StaticType),
  );

/** Cost of one node in units of a multiply-accumulate: its operations by what each takes, rounded up. */
export const nodeCost = (program: Program, node: AnyNode): number => Math.ceil(nodeOperations(program, node) * (opOf(node.op).weight ?? 1));

/** Operations of a program, each counted once: how long it takes on the reference interpreter. */
export const programOperations = (program: Program): number =>
  (program.nodes as readonly AnyNode[]).reduce((n, node) => n + nodeOperations(program, node), 0);

/**
 * Cost of a program whose dimensions are numbers. One multiply-accumulate of 8 or 6 bits, or of float, is 1; of i16 with
 * i8 it is 2 and of i16 with i16 it is 4, the 8-bit products that it is made of.
 */
export const programCost = (program: Program): number =>
  (program.nodes as readonly AnyNode[]).reduce((n, node) => n + nodeCost(program, node), 0);

/** Price of one run in Endorphin, rounded up; at least 1. */
export const endorphinOf = (operations: number): number => Math.max(1, Math.ceil(operations / OPERATIONS_PER_ENDORPHIN));

/** Bytes of all run-time values at once: what an interpreter without buffer reuse needs. */
export const valueBytes = (program: Program): number =>
  program.types.reduce((n, t) => n + (isStaticType(t) ? elementCount(t.shape) * DTYPE_INFO[t.dtype].bytes : 0), 0);
