import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTensorProto, examineOnnx, importOnnx, type OnnxImport, type OnnxPort } from '../src/frontend/onnx/index.ts';
import { elementCount, formatType, type Program, runProgram, sameShape, type Tensor, tensorBytes } from '../src/ir/index.ts';
import { at, type Diagnostic, MrlError, ok, type Result } from '../src/support/index.ts';

/** One case of an ONNX test suite: a folder with model.onnx and test_data_set_N/{input,output}_M.pb. */
export interface CaseResult {
  readonly name: string;
  readonly status: 'passed' | 'refused' | 'failed';
  /** Codes of the refusal, each once, sorted. */
  readonly codes: readonly string[];
  /** What differs, or why the case is refused. */
  readonly detail: string;
}

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** What ONNX itself compares with. */
export const ONNX_TOLERANCE: Tolerance = { rtol: 1e-3, atol: 1e-7 };
/** The stored outputs of Fourier transforms are float32 FFTs: where the exact value is 0 they hold noise of a few 1e-7. */
const FOURIER_TOLERANCE: Tolerance = { rtol: 1e-3, atol: 1e-6 };
const toleranceOf = (name: string): Tolerance => (/^test_(dft|stft)/.test(name) ? FOURIER_TOLERANCE : ONNX_TOLERANCE);
/** bfloat16 has 8 bits of precision; the program computes in float32. */
const BRAIN_TOLERANCE: Tolerance = { rtol: 2 ** -7, atol: 1e-7 };

const refusal = (name: string, diagnostics: readonly Diagnostic[]): CaseResult => ({
  name,
  status: 'refused',
  codes: [...new Set(diagnostics.map((d) => d.code))].sort(),
  detail: diagnostics.map((d) => `${d.where === undefined ? '' : `${d.where}: `}${d.message}`).join(' | '),
});

const failure = (name: string, detail: string): CaseResult => ({ name, status: 'failed', codes: [], detail });

/** The stored messages `input_0.pb`, `input_1.pb`, … of a data set. */
export const storedTensors = (dir: string, kind: 'input' | 'output'): readonly Uint8Array[] => {
  const stored: Uint8Array[] = [];
  for (let i = 0; existsSync(join(dir, `${kind}_${i}.pb`)); i++) stored.push(new Uint8Array(readFileSync(join(dir, `${kind}_${i}.pb`))));
  return stored;
};

/** Says where two tensors differ by more than atol + rtol * |wanted|; undefined when nowhere. */
export const difference = (got: Tensor, wanted: Tensor, { rtol, atol }: Tolerance): string | undefined => {
  if (!sameShape(got.shape, wanted.shape) || got.dtype !== wanted.dtype) return `${formatType(got)} instead of ${formatType(wanted)}`;
  for (let i = 0; i < got.data.length; i++) {
    const [g, w] = [at(got.data, i), at(wanted.data, i)];
    const close = Object.is(g, w) || g === w || Math.abs(g - w) <= atol + rtol * Math.abs(w);
    if (!close) return `element ${i} of ${got.data.length} is ${g} instead of ${w}`;
  }
  return undefined;
};

/** Sizes for the symbols of the inputs, from the stored tensors. */
const bindingsOf = (ports: readonly OnnxPort[], stored: readonly Uint8Array[]): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>();
  ports.forEach((port, i) => {
    const message = stored[i];
    const tensor = message === undefined ? undefined : decodeTensorProto(message);
    port.type.shape.forEach((d, k) => {
      const size = tensor?.ok === true ? tensor.value.shape[k] : undefined;
      if (typeof d === 'string' && size !== undefined) sizes.set(d, size);
    });
  });
  return sizes;
};

/** Old data sets hold bfloat16 as the integers of its bits. */
const brainFloats = (tensor: Tensor): Tensor => {
  if (tensor.dtype !== 'i32') return tensor;
  const words = Int32Array.from(tensor.data, (v) => v << 16);
  return { dtype: 'f32', shape: tensor.shape, data: new Float32Array(words.buffer) };
};

/** A stored tensor in the type that the program declares: bfloat16 decoded, dimensions of size 1 where they belong. */
const fitted = (tensor: Tensor, elem: string | undefined, shape: readonly (number | string)[] | undefined): Tensor => {
  const decoded = elem === 'bfloat16' ? brainFloats(tensor) : tensor;
  const plain = (dims: readonly (number | string)[]): string => dims.filter((d) => d !== 1).join();
  const numbers = shape?.flatMap((d) => (typeof d === 'number' ? [d] : []));
  if (numbers === undefined || numbers.length !== shape?.length || plain(numbers) !== plain(decoded.shape)) return decoded;
  return { ...decoded, shape: numbers };
};

interface Imported {
  readonly model: OnnxImport;
  /** Names of the model's inputs in the order of the stored tensors. */
  readonly names: readonly string[];
}

/**
 * Imports a model with symbols bound to the sizes of the first data set. Inputs that must be known at import (shapes,
 * axes, scales) are fixed to their stored tensors: first those behind the first input, then all.
 */
const importFor = (bytes: Uint8Array, set: string | undefined): Result<Imported> => {
  const stored = set === undefined ? [] : storedTensors(set, 'input');
  const examined = examineOnnx(bytes);
  const names = examined.inputs.map((port) => port.name);
  const bind = bindingsOf(examined.inputs, stored);
  let result = importOnnx(bytes, { bind });
  for (const skip of [1, 0]) {
    if (result.ok || !result.diagnostics.some((d) => d.code === 'ONX2004')) break;
    const constants = new Map<string, Uint8Array>();
    names.forEach((name, i) => {
      const message = stored[i];
      if (i >= skip && message !== undefined) constants.set(name, message);
    });
    const retried = importOnnx(bytes, { bind, constants });
    if (retried.ok || skip === 1) result = retried.ok ? retried : result;
  }
  return result.ok ? ok({ model: result.value, names }) : result;
};

