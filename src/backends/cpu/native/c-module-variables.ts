import type { Kind } from '../simd/index.ts';
import { C_TYPES } from './c-module-names.ts';

type FloatLanes = 'f32x4' | 'f64x2';

/** A function's body with its variables declared. */
export interface Declared {
  readonly declarations: readonly string[];
  readonly lines: readonly string[];
}

const ASSIGNMENT = /^(\s*)v(\d+) = (.*);$/;
const VARIABLE = /\bv(\d+)\b/g;

/** Variables that sum or otherwise fold vectors of floats: some assignment has an instruction of theirs on the variable itself. */
const folds = (lines: readonly string[]): ReadonlyMap<number, FloatLanes> => {
  const found = new Map<number, FloatLanes>();
  for (const line of lines) {
    const [, , index, value = ''] = ASSIGNMENT.exec(line) ?? [];
    const [, lanes] = /^(f32x4|f64x2)_\w+\(/.exec(value) ?? [];
    if (index === undefined || (lanes !== 'f32x4' && lanes !== 'f64x2')) continue;
    if ([...value.matchAll(VARIABLE)].some(([, read]) => read === index)) found.set(Number(index), lanes);
  }
  return found;
};

/**
 * Declares the variables behind `first` parameters. One that folds floats over a loop gets lanes of floats (v128_f32x4): gcc
 * keeps a variable in one register only when the loop computes it in the type that it is declared with, and copies it in every
 * round otherwise.
 */
export const declareVariables = (locals: readonly Kind[], first: number, lines: readonly string[]): Declared => {
  const floats = new Map([...folds(lines)].filter(([index]) => locals[index - first] === 'v128'));
  const declarations = locals.map((kind, i) => {
    const name = `v${first + i}`;
    const lanes = floats.get(first + i);
    if (lanes !== undefined) return `v128_${lanes} ${name} = v128_to_${lanes}(v128_const(0, 0));`;
    return `${C_TYPES[kind]} ${name} = ${kind === 'v128' ? 'v128_const(0, 0)' : '0'};`;
  });
  if (floats.size === 0) return { declarations, lines };
  const read = (text: string): string =>
    text.replace(VARIABLE, (name, index: string) => (floats.has(Number(index)) ? `v128_from(${name})` : name));
  const retyped = lines.map((line) => {
    const [, indent = '', index, value = ''] = ASSIGNMENT.exec(line) ?? [];
    if (index === undefined) return read(line);
    const lanes = floats.get(Number(index));
    return `${indent}v${index} = ${lanes === undefined ? read(value) : `v128_to_${lanes}(${read(value)})`};`;
  });
  return { declarations, lines: retyped };
};
