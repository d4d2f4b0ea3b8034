import { type AnyNode, type OpName, UnsupportedError, type ValueId } from '../../ir/index.ts';
import { type AnyRule, type Context, lowerProgram, type Rows, rowsOf, SIMD_ROWS } from '../cpu/simd/index.ts';
import { type ExecutionPlan, planProgram } from '../plan/index.ts';
import { supportTable } from '../support-table.ts';
import { FLOAT_REASON, FpgaMachine } from './codegen/machine.ts';
import type { ArrayNeeds } from './isa/image.ts';
import type { ResultLayout } from './program.ts';

/** A form of a value in memory, asked for after the memory plan. */
export interface ValuePlace {
  readonly address: number;
  readonly layout: ResultLayout;
}

/** Rows of the core. */
export interface FpgaRows extends Rows {
  /** Fuses what they do in one pass. */
  readonly prepare?: (plan: ExecutionPlan) => ExecutionPlan;
  /** What the steps that were lowered need of the array; asked for at the end. */
  readonly array?: () => ArrayNeeds;
  /** Where a result is, in every form, when programs are traced; the place of the lowering where the answer is undefined or absent. */
  readonly places?: (context: Context, value: ValueId) => readonly ValuePlace[] | undefined;
}

const refuseFloats = (context: Context, node: AnyNode): void => {
  for (const value of [...node.operands, ...node.results])
    if (context.type(value).dtype === 'f32') throw new UnsupportedError(FLOAT_REASON);
};

/**
 * Rows of the SIMD machine on the processor alone, one thread; float32 is refused.
 * @param own - rows that come before them
 */
export const processorRows = (own: ReadonlyMap<OpName, AnyRule> = new Map()): FpgaRows => {
  const all = rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ...own]));
  const rows: Rows = {
    ...all,
    lower: (context, node) => {
      refuseFloats(context, node);
      return all.lower(context, node);
    },
  };
  const table = supportTable({
    hasRow: rows.has,
    lower: (program) => {
      const plan = planProgram(program, rows.has);
      return plan.ok ? lowerProgram(plan.value, new FpgaMachine(), rows, 1) : plan;
    },
    floatReason: FLOAT_REASON,
  });
  return { ...rows, ...table };
};
