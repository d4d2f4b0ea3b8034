import {
  ATAN_COEFFICIENTS,
  ATANH_COEFFICIENTS,
  ATANH_SERIES,
  COS_COEFFICIENTS,
  LARGE_ANGLE,
  SIN_COEFFICIENTS,
  SINH_COEFFICIENTS,
  TAN_PI_8,
  TWO_OVER_PI_WORDS,
} from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { define, MATH, pow2 } from './math.ts';

/** The functions of ir/numeric/trigonometry.ts, operation by operation. */
const PIO2_A = 1.570796325802803;
const PIO2_B = 9.920935791635221e-10;
const PIO2_C = 5.170182981794105e-19;
const PIO2 = 1.5707963267948966;
const PIO4 = 0.7853981633974483;
const TWO_OVER_PI = 0.6366197723675814;

/** 1 + z P(z). */
const series = (f: Fn, coefficients: readonly number[], z: Local): Ex => {
  const { f64 } = f.ops;
  const p = f.let('f64', 0);
  for (const c of coefficients) f.set(p, f64.add(f64.mul(p, z), c));
  return f64.add(1, f64.mul(z, p));
};

/** s (1 + s^2 P(s^2)) */
const oddSeries = (f: Fn, coefficients: readonly number[], s: Local): Ex => {
  const z = f.let('f64', f.ops.f64.mul(s, s));
  return f.ops.f64.mul(s, series(f, coefficients, z));
};

const ofQuadrant = (asm: Asm): string =>
  asm.define('of_quadrant', ['i32', 'f64'], 'f64', (f) => {
    const { f64, i32 } = f.ops;
    const [quadrant, r] = [f.arg(0), f.arg(1)];
    const y = f.local('f64');
    f.if(
      i32.and(quadrant, 1),
      () => {
        const z = f.let('f64', f64.mul(r, r));
        f.set(y, series(f, COS_COEFFICIENTS, z));
      },
      () => f.set(y, oddSeries(f, SIN_COEFFICIENTS, r)),
    );
    f.result(f.select(i32.and(quadrant, 2), f64.neg(y), y, 'f64'));
  });

const mod4 = (f: Fn, t: Local): Ex => f.ops.f64.sub(t, f.ops.f64.mul(4, f.ops.f64.floor(f.ops.f64.div(t, 4))));

/** The five words of 2/pi from word j on, as float64. */
const wordsFrom = (f: Fn, j: Local): readonly Local[] => {
  const words = Array.from({ length: 5 }, () => f.local('f64'));
  for (let k = 0; k + words.length <= TWO_OVER_PI_WORDS.length; k++)
    f.if(f.ops.i32.eq(j, k), () => words.forEach((w, i) => f.set(w, at(TWO_OVER_PI_WORDS, k + i))));
  return words;
};

const largeAngle = (asm: Asm): string => {
  const quadrantOf = ofQuadrant(asm);
  return asm.define('large_angle', ['f64', 'i32'], 'f64', (f) => {
    const { f64, i32, i64 } = f.ops;
    const [x, turn] = [f.arg(0), f.arg(1)];
    const a = f.let('f64', f64.abs(x));
    const e = f.i32(i32.sub(i32.wrap(i64.shr_u(i64.reinterpret(a), 52)), 1046));
    const m = f.let('f64', f64.mul(a, pow2(f, i32.sub(0, e))));
    const j = f.i32(f.select(i32.lt_s(e, 2), 0, i32.div_s(i32.sub(e, 2), 24)));
    const s = f.i32(i32.sub(e, i32.mul(24, i32.add(j, 1))));
    const terms = wordsFrom(f, j).map((w, i) => f.let('f64', f64.mul(f64.mul(m, w), pow2(f, i32.sub(s, 24 * i)))));
    const [t0, t1, third, t3, t4] = [0, 1, 2, 3, 4].map((i) => at(terms, i)) as [Local, Local, Local, Local, Local];
    const first = f.let('f64', f64.add(mod4(f, t0), mod4(f, t1)));
    const high = f.let('f64', f64.add(first, third));
    const back = f.let('f64', f64.sub(high, first));
    const low = f.let('f64', f64.add(f64.sub(first, f64.sub(high, back)), f64.sub(third, back)));
    const whole = f.let('f64', f64.floor(f64.add(high, 0.5)));
    const r = f.let('f64', f64.mul(f64.add(f64.sub(high, whole), f64.add(low, f64.add(t3, t4))), PIO2));
    const quadrant = f.i32(i32.trunc_s_sat.f64(whole));
    f.if(f64.lt(x, 0), () => {
      f.set(quadrant, i32.sub(0, quadrant));
      f.set(r, f64.neg(r));
    });
    f.result(f.call(quadrantOf, [i32.add(turn, quadrant), r]));
  });
};

/** circular64(x, turn) */
const circular = (asm: Asm): string => {
  const [quadrantOf, large] = [ofQuadrant(asm), largeAngle(asm)];
  return asm.define('circular64', ['f64', 'i32'], 'f64', (f) => {
    const { f64, i32 } = f.ops;
    const [x, turn] = [f.arg(0), f.arg(1)];
    const a = f.let('f64', f64.abs(x));
    const y = f.let('f64', Number.NaN);
    f.if(i32.and(f64.ge(a, LARGE_ANGLE), f64.lt(a, Number.POSITIVE_INFINITY)), () => f.set(y, f.call(large, [x, turn])));
    f.if(f64.lt(a, LARGE_ANGLE), () => {
      const n = f.let('f64', f64.floor(f64.add(f64.mul(x, TWO_OVER_PI), 0.5)));
      const rest = f.let('f64', f64.sub(f64.sub(x, f64.mul(n, PIO2_A)), f64.mul(n, PIO2_B)));
      const r = f.let('f64', f64.sub(rest, f64.mul(n, PIO2_C)));
      f.set(y, f.call(quadrantOf, [i32.add(i32.trunc_s_sat.f64(n), turn), r]));
    });
    f.result(y);
  });
};

