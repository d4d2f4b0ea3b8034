import type { Access, Kind, NamespaceName } from '../simd/index.ts';

/** C types of values (cx_machine.h). */
export const C_TYPES = { i32: 'uint32_t', i64: 'uint64_t', f32: 'float', f64: 'double', v128: 'v128' } as const satisfies Record<
  Kind,
  string
>;

/** Loads and stores of cx_machine_memory.h, and the kind of the value. */
export const ACCESSES = {
  i8: { kind: 'i32', load: 'i32_load8_s', store: 'i32_store8' },
  u8: { kind: 'i32', load: 'i32_load8_u', store: 'i32_store8' },
  i16: { kind: 'i32', load: 'i32_load16_s', store: 'i32_store16' },
  i32: { kind: 'i32', load: 'i32_load', store: 'i32_store' },
  i64: { kind: 'i64', load: 'i64_load', store: 'i64_store' },
  f32: { kind: 'f32', load: 'f32_load', store: 'f32_store' },
  f64: { kind: 'f64', load: 'f64_load', store: 'f64_store' },
} as const satisfies Record<Access, { readonly kind: Kind; readonly load: string; readonly store: string }>;

const SCALARS = ['i32', 'i64', 'f32', 'f64'] as const;
const isScalar = (space: NamespaceName): space is (typeof SCALARS)[number] => SCALARS.some((s) => s === space);

/** Instructions of one type that the builders name without the other type. */
const OTHER_TYPE: ReadonlyMap<string, string> = new Map([
  ['i32.wrap', 'wrap_i64'],
  ['i64.extend_s', 'extend_i32_s'],
  ['i64.extend_u', 'extend_i32_u'],
  ['f32.demote', 'demote_f64'],
  ['f64.promote', 'promote_f32'],
  ['i32.reinterpret', 'reinterpret_f32'],
  ['i64.reinterpret', 'reinterpret_f64'],
  ['f32.reinterpret', 'reinterpret_i32'],
  ['f64.reinterpret', 'reinterpret_i64'],
]);

/**
 * The C function of an instruction, which has the specification's name with _ for the dot. Builders write conversions as
 * `trunc_s_sat.f32` and saturating sums as `add_saturate_s`; the specification has `trunc_sat_f32_s` and `add_sat_s`.
 */
export const instructionName = (space: NamespaceName, path: string): string => {
  const name =
    OTHER_TYPE.get(`${space}.${path}`) ??
    path
      .replace(/^(\w+?)_([su])(_sat)?\.(\w+)$/, (_, verb: string, sign: string, sat: string | undefined, from: string) =>
        [`${verb}${sat ?? ''}`, from, sign].join('_'),
      )
      .replace('_saturate_', '_sat_');
  return `${space}_${name}`;
};

const TRUTHS = /^(eqz?|ne|[lg][te](_[su])?)$/;
const ACROSS_LANES = /^(any_true|all_true|bitmask)$/;

/** What an instruction whose arguments are expressions gives. */
export const resultKind = (space: NamespaceName, path: string): Kind => {
  if (isScalar(space)) return TRUTHS.test(path) ? 'i32' : space;
  return ACROSS_LANES.test(path) ? 'i32' : 'v128';
};

/** A number that is finite as a C constant: JavaScript's shortest decimal that reads back as the same double. */
const decimal = (value: number): string => {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
};

/** A constant of a kind; infinities and the canonical NaN by their bits. */
export const constantText = (kind: Exclude<Kind, 'v128'>, value: number | bigint): string => {
  switch (kind) {
    case 'i32':
      return `${Number(value) >>> 0}u`;
    case 'i64':
      return `${BigInt.asUintN(64, BigInt(value))}ull`;
    case 'f32': {
      const f = Math.fround(Number(value));
      if (Number.isFinite(f)) return `${decimal(f)}f`;
      return `f32_reinterpret_i32(${Number.isNaN(f) ? '0x7fc00000u' : f > 0 ? '0x7f800000u' : '0xff800000u'})`;
    }
    case 'f64': {
      const f = Number(value);
      if (Number.isFinite(f)) return decimal(f);
      const high = Number.isNaN(f) ? '0x7ff8' : f > 0 ? '0x7ff0' : '0xfff0';
      return `f64_reinterpret_i64(${high}000000000000ull)`;
    }
    default:
      return kind satisfies never;
  }
};

/** The host calls steps by these names; other functions get a prefix, since C's library has an exp, a fill and so on. */
const STEP = /^(init|run)\d+$/;

/** The C name of a function: what C does not allow in names becomes its code in hex. */
export const functionName = (name: string): string =>
  STEP.test(name) ? name : `f_${name.replace(/[^A-Za-z0-9_]/g, (c) => `_x${c.charCodeAt(0).toString(16)}`)}`;
