import type { HostTensor } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';

/** How one ONNX operator is imported. */
export interface OnnxOp {
  /** Versions of the operator that are read, ascending. The newest that is not above the model's opset applies. */
  readonly since: readonly number[];
  /** Emits the program's ops; gives one entry for each output that is supported, in order. */
  readonly import: (n: OnnxNode) => readonly Made[];
  /**
   * Operands whose elements the operator only moves: when they are known, so is the result, of any element type.
   * `reshapes`: the first operand, elements stay in order.
   */
  readonly moves?: 'first' | 'all' | 'reshapes';
  /** It reads or makes types of 4 bits and less, and narrow floats; others refuse them. */
  readonly low?: true;
  /** It makes reals of stored integers: where these are known, the program keeps them and the scale, not the reals alone. */
  readonly dequantizes?: true;
  /** The result when all inputs are known, computed exactly on integers; undefined to import the node as usual. */
  readonly fold?: (n: OnnxNode) => HostTensor | undefined;
}

export type OnnxOps = Readonly<Record<string, OnnxOp>>;