const turned =
  (name: string, turn: 0 | 1) =>
  (asm: Asm): string => {
    const kernel = circular(asm);
    return define(asm, name, (f, x, out) => f.set(out, f.call(kernel, [x, turn])));
  };

const tan64 = (asm: Asm): string => {
  const kernel = circular(asm);
  return define(asm, 'tan64', (f, x, out) => f.set(out, f.ops.f64.div(f.call(kernel, [x, 0]), f.call(kernel, [x, 1]))));
};

const atan64 = (asm: Asm): string =>
  define(asm, 'atan64', (f, x, out) => {
    const { f64 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    const u = f.let('f64', f.select(f64.gt(a, 1), f64.div(1, a), a, 'f64'));
    const folded = f.i32(f64.gt(u, TAN_PI_8));
    const t = f.let('f64', f.select(folded, f64.div(f64.sub(u, 1), f64.add(u, 1)), u, 'f64'));
    const v = f.let('f64', oddSeries(f, ATAN_COEFFICIENTS, t));
    f.if(folded, () => f.set(v, f64.add(PIO4, v)));
    f.if(f64.gt(a, 1), () => f.set(v, f64.sub(PIO2, v)));
    f.set(out, f.select(f64.lt(x, 0), f64.neg(v), f.select(f64.eq(x, 0), x, v, 'f64'), 'f64'));
  });

const asin64 = (asm: Asm): string => {
  const atan = atan64(asm);
  return define(asm, 'asin64', (f, x, out) => {
    const { f64 } = f.ops;
    f.set(out, f.call(atan, [f64.div(x, f64.sqrt(f64.mul(f64.sub(1, x), f64.add(1, x))))]));
  });
};

const acos64 = (asm: Asm): string => {
  const atan = atan64(asm);
  return define(asm, 'acos64', (f, x, out) => {
    const { f64 } = f.ops;
    f.set(out, f64.mul(2, f.call(atan, [f64.sqrt(f64.div(f64.sub(1, x), f64.add(1, x)))])));
  });
};

/** y with the sign of x where x is not 0. */
const signed = (f: Fn, x: Val, y: Local): Ex => f.select(f.ops.f64.lt(x, 0), f.ops.f64.neg(y), y, 'f64');

const sinh64 = (asm: Asm): string => {
  const exp = MATH.exp(asm);
  return define(asm, 'sinh64', (f, x, out) => {
    const { f64 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    f.if(
      f64.lt(a, 1),
      () => f.set(out, oddSeries(f, SINH_COEFFICIENTS, x)),
      () => {
        const e = f.let('f64', f.call(exp, [a]));
        const y = f.let('f64', f64.div(f64.sub(e, f64.div(1, e)), 2));
        f.set(out, signed(f, x, y));
      },
    );
  });
};

const cosh64 = (asm: Asm): string => {
  const exp = MATH.exp(asm);
  return define(asm, 'cosh64', (f, x, out) => {
    const { f64 } = f.ops;
    const e = f.let('f64', f.call(exp, [f64.abs(x)]));
    f.set(out, f64.div(f64.add(e, f64.div(1, e)), 2));
  });
};

const asinh64 = (asm: Asm): string => {
  const log = MATH.log(asm);
  return define(asm, 'asinh64', (f, x, out) => {
    const { f64 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    const root = f.let('f64', f64.sqrt(f64.add(f64.mul(a, a), 1)));
    f.if(
      f64.le(a, ATANH_SERIES),
      () => {
        const s = f.let('f64', f64.div(x, root));
        f.set(out, oddSeries(f, ATANH_COEFFICIENTS, s));
      },
      () => {
        const y = f.let('f64', f.call(log, [f64.add(a, root)]));
        f.set(out, signed(f, x, y));
      },
    );
  });
};

const acosh64 = (asm: Asm): string => {
  const log = MATH.log(asm);
  return define(asm, 'acosh64', (f, x, out) => {
    const { f64 } = f.ops;
    f.set(out, Number.NaN);
    f.if(f64.ge(x, 1), () =>
      f.if(
        f64.le(x, 1.05),
        () => {
          const s = f.let('f64', f64.sqrt(f64.div(f64.sub(x, 1), f64.add(x, 1))));
          f.set(out, f64.mul(2, oddSeries(f, ATANH_COEFFICIENTS, s)));
        },
        () => f.set(out, f.call(log, [f64.add(x, f64.sqrt(f64.sub(f64.mul(x, x), 1)))])),
      ),
    );
  });
};

const atanh64 = (asm: Asm): string => {
  const log = MATH.log(asm);
  return define(asm, 'atanh64', (f, x, out) => {
    const { f64 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    f.if(
      f64.le(a, ATANH_SERIES),
      () => f.set(out, oddSeries(f, ATANH_COEFFICIENTS, x)),
      () => {
        const y = f.let('f64', f64.div(f.call(log, [f64.div(f64.add(1, a), f64.sub(1, a))]), 2));
        f.set(out, signed(f, x, y));
      },
    );
  });
};

/** Functions of one float64 argument by name. */
export const TRIGONOMETRY = {
  sin: turned('sin64', 0),
  cos: turned('cos64', 1),
  tan: tan64,
  asin: asin64,
  acos: acos64,
  atan: atan64,
  sinh: sinh64,
  cosh: cosh64,
  asinh: asinh64,
  acosh: acosh64,
  atanh: atanh64,
} as const;
