import { expect } from '@jest/globals';
import { DTYPE_INFO, runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { at, diagnostic, fail, unwrap } from '../../support/index.ts';
import type { FilesBeside, Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { type ElemName, ELEMS, hostFromBytes } from '../host-tensor.ts';

/** A tensor as recorders write it: name, type, shape, little-endian elements in base64. */
export type RecordedTensor = readonly [name: string, type: string, shape: readonly number[], data: string];

/** What the framework itself computed; the model is a member that each recorder names itself. */
export interface RecordedRun {
  readonly name: string;
  readonly inputs: readonly RecordedTensor[];
  readonly outputs: readonly RecordedTensor[];
}

export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

const elements = ([name, type, shape, data]: RecordedTensor): { readonly elem: ElemName; readonly data: ArrayLike<number> } => {
  const elem = type as ElemName;
  return { elem, data: hostFromBytes(name, elem, shape, bytesOf(data)).data };
};

/** The tensor as a program takes it. */
export const tensorOf = (t: RecordedTensor): Tensor => {
  const { elem, data } = elements(t);
  const { dtype } = ELEMS[elem];
  const held = DTYPE_INFO[dtype].make(data.length);
  for (let i = 0; i < data.length; i++) held[i] = data[i] ?? 0;
  return { dtype, shape: t[2], data: held };
};

const nothingBeside: FilesBeside = {
  read: (name) => fail(diagnostic('IMP1002', `there is no file ${name}`)),
  has: () => false,
  list: () => [],
};
export const importOptions = (options: Partial<ImportOptions> = {}): ImportOptions => ({
  file: 'model',
  beside: nothingBeside,
  params: undefined,
  shapes: new Map(),
  randomParams: false,
  ...options,
});
export const examined = async (frontend: Frontend, bytes: Uint8Array, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  frontend.examine(bytes, importOptions(options));

/** Runs a model on the recorded inputs, which it names as the record does or has in the same order. */
export const runRecorded = (report: ImportReport, run: RecordedRun): readonly Tensor[] => {
  expect(report.problems).toEqual([]);
  const { program } = report;
  if (program === undefined) throw new RangeError('there is no program');
  unwrap(verifyProgram(program));
  const given = program.inputs.map((p, i) => run.inputs.find(([name]) => name === p.name) ?? at(run.inputs, i));
  return runProgram(program, given.map(tensorOf));
};

/** The greatest difference to the recorded output, relative to its greatest element (at least 1); infinite where shapes differ. */
export const difference = (got: Tensor, wanted: RecordedTensor): number => {
  const { data } = elements(wanted);
  if (got.shape.join() !== wanted[2].join() || got.data.length !== data.length) return Number.POSITIVE_INFINITY;
  let [most, scale] = [0, 1];
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [got.data[i] ?? Number.NaN, data[i] ?? Number.NaN];
    if (Object.is(a, b) || a === b) continue;
    scale = Math.max(scale, Number.isFinite(b) ? Math.abs(b) : 1);
    const d = Math.abs(a - b);
    most = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(most, d);
  }
  return most / scale;
};
