/** Kinds of lanes; the operands of each have tables of their own. */
export const LANES = ['i8x16', 'i16x8', 'i32x4', 'i64x2', 'f32x4', 'f64x2'] as const;
export type Lanes = (typeof LANES)[number];
type Scalar = 'i32' | 'i64' | 'f32' | 'f64';
type ValueKind = Scalar | 'v128';

/** Operands a table. */
export const SAMPLES = 2048;

/** Where an operand is: a table of slots of 16 bytes; a scalar is the first lane. */
export interface Place {
  readonly lanes: Lanes;
  readonly table: number;
  readonly kind: ValueKind;
}

/** Where a case writes and where tables are in linear memory. */
export interface Layout {
  readonly base: number;
  readonly table: (place: Place) => number;
}

/** One use of one instruction, as text of WebAssembly and of C, given its operands as text. */
export interface Case {
  readonly name: string;
  readonly places: readonly Place[];
  /** Undefined: the text is a statement that writes its result itself. */
  readonly result: ValueKind | undefined;
  /** Lanes of the result whose NaNs may have any bits. */
  readonly anyNaN: Lanes | undefined;
  readonly wat: (args: readonly string[], layout: Layout) => string;
  readonly c: (args: readonly string[], layout: Layout) => string;
}

type Operand = Scalar | Lanes;
const isScalar = (o: Operand): o is Scalar => !o.includes('x');
const placeOf = (o: Operand, table: number): Place =>
  isScalar(o)
    ? { kind: o, table, lanes: ({ i32: 'i32x4', i64: 'i64x2', f32: 'f32x4', f64: 'f64x2' } as const)[o] }
    : { kind: 'v128', lanes: o, table };

const cName = (name: string): string => name.replace('.', '_');

/** Float instructions that move bits and do no arithmetic: NaNs keep theirs. */
const EXACT = /\.(abs|neg|copysign|pmin|pmax|splat|extract_lane|replace_lane|reinterpret_i\d\d)$/;

interface Options {
  /** Constants behind the name in WebAssembly, and where they go among C's arguments. */
  readonly immediates?: readonly number[];
  readonly at?: number;
}

const instruction = (name: string, operands: readonly Operand[], result: Operand, { immediates = [], at = 0 }: Options = {}): Case => ({
  name: [name, ...immediates].join(' '),
  places: operands.map(placeOf),
  result: isScalar(result) ? result : 'v128',
  anyNaN: EXACT.test(name) ? undefined : placeOf(result, 0).lanes,
  wat: (args) => `(${[name, ...immediates, ...args].join(' ')})`,
  c: (args) => `${cName(name)}(${[...args.slice(0, at), ...immediates, ...args.slice(at)].join(', ')})`,
});

/** Instructions `prefix.name` of one type: operands and result as in `i32x4 i32 -> i32x4`. */
const all = (prefix: string, names: string, type: string): readonly Case[] => {
  const [from = '', to = ''] = type.split(' -> ');
  return names.split(' ').map((name) => instruction(`${prefix}.${name}`, from.split(' ') as Operand[], to as Operand));
};

