import { type Program, ProgramBuilder, proveProgram, type Tensor, type ValueId, verifyProgram } from '../ir/index.ts';
import { type Result, unwrap } from '../support/index.ts';
import type { ShapeClass } from './case.ts';

/** One use of an op: its shape class, its operands, and which of them are parameters. */
export interface Use {
  readonly shape: ShapeClass;
  readonly operands: readonly Tensor[];
  readonly isParam: (k: number, operand: Tensor) => boolean;
}

export interface UsesProgram {
  readonly program: Program;
  /** Which operand each input is: (use, operand), in the order of the inputs. */
  readonly inputs: readonly { readonly use: number; readonly operand: number }[];
}

/** A program with one node per use and every result as output, in order. */
export const programOf = (name: string, uses: readonly Use[]): UsesProgram => {
  const builder = new ProgramBuilder(name);
  const inputs: { use: number; operand: number }[] = [];
  // all inputs first: their order is that of the uses
  const values = uses.map(({ operands, isParam }, use) =>
    operands.map((tensor, operand): ValueId => {
      if (isParam(operand, tensor)) return builder.param(`p${use}_${operand}`, tensor);
      inputs.push({ use, operand });
      return builder.input(`x${use}_${operand}`, { dtype: tensor.dtype, shape: tensor.shape });
    }),
  );
  uses.forEach(({ shape }, use) => {
    const results = unwrap(builder.tryEmit(shape.op, values[use] ?? [], shape.attrs, shape.name));
    results.forEach((r, i) => builder.output(`y${use}_${i}`, r));
  });
  return { program: builder.finish(), inputs };
};

/** Only what the verifier wants as parameters. */
export const fewestParams =
  (shape: ShapeClass): Use['isParam'] =>
  (k) =>
    shape.operands[k]?.constant === true;

const hasNaN = (tensor: Tensor): boolean => tensor.dtype === 'f32' && tensor.data.some((v) => Number.isNaN(v));

/** All but the first operand, as in real programs; a parameter holds no NaN. */
export const weightParams =
  (shape: ShapeClass): Use['isParam'] =>
  (k, tensor) =>
    shape.operands[k]?.constant === true || (k > 0 && !hasNaN(tensor));

/**
 * Whether the result is defined: the verifier accepts the use, and with exactly these integers nothing overflows by the
 * proof. Sums that wrap are no conformance case, since no admitted program has them.
 */
export const checkUse = (shape: ShapeClass, operands: readonly Tensor[]): Result<unknown> => {
  const isParam: Use['isParam'] = (k, tensor) => tensor.dtype !== 'f32' || shape.operands[k]?.constant === true;
  const verified = verifyProgram(programOf(shape.op, [{ shape, operands, isParam }]).program);
  return verified.ok ? proveProgram(verified.value) : verified;
};
