import { type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type ElemName, ELEMS, isElemName } from '../host-tensor.ts';
import type { Made } from '../import-session.ts';
import type { LayerRow } from '../layer-graph.ts';
import type { LayerNode } from '../layer-node.ts';
import type { Argument, FloatValue, TensorRef } from './exported.ts';

/** Whole numbers from..to - 1. */
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
/** A row with one output. */
export const one = (f: (n: LayerNode) => Made): LayerRow => ({ import: (n) => [f(n)] });

const isRef = (value: unknown): value is TensorRef => typeof value === 'object' && value !== null && 'input' in value;
const isFloat = (value: unknown): value is FloatValue => typeof value === 'object' && value !== null && 'float' in value;
const argument = (n: LayerNode, name: string): Argument | undefined => n.attribute(name) as Argument | undefined;
const wrong = (n: LayerNode, name: string, wanted: string): never => n.malformed(`argument ${name} is not ${wanted}`);

/** A computed number (a size) that is known. */
const symbol = (n: LayerNode, ref: TensorRef, name: string): number => {
  const { data } = n.host(ref.input, name);
  return data.length === 1 ? at(Array.from(data), 0) : wrong(n, name, 'a number');
};

/** The index of a tensor among the inputs; undefined where it is None or left out. */
export const maybeTensor = (n: LayerNode, name: string): number | undefined => {
  const value = argument(n, name);
  return value === undefined ? undefined : isRef(value) ? value.input : wrong(n, name, 'a tensor');
};
export const tensor = (n: LayerNode, name: string): number => maybeTensor(n, name) ?? n.malformed(`argument ${name} is missing`);
export const tensors = (n: LayerNode, name: string): readonly number[] => {
  const value = argument(n, name);
  return Array.isArray(value) && value.every(isRef)
    ? (value as readonly TensorRef[]).map((r) => r.input)
    : wrong(n, name, 'a list of tensors');
};
export const maybeTensors = (n: LayerNode, name: string): readonly (number | undefined)[] => {
  const value = argument(n, name);
  if (!Array.isArray(value)) return wrong(n, name, 'a list of tensors');
  return (value as readonly unknown[]).map((r) => (r === undefined ? undefined : isRef(r) ? r.input : wrong(n, name, 'a list of tensors')));
};

export const isTensor = (n: LayerNode, name: string): boolean => isRef(argument(n, name));
export const has = (n: LayerNode, name: string): boolean => argument(n, name) !== undefined;

