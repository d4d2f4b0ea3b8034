import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IMMEDIATE_BACKENDS, loadBackend } from '../../backends/index.ts';
import {
  differenceText,
  findingOfHostile,
  findingOfRefused,
  HOSTILE_CASES,
  hostileProblem,
  machineFacts,
  newKey,
  type Outcome,
  readVectors,
  type RefusedCase,
  refusedCasesOf,
  type Report as ConformanceReport,
  REPORT_FORMAT,
  REPORT_VERSION,
  reportHtml,
  reportJunit,
  runCases,
  runExec,
  selectCases,
  type Selection,
  selectOps,
  signReport,
  type SubjectReport,
  subjectReport,
  totalOf,
  type VectorSet,
  verifierProblem,
} from '../../conformance/index.ts';
import { OP_NAMES, type OpName } from '../../ir/index.ts';
import { closest, type Diagnostic, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { fileUnwritable, optionValue } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { formatCount, formatDuration, formatFacts } from '../text.ts';
import { compilerVersion } from '../version.ts';
import { checkReport } from './conformance-verify.ts';
import { machineProblems } from './machine-problems.ts';

export interface ConformanceArgs {
  readonly backend?: string | undefined;
  readonly exec?: string | undefined;
  readonly ops?: string | undefined;
  readonly sample?: number | undefined;
  readonly timeout: number;
  readonly report?: readonly string[] | undefined;
  readonly junit?: string | undefined;
  readonly 'out-dir'?: string | undefined;
  readonly sign?: string | undefined;
  readonly keygen?: string | undefined;
  readonly verify?: string | undefined;
  readonly 'public-key'?: string | undefined;
}

/** Failures told on stderr; the report has more. */
const MOST_TOLD = 10;

const chooseOps = (list: string | undefined): Result<readonly OpName[]> => {
  const names = list?.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  const { ops, unknown } = selectOps(names);
  if (unknown.length > 0) {
    return fail(
      ...unknown.map((name) => {
        const near = closest(name, OP_NAMES);
        return optionValue('ops', `names ${name}, which is no op`, near === undefined ? [] : [`Did you mean ${near}?`]);
      }),
    );
  }
  return ops.length === 0 ? fail(optionValue('ops', 'names no op')) : ok(ops);
};

const outcomeOf = (problem: string | undefined): Outcome =>
  problem === undefined ? { status: 'passed' } : { status: 'failed', kind: 'accepted', reason: problem };

/** What stands in front of every backend: verifier, proof, readers of files. */
const shieldReport = (refused: readonly RefusedCase[], everything: boolean): SubjectReport => {
  const findings = [
    ...refused.map((c) => findingOfRefused(c, outcomeOf(verifierProblem(c)))),
    ...(everything ? HOSTILE_CASES.map((c) => findingOfHostile(c, outcomeOf(hostileProblem(c)))) : []),
  ];
  return subjectReport({ kind: 'backend', name: 'verifier' }, [], findings, 0);
};

const testBackends = async (
  name: string | undefined,
  { cases }: Selection,
  set: VectorSet,
  context: Context,
): Promise<Result<readonly SubjectReport[]>> => {
  const subjects: SubjectReport[] = [];
  for (const each of name === undefined ? IMMEDIATE_BACKENDS.map((b) => b.name) : [name]) {
    const backend = await loadBackend(each);
    if (!backend.ok) return backend;
    const problems = await machineProblems(backend.value);
    if (problems.length > 0) return fail(...problems);
    const results = await runCases(backend.value, cases, { digests: set.digests, progress: context.progress });
    subjects.push(subjectReport({ kind: 'backend', name: each }, results, [], cases.length));
  }
  return ok(subjects);
};

const testProgram = async (
  command: string,
  { cases }: Selection,
  refused: readonly RefusedCase[],
  set: VectorSet,
  args: ConformanceArgs,
  context: Context,
): Promise<Result<readonly SubjectReport[]>> => {
  const run = await runExec(cases, refused, {
    command,
    cwd: context.io.cwd,
    version: compilerVersion(),
    limitMs: 1000 * args.timeout,
    digests: set.digests,
    progress: context.progress,
  });
  if (!run.ok) return run;
  const { name, results, refusals, restarts, stopped } = run.value;
  const findings = refusals.map(({ case: c, outcome }) => findingOfRefused(c, outcome));
  const subject = { kind: 'exec' as const, name, restarts, ...(stopped === undefined ? {} : { stopped }) };
  return ok([subjectReport(subject, results, findings, cases.length)]);
};

const writeAll = (files: readonly (readonly [string, string])[], context: Context): Diagnostic[] =>
  files.flatMap(([path, content]) => {
    const written = context.write(path, content);
    return written.ok ? [] : written.diagnostics;
  });

/** One file a failure, named by its case. */
const repros = (report: ConformanceReport, folder: string): readonly (readonly [string, string])[] =>
  report.subjects.flatMap((s) =>
    s.failures.flatMap((f) => (f.repro === undefined ? [] : [[join(folder, `${f.id.replace(/[^\w.=+-]+/g, '_')}.mrl`), f.repro] as const])),
  );

const writeReports = (report: ConformanceReport, args: ConformanceArgs, context: Context): Result<undefined> => {
  let signed = report;
  if (args.sign !== undefined) {
    const pem = context.read(args.sign, 'text');
    if (!pem.ok) return pem;
    const result = signReport(report, new TextDecoder().decode(pem.value), args.sign);
    if (!result.ok) return result;
    signed = result.value;
  }
  const folder = args['out-dir'];
  if (folder !== undefined) {
    try {
      mkdirSync(resolve(context.io.cwd, folder), { recursive: true });
    } catch (error) {
      return fail(fileUnwritable(folder, String(error)));
    }
  }
  const problems = writeAll(
    [
      ...(args.report ?? []).map(
        (path) => [path, path.endsWith('.html') ? reportHtml(report) : `${JSON.stringify(signed, null, 1)}\n`] as const,
      ),
      ...(args.junit === undefined ? [] : [[args.junit, reportJunit(report)] as const]),
      ...(folder === undefined ? [] : repros(report, folder)),
    ],
    context,
  );
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};

const told = (report: ConformanceReport): Diagnostic[] => {
  const failures = report.subjects.flatMap((s) => s.failures.map((f) => ({ s, f })));
  const first = failures.slice(0, MOST_TOLD).map(({ s, f }) =>
    diagnostic('CNF0008', f.difference === undefined ? f.reason : `${f.reason}: ${differenceText(f.difference)}`, {
      where: `${s.name}: ${f.id}`,
      notes: f.shape === '' ? [] : [`${f.op}: ${f.shape}${f.data === '' ? '' : `, data ${f.data}, seed ${f.seed}`}`],
    }),
  );
  const left = report.summary.failed - first.length;
  const more = left > 0 ? [diagnostic('CNF0008', `${left} more cases failed`, { notes: ['--report report.html lists them.'] })] : [];
  const stops = report.subjects.flatMap((s) => (s.stopped === undefined ? [] : [diagnostic('CNF0007', s.stopped, { where: s.name })]));
  return [...first, ...more, ...stops];
};

const textOf = (report: ConformanceReport, elapsedMs: number): string => {
  const { cases, available, full } = report.selection;
  const rows = report.subjects.map(({ name, summary }): readonly [string, string] => [
    name,
    `${formatCount(summary.passed)} passed, ${formatCount(summary.failed)} failed, ${formatCount(summary.refused)} refused${summary.notRun > 0 ? `, ${formatCount(summary.notRun)} not run` : ''}`,
  ]);
  return formatFacts([
    ...rows,
    ['cases', `${formatCount(cases)} of ${formatCount(available)}${full ? '' : ' (a sample)'}`],
    ['vectors', report.vectors],
    ['time', formatDuration(elapsedMs)],
  ]);
};

/** The command `conformance`. */
export const runConformance = async (args: ConformanceArgs, context: Context): Promise<Result<Report>> => {
  if (args.keygen !== undefined) {
    const written = context.write(args.keygen, newKey());
    return written.ok ? ok({ json: { key: args.keygen }, text: `Wrote ${args.keygen}: keep it secret.\n` }) : written;
  }
  const set = readVectors();
  if (!set.ok) return set;
  if (args.verify !== undefined) return checkReport(args.verify, args['public-key'], set.value.id, context);
  const ops = chooseOps(args.ops);
  if (!ops.ok) return ops;
  const started = context.io.now();
  const selection = selectCases(set.value, ops.value, args.sample);
  const refused = ops.value.flatMap(refusedCasesOf);
  const tested =
    args.exec === undefined
      ? await testBackends(args.backend, selection, set.value, context)
      : await testProgram(args.exec, selection, refused, set.value, args, context);
  if (!tested.ok) return tested;
  const subjects = [...tested.value, ...(args.exec === undefined ? [shieldReport(refused, args.ops === undefined)] : [])];
  const report: ConformanceReport = {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    cortexc: compilerVersion(),
    created: new Date().toISOString(),
    vectors: set.value.id,
    machine: machineFacts(),
    selection: {
      full: selection.cases.length === selection.available,
      cases: selection.cases.length,
      available: selection.available,
      ops: args.ops === undefined ? 'all' : ops.value,
    },
    summary: totalOf(subjects),
    subjects,
  };
  const written = writeReports(report, args, context);
  if (!written.ok) return written;
  const { failed, notRun } = report.summary;
  return ok({
    exit: failed > 0 || notRun > 0 ? 1 : 0,
    json: { summary: { ...report.summary }, report: report as unknown as Json },
    text: textOf(report, context.io.now() - started),
    warnings: told(report),
  });
};
