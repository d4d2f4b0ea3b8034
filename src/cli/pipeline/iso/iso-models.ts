import { type Backend, loadBackend } from '../../../backends/index.ts';
import type { Program } from '../../../ir/index.ts';
import {
  certificateOf,
  checkCertificate,
  type Comparison,
  comparePrograms,
  describeView,
  parseCertificate,
  type RunModel,
  type Verdict,
  verdictOf,
} from '../../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { fileReplaced, optionsConflict, optionValue } from '../../diagnostics.ts';
import { loadModel } from '../load.ts';
import { programOf, warningsOf } from '../model.ts';
import { isoJson } from './iso-json.ts';
import { isoPage } from './iso-page.ts';
import { differenceLine, isoText, type Shown } from './iso-text.ts';
import { argsFor, type PairArgs, type Side } from './sides.ts';

export interface IsoArgs extends PairArgs {
  readonly a: string;
  readonly b: string;
  readonly level: number;
  readonly quantized: boolean;
  readonly tolerance?: number | undefined;
  readonly probes: number;
  readonly 'output-tolerance'?: number | undefined;
  readonly backend: string;
  readonly certificate?: string | undefined;
  readonly check?: string | undefined;
  readonly report?: string | undefined;
  readonly full: boolean;
  readonly trace: boolean;
}

const MOST_PROBES = 100_000;

const optionProblems = (args: IsoArgs): readonly Diagnostic[] => {
  const problems: Diagnostic[] = [];
  const inside = (name: 'level' | 'probes', most: number): void => {
    const v = args[name];
    if (!Number.isInteger(v) || v < 0 || v > most) problems.push(optionValue(name, `is ${v} but takes an integer from 0 to ${most}`));
  };
  inside('level', 3);
  inside('probes', MOST_PROBES);
  for (const name of ['tolerance', 'output-tolerance'] as const) {
    const v = args[name];
    if (v !== undefined && !(v >= 0 && v < 1)) problems.push(optionValue(name, `is ${v} but takes a number from 0 to below 1`));
  }
  if (args.check !== undefined && (args.certificate !== undefined || args.report !== undefined)) {
    problems.push(
      optionsConflict('--check is given with an output of a comparison', 'Leave out --certificate and --report: nothing is compared anew.'),
    );
  }
  return problems;
};

interface Loaded {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
}

const load = async (context: Context, path: string, args: IsoArgs, side: Side): Promise<Result<Loaded>> => {
  // structure alone needs no parameters
  const model = await loadModel(context, path, argsFor(args, path, side), {
    assumeBatch: true,
    ...(args.level <= 2 && args.level > 0 ? { randomParams: true, structureOnly: true } : {}),
  });
  return model.ok ? ok({ program: programOf(model.value), warnings: warningsOf(model.value) }) : model;
};

const check = (args: IsoArgs, path: string, a: Loaded, b: Loaded, context: Context): Result<Report> => {
  const bytes = context.read(path, 'text');
  if (!bytes.ok) return bytes;
  const certificate = parseCertificate(new TextDecoder().decode(bytes.value));
  if (certificate === undefined) {
    return fail(
      diagnostic('ISO0003', 'the file is no certificate of isomorphism', {
        where: path,
        notes: ['Write one: cortexc iso A B --certificate FILE.'],
      }),
    );
  }
  const problems = checkCertificate(certificate, a.program, b.program);
  if (certificate.level < args.level) {
    const message = `the certificate is for level ${certificate.level}, but --level asks for ${args.level}`;
    return fail(diagnostic('ISO0002', message, { where: path, notes: [`Ask for what it says: --level ${certificate.level}.`] }));
  }
  if (problems.length > 0) return fail(...problems.map((p) => ({ ...p, where: path })));
  const { level, pairs, view } = certificate;
  const seen = view === undefined ? '' : `, the input of B seen with ${describeView(view)}`;
  const text = `the certificate holds: level ${level}, ${pairs.length} pairs, A ${certificate.a}, B ${certificate.b}${seen}\n`;
  const told = view === undefined ? {} : { view: { ...view } };
  return ok({ json: { holds: true, level, pairs: pairs.length, a: certificate.a, b: certificate.b, ...told }, text });
};

