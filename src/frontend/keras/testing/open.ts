import { gunzipSync } from 'node:zlib';
import { elementCount, isStaticShape, runProgram, type Tensor, type TensorType, verifyProgram } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { ImportOptions, ImportReport } from '../../contract.ts';
import { damaged } from '../../import-problems.ts';
import { examineKeras } from '../examine.ts';

/** Options for a model with these files beside it. */
export const optionsFor = (
  file: string,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
  more: Partial<ImportOptions> = {},
): ImportOptions => ({
  file,
  beside: {
    read: (name) => {
      const bytes = files.get(name);
      return bytes === undefined ? { ok: false, diagnostics: [damaged('test', `no file ${name}`)] } : { ok: true, value: bytes };
    },
    has: (name) => files.has(name),
    list: () => [...files.keys()].sort(),
  },
  params: undefined,
  shapes: new Map(),
  randomParams: false,
  ...more,
});

export const examined = (bytes: Uint8Array, file = 'model.h5', more: Partial<ImportOptions> = {}): ImportReport =>
  examineKeras(bytes, optionsFor(file, new Map(), more));

/** The inputs of record.py. */
const inputOf = ({ dtype, shape }: TensorType, i: number): Tensor => {
  const sizes = isStaticShape(shape) ? shape : [];
  const numbers = Array.from({ length: elementCount(sizes) }, (_, k) => k);
  if (dtype === 'i32') return { dtype, shape: sizes, data: Int32Array.from(numbers, (k) => (k * 3) % 10) };
  if (dtype === 'bool') return { dtype, shape: sizes, data: Uint8Array.from(numbers, (k) => (k % 3 === 0 ? 0 : 1)) };
  const part = (k: number): number => (((k * 7919 + (500 + i) * 104_729 + 12_345) % 1021) / 1024) * 4 - 2;
  return { dtype: 'f32', shape: sizes, data: Float32Array.from(numbers, part) };
};

/** Greatest difference of two lists, relative to numbers above 1. */
const distance = (got: ArrayLike<number>, wanted: readonly number[]): number =>
  wanted.reduce((most, w, i) => Math.max(most, Math.abs((got[i] ?? Number.NaN) - w) / Math.max(1, Math.abs(w))), 0);

/** Outputs of an imported model, on the inputs of record.py, that are not as wanted; what is wrong with the model, too. */
export const farOutputs = (report: ImportReport, wanted: readonly (readonly number[])[]): readonly string[] => {
  const { program } = report;
  if (report.problems.length > 0 || program === undefined) return report.problems.map((p) => `${p.code} ${p.where ?? ''}: ${p.message}`);
  const verified = verifyProgram(program);
  if (!verified.ok) return verified.diagnostics.map((d) => d.message);
  const got = runProgram(
    program,
    report.inputs.map(({ type }, i) => inputOf(type, i)),
  );
  if (got.length !== wanted.length) return [`${got.length} outputs, but ${wanted.length} are wanted`];
  return got.flatMap((tensor, i) => {
    const d = tensor.data.length === at(wanted, i).length ? distance(tensor.data, at(wanted, i)) : Number.POSITIVE_INFINITY;
    return d <= 2e-6 ? [] : [`${at(report.outputs, i).name} [${tensor.shape.join(', ')}]: ${d}`];
  });
};

/** Files of a model, and the values of its outputs, as record_tfjs.py packs them. */
export const filesOf = (
  packed: Uint8Array,
): { readonly files: ReadonlyMap<string, Uint8Array>; readonly outputs: readonly (readonly number[])[] } => {
  const json = JSON.parse(new TextDecoder().decode(gunzipSync(packed))) as {
    readonly files: Readonly<Record<string, string>>;
    readonly outputs: readonly (readonly number[])[];
  };
  const files = new Map(Object.entries(json.files).map(([name, text]) => [name, Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]));
  return { files, outputs: json.outputs };
};
