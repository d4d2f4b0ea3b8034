import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTensorProto, importOnnx } from '../src/frontend/onnx/index.ts';
import { elementCount, formatType, type Program, runProgram, sameShape, sameType, type StaticType, type Tensor } from '../src/ir/index.ts';
import { at, type Diagnostic, fail, MrlError, ok, type Result } from '../src/support/index.ts';

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

const refusal = (name: string, diagnostics: readonly Diagnostic[]): CaseResult => ({
  name,
  status: 'refused',
  codes: [...new Set(diagnostics.map((d) => d.code))].sort(),
  detail: diagnostics.map((d) => `${d.where === undefined ? '' : `${d.where}: `}${d.message}`).join(' | '),
});

const failure = (name: string, detail: string): CaseResult => ({ name, status: 'failed', codes: [], detail });

/** The stored tensors `input_0.pb`, `input_1.pb`, … of a data set. */
export const readTensors = (dir: string, kind: 'input' | 'output'): Result<readonly Tensor[]> => {
  const tensors: Tensor[] = [];
  for (let i = 0; existsSync(join(dir, `${kind}_${i}.pb`)); i++) {
    const tensor = decodeTensorProto(readFileSync(join(dir, `${kind}_${i}.pb`)));
    if (!tensor.ok) return tensor;
    tensors.push(tensor.value);
  }
  return ok(tensors);
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

/** Binds each symbol of the inputs to the size that the tensors have there. */
const bindingsOf = (program: Program, inputs: readonly Tensor[]): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>();
  program.inputs.forEach((port, i) => {
    at(program.types, port.value).shape.forEach((d, k) => {
      const size = inputs[i]?.shape[k];
      if (typeof d === 'string' && size !== undefined) sizes.set(d, size);
    });
  });
  return sizes;
};

/** The tensors in the shapes the program declares, where only dimensions of size 1 differ. */
const fitted = (program: Program, inputs: readonly Tensor[]): readonly Tensor[] =>
  inputs.map((tensor, i) => {
    const port = program.inputs[i];
    if (port === undefined) return tensor;
    const type = at(program.types, port.value);
    const plain = (shape: readonly (number | string)[]): string => shape.filter((d) => d !== 1).join();
    if (sameType(type, tensor) || type.dtype !== tensor.dtype || plain(type.shape) !== plain(tensor.shape)) return tensor;
    return { ...tensor, shape: type.shape as StaticType['shape'] };
  });

const MAX_WORK = 2 ** 31;

const runData = (program: Program, dir: string, tolerance: Tolerance): Result<string | undefined> => {
  const inputs = readTensors(dir, 'input');
  if (!inputs.ok) return inputs;
  const wanted = readTensors(dir, 'output');
  if (!wanted.ok) return wanted;
  const work = program.types.reduce((n, t) => n + elementCount(t.shape.filter((d) => typeof d === 'number')), 0);
  if (work > MAX_WORK) return ok(`${work} elements are too many to run`);
  const outputs = runProgram(program, fitted(program, inputs.value));
  const problems = wanted.value.flatMap((w, i) => {
    const got = outputs[i];
    const problem = got === undefined ? 'is missing' : difference(got, w, tolerance);
    return problem === undefined ? [] : [`output ${i}: ${problem}`];
  });
  return ok(problems.length === 0 ? undefined : problems.join('; '));
};

/** Imports a model, with symbols bound to the sizes of the first data set. */
const importFor = (bytes: Uint8Array, sets: readonly string[]): Result<Program> => {
  const first = importOnnx(bytes);
  const [set] = sets;
  const inputs = set === undefined ? ok([]) : readTensors(set, 'input');
  if (!inputs.ok) return inputs;
  const symbolic = first.ok ? bindingsOf(first.value.program, inputs.value) : new Map<string, number>();
  if (first.ok && symbolic.size === 0) return ok(first.value.program);
  const bound = importOnnx(bytes, { bind: symbolic });
  return bound.ok ? ok(bound.value.program) : fail(...bound.diagnostics);
};

/** Imports one case and runs its data sets through the reference interpreter. */
export const runCase = (dir: string, name: string, tolerance: Tolerance = ONNX_TOLERANCE): CaseResult => {
  const sets = readdirSync(dir)
    .filter((f) => f.startsWith('test_data_set_'))
    .sort()
    .map((f) => join(dir, f));
  const model = readdirSync(dir)
    .filter((f) => f.endsWith('.onnx'))
    .sort();
  try {
    const program = importFor(readFileSync(join(dir, at(model, 0))), sets);
    if (!program.ok) return refusal(name, program.diagnostics);
    for (const set of sets) {
      const outcome = runData(program.value, set, tolerance);
      if (!outcome.ok) return refusal(name, outcome.diagnostics);
      if (outcome.value !== undefined) return failure(name, outcome.value);
    }
    return sets.length === 0 ? failure(name, 'there is no data set') : { name, status: 'passed', codes: [], detail: '' };
  } catch (error) {
    if (error instanceof MrlError) return failure(name, error.message);
    throw error;
  }
};

/** The cases below a folder, by name. */
export const listCases = (dir: string): readonly string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.isDirectory() && readdirSync(join(dir, e.name)).some((f) => f.endsWith('.onnx')))
    .map((e) => e.name)
    .sort();
