import { TensorDesk } from '../../ir/index.ts';
import type { Context } from '../context.ts';
import { makeRoom } from '../memory.ts';

const desks = new WeakMap<Context, TensorDesk>();

/** Where a command looks at elements of parameters that stay in their files: one tensor at a time, whichever file it is of. */
export const deskOf = (context: Context): TensorDesk => {
  const known = desks.get(context);
  if (known !== undefined) return known;
  const desk = new TensorDesk(makeRoom);
  desks.set(context, desk);
  return desk;
};
