import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ParamSource } from '../../frontend/mrl/index.ts';
import { openSafetensors } from '../../frontend/safetensors/index.ts';
import { encodeNpz, npyTensor, openNpz } from '../../frontend/tensors/index.ts';
import { elementCount, INLINE_LIMIT, paramDigest, type Program, type Tensor } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { LIMITS } from '../files.ts';
import { deskOf } from './desk.ts';

/** NAME.npz beside NAME.mrl. */
export const paramsPathOf = (textPath: string): string => `${textPath.replace(/[.]mrl$/i, '')}.npz`;

/** The parameters that a printed program names by digest: a .npz with one array a digest; undefined when there is none. */
export const paramArchive = (program: Program): Uint8Array | undefined => {
  const arrays = new Map<string, Tensor>();
  for (const { tensor } of program.params) {
    if (elementCount(tensor.shape) > INLINE_LIMIT) arrays.set(paramDigest(tensor), tensor);
  }
  return arrays.size === 0 ? undefined : encodeNpz(arrays);
};

/** The file that is named, else NAME.npz or NAME.safetensors; undefined where there is neither. */
const pathOf = (context: Context, textPath: string, given: string | undefined): string | undefined => {
  const usual = paramsPathOf(textPath);
  return given ?? [usual, usual.replace(/npz$/, 'safetensors')].find((path) => existsSync(resolve(context.io.cwd, path)));
};

/** A zip archive begins on PK; the header of safetensors on a brace, behind its length. */
const isSafetensors = (source: ByteSource): boolean => {
  const head = source.read(0, 9);
  return head[0] !== 0x50 && head[8] === 0x7b;
};

/** Every tensor of a file by name; errors of all of them at once. */
const tensorsOf = (context: Context, source: ByteSource, name: string): Result<ReadonlyMap<string, Tensor>> => {
  const desk = deskOf(context);
  const opened = isSafetensors(source) ? openSafetensors(source) : openNpz(source, { name, maxBytes: LIMITS.data });
  if (!opened.ok) return fail(...opened.diagnostics.map((d) => (d.where === undefined ? { ...d, where: name } : d)));
  const tensors = new Map<string, Tensor>();
  const problems: Diagnostic[] = [];
  for (const [key, array] of opened.value) {
    const tensor = 'tensor' in array ? array.tensor(desk) : npyTensor(array, desk);
    if (tensor.ok) tensors.set(key, tensor.value);
    else problems.push(...tensor.diagnostics);
  }
  return problems.length > 0 ? fail(...problems) : ok(tensors);
};

/**
 * Parameters of a model string: from the file that is named, else from NAME.npz or NAME.safetensors beside it if that exists.
 * Arrays are found by digest (as member name or by content) or by parameter name.
 */
export const readParams = (context: Context, textPath: string, given: string | undefined): Result<ParamSource> => {
  const path = pathOf(context, textPath, given);
  if (path === undefined) return ok({});
  const file = context.open(path, 'data');
  if (!file.ok) return file;
  const read = tensorsOf(context, file.value, path);
  if (!read.ok) return read;
  const tensors = read.value;
  let byContent: ReadonlyMap<string, Tensor> | undefined;
  return ok({
    byName: (name) => tensors.get(name),
    byDigest: (digest) => {
      const named = tensors.get(digest);
      if (named !== undefined) return named;
      byContent ??= new Map(Array.from(tensors.values(), (t) => [paramDigest(t), t]));
      return byContent.get(digest);
    },
  });
};