const integer = (p: 'i32' | 'i64'): readonly Case[] => [
  ...all(p, 'clz ctz popcnt extend8_s extend16_s', `${p} -> ${p}`),
  ...all(p, 'add sub mul and or xor shl shr_s shr_u rotl rotr', `${p} ${p} -> ${p}`),
  ...all(p, 'eqz', `${p} -> i32`),
  ...all(p, 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u', `${p} ${p} -> i32`),
  ...division(p, 'div_u', [1, -1]),
  ...division(p, 'rem_u', [1, -1]),
  ...division(p, 'rem_s', [1, -1]),
  // -1 is no divisor of the smallest integer: so all even ones, and all odd positive ones below 2^31
  ...division(p, 'div_s', [2, -2]),
  ...division(p, 'div_s', [1, 0x7fffffff]),
];

/** A divisor that does not trap: (b | set) & mask. */
const division = (p: 'i32' | 'i64', name: string, [set, mask]: readonly [number, number]): readonly Case[] => {
  const plain = instruction(`${p}.${name}`, [p, p], p);
  const operands = ([a, b]: readonly string[], or: string, and: string): string[] => [`${a}`, and.replace('#', or.replace('#', `${b}`))];
  const c = (x: number): string => `(${p === 'i32' ? 'uint32_t' : 'uint64_t'})${x}`;
  return [
    {
      ...plain,
      wat: (args, l) => plain.wat(operands(args, `(${p}.or # (${p}.const ${set}))`, `(${p}.and # (${p}.const ${mask}))`), l),
      c: (args, l) => plain.c(operands(args, `${p}_or(#, ${c(set)})`, `${p}_and(#, ${c(mask)})`), l),
    },
  ];
};

const float = (p: 'f32' | 'f64'): readonly Case[] => [
  ...all(p, 'abs neg sqrt ceil floor trunc nearest', `${p} -> ${p}`),
  ...all(p, 'add sub mul div min max copysign', `${p} ${p} -> ${p}`),
  ...all(p, 'eq ne lt gt le ge', `${p} ${p} -> i32`),
  ...all(p, 'convert_i32_s convert_i32_u', `i32 -> ${p}`),
  ...all(p, 'convert_i64_s convert_i64_u', `i64 -> ${p}`),
  ...all('i32', `trunc_sat_${p}_s trunc_sat_${p}_u`, `${p} -> i32`),
  ...all('i64', `trunc_sat_${p}_s trunc_sat_${p}_u`, `${p} -> i64`),
];

const conversions: readonly Case[] = [
  ...all('i32', 'wrap_i64', 'i64 -> i32'),
  ...all('i64', 'extend_i32_s extend_i32_u', 'i32 -> i64'),
  ...all('i64', 'extend32_s', 'i64 -> i64'),
  ...all('f32', 'demote_f64', 'f64 -> f32'),
  ...all('f64', 'promote_f32', 'f32 -> f64'),
  ...all('i32', 'reinterpret_f32', 'f32 -> i32'),
  ...all('i64', 'reinterpret_f64', 'f64 -> i64'),
  ...all('f32', 'reinterpret_i32', 'i32 -> f32'),
  ...all('f64', 'reinterpret_i64', 'i64 -> f64'),
];

const laneCount = (s: Lanes): number => Number(s.slice(s.indexOf('x') + 1));
const scalarOf = (s: Lanes): Scalar => (({ i64x2: 'i64', f32x4: 'f32', f64x2: 'f64' }) as const)[s as 'i64x2'] ?? 'i32';

/** splat, extract_lane and replace_lane of every lane. */
const lanewise = (s: Lanes): readonly Case[] => {
  const scalar = scalarOf(s);
  const suffixes = s === 'i8x16' || s === 'i16x8' ? ['_s', '_u'] : [''];
  const each = Array.from({ length: laneCount(s) }, (_, lane) => [
    ...suffixes.map((suffix) => instruction(`${s}.extract_lane${suffix}`, [s], scalar, { immediates: [lane], at: 1 })),
    instruction(`${s}.replace_lane`, [s, scalar], s, { immediates: [lane], at: 1 }),
  ]).flat();
  return [...all(s, 'splat', `${scalar} -> ${s}`), ...each];
};

const integerVector = (s: 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2'): readonly Case[] => [
  ...all(s, 'abs neg', `${s} -> ${s}`),
  ...all(s, 'shl shr_s shr_u', `${s} i32 -> ${s}`),
  ...all(s, 'add sub eq ne lt_s gt_s le_s ge_s', `${s} ${s} -> ${s}`),
  ...(s === 'i8x16' ? [] : all(s, 'mul', `${s} ${s} -> ${s}`)),
  ...(s === 'i64x2' ? [] : all(s, 'lt_u gt_u le_u ge_u min_s min_u max_s max_u', `${s} ${s} -> ${s}`)),
  ...(s === 'i8x16' || s === 'i16x8' ? all(s, 'add_sat_s add_sat_u sub_sat_s sub_sat_u avgr_u', `${s} ${s} -> ${s}`) : []),
  ...all(s, 'all_true bitmask', `${s} -> i32`),
];

/** From lanes `n` to lanes `w` of twice the width. */
const widening = (w: Lanes, n: Lanes): readonly Case[] => [
  ...all(w, ['low', 'high'].flatMap((h) => [`extend_${h}_${n}_s`, `extend_${h}_${n}_u`]).join(' '), `${n} -> ${w}`),
  ...all(w, ['low', 'high'].flatMap((h) => [`extmul_${h}_${n}_s`, `extmul_${h}_${n}_u`]).join(' '), `${n} ${n} -> ${w}`),
  ...(w === 'i64x2'
    ? []
    : [
        ...all(w, `extadd_pairwise_${n}_s extadd_pairwise_${n}_u`, `${n} -> ${w}`),
        ...all(n, `narrow_${w}_s narrow_${w}_u`, `${w} ${w} -> ${n}`),
      ]),
];

const floatVector = (s: 'f32x4' | 'f64x2'): readonly Case[] => [
  ...all(s, 'abs neg sqrt ceil floor trunc nearest', `${s} -> ${s}`),
  ...all(s, 'add sub mul div min max pmin pmax', `${s} ${s} -> ${s}`),
  ...all(s, 'eq ne lt gt le ge', `${s} ${s} -> ${s === 'f32x4' ? 'i32x4' : 'i64x2'}`),
];

const vectorConversions: readonly Case[] = [
  ...all('f32x4', 'convert_i32x4_s convert_i32x4_u', 'i32x4 -> f32x4'),
  ...all('f64x2', 'convert_low_i32x4_s convert_low_i32x4_u', 'i32x4 -> f64x2'),
  ...all('f32x4', 'demote_f64x2_zero', 'f64x2 -> f32x4'),
  ...all('f64x2', 'promote_low_f32x4', 'f32x4 -> f64x2'),
  ...all('i32x4', 'trunc_sat_f32x4_s trunc_sat_f32x4_u', 'f32x4 -> i32x4'),
  ...all('i32x4', 'trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero', 'f64x2 -> i32x4'),
];

/** Whole lanes of two operands interleaved, reversed, halves exchanged, one lane spread, bytes at odds. */
const SHUFFLES: readonly (readonly number[])[] = [
  [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23],
  [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
  [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31],
  [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29],
  [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
  [4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7],
  [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  [31, 0, 7, 19, 3, 3, 28, 11, 16, 2, 30, 9, 1, 25, 14, 22],
  [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
];

const bits: readonly Case[] = [
  ...all('v128', 'not', 'i64x2 -> i64x2'),
  ...all('v128', 'and andnot or xor', 'i64x2 i64x2 -> i64x2'),
  ...all('v128', 'bitselect', 'i64x2 i64x2 i64x2 -> i64x2'),
  ...all('v128', 'any_true', 'i64x2 -> i32'),
  ...all('i8x16', 'swizzle', 'i8x16 i8x16 -> i8x16'),
  ...all('i8x16', 'popcnt', 'i8x16 -> i8x16'),
  ...all('i16x8', 'q15mulr_sat_s', 'i16x8 i16x8 -> i16x8'),
  ...all('i32x4', 'dot_i16x8_s', 'i16x8 i16x8 -> i32x4'),
  ...SHUFFLES.map((immediates) => instruction('i8x16.shuffle', ['i8x16', 'i8x16'], 'i8x16', { immediates, at: 2 })),
];

const OFFSET = 5;

/** A load at byte `i` + OFFSET of a table. */
const loads = (kind: ValueKind, names: string): readonly Case[] =>
  names.split(' ').map((name) => {
    const place = placeOf('i8x16', 0);
    return {
      name: `${kind}.${name}`,
      places: [],
      result: kind,
      anyNaN: undefined,
      wat: (_, { table }) => `(${kind}.${name} offset=${table(place) + OFFSET} (local.get $i))`,
      c: (_, { table }) => `${kind}_${name}(m, i, ${table(place) + OFFSET})`,
    };
  });

const stores = (kind: Scalar, names: string): readonly Case[] =>
  names.split(' ').map((name) => ({
    name: `${kind}.${name}`,
    places: [placeOf(kind, 0)],
    result: undefined,
    anyNaN: undefined,
    wat: ([x], { base }) => `(${kind}.${name} offset=${base + 3} (local.get $i) ${x})`,
    c: ([x], { base }) => `${kind}_${name}(m, i, ${base + 3}, ${x})`,
  }));

const laneMemory = ([8, 16, 32, 64] as const).flatMap((width) =>
  [0, 128 / width - 1].flatMap((lane): readonly Case[] => {
    const place = placeOf('i16x8', 1);
    const common = { places: [placeOf('i8x16', 0)], anyNaN: undefined };
    return [
      {
        ...common,
        name: `v128.load${width}_lane ${lane}`,
        result: 'v128',
        wat: ([v], { table }) => `(v128.load${width}_lane offset=${table(place) + OFFSET} ${lane} (local.get $i) ${v})`,
        c: ([v], { table }) => `v128_load${width}_lane(m, i, ${table(place) + OFFSET}, ${lane}, ${v})`,
      },
      {
        ...common,
        name: `v128.store${width}_lane ${lane}`,
        result: undefined,
        wat: ([v], { base }) => `(v128.store${width}_lane offset=${base + 1} ${lane} (local.get $i) ${v})`,
        c: ([v], { base }) => `v128_store${width}_lane(m, i, ${base + 1}, ${lane}, ${v})`,
      },
    ];
  }),
);

/** Ranges that overlap either way, and one byte value out of an i32; each within its slot of 16 bytes. */
const bulk: readonly Case[] = [
  ...[
    [0, 3],
    [3, 0],
  ].map(([to, from]): Case => {
    const source = placeOf('i8x16', 0);
    return {
      name: `memory.copy from ${from} to ${to}`,
      places: [placeOf('i8x16', 0)],
      result: undefined,
      anyNaN: undefined,
      wat: ([v], { base, table }) =>
        `(v128.store offset=${base} (local.get $i) ${v}) (memory.copy (i32.add (local.get $i) (i32.const ${base + (to ?? 0)}))
           (i32.add (local.get $i) (i32.const ${base + (from ?? 0)})) (i32.and (i32.load8_u offset=${table(source)} (local.get $i)) (i32.const 7)))`,
      c: ([v], { base, table }) =>
        `v128_store(m, i, ${base}, ${v}); memory_copy(m, i + ${base + (to ?? 0)}, i + ${base + (from ?? 0)}, i32_load8_u(m, i, ${table(source)}) & 7)`,
    };
  }),
  {
    name: 'memory.fill',
    places: [placeOf('i32', 0)],
    result: undefined,
    anyNaN: undefined,
    wat: ([x], { base }) => `(memory.fill (i32.add (local.get $i) (i32.const ${base + 1})) ${x} (i32.const 13))`,
    c: ([x], { base }) => `memory_fill(m, i + ${base + 1}, ${x}, 13)`,
  },
];

/** Every instruction, every lane of those with a lane, and shuffles of many forms. */
export const CASES: readonly Case[] = [
  [integer('i32'), integer('i64'), float('f32'), float('f64'), conversions],
  LANES.map(lanewise),
  (['i8x16', 'i16x8', 'i32x4', 'i64x2'] as const).map(integerVector),
  [widening('i16x8', 'i8x16'), widening('i32x4', 'i16x8'), widening('i64x2', 'i32x4')],
  [floatVector('f32x4'), floatVector('f64x2'), vectorConversions, bits],
  [loads('i32', 'load load8_s load8_u load16_s load16_u'), loads('f32', 'load'), loads('f64', 'load')],
  [loads('i64', 'load load8_s load8_u load16_s load16_u load32_s load32_u')],
  [loads('v128', 'load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u')],
  [loads('v128', 'load8_splat load16_splat load32_splat load64_splat load32_zero load64_zero')],
  [stores('i32', 'store store8 store16'), stores('i64', 'store store8 store16 store32')],
  [stores('f32', 'store'), stores('f64', 'store'), laneMemory, bulk],
].flat(2);
