import { elementCount } from '../ir/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { ImportOptions } from './contract.ts';
import { type ElemName, ELEMS, hostFromBytes, type HostTensor, isElemName, makeHost } from './host-tensor.ts';
import { caught, damaged, definedTwice, overLimit, parameterProblem, paramsMissing } from './import-problems.ts';
import { isNestedTooDeep } from './json-nesting.ts';

/** Weights stored as integers: value = scale * stored + min, rounded where the weight is of integers; or as float16. */
interface Quantization {
  readonly elem: ElemName;
  readonly scale: number;
  readonly min: number;
}

interface Entry {
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
  /** Where its bytes start in the shards of its group, one after another. */
  readonly offset: number;
  readonly bytes: number;
}

/** Weights of a TensorFlow.js model. */
export interface ManifestWeights {
  readonly names: readonly string[];
  /** Undefined for a name that the manifest does not list, or whose shards are missing. @throws {MrlError} IMP1005 */
  readonly get: (name: string) => HostTensor | undefined;
  /** Bytes of all shards. */
  readonly fileBytes: number;
  readonly problems: readonly Diagnostic[];
}

type Unknown = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Unknown => typeof value === 'object' && value !== null && !Array.isArray(value);
const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const quantizationOf = (value: unknown, where: string): Result<Quantization | undefined> => {
  if (!isObject(value)) return ok(undefined);
  const { dtype, scale, min } = value;
  if (dtype === 'float16') return ok({ elem: 'float16', scale: 1, min: 0 });
  if ((dtype !== 'uint8' && dtype !== 'uint16') || typeof scale !== 'number' || typeof min !== 'number')
    return fail(parameterProblem(where, `its quantization is ${JSON.stringify(value).slice(0, 80)}`));
  return ok({ elem: dtype, scale, min });
};

const entryOf = (value: unknown, offset: number): Result<Entry> => {
  const { name, shape, dtype, quantization } = isObject(value) ? value : {};
  if (typeof name !== 'string') return fail(parameterProblem('of the manifest', 'it has no name'));
  const sizes = listed(shape);
  if (!sizes.every((d): d is number => typeof d === 'number' && Number.isSafeInteger(d) && d >= 0))
    return fail(parameterProblem(name, `its shape is ${JSON.stringify(shape)?.slice(0, 80) ?? 'missing'}`));
  if (typeof dtype !== 'string' || !isElemName(dtype)) return fail(parameterProblem(name, `its type is ${String(dtype).slice(0, 40)}`));
  const stored = quantizationOf(quantization, name);
  if (!stored.ok) return stored;
  const bytes = elementCount(sizes) * ELEMS[stored.value?.elem ?? dtype].bytes;
  return ok({ name, elem: dtype, shape: sizes, quantization: stored.value, offset, bytes });
};

const dequantized = ({ name, elem, shape, quantization }: Entry, bytes: Uint8Array): HostTensor => {
  if (quantization === undefined) return hostFromBytes(name, elem, shape, bytes);
  const { scale, min } = quantization;
  const stored = hostFromBytes(name, quantization.elem, shape, bytes);
  const data = makeHost(elem, stored.data.length);
  const whole = ELEMS[elem].kind !== 'float';
  for (let i = 0; i < data.length; i++) {
    const value = (stored.data[i] ?? 0) * scale + min;
    data[i] = whole ? Math.round(value) : value;
  }
  return { elem, shape, data };
};

/** The shards of a group, one after another; undefined where one is missing and need not be there. */
const shardsOf = (paths: readonly unknown[], options: ImportOptions, isOnly: boolean): Result<Uint8Array | undefined> => {
  if (options.params !== undefined && isOnly) return ok(options.params);
  const names = paths.filter((p) => typeof p === 'string');
  const missing = names.find((name) => !options.beside.has(name));
  if (missing !== undefined)
    return options.randomParams ? ok(undefined) : fail(paramsMissing(`the model keeps weights in ${missing}`, 'the file is not beside it'));
  const parts: Uint8Array[] = [];
  for (const name of names) {
    const part = options.beside.read(name);
    if (!part.ok) return part;
    parts.push(part.value);
  }
  const [first] = parts;
  if (parts.length === 1) return ok(first);
  const whole = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return ok(whole);
};

/** Reads `weightsManifest` of model.json, and the shards beside it; --params gives those of a model with one group. */
export const readManifest = (manifest: unknown, options: ImportOptions): ManifestWeights => {
  const places = new Map<string, { readonly entry: Entry; readonly shards: Uint8Array | undefined }>();
  const problems: Diagnostic[] = [];
  const groups = listed(manifest);
  let fileBytes = 0;
  if (options.params !== undefined && groups.length !== 1)
    problems.push(parameterProblem('of --params', `the manifest has ${groups.length} groups of weights, and one file is of one group`));
  for (const group of groups) {
    const { paths, weights } = isObject(group) ? group : {};
    const shards = shardsOf(listed(paths), options, groups.length === 1);
    if (!shards.ok) problems.push(...shards.diagnostics);
    const bytes = shards.ok ? shards.value : undefined;
    fileBytes += bytes?.length ?? 0;
    let offset = 0;
    for (const weight of listed(weights)) {
      const entry = entryOf(weight, offset);
      if (!entry.ok) {
        // what follows has no place
        problems.push(...entry.diagnostics);
        break;
      }
      const { name } = entry.value;
      if (places.has(name)) problems.push(definedTwice(`weight ${name}`, 'weightsManifest'));
      places.set(name, { entry: entry.value, shards: bytes });
      offset += entry.value.bytes;
    }
    if (bytes !== undefined && bytes.length < offset)
      problems.push(damaged('TensorFlow.js', `its shards have ${bytes.length} bytes, the manifest lists ${offset}`));
  }
  return {
    names: [...places.keys()],
    get: (name) => {
      const { entry, shards } = places.get(name) ?? {};
      if (entry === undefined || shards === undefined || entry.offset + entry.bytes > shards.length) return undefined;
      return dequantized(entry, shards.subarray(entry.offset, entry.offset + entry.bytes));
    },
    fileBytes,
    problems,
  };
};

/** The JSON of a TensorFlow.js model; a problem of the given format where it is none. */
export const parseModelJson = (format: string, bytes: Uint8Array): Result<Unknown> => {
  const text = new TextDecoder().decode(bytes);
  if (isNestedTooDeep(text)) return fail(overLimit('the model is nested deeper than any'));
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? ok(value) : fail(damaged(format, 'it is no JSON object'));
  } catch (error) {
    if (error instanceof SyntaxError) return fail(damaged(format, `it is no JSON: ${error.message.slice(0, 120)}`));
    return fail(...caught(error));
  }
};
