import type { AnyNode, ValueId } from '../../../ir/index.ts';
import type { Context } from '../../cpu/simd/index.ts';
import type { ArrayConfig } from '../array/config.ts';
import type { Task } from '../array/task.ts';
import type { ArrayTiming } from '../simulator/array-cycles.ts';
import type { Facts } from './facts.ts';
import type { Home, Sizes } from './homes.ts';
import type { Import } from './imports.ts';

/** Where operands are, and where a result will be. */
export interface Desk {
  readonly ctx: Context;
  readonly facts: Facts;
  readonly config: ArrayConfig;
  readonly timing: ArrayTiming;
  /** The home of a value that the array made, of the kind that is asked for. */
  readonly made: (value: ValueId, kind: Home['kind']) => Home | undefined;
  /** The same, or else of a copy that the processor makes; undefined where that is not possible. */
  readonly image: (value: ValueId) => Operand | undefined;
  readonly matrix: (value: ValueId) => Operand | undefined;
  /** An image of few channels, 16 bytes of a row a beat. @param pad - what is behind its rows */
  readonly lines: (value: ValueId, pad: number) => Operand;
  /** A home for a result. */
  readonly result: (value: ValueId, kind: Home['kind'], sizes: Sizes) => Home;
}

/** An operand, and the copy that has to be made for it. */
export interface Operand {
  readonly home: Home;
  readonly from: Import | undefined;
}

/** A node that the array does. */
export interface Layer {
  readonly node: AnyNode;
  readonly imports: readonly Import[];
  /** The values that it makes, where they are. */
  readonly results: ReadonlyMap<ValueId, Home>;
  /** Made when all homes are known. */
  readonly tasks: () => readonly Task[];
}

/** Says how the array does a node; undefined where the processor has to. */
export type Recognize<N> = (desk: Desk, node: N) => Layer | undefined;

export const importsOf = (...operands: readonly (Operand | undefined)[]): readonly Import[] =>
  operands.flatMap((o) => (o?.from === undefined ? [] : [o.from]));
