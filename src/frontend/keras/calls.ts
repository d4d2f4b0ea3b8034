import { damaged, stop } from '../import-problems.ts';
import { field, isObject, listOf } from './json.ts';

/** A tensor of a network: output `tensor` of call `node` of a layer. */
export interface TensorRef {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

/** How a layer is called: its tensors in order, and what else it is given. In `args`, `{ tensor: i }` stands for tensor i. */
export interface Call {
  readonly refs: readonly TensorRef[];
  /** Positional arguments. */
  readonly args: readonly unknown[];
  readonly named: ReadonlyMap<string, unknown>;
}

const MAX_DEPTH = 8;
const isRef = (value: unknown): value is readonly [string, number, number, unknown?] =>
  Array.isArray(value) &&
  (value.length === 3 || value.length === 4) &&
  typeof value[0] === 'string' &&
  Number.isSafeInteger(value[1]) &&
  Number.isSafeInteger(value[2]);

const refOf = ([layer, node, tensor]: readonly [string, number, number, unknown?]): TensorRef => ({ layer, node, tensor });

/** `["dense", 0, 0]`, or Keras 3's `{class_name: "__keras_tensor__", config: {keras_history}}`. */
const tensorOf = (value: unknown): TensorRef | undefined => {
  if (isRef(value) && (value.length === 3 || isObject(value[3]))) return refOf(value);
  if (field(value, 'class_name') !== '__keras_tensor__') return undefined;
  const history = field(field(value, 'config'), 'keras_history');
  return isRef(history) ? refOf(history) : undefined;
};

class Reader {
  readonly refs: TensorRef[] = [];

  /** A value with its tensors replaced by their numbers. */
  replaced(value: unknown, depth = 0): unknown {
    if (depth > MAX_DEPTH) return stop(damaged('Keras', 'the arguments of a call are nested too deep'));
    const ref = tensorOf(value);
    if (ref !== undefined) {
      this.refs.push(ref);
      return { tensor: this.refs.length - 1 };
    }
    return Array.isArray(value) ? value.map((v) => this.replaced(v, depth + 1)) : value;
  }
}

/** Python adds these to every call. */
const namedOf = (reader: Reader, kwargs: unknown): ReadonlyMap<string, unknown> =>
  new Map(
    Object.entries(isObject(kwargs) ? kwargs : {}).flatMap(([key, value]) => {
      const isDefault = value === null || (key === 'training' && value === false);
      return isDefault ? [] : [[key, reader.replaced(value)] as const];
    }),
  );

/** One entry of `inbound_nodes`, in the form of Keras 1 and 2 or of Keras 3. */
export const callOf = (value: unknown): Call => {
  const reader = new Reader();
  if (isObject(value)) {
    const args = listOf(field(value, 'args')).map((a) => reader.replaced(a));
    return { args, named: namedOf(reader, field(value, 'kwargs')), refs: reader.refs };
  }
  // a call with one tensor may leave its list out
  const entries = isRef(value) ? [value] : listOf(value);
  let kwargs: unknown;
  const args = entries.map((entry): unknown => {
    if (!Array.isArray(entry)) return reader.replaced(entry);
    // a constant that stands for a tensor: ["_CONSTANT_VALUE", -1, value, kwargs]
    const last: unknown = entry[3];
    if (isObject(last) && kwargs === undefined) kwargs = last;
    return entry[0] === '_CONSTANT_VALUE' ? entry[2] : reader.replaced(entry);
  });
  return { args, named: namedOf(reader, kwargs), refs: reader.refs };
};

/** Tensors in any nesting, in order: the inputs or outputs of a network. */
export const refsOf = (value: unknown): readonly TensorRef[] => {
  const refs: TensorRef[] = [];
  const walk = (part: unknown, depth: number): void => {
    if (depth > MAX_DEPTH) return stop(damaged('Keras', 'the outputs of a model are nested too deep'));
    if (isRef(part)) refs.push(refOf(part));
    else if (Array.isArray(part)) for (const p of part) walk(p, depth + 1);
    else if (isObject(part)) for (const p of Object.values(part)) walk(p, depth + 1);
  };
  walk(value, 0);
  return refs;
};