export const maybeNumber = (n: LayerNode, name: string): number | undefined => {
  const value = argument(n, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  if (isFloat(value)) return value.float;
  return isRef(value) ? symbol(n, value, name) : wrong(n, name, 'a number');
};
export const number = (n: LayerNode, name: string, fallback?: number): number =>
  maybeNumber(n, name) ?? fallback ?? n.malformed(`argument ${name} is missing`);
export const whole = (n: LayerNode, name: string, fallback?: number): number => {
  const value = number(n, name, fallback);
  return Number.isSafeInteger(value) ? value : wrong(n, name, 'a whole number');
};
export const maybeWholes = (n: LayerNode, name: string): readonly number[] | undefined => {
  const value = argument(n, name);
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((v) => {
    const got = isRef(v) ? symbol(n, v, name) : v;
    return typeof got === 'number' && Number.isSafeInteger(got) ? got : wrong(n, name, 'a list of whole numbers');
  });
};
export const wholes = (n: LayerNode, name: string, fallback?: readonly number[]): readonly number[] =>
  maybeWholes(n, name) ?? fallback ?? n.malformed(`argument ${name} is missing`);
export const maybeNumbers = (n: LayerNode, name: string): readonly number[] | undefined => {
  const value = argument(n, name);
  if (value === undefined) return undefined;
  return Array.isArray(value) && value.every((v) => typeof v === 'number')
    ? (value as readonly number[])
    : wrong(n, name, 'a list of numbers');
};
export const flag = (n: LayerNode, name: string, fallback = false): boolean => {
  const value = argument(n, name) ?? fallback;
  return typeof value === 'boolean' ? value : wrong(n, name, 'a boolean');
};
export const text = (n: LayerNode, name: string, fallback?: string): string => {
  const value = argument(n, name) ?? fallback;
  return typeof value === 'string' ? value : wrong(n, name, 'a text');
};
/** A list with one entry for each spatial dimension; a single number stands for all. */
export const spatial = (n: LayerNode, name: string, count: number, fallback: number | readonly number[]): readonly number[] => {
  const given = maybeWholes(n, name);
  const list = given === undefined || given.length === 0 ? (typeof fallback === 'number' ? [fallback] : fallback) : given;
  if (list.length === 1) return new Array<number>(count).fill(at(list, 0));
  return list.length === count ? list : n.malformed(`argument ${name} is [${list.join(', ')}], but ${count} entries are wanted`);
};

/** Where tensors are to be kept, and how they are laid down, is not of the program. */
export const ignorePlace = (n: LayerNode): void => n.ignore('device', 'layout', 'pin_memory', 'memory_format', 'non_blocking', 'copy');
/** The element type that `dtype` names. */
export const maybeType = (n: LayerNode, name = 'dtype'): ElemName | undefined => {
  const value = argument(n, name);
  if (value === undefined) return undefined;
  return typeof value === 'string' && isElemName(value) ? value : n.refuse(`${name} is ${typeof value === 'string' ? value : 'no type'}`);
};

export const isReal = (n: LayerNode, i: number): boolean => ELEMS[n.elem(i)].kind === 'float';
/** A tensor of a float type. */
export const real = (n: LayerNode, name: string): ValueId => n.real(tensor(n, name));
/** The same, with integers and booleans as floats: functions of torch that give floats take them. */
export const asReal = (n: LayerNode, name: string): ValueId => n.as(n.x(tensor(n, name)), 'f32');
export const maybeReal = (n: LayerNode, name: string): readonly ValueId[] => {
  const i = maybeTensor(n, name);
  return i === undefined ? [] : [n.real(i)];
};
/** A result of the type of input i. */
export const like = (n: LayerNode, value: ValueId, i: number): Made => ({ value, layout: 'file', elem: n.elem(i) });

export const ints = (n: LayerNode, name: string, shape: readonly number[], values: readonly number[]): ValueId =>
  n.session.param(name, { dtype: 'i32', shape, data: Int32Array.from(values) });
/** A float attribute of an op; torch holds numbers in float64. */
export const f32 = (n: LayerNode, name: string, fallback?: number): number => Math.fround(number(n, name, fallback));

/** One of two operands, a tensor or a number. */
interface Operand {
  readonly kind: 'float' | 'int' | 'bool';
  readonly value: (kind: 'float' | 'int' | 'bool') => ValueId;
}
const DTYPES = { float: 'f32', int: 'i32', bool: 'bool' } as const;
const operand = (n: LayerNode, name: string): Operand => {
  const value = argument(n, name);
  if (isRef(value)) return { kind: ELEMS[n.elem(value.input)].kind, value: (kind) => n.as(n.x(value.input), DTYPES[kind]) };
  if (typeof value === 'boolean') return { kind: 'bool', value: (kind) => n.as(n.scalar(Number(value)), DTYPES[kind]) };
  if (isFloat(value)) return { kind: 'float', value: () => n.scalar(value.float) };
  if (typeof value !== 'number') return wrong(n, name, 'a tensor or a number');
  return { kind: 'int', value: (kind) => (kind === 'int' ? ints(n, 'number', [], [value]) : n.scalar(value)) };
};

/** Two operands in their common type, as torch promotes them: float before integers before booleans. */
export const promoted = (
  n: LayerNode,
  a: string,
  b: string,
): { readonly kind: 'float' | 'int' | 'bool'; readonly operands: readonly [ValueId, ValueId] } => {
  const [x, y] = [operand(n, a), operand(n, b)];
  const kind = x.kind === 'float' || y.kind === 'float' ? 'float' : x.kind === 'int' || y.kind === 'int' ? 'int' : 'bool';
  return { kind, operands: [x.value(kind), y.value(kind)] };
};