const undecided = (comparison: Comparison, level: number): Diagnostic => {
  const open =
    comparison.levels.find((l) => l.outcome === 'undecided') ??
    comparison.levels.find((l) => l.level === 4 && l.outcome === 'refuted') ??
    comparison.levels.find((l) => l.level === 2 && l.outcome === 'refuted');
  const reason = open === undefined ? 'no level is proven or refuted' : `level ${open.level}: ${open.text}`;
  return diagnostic('ISO0001', `isomorphism at level ${level} is undecided at ${reason}`);
};

const writeAll = (context: Context, files: readonly (readonly [string, string])[], warnings: Diagnostic[]): Result<undefined> => {
  for (const [path, content] of files) {
    const written = context.write(path, content);
    if (!written.ok) return written;
    if (written.value.replaced) warnings.push(fileReplaced(path));
  }
  return ok(undefined);
};

const runnerOn =
  (backend: Backend) =>
  (program: Program): RunModel | undefined => {
    const executable = backend.compile(program);
    return executable.ok ? (inputs) => executable.value.run(inputs) : undefined;
  };

/** `cortexc iso`. */
export const isoModels = async (args: IsoArgs, context: Context): Promise<Result<Report>> => {
  const problems = optionProblems(args);
  if (problems.length > 0) return fail(...problems);
  const [a, b] = [await load(context, args.a, args, 'A'), await load(context, args.b, args, 'B')];
  if (!a.ok || !b.ok) return fail(...(a.ok ? [] : a.diagnostics), ...(b.ok ? [] : b.diagnostics));
  const warnings: Diagnostic[] = [...a.value.warnings, ...b.value.warnings];
  if (args.check !== undefined) return check(args, args.check, a.value, b.value, context);
  const structureOnly = args.level === 1 || args.level === 2;
  // twins take inputs of other types
  const backend = structureOnly || args.quantized || args.probes === 0 ? undefined : await loadBackend(args.backend);
  if (backend !== undefined && !backend.ok) return backend;
  const comparison = comparePrograms(a.value.program, b.value.program, {
    structureOnly,
    quantized: args.quantized,
    tolerance: args.tolerance,
    outputTolerance: args['output-tolerance'],
    ...(backend === undefined ? {} : { run: runnerOn(backend.value), probes: args.probes }),
  });
  const verdict: Verdict = verdictOf(comparison, args.level);
  if (verdict === 'undecided') warnings.push(undecided(comparison, args.level));
  const shown: Shown = { a: args.a, b: args.b, level: args.level, verdict, full: args.full, trace: args.trace };
  const certificate =
    args.certificate === undefined ? undefined : certificateOf(a.value.program, b.value.program, comparison, args.tolerance);
  if (args.certificate !== undefined && certificate === undefined) {
    const why = comparison.byField ? 'what is proven over a finite field has no mapping' : 'no level is proven';
    warnings.push(diagnostic('ISO0004', `no certificate is written: ${why}`));
  }
  const files: (readonly [string, string])[] = [
    ...(args.certificate === undefined || certificate === undefined
      ? []
      : [[args.certificate, `${JSON.stringify(certificate)}\n`] as const]),
    ...(args.report === undefined ? [] : [[args.report, isoPage(comparison, shown)] as const]),
  ];
  const written = writeAll(context, files, warnings);
  if (!written.ok) return written;
  const told = files.map(([path]) => `wrote ${path}\n`).join('');
  return ok({
    exit: verdict === 'isomorphic' ? 0 : 1,
    json: {
      a: args.a,
      b: args.b,
      ...isoJson(comparison, args.level, verdict),
      summary: differenceLine(comparison),
      files: files.map(([path]) => path),
    },
    text: `${isoText(comparison, shown)}${told === '' ? '' : `\n${told}`}`,
    warnings,
  });
};
