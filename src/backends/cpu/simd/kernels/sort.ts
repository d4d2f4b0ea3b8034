import type { Asm } from '../asm.ts';
import type { Access } from '../fn.ts';
import { ACCESS_BYTES } from './map.ts';

/** Sorts after every number, in both directions. */
const NAN_KEY = 0x7fffffff;

/** sortKeys(keys, order, from, count, step): integers in the order of the elements, and the indices 0, 1, 2, … */
export const sortKeysKernel = (asm: Asm, access: Access, descending: boolean): string =>
  asm.define(`sort_keys_${access}_${descending ? 'down' : 'up'}`, ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [keys, order, from, count, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const key = f.local('i32');
    f.for(0, count, 1, (i) => {
      if (access === 'f32') {
        const x = f.let('f32', f.load('f32', from));
        f.set(key, f.select(f32.eq(x, 0), 0, i32.reinterpret(x)));
        f.set(key, i32.xor(key, i32.and(i32.shr_s(key, 31), 0x7fffffff)));
        if (descending) f.set(key, i32.xor(key, -1));
        f.set(key, f.select(f32.ne(x, x), NAN_KEY, key));
      } else {
        f.set(key, f.load(access, from));
        if (descending) f.set(key, i32.xor(key, -1));
      }
      f.store('i32', keys, key);
      f.store('i32', order, i);
      f.inc(keys, 4);
      f.inc(order, 4);
      f.inc(from, step);
    });
  });

/** mergeSort(keys, order, spare, count): the place, order or spare, where the indices end up in stable order of their keys. */
export const mergeSortKernel = (asm: Asm): string =>
  asm.define('merge_sort', ['i32', 'i32', 'i32', 'i32'], 'i32', (f) => {
    const { i32 } = f.ops;
    const [keys, a, b, count] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const [width, start, left, right, middle, end, to, swap, takeLeft] = Array.from({ length: 9 }, () => f.local('i32'));
    if (!width || !start || !left || !right || !middle || !end || !to || !swap || !takeLeft) return;
    const keyOf = (place: typeof left) => f.load('i32', i32.add(keys, i32.shl(f.load('i32', place), 2)));
    const place = (index: typeof left) => i32.add(a, i32.shl(index, 2));
    const bounded = (index: ReturnType<typeof place>) => {
      const value = f.i32(index);
      return f.select(i32.lt_u(value, count), value, count);
    };
    const take = (from: typeof left): void => {
      f.store('i32', to, f.load('i32', from));
      f.inc(from, 4);
      f.inc(to, 4);
    };
    f.set(width, 1);
    f.while(
      () => i32.lt_u(width, count),
      () => {
        f.set(start, 0);
        f.set(to, b);
        f.while(
          () => i32.lt_u(start, count),
          () => {
            f.set(middle, bounded(i32.add(start, width)));
            f.set(end, bounded(i32.add(start, i32.shl(width, 1))));
            f.set(left, place(start));
            f.set(right, place(middle));
            f.set(start, end);
            f.set(middle, place(middle));
            f.set(end, place(end));
            f.while(
              () => i32.or(i32.lt_u(left, middle), i32.lt_u(right, end)),
              () => {
                f.set(takeLeft, i32.lt_u(left, middle));
                // equal keys: the left index is the lower one
                f.if(i32.and(takeLeft, i32.lt_u(right, end)), () => f.set(takeLeft, i32.le_s(keyOf(left), keyOf(right))));
                f.if(
                  takeLeft,
                  () => take(left),
                  () => take(right),
                );
              },
            );
          },
        );
        f.set(swap, a);
        f.set(a, b);
        f.set(b, swap);
        f.set(width, i32.shl(width, 1));
      },
    );
    f.result(a);
  });

/** takeSorted(values, indices, order, from, count, step, valueStep, indexStep): the first elements in order; steps in bytes. */
export const takeSortedKernel = (asm: Asm, access: Access): string =>
  asm.define(`take_sorted_${access}`, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [values, indices, order, from, count] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [step, valueStep, indexStep] = [f.arg(5), f.arg(6), f.arg(7)];
    const index = f.local('i32');
    const raw = ACCESS_BYTES[access] === 4 ? 'i32' : access;
    f.for(0, count, 1, () => {
      f.set(index, f.load('i32', order));
      f.store('i32', indices, index);
      f.store(raw, values, f.load(raw, i32.add(from, i32.mul(index, step))));
      f.inc(order, 4);
      f.inc(values, valueStep);
      f.inc(indices, indexStep);
    });
  });
