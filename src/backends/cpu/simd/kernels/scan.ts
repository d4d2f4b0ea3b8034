import type { Asm } from '../asm.ts';
import type { Access } from '../fn.ts';

export type ScanOp = 'sum' | 'prod';

/** scan(to, from, count, toStep, fromStep): running sum or product in order; steps in bytes, negative to go backwards. */
export const scanKernel = (asm: Asm, op: ScanOp, access: Access, exclusive: boolean): string =>
  asm.define(`scan_${op}_${access}_${exclusive ? 'before' : 'with'}`, ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [to, from, count, toStep, fromStep] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const float = access === 'f32';
    const acc = f.let(float ? 'f32' : 'i32', op === 'sum' ? 0 : 1);
    f.for(0, count, 1, () => {
      const store = (): void => f.store(float ? 'f32' : 'i32', to, acc);
      if (exclusive) store();
      const x = f.load(access, from);
      const next = op === 'sum' ? (float ? f32.add(acc, x) : i32.add(acc, x)) : float ? f32.mul(acc, x) : i32.mul(acc, x);
      f.set(acc, next);
      if (!exclusive) store();
      f.inc(to, toStep);
      f.inc(from, fromStep);
    });
  });
