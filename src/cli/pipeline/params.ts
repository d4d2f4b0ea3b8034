import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ParamSource } from '../../frontend/mrl/index.ts';
import { encodeNpz, npyTensor, openNpz } from '../../frontend/tensors/index.ts';
import { elementCount, INLINE_LIMIT, paramDigest, type Program, type Tensor } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
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

/**
 * Parameters of a model string: from the file that is named, else from NAME.npz beside it if that exists. Arrays are
 * found by digest (as member name or by content) or by parameter name.
 */
export const readParams = (context: Context, textPath: string, given: string | undefined): Result<ParamSource> => {
  const path = given ?? paramsPathOf(textPath);
  if (given === undefined && !existsSync(resolve(context.io.cwd, path))) return ok({});
  const file = context.open(path, 'data');
  if (!file.ok) return file;
  const arrays = openNpz(file.value, { name: path, maxBytes: LIMITS.data });
  if (!arrays.ok) return arrays;
  const tensors = new Map<string, Tensor>();
  const problems: Diagnostic[] = [];
  for (const [name, array] of arrays.value) {
    const tensor = npyTensor(array, deskOf(context));
    if (tensor.ok) tensors.set(name, tensor.value);
    else problems.push(...tensor.diagnostics);
  }
  if (problems.length > 0) return fail(...problems);
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
