import { parseMrl } from '../../frontend/mrl/index.ts';
import { printProgram } from '../../ir/index.ts';
import { fail, invariant, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { notAModel, notFormatted, optionsConflict } from '../diagnostics.ts';
import { layoutText } from '../layout.ts';
import { kindOf, loadModel } from './load.ts';
import { decodeText } from './load-mrl.ts';

export interface FmtArgs {
  readonly file: string;
  readonly canonical: boolean;
  readonly check: boolean;
  readonly write: boolean;
  readonly bind?: readonly string[] | undefined;
  readonly params?: string | undefined;
}

const squeeze = (text: string): string => text.replace(/[\s\ufeff]+/g, '');

/** The readable form: the text as it was written, in standard layout. It has to be a program; its parameters are not needed. */
const layoutForm = (path: string, text: string): Result<string> => {
  const parsed = parseMrl(text, { file: path, unboundParams: 'zeros' });
  if (!parsed.ok) return parsed;
  const formatted = layoutText(text);
  invariant(squeeze(formatted) === squeeze(text), 'formatting changed more than white space');
  return ok(formatted);
};

/** The canonical form: needs every parameter, since it names them by digest. */
const canonicalForm = async (args: FmtArgs, context: Context): Promise<Result<string>> => {
  const model = await loadModel(context, args.file, args, { assumeBatch: false });
  if (!model.ok) return model;
  return ok(model.value.kind === 'package' ? model.value.package.modelString : printProgram(model.value.program, { form: 'canonical' }));
};

/** `cortexc fmt`. */
export const formatModel = async (args: FmtArgs, context: Context): Promise<Result<Report>> => {
  const file = context.read(args.file, 'model');
  if (!file.ok) return file;
  const kind = await kindOf(file.value, args.file);
  if (kind !== 'mrl' && !args.canonical) {
    return fail(
      notAModel(args.file, 'only a model string has a layout (fmt --canonical takes ONNX and packages too); this is something else'),
    );
  }
  if (kind !== 'mrl' && (args.write || args.check)) {
    return fail(optionsConflict('--write and --check take a model string', `Print it: cortexc fmt --canonical ${args.file}.`));
  }
  if (!args.canonical && (args.bind !== undefined || args.params !== undefined)) {
    return fail(optionsConflict('--bind and --params are for the canonical form', 'Add --canonical, or leave them out.'));
  }
  const text = decodeText(file.value);
  if (kind === 'mrl' && text === undefined) return fail(notAModel(args.file, 'the file is not UTF-8 text'));
  const formatted = args.canonical ? await canonicalForm(args, context) : layoutForm(args.file, text ?? '');
  if (!formatted.ok) return formatted;
  const same = formatted.value === text;
  if (args.check) return same ? ok({ json: { formatted: true }, text: '' }) : fail(notFormatted(args.file, args.canonical));
  if (!args.write) return ok({ json: { text: formatted.value, changed: !same }, text: formatted.value });
  if (same) return ok({ json: { file: args.file, changed: false }, text: `${args.file} is formatted already\n` });
  const written = context.write(args.file, formatted.value);
  return written.ok ? ok({ json: { file: args.file, changed: true }, text: `wrote ${args.file}\n` }) : written;
};
