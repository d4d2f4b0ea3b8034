import { formatType, isStaticType, type OpName, type Program } from '../../ir/index.ts';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { expandComposites } from './expand.ts';
import { findFusions, type Fusions } from './fuse.ts';

/** What is decided about a program before any backend writes code; the same for all backends with the same rows. */
export interface ExecutionPlan {
  /** The program as given: its inputs and outputs are the executable's. */
  readonly source: Program;
  /** The same with composites that the backend has no row for replaced by their definitions. */
  readonly program: Program;
  readonly fusions: Fusions;
}

/** @param hasRow - whether the backend does an op itself. Errors: IR0008 for a dimension without a number. */
export const planProgram = (source: Program, hasRow: (op: OpName) => boolean): Result<ExecutionPlan> => {
  const unbound = source.types.find((t) => !isStaticType(t));
  if (unbound !== undefined)
    return fail(diagnostic('IR0008', `${formatType(unbound)} has a dimension without a number`, { notes: ['Bind it: --bind N=1.'] }));
  const program = expandComposites(source, hasRow);
  return ok({ source, program, fusions: findFusions(program) });
};
