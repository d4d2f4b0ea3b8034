import type { OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Code, num } from '../code.ts';
import type { Context } from '../context.ts';
import {
  choose,
  clamp,
  constant,
  I32,
  type Int,
  less,
  limbsOf,
  maximum,
  minimum,
  type Pair,
  RADIX,
  subtract,
  toPair,
} from '../integers.ts';
import { broadcastOffset } from './strided.ts';

/** Bits of a limb. */
const LIMB_BITS = 11;

/** |v|, up to 2^31. */
const magnitude = (code: Code, v: Int): Pair => {
  const p = toPair(code, v);
  const [lo, hi] = [code.variable(p.lo), code.variable(p.hi)];
  code.block(`if (${hi} < 0)`, () => {
    code.line(`${hi} = -1 - ${hi};`);
    code.line(`${lo} = ${RADIX} - ${lo};`);
    code.line(`if (${lo} >= ${RADIX}) { ${lo} = 0; ${hi} = ${hi} + 1; }`);
  });
  return { lo, hi, min: 0, max: Math.max(-v.min, v.max) };
};

/** Quotient and remainder of magnitudes. */
interface Divided {
  readonly quotient: Pair;
  readonly rest: Pair;
}

/** Long division of a by b > 0, bit by bit from the top: rest < b <= 2^31, so that its double has an upper part of at most 2^21. */
const divide = (code: Code, a: Pair, b: Pair): Divided => {
  const limbs = limbsOf(code, { ...a, max: 2 ** 31 }).names;
  const [lo, hi] = [code.variable('0'), code.variable('0')];
  const quotients = [...limbs].reverse().map((limb) => {
    const [left, quotient] = [code.variable(limb), code.variable('0')];
    code.loop(0, LIMB_BITS, () => {
      const bit = code.floor(`${left} * ${num(2 / RADIX)}`);
      code.line(`${left} = 2 * ${left} - ${bit} * ${RADIX};`);
      code.line(`${lo} = 2 * ${lo} + ${bit};`);
      code.line(`${hi} = 2 * ${hi};`);
      code.line(`${quotient} = 2 * ${quotient};`);
      code.line(`if (${lo} >= ${RADIX}) { ${lo} = ${lo} - ${RADIX}; ${hi} = ${hi} + 1; }`);
      code.block(`if (${hi} > ${b.hi} || (${hi} == ${b.hi} && ${lo} >= ${b.lo}))`, () => {
        code.line(`${lo} = ${lo} - ${b.lo};`);
        code.line(`${hi} = ${hi} - ${b.hi};`);
        code.line(`if (${lo} < 0) { ${lo} = ${lo} + ${RADIX}; ${hi} = ${hi} - 1; }`);
        code.line(`${quotient} = ${quotient} + 1;`);
      });
    });
    return quotient;
  });
  const [top = '0', middle = '0', low = '0'] = quotients;
  const quotient = { lo: low, hi: code.let(`${top} * ${RADIX} + ${middle}`), min: 0, max: a.max };
  return { quotient, rest: { lo, hi, min: 0, max: b.max } };
};

type Division = OpNode<'div'> | OpNode<'div_floor'> | OpNode<'div_round'> | OpNode<'rem'> | OpNode<'mod'>;

interface Signed extends Divided {
  /** |b|. */
  readonly by: Pair;
  /** Names of 1 where a is negative, b is negative, both signs differ, and the remainder is not 0; else 0. */
  readonly a: string;
  readonly b: string;
  readonly differ: string;
  readonly some: string;
}

const flag = (code: Code, condition: string): string => choose(code, condition, constant(1), constant(0)).lo;

