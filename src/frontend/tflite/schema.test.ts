import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { at } from '../../support/index.ts';
import { ELEMS } from './elem.ts';
import { isRefusal, TFLITE_OPS } from './index.ts';
import { BUILTIN_OPERATORS } from './schema/operators.ts';
import { BUILTIN_OPTIONS, FILE_TABLES, OPTION_TABLES } from './schema/tables.ts';

/** The vendored schema, without comments. */
const SCHEMA = readFileSync(join(import.meta.dirname, '../../../grammar/tflite.fbs'), 'utf8').replace(/\/\/[^\n]*/g, '');

const bodies = (keyword: string): ReadonlyMap<string, string> =>
  new Map([...SCHEMA.matchAll(new RegExp(`${keyword}\\s+(\\w+)[^{]*\\{([^}]*)\\}`, 'g'))].map((m) => [m[1] ?? '', m[2] ?? '']));

const enums = new Map(
  [...bodies('enum')].map(([name, body]) => {
    let next = 0;
    const values = body.split(',').flatMap((item) => {
      const [key = '', value] = item.split('=').map((t) => t.trim());
      if (key === '') return [];
      next = (value === undefined ? next : Number(value)) + 1;
      return [[key, next - 1] as const];
    });
    return [name, new Map(values)] as const;
  }),
);
const unions = new Map(
  [...bodies('union')].map(([name, body]) => [name, body.split(',').flatMap((t) => (t.trim() === '' ? [] : [t.trim()]))]),
);

/** Fields of a table: name, slot, type as written, default as written. A union takes two slots, its type first. */
const fieldsOf = (body: string): readonly (readonly [name: string, slot: number, type: string, absent: string | undefined])[] => {
  let slot = 0;
  return body.split(';').flatMap((line) => {
    const deprecated = line.includes('(deprecated)');
    const [name = '', rest = ''] = line
      .replace(/\([^)]*\)/g, '')
      .split(':')
      .map((t) => t.trim());
    if (name === '') return [];
    const [type = '', absent] = rest.split('=').map((t) => t.trim());
    const own = slot++;
    if (unions.has(type)) return [[`${name}_type`, own, 'ubyte', undefined] as const, [name, slot++, 'union', undefined] as const];
    return deprecated ? [] : [[name, own, type, absent] as const];
  });
};

const KINDS: Readonly<Record<string, string>> = {
  '[int]': 'ints',
  '[long]': 'longs',
  '[float]': 'floats',
  '[bool]': 'bools',
  '[ubyte]': 'bytes',
  union: 'table',
};
const BASES: Readonly<Record<string, string>> = { BuiltinOperator: 'int' };
const kindOf = (type: string): string =>
  KINDS[type] ?? (enums.has(type) ? (BASES[type] ?? 'byte') : type.startsWith('[') ? 'tables' : bodies('table').has(type) ? 'table' : type);
const absentOf = (type: string, absent: string | undefined): number =>
  absent === undefined || absent === 'false' ? 0 : absent === 'true' ? 1 : (enums.get(type)?.get(absent) ?? Number(absent));

/** Fields that are newer than the copy of the schema. */
const NEWER = [
  'quantized_bias_type',
  'offset',
  'external_buffer',
  'builtin_options_2_type',
  'builtin_options_2',
  'size',
  'large_custom_options_offset',
  'large_custom_options_size',
];

test('tables are those of the schema, field by field', () => {
  const tables: Readonly<Record<string, Readonly<Record<string, readonly [string, number, number?]>>>> = {
    ...FILE_TABLES,
    ...OPTION_TABLES,
  };
  for (const [name, spec] of Object.entries(tables)) {
    const wanted = fieldsOf(bodies('table').get(name) ?? '').map(([field, slot, type, absent]) => [
      field,
      kindOf(type),
      slot,
      absentOf(type, absent),
    ]);
    const have = Object.entries(spec).map(([field, [kind, slot, absent]]) => [field, kind, slot, absent ?? 0] as const);
    const newer = have.filter(([field]) => !wanted.some((w) => w[0] === field));
    expect({ name, fields: have.filter((h) => !newer.includes(h)) }).toEqual({ name, fields: wanted });
    expect(newer.map(([field]) => field).filter((field) => !NEWER.includes(field))).toEqual([]);
  }
});

test('operators and options have the numbers of the schema', () => {
  const operators = at([enums.get('BuiltinOperator') ?? new Map<string, number>()], 0);
  for (const [name, code] of operators) expect([name, (BUILTIN_OPERATORS as Readonly<Record<string, number>>)[name]]).toEqual([name, code]);
  expect(operators.size).toBeGreaterThan(160);
  expect(BUILTIN_OPTIONS).toEqual(unions.get('BuiltinOptions'));
});

test('tensor types have the numbers of the schema', () => {
  const types = enums.get('TensorType') ?? new Map<string, number>();
  // newer than the copy
  const { bfloat16, ...known } = ELEMS;
  expect(bfloat16.code).toBe(18);
  for (const [name, { code }] of Object.entries(known)) expect([name, types.get(name.toUpperCase())]).toEqual([name, code]);
});

test('every operator has an importer or a reason', () => {
  expect(Object.keys(TFLITE_OPS).sort()).toEqual(Object.keys(BUILTIN_OPERATORS).sort());
  for (const row of Object.values(TFLITE_OPS)) if (isRefusal(row)) expect(row.refused.length).toBeGreaterThan(10);
});
