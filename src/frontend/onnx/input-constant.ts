import type { Shape } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { malformed } from './diagnostics.ts';
import { type ElemName, elemOf, type HostTensor, makeHost } from './elem.ts';
import { decodeHostTensor } from './tensor.ts';

/** Numbers of any element type. */
export interface InputValues {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What an input of a model is fixed to at import: a stored TensorProto message (`input_1.pb`), or numbers. */
export type InputConstant = Uint8Array | InputValues;

export const isStored = (constant: InputConstant): constant is Uint8Array => constant instanceof Uint8Array;

/** A stored message, in its own element type. */
export const storedConstant = (message: Uint8Array): Result<HostTensor> => decodeHostTensor(message);

/** One number also stands for a list of one. */
const shapeFor = (given: InputValues, declared: Shape): readonly number[] | undefined => {
  const shape = given.shape.length === 0 && declared.length === 1 ? [1] : given.shape;
  const fits = shape.length === declared.length && shape.every((d, i) => typeof declared[i] === 'string' || declared[i] === d);
  return fits ? shape : undefined;
};

/** Numbers in the type that the model declares for the input. */
export const valuesConstant = (name: string, given: InputValues, elem: ElemName, declared: Shape): Result<HostTensor> => {
  const refused = (detail: string): { readonly ok: false; readonly diagnostics: readonly Diagnostic[] } =>
    fail(malformed(detail, `input ${name}`));
  const shape = shapeFor(given, declared);
  if (shape === undefined) return refused(`its constant has shape [${given.shape.join(', ')}] but [${declared.join(', ')}] is declared`);
  const { kind, lo, hi } = elemOf(elem);
  const values = Array.from(given.values);
  const bad = values.find((v) => Number.isNaN(v) || (kind !== 'float' && (!Number.isInteger(v) || v < lo || v > hi)));
  if (bad !== undefined) return refused(`its constant holds ${bad} but its elements are ${elem}`);
  const data = makeHost(elem, values.length);
  data.set(values);
  return ok({ elem, shape, data });
};
