import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

type Format = 'corners' | 'diagonal' | 'center';

export interface NmsForm {
  readonly format: Format;
  readonly inclusive: boolean;
  /** float32, or int16 boxes whose areas are exact in float64. */
  readonly float: boolean;
  readonly scores: Access;
  /** Only scores above a threshold count. */
  readonly filtered: boolean;
}

/** Four coordinates and the area of a kept box. */
export const KEPT_BYTES = (float: boolean): number => 5 * (float ? 4 : 8);

/** Arithmetic of one kind: float32 rounds each step, float64 is exact on these integers. */
const arithmetic = (f: Fn, float: boolean) => {
  const ops = float ? f.ops.f32 : f.ops.f64;
  const kind = float ? ('f32' as const) : ('f64' as const);
  const local = (value?: Val): Local => (value === undefined ? f.local(kind) : f.let(kind, value));
  const positive = (value: Ex): Local => {
    const v = local(value);
    f.set(v, f.select(ops.gt(v, 0), v, float ? f.f32c(0) : f.f64c(0), kind));
    return v;
  };
  const area = (box: readonly Val[]): Ex => {
    const [a = 0, b = 0, c = 0, d = 0] = box;
    return ops.mul(positive(ops.sub(c, a)), positive(ops.sub(d, b)));
  };
  return { ops, kind, local, area };
};

/** Reads a box as least and greatest coordinates. */
const loadBox = (f: Fn, at: Local, form: NmsForm, into: readonly Local[]): void => {
  const { ops, local } = arithmetic(f, form.float);
  const [a, b, c, d] = [0, 1, 2, 3].map((i) =>
    local(form.float ? f.load('f32', at, 4 * i) : f.ops.f64.convert_s.i32(f.load('i16', at, 2 * i))),
  );
  if (!a || !b || !c || !d) return;
  const pairs = [
    [a, c],
    [b, d],
  ] as const;
  pairs.forEach(([u, v], axis) => {
    const [least, greatest] = [into[axis], into[axis + 2]];
    if (least === undefined || greatest === undefined) return;
    if (form.format === 'center') {
      const centre = form.float ? u : local(ops.mul(2, u));
      const half = form.float ? local(ops.div(v, 2)) : v;
      f.set(least, ops.sub(centre, half));
      f.set(greatest, ops.add(centre, half));
    } else {
      const diagonal = form.format === 'diagonal';
      f.set(least, diagonal ? ops.min(u, v) : u);
      f.set(greatest, diagonal ? ops.max(u, v) : v);
    }
  });
};

/** 1 when the overlap with the kept box at `at` is above the threshold. */
const suppressed = (f: Fn, form: NmsForm, box: readonly Local[], own: Local, at: Local, threshold: Local): Ex => {
  const { ops, kind, local, area } = arithmetic(f, form.float);
  const other = (i: number): Ex => f.load(kind, at, i * (form.float ? 4 : 8));
  const joined = box.map((v, i) => local(i < 2 ? ops.max(v, other(i)) : ops.min(v, other(i))));
  const inter = local(area(joined));
  const union = ops.sub(ops.add(own, other(4)), inter);
  const left = form.float ? f.select(ops.eq(inter, 0), f.f32c(0), ops.div(inter, union), 'f32') : ops.mul(inter, 65536);
  const right = form.float ? threshold : ops.mul(threshold, union);
  return form.inclusive ? ops.ge(left, right) : ops.gt(left, right);
};

/**
 * nms(indices, order, count, boxes, scores, kept, maxOut, threshold, least): goes through the boxes in the given order
 * and writes the indices of those that stay; their number is the result. `kept` is room for maxOut boxes.
 */
export const nmsKernel = (asm: Asm, form: NmsForm): string => {
  const { format, inclusive, float, scores: access, filtered } = form;
  const score = access === 'f32' ? ('f32' as const) : ('i32' as const);
  const name = `nms_${format}_${inclusive ? 'ge' : 'gt'}_${float ? 'f32' : 'i16'}_${access}_${filtered}`;
  const kinds = [...new Array<'i32'>(7).fill('i32'), float ? ('f32' as const) : ('f64' as const), score];
  return asm.define(name, kinds, 'i32', (f) => {
    const { i32, f32 } = f.ops;
    const { kind, local, area } = arithmetic(f, float);
    const [indices, order, count, boxes, scores] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [kept, maxOut, threshold, least] = [f.arg(5), f.arg(6), f.arg(7), f.arg(8)];
    const box = [local(), local(), local(), local()];
    const [own, end, index, other, going] = [local(), f.i32(kept), f.local('i32'), f.local('i32'), f.i32(1)];
    const room = KEPT_BYTES(float);
    const value = f.local(score);
    const limit = f.i32(i32.add(kept, i32.mul(maxOut, room)));
    const [place, last] = [f.i32(order), f.i32(i32.add(order, i32.shl(count, 2)))];
    f.while(
      () => i32.and(i32.and(i32.lt_u(place, last), i32.lt_u(end, limit)), going),
      () => {
        f.set(index, f.load('i32', place));
        const bytes = access === 'i8' || access === 'u8' ? 1 : access === 'i16' ? 2 : 4;
        f.set(value, f.load(access, i32.add(scores, i32.mul(index, bytes))));
        // scores descend: when one is not above the threshold, or is NaN, no later one is a candidate
        if (filtered) f.set(going, score === 'f32' ? f32.gt(value, least) : i32.gt_s(value, least));
        else if (score === 'f32') f.set(going, f32.eq(value, value));
        f.if(going, () => {
          const at = f.i32(i32.add(boxes, i32.mul(index, float ? 16 : 8)));
          loadBox(f, at, form, box);
          f.set(own, area(box));
          f.set(other, kept);
          f.while(
            () => i32.lt_u(other, end),
            () => {
              f.if(
                suppressed(f, form, box, own, other, threshold),
                () => f.set(other, -1),
                () => f.inc(other, room),
              );
            },
          );
          f.if(i32.eq(other, end), () => {
            box.forEach((v, i) => f.store(kind, end, v, i * (float ? 4 : 8)));
            f.store(kind, end, own, 4 * (float ? 4 : 8));
            f.inc(end, room);
            f.store('i32', indices, index);
            f.inc(indices, 4);
          });
        });
        f.inc(place, 4);
      },
    );
    f.result(i32.div_u(i32.sub(end, kept), room));
  });
};
