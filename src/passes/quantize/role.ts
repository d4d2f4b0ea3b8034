import type { AnyNode, StaticType, Tensor, ValueId } from '../../ir/index.ts';

/** What a check or a lowering may ask about the float program. */
export interface FloatView {
  typeOf(value: ValueId): StaticType;
  constantOf(value: ValueId): Tensor | undefined;
}

/** What planning knows of an op; its lowering is added in `Role`. */
export interface RoleFacts {
  /** One node's integer form; `unsupported(reason)` when there is none outside a table. */
  readonly lower: unknown;
  /** Each result element depends on the operand elements at its place: with one run-time source it becomes a table. */
  readonly elementwise?: true;
  /** The result keeps the quantization of operand 0. */
  readonly passthrough?: true;
  /** A relu or clip after it costs nothing: it becomes the limits of the rescale. */
  readonly clamps?: true;
  /** `source`: can give i16. `follow`: keeps i16 of operand 0. `read`: reads i16 or i8. `any`: reads both, gives both. */
  readonly wide?: 'source' | 'follow' | 'read' | 'any';
  /** The result's quantization when it does not depend on calibration. */
  readonly fixed?: {
    readonly narrow: { readonly scale: number; readonly zero: number };
    readonly wide: { readonly scale: number; readonly zero: number };
  };
  /** Operand 0 keeps its whole calibrated range: clipping would change what the op compares. */
  readonly wholeRange?: true;
  /** Why this use is refused; undefined when it is not. */
  readonly refuses?: (node: AnyNode, view: FloatView) => string | undefined;
}
