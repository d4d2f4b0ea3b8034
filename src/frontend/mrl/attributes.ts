import { type AttrScalar, attrProblem, type AttrSpec } from '../../ir/index.ts';
import type { Code } from '../../support/index.ts';
import { describeValue, type Value } from './values.ts';

export type Converted =
  | { readonly value: AttrScalar }
  | { readonly code: Code; readonly message: string; readonly notes: readonly string[] };

const WANTED: Readonly<Record<AttrSpec['kind'], string>> = {
  int: 'an integer',
  ints: 'a list of integers',
  f32: 'a number',
  bool: 'true or false',
  enum: 'a text',
  dtype: 'a dtype',
};

const intItems = (v: Value): readonly number[] | undefined => {
  if (v.kind !== 'list') return undefined;
  const numbers: number[] = [];
  for (const item of v.items) {
    if (item.kind !== 'int') return undefined;
    numbers.push(item.value);
  }
  return numbers;
};

/** The attribute value a compile-time value stands for; undefined when it is of another kind. */
const scalarOf = (spec: AttrSpec, v: Value): AttrScalar | undefined => {
  switch (spec.kind) {
    case 'int':
      return v.kind === 'int' ? v.value : undefined;
    case 'ints':
      return intItems(v);
    case 'f32':
      return v.kind === 'int' || v.kind === 'float' ? Math.fround(v.value) : undefined;
    case 'bool':
      return v.kind === 'bool' ? v.value : undefined;
    case 'enum':
      return v.kind === 'text' ? v.value : undefined;
    case 'dtype':
      return v.kind === 'dtype' ? v.value : undefined;
    default:
      return spec satisfies never;
  }
};

/** Converts by the schema of the attribute alone. Floats are rounded to float32. */
export const toAttr = (op: string, name: string, spec: AttrSpec, v: Value): Converted => {
  const scalar = scalarOf(spec, v);
  if (scalar === undefined) {
    const symbol = v.kind === 'symbol' || (v.kind === 'list' && v.items.some((item) => item.kind === 'symbol'));
    return {
      code: symbol ? 'MRL2011' : 'MRL2003',
      message: `${op}: ${name} takes ${WANTED[spec.kind]} but has ${describeValue(v)}`,
      notes: spec.kind === 'enum' ? [`${name} is one of ${spec.values.map((s) => `"${s}"`).join(', ')}.`] : [],
    };
  }
  const problem = attrProblem(spec, scalar);
  return problem === undefined ? { value: scalar } : { code: 'IR0002', message: `${op}: attribute ${name} ${problem}`, notes: [] };
};
