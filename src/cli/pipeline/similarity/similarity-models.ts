import { loadBackend } from '../../../backends/index.ts';
import { measureSimilarity, type RunModel, type Subject } from '../../../passes/index.ts';
import type { Program } from '../../../ir/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { fileReplaced, optionValue } from '../../diagnostics.ts';
import { argsFor, type PairArgs, type Side } from '../iso/sides.ts';
import { loadRunnable } from '../load.ts';
import { similarityPage } from './similarity-page.ts';
import { similarityJson, similarityText } from './similarity-text.ts';

export interface SimilarityArgs extends PairArgs {
  readonly a: string;
  readonly b: string;
  readonly probes: number;
  readonly backend: string;
  readonly layers: boolean;
  readonly report?: string | undefined;
}

const MOST_PROBES = 10_000;
/** Fewer samples leave the estimates of kernels undefined. */
const LEAST_PROBES = 4;

interface Loaded {
  readonly subject: Subject;
  readonly warnings: readonly Diagnostic[];
}

const load = async (context: Context, path: string, args: SimilarityArgs, side: Side): Promise<Result<Loaded>> => {
  const model = await loadRunnable(context, path, argsFor(args, path, side));
  if (!model.ok) return model;
  const { program, inputs, outputs, warnings } = model.value;
  return ok({ subject: { program, inputs: inputs.map((i) => i.quantization), outputs }, warnings });
};

/** The model cannot be brought into normal form. */
export const notComparable = (path: string): Diagnostic =>
  diagnostic('SIM0001', 'the model has a dimension without a number, or takes more rewriting than its size explains', {
    where: path,
    notes: ['Bind dimensions: --bind NAME=SIZE.'],
  });

/** `cortexc similarity`. */
export const similarityOfModels = async (args: SimilarityArgs, context: Context): Promise<Result<Report>> => {
  const { probes } = args;
  if (!Number.isInteger(probes) || probes > MOST_PROBES || (probes < LEAST_PROBES && probes !== 0))
    return fail(optionValue('probes', `is ${probes} but takes 0, or an integer from ${LEAST_PROBES} to ${MOST_PROBES}`));
  const [a, b] = [await load(context, args.a, args, 'A'), await load(context, args.b, args, 'B')];
  if (!a.ok || !b.ok) return fail(...(a.ok ? [] : a.diagnostics), ...(b.ok ? [] : b.diagnostics));
  const backend = probes === 0 ? undefined : await loadBackend(args.backend);
  if (backend !== undefined && !backend.ok) return backend;
  const run =
    backend === undefined
      ? undefined
      : (program: Program): RunModel | undefined => {
          const executable = backend.value.compile(program);
          return executable.ok ? (inputs) => executable.value.run(inputs) : undefined;
        };
  const found = measureSimilarity(a.value.subject, b.value.subject, { run, probes });
  if (typeof found === 'string') return fail(notComparable(found === 'A' ? args.a : args.b));
  const warnings = [...a.value.warnings, ...b.value.warnings];
  const shown = { a: args.a, b: args.b, layers: args.layers };
  const files = args.report === undefined ? [] : [args.report];
  for (const path of files) {
    const written = context.write(path, similarityPage(found, shown));
    if (!written.ok) return written;
    if (written.value.replaced) warnings.push(fileReplaced(path));
  }
  return ok({
    json: { a: args.a, b: args.b, ...similarityJson(found), files },
    text: `${similarityText(found, shown)}${files.map((path) => `\nwrote ${path}\n`).join('')}`,
    warnings,
  });
};