const plus = (code: Code, v: Pair, condition: string): Pair => {
  const [lo, hi] = [code.variable(v.lo), code.variable(v.hi)];
  code.line(`if (${condition}) { ${lo} = ${lo} + 1; }`);
  code.line(`if (${lo} >= ${RADIX}) { ${lo} = 0; ${hi} = ${hi} + 1; }`);
  return { lo, hi, min: v.min, max: v.max + 1 };
};
/** -v where the name is 1. */
const signed = (code: Code, v: Int, negative: string): Int =>
  choose(code, `${negative} > 0`, subtract(code, constant(0), { ...v, max: Math.min(v.max, I32.max) }), v);

/** 2 r. */
const doubled = (code: Code, rest: Pair): Pair => {
  const lo = code.let(`2 * ${rest.lo}`);
  const up = code.floor(`${lo} * ${num(1 / RADIX)}`);
  return { lo: code.let(`${lo} - ${up} * ${RADIX}`), hi: code.let(`2 * ${rest.hi} + ${up}`), min: 0, max: 2 ** 32 };
};

/** From the magnitudes (NUMERICS 1.4): towards zero, down, to the nearest with halves up; remainders with the sign of a or of b. */
const RESULTS: Readonly<Record<Division['op'], (code: Code, s: Signed) => Int>> = {
  div: (code, { quotient, differ }) => signed(code, quotient, differ),
  div_floor: (code, { quotient, differ, some }) => signed(code, plus(code, quotient, `${differ} > 0 && ${some} > 0`), differ),
  div_round: (code, s) => {
    const twice = doubled(code, s.rest);
    const below = flag(code, less(code, twice, s.by));
    const above = flag(code, less(code, s.by, twice));
    // halves go up: away from zero where the quotient is positive, towards it where it is negative
    return signed(code, plus(code, s.quotient, `(${s.differ} > 0 && ${above} > 0) || (${s.differ} < 1 && ${below} < 1)`), s.differ);
  },
  rem: (code, { rest, a }) => signed(code, rest, a),
  mod: (code, { rest, by, b, differ, some }) =>
    signed(code, choose(code, `${differ} > 0 && ${some} > 0`, subtract(code, by, rest), rest), b),
};

/** Division of i32; by 0 it gives 0, and -2^31 / -1 saturates. */
export const lowerDivision = (ctx: Context, node: Division): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { shape } = ctx.type(y);
  ctx.map(y, (k) => {
    const { code } = k;
    const i = k.flat();
    const x = toPair(code, k.read(ctx.use(a), broadcastOffset(code, ctx.type(a).shape, shape, i)));
    const z = toPair(code, k.read(ctx.use(b), broadcastOffset(code, ctx.type(b).shape, shape, i)));
    const by = magnitude(code, z);
    const divided = divide(code, magnitude(code, x), by);
    const [negativeA, negativeB] = [flag(code, `${x.hi} < 0`), flag(code, `${z.hi} < 0`)];
    const differ = flag(code, `${negativeA} + ${negativeB} == 1`);
    const some = flag(code, `${divided.rest.lo} + ${divided.rest.hi} > 0`);
    const result = RESULTS[node.op](code, { ...divided, by, a: negativeA, b: negativeB, differ, some });
    const limited = clamp(code, result, I32.min, I32.max);
    return choose(code, `${by.lo} + ${by.hi} > 0`, limited, constant(0));
  });
};

type Sign = OpNode<'neg'> | OpNode<'abs'> | OpNode<'sign'>;

/** Of i32; what leaves it saturates. */
export const lowerSign = (ctx: Context, node: Sign): void => {
  const from = ctx.use(at(node.operands, 0));
  ctx.map(at(node.results, 0), (k) => {
    const { code } = k;
    const v = k.read(from, k.flat());
    if (node.op === 'sign') return maximum(code, minimum(code, v, constant(1)), constant(-1));
    const kept = maximum(code, v, constant(-I32.max));
    const negative = subtract(code, constant(0), { ...kept, min: Math.max(kept.min, -I32.max) });
    return node.op === 'neg' ? negative : maximum(code, kept, negative);
  });
};
