import { type Program, paramDigest, ProgramBuilder, type Tensor, verifyProgram } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import type { FileAst } from './ast.ts';
import { Elaborator, type ElaborateOptions, type ParamSource, type UnboundParams } from './elaborate.ts';
import { Resolver } from './resolve.ts';
import { Report, SourceText } from './source.ts';
import { parseSyntax } from './syntax.ts';

/** Metadata of a model: not part of its identity. */
export type Meta = ReadonlyMap<string, string | number | boolean>;

export interface ParseOptions {
  /** Name of the file, for diagnostics. */
  readonly file: string;
  /** Data of parameters that are not written in the text. */
  readonly params?: ParamSource | undefined;
  /** What becomes of parameters without data; default `error`. */
  readonly unboundParams?: UnboundParams | undefined;
}

export interface ParsedModel {
  readonly program: Program;
  readonly meta: Meta;
}

const metaOf = (file: FileAst, report: Report): Meta => {
  const meta = new Map<string, string | number | boolean>();
  for (const item of file.items) {
    if (item.kind !== 'meta') continue;
    for (const { name, value } of item.entries) {
      const negative = value.kind === 'unary' && value.operator === '-' ? value.operand : undefined;
      if (meta.has(name.text)) report.add('MRL2002', `${name.text} is defined a second time`, name);
      else if (value.kind === 'int' || value.kind === 'float' || value.kind === 'bool') meta.set(name.text, value.value);
      else if (negative?.kind === 'int' || negative?.kind === 'float') meta.set(name.text, -negative.value);
      else if (value.kind === 'text') meta.set(name.text, value.parts.map((p) => (typeof p === 'string' ? p : `{${p.text}}`)).join(''));
      else if (value.kind !== 'broken') report.add('MRL2003', `${name.text} takes a text, a number or a bool as it stands`, value);
    }
  }
  return meta;
};

/**
 * Reads a model string: syntax, names, elaboration to a program, verification. Lists all problems of the text in one run;
 * hostile text ends in a diagnostic MRL3xxx in bounded time and memory.
 */
export const parseMrl = (text: string, { file, params = {}, unboundParams = 'error' }: ParseOptions): Result<ParsedModel> => {
  const report = new Report(new SourceText(file, text));
  const tree = parseSyntax(report);
  if (tree === undefined) return fail(...report.list());
  const { functions, model } = new Resolver(report, { quietNames: report.count > 0 }).resolve(tree);
  const meta = metaOf(tree, report);
  const builder = new ProgramBuilder(model?.name.text ?? '');
  const options: ElaborateOptions = { params, unboundParams };
  if (model !== undefined && !report.stopped) new Elaborator(report, builder, functions, options).run(model);
  const program = builder.finish();
  if (model !== undefined && report.count === 0 && program.outputs.length === 0) {
    report.add('IR0009', `model ${model.name.text} has no output`, model.name, ['Add: output y = value;']);
  }
  if (report.count > 0) return fail(...report.list());
  const verified = verifyProgram(program);
  return verified.ok ? ok({ program: verified.value, meta }) : verified;
};

/** The parameters of a program as a source, so that its printed form can be read back. */
export const paramSourceOf = (program: Program): ParamSource => {
  const byName = new Map<string, Tensor>(program.params.map((p) => [p.name, p.tensor]));
  let byDigest: Map<string, Tensor> | undefined;
  return {
    byName: (name) => byName.get(name),
    byDigest: (digest) => {
      byDigest ??= new Map([...byName.values()].map((t) => [paramDigest(t), t]));
      return byDigest.get(digest);
    },
  };
};
