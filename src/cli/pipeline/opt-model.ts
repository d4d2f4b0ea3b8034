import { printProgram, type Program } from '../../ir/index.ts';
import { PASSES, runPasses } from '../../passes/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { argumentMissing, fileReplaced, optionsConflict } from '../diagnostics.ts';
import { formatTable } from '../text.ts';
import { loadModel, type ModelArgs } from './load.ts';
import { programOf, warningsOf } from './model.ts';
import { paramArchive, paramsPathOf } from './params.ts';

export interface OptArgs extends ModelArgs {
  readonly model?: string | undefined;
  readonly pass?: readonly string[] | undefined;
  readonly 'print-after-all': boolean;
  readonly output?: string | undefined;
}

const listPasses = (): Report => ({
  json: { passes: PASSES.map((p) => ({ name: p.name, help: p.help, ...(p.inexact === undefined ? {} : { inexact: p.inexact }) })) },
  text: formatTable(
    ['pass', 'what it does', 'changes last bits'],
    PASSES.map((p) => [p.name, p.help, p.inexact ?? '']),
  ),
});

/** Writes the text, and beside it the parameters that it names by digest. */
const writeProgram = (
  context: Context,
  path: string,
  text: string,
  program: Program,
  warnings: Diagnostic[],
): Result<readonly string[]> => {
  const archive = paramArchive(program);
  const paramsPath = paramsPathOf(path);
  if (archive !== undefined && paramsPath === path)
    return fail(optionsConflict(`--output ${path} would be overwritten by its own parameters`, 'Name it .mrl.'));
  const written: string[] = [];
  // Parameters first: a text never stands without what it names.
  for (const [file, content] of [[paramsPath, archive] as const, [path, text] as const]) {
    if (content === undefined) continue;
    const result = context.write(file, content);
    if (!result.ok) return result;
    if (result.value.replaced) warnings.push(fileReplaced(file));
    written.push(file);
  }
  return ok(written);
};

/** `cortexc opt`: runs passes and prints the program, after each pass if asked. */
export const optimizeModel = async (args: OptArgs, context: Context): Promise<Result<Report>> => {
  const names = (args.pass ?? []).flatMap((p) => p.split(',')).filter((p) => p !== '');
  if (args.model === undefined) {
    return args.pass === undefined && args.output === undefined
      ? ok(listPasses())
      : fail(argumentMissing('model', 'cortexc opt <model> --pass a,b [options]'));
  }
  const checked = runPasses({ name: '', inputs: [], params: [], nodes: [], outputs: [], types: [] }, names);
  if (!checked.ok) return checked; // Unknown passes are told before a large model is read.
  const model = await loadModel(context, args.model, args, { assumeBatch: false });
  if (!model.ok) return model;
  const stages: { readonly pass: string; readonly text: string }[] = [];
  const result = runPasses(programOf(model.value), names, {
    progress: context.progress,
    ...(args['print-after-all']
      ? { afterEach: (pass, program) => stages.push({ pass: pass.name, text: printProgram(program, { form: 'readable' }) }) }
      : {}),
  });
  if (!result.ok) return result;
  const text = printProgram(result.value, { form: 'readable' });
  const warnings = [...warningsOf(model.value)];
  const written = args.output === undefined ? ok([]) : writeProgram(context, args.output, text, result.value, warnings);
  if (!written.ok) return written;
  const staged = stages.map((s) => `// after ${s.pass}\n${s.text}\n`).join('');
  const told = args.output === undefined ? text : written.value.map((path) => `wrote ${path}\n`).join('');
  return ok({
    json: {
      nodes: result.value.nodes.length,
      ...(args.output === undefined ? { text } : { files: [...written.value] }),
      ...(stages.length === 0 ? {} : { stages }),
    },
    // The last stage is the result.
    text: stages.length > 0 && args.output === undefined ? staged : staged + told,
    warnings,
  });
};