const decodedAll = (stored: readonly Uint8Array[]): Result<readonly Tensor[]> => {
  const tensors: Tensor[] = [];
  for (const message of stored) {
    const tensor = decodeTensorProto(message);
    if (!tensor.ok) return tensor;
    tensors.push(tensor.value);
  }
  return ok(tensors);
};

const MAX_WORK = 2 ** 31;

/** Runs a checked program; a backend under test, or the reference interpreter. */
type Execute = (program: Program, inputs: readonly Tensor[]) => Result<readonly Tensor[]>;

const sameBytes = (a: Tensor, b: Tensor): boolean => {
  const [x, y] = [tensorBytes(a), tensorBytes(b)];
  return x.length === y.length && x.every((v, i) => v === y[i]);
};

export interface CaseOptions {
  readonly tolerance?: Tolerance;
  /** A backend: its results must also equal the reference interpreter's byte for byte. */
  readonly execute?: Execute | undefined;
}

const runData = (
  { model, names }: Imported,
  dir: string,
  { tolerance = ONNX_TOLERANCE, execute }: CaseOptions,
): Result<string | undefined> => {
  const { program } = model;
  const inputs = decodedAll(storedTensors(dir, 'input'));
  if (!inputs.ok) return inputs;
  const wanted = decodedAll(storedTensors(dir, 'output'));
  if (!wanted.ok) return wanted;
  const work = program.types.reduce((n, t) => n + elementCount(t.shape.filter((d) => typeof d === 'number')), 0);
  if (work > MAX_WORK) return ok(`${work} elements are too many to run`);
  const given = model.inputs.flatMap((port) => {
    const tensor = inputs.value[names.indexOf(port.name)];
    return tensor === undefined ? [] : [fitted(tensor, port.elem, port.type.shape)];
  });
  const outputs = runProgram(program, given);
  const executed = execute?.(program, given);
  if (executed !== undefined && !executed.ok) return executed;
  const unequal = executed?.value.findIndex((t, i) => !sameBytes(t, at(outputs, i))) ?? -1;
  if (unequal >= 0) return ok(`output ${unequal}: the bytes differ from the reference interpreter's`);
  const problems = wanted.value.flatMap((w, i) => {
    const [got, elem] = [outputs[i], model.outputs[i]?.elem];
    const problem =
      got === undefined ? 'is missing' : difference(got, fitted(w, elem, undefined), elem === 'bfloat16' ? BRAIN_TOLERANCE : tolerance);
    return problem === undefined ? [] : [`output ${i}: ${problem}`];
  });
  return ok(problems.length === 0 ? undefined : problems.join('; '));
};

/** Imports one case and runs its data sets through the reference interpreter, and a backend when one is given. */
export const runCase = (dir: string, name: string, options: CaseOptions = {}): CaseResult => {
  const files = readdirSync(dir).sort();
  const sets = files.filter((f) => f.startsWith('test_data_set_')).map((f) => join(dir, f));
  const models = files.filter((f) => f.endsWith('.onnx'));
  try {
    const imported = importFor(new Uint8Array(readFileSync(join(dir, at(models, 0)))), sets[0]);
    if (!imported.ok) return refusal(name, imported.diagnostics);
    // results of another generator cannot be compared
    const random = imported.value.model.warnings.filter((d) => d.code === 'ONX3006');
    if (random.length > 0) return refusal(name, random);
    for (const set of sets) {
      const outcome = runData(imported.value, set, { tolerance: toleranceOf(name), ...options });
      if (!outcome.ok) return refusal(name, outcome.diagnostics);
      if (outcome.value !== undefined) return failure(name, outcome.value);
    }
    return sets.length === 0 ? failure(name, 'there is no data set') : { name, status: 'passed', codes: [], detail: '' };
  } catch (error) {
    // IR0010: the stored tensors are not of the type that the model declares
    if (error instanceof MrlError) return error.code === 'IR0010' ? refusal(name, error.diagnostics) : failure(name, error.message);
    throw error;
  }
};

/** The cases below a folder, by name. */
export const listCases = (dir: string): readonly string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.isDirectory() && readdirSync(join(dir, e.name)).some((f) => f.endsWith('.onnx')))
    .map((e) => e.name)
    .sort();

const MAX_REASON = 160;

/** The results as tab-separated text: one line a case, with the codes of a refusal and its first problem. */
export const tableOf = (cases: readonly CaseResult[]): string => {
  const share = (status: CaseResult['status']): string => {
    const count = cases.filter((c) => c.status === status).length;
    return `${count} ${status} (${((100 * count) / cases.length).toFixed(1)} %)`;
  };
  const rows = cases.map((c) => {
    const [reason = ''] = c.detail.replace(/\s+/g, ' ').split(' | ');
    return [c.name, c.status, c.codes.join(' '), reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason]
      .join('\t')
      .trimEnd();
  });
  const head = [`# ${cases.length} cases: ${share('passed')}, ${share('refused')}, ${share('failed')}`, 'case\tstatus\tcodes\treason'];
  return `${[...head, ...rows].join('\n')}\n`;
};
