import { parseMrl } from '../../frontend/mrl/index.ts';
import { fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { type BindOptions, bindProgram } from '../bindings.ts';
import type { Context } from '../context.ts';
import { notAModel, paramsRandom } from '../diagnostics.ts';
import type { SourceModel } from './model.ts';
import { readParams } from './params.ts';

/** The text of a file; undefined when it is not UTF-8. */
export const decodeText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

export interface TextOptions extends BindOptions {
  /** The .npz with the parameters. */
  readonly params?: string | undefined;
  /** Fill parameters that have no data at random instead of refusing them. */
  readonly randomParams: boolean;
}

/** Parses and elaborates the model string of a file. */
export const loadText = (context: Context, path: string, bytes: Uint8Array, options: TextOptions): Result<SourceModel> => {
  const text = decodeText(bytes);
  if (text === undefined) return fail(notAModel(path, 'the file is named like a model string but is not UTF-8 text'));
  const params = readParams(context, path, options.params);
  if (!params.ok) return params;
  const parsed = parseMrl(text, { file: path, params: params.value });
  const onlyUnbound = !parsed.ok && parsed.diagnostics.every((d) => d.code === 'MRL2008');
  const model =
    onlyUnbound && options.randomParams ? parseMrl(text, { file: path, params: params.value, unboundParams: 'random' }) : parsed;
  if (!model.ok) return model;
  const bound = bindProgram(model.value.program, options);
  if (!bound.ok) return bound;
  return ok({
    kind: 'mrl',
    path,
    sizeBytes: bytes.length,
    sha256: sha256Hex(bytes),
    program: bound.value.program,
    warnings: onlyUnbound ? [paramsRandom(), ...bound.value.notes] : bound.value.notes,
    meta: model.value.meta,
  });
};
