import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKENDS, type Executable, loadBackend } from '../src/backends/index.ts';
import { decodeTensorProto, importOnnx } from '../src/frontend/onnx/index.ts';
import { bindDims, isStaticType, type Program, type StaticType, type Tensor, typeOf } from '../src/ir/index.ts';
import { at, invariant, unwrap } from '../src/support/index.ts';

/** Runs with a folder that is removed afterwards. */
export const withFolder = async <T>(use: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const readBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

/** An ONNX model as a float program; symbolic dimensions become 1. */
export const importFloat = (bytes: Uint8Array): Program => {
  const { program } = unwrap(importOnnx(bytes));
  const symbols = program.inputs.flatMap((p) => typeOf(program, p.value).shape.filter((d): d is string => typeof d === 'string'));
  return symbols.length === 0 ? program : unwrap(bindDims(program, new Map(symbols.map((s) => [s, 1]))));
};

/** The type of the first input. */
export const inputType = (program: Program): StaticType => {
  const type = typeOf(program, at(program.inputs, 0).value);
  invariant(isStaticType(type), 'the input has symbolic dimensions');
  return type;
};

/** A program compiled for a backend. */
export const executableOn = async (backend: string, program: Program): Promise<Executable> =>
  unwrap(unwrap(await loadBackend(backend)).compile(program));

export const BACKEND_NAMES: readonly string[] = BACKENDS.map((b) => b.name);

/** A stored TensorProto under the shape of an input or output: stored shapes sometimes lack the batch axis. */
export const readProto = (path: string, shape?: readonly number[]): Tensor => {
  const tensor = unwrap(decodeTensorProto(readBytes(path)));
  return shape === undefined ? tensor : { ...tensor, shape };
};

export const maxAbsDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)));
  return worst;
};
