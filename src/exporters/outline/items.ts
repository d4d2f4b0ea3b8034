import type { AnyNode, ValueId } from '../../ir/index.ts';
import type { Step } from './code.ts';

/** A statement at its place. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly order: number;
  readonly step: Step;
  readonly op: AnyNode['op'];
  /** The name that the source gives; undefined where it gives none. */
  readonly name: string | undefined;
  readonly operands: readonly ValueId[];
  readonly results: readonly ValueId[];
}

/** A module: its items in an order in which they can run. */
export interface Scope {
  readonly kind: 'scope';
  readonly name: string;
  readonly items: readonly Item[];
  /** Values from outside, in the order of their first use, and values that are used outside. */
  readonly operands: readonly ValueId[];
  readonly results: readonly ValueId[];
}

export type Item = Leaf | Scope;
