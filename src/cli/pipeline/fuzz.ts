import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Backend, IMMEDIATE_BACKENDS, loadBackend } from '../../backends/index.ts';
import { ALL_PASSES, type FindingKind, type FoundCase, fuzzStep, reproFiles, selectOps } from '../../conformance/index.ts';
import { OP_NAMES, type OpName } from '../../ir/index.ts';
import { runPasses } from '../../passes/index.ts';
import { closest, type Code, compareCodeUnits, diagnostic, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { fileUnwritable, optionValue } from '../diagnostics.ts';
import { formatCount, formatDuration, formatFacts } from '../text.ts';
import { machineProblems } from './machine-problems.ts';

export interface FuzzArgs {
  readonly programs?: number | undefined;
  readonly timeMs: number | undefined;
  readonly seed: number;
  readonly first: number;
  readonly nodes: number;
  readonly backend?: readonly string[] | undefined;
  readonly ops?: readonly string[] | undefined;
  readonly pass?: readonly string[] | undefined;
  readonly passes: boolean;
  readonly 'round-trips': boolean;
  readonly out: string;
}

const CODES = {
  backend: 'FUZ0001',
  pass: 'FUZ0002',
  'round-trip': 'FUZ0003',
  invalid: 'FUZ0004',
  refused: 'FUZ0005',
  crash: 'FUZ0006',
} as const satisfies Record<FindingKind, Code>;

const DEFAULT_PROGRAMS = 1000;
/** Where more is wrong than this, the first ones tell enough. */
const MOST_FINDINGS = 20;
const MOST_ALIKE = 200;

const words = (lists: readonly string[] | undefined): readonly string[] | undefined =>
  lists
    ?.flatMap((list) => list.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Without the self-test, which would refuse an op before a difference shows. */
const loadBackends = async (names: readonly string[] | undefined): Promise<Result<readonly Backend[]>> => {
  const chosen = names ?? IMMEDIATE_BACKENDS.map((b) => b.name).filter((name) => name !== 'reference');
  const loaded = await Promise.all(chosen.map((name) => loadBackend(name, { selfTest: false })));
  const problems: Diagnostic[] = [];
  const backends: Backend[] = [];
  for (const one of loaded) {
    const found = one.ok ? await machineProblems(one.value) : one.diagnostics;
    problems.push(...found);
    if (one.ok && found.length === 0) backends.push(one.value);
  }
  return problems.length > 0 ? fail(...problems) : ok(backends);
};

const opUnknown = (name: string): Diagnostic => {
  const near = closest(name, OP_NAMES);
  return optionValue('ops', `names ${name}, which is no op`, near === undefined ? [] : [`Did you mean ${near}?`]);
};

const chooseOps = (names: readonly string[] | undefined): Result<readonly OpName[]> => {
  const { ops, unknown } = selectOps(names);
  return unknown.length === 0 ? ok(ops) : fail(...unknown.map(opUnknown));
};

const choosePasses = (args: FuzzArgs): Result<readonly string[]> => {
  if (!args.passes) return ok([]);
  const names = words(args.pass) ?? ALL_PASSES;
  const checked = runPasses({ name: '', inputs: [], params: [], nodes: [], outputs: [], types: [] }, names);
  return checked.ok ? ok(names) : checked;
};

interface Campaign {
  readonly programs: number;
  readonly nodes: number;
  readonly ops: ReadonlySet<OpName>;
  readonly ms: number;
  readonly found: readonly Found[];
  /** Findings that are like one of `found`. */
  readonly alike: number;
}

interface Found extends FoundCase {
  readonly file: string;
}

/** Findings of the same kind on the same ops most likely have one cause. */
const signatureOf = ({ finding, case: { program } }: FoundCase): string =>
  [finding.kind, finding.subject, ...program.nodes.map((n) => n.op).sort(compareCodeUnits)].join(' ');

const commandLine = (args: FuzzArgs, ops: readonly OpName[], index: number): string => {
  const some = ops.length === OP_NAMES.length ? '' : ` --ops ${ops.join(',')}`;
  return `cortexc fuzz --seed ${args.seed} --nodes ${args.nodes}${some} --first ${index} --programs 1`;
};

const writeFound = (context: Context, args: FuzzArgs, found: FoundCase, ops: readonly OpName[]): Result<string> => {
  try {
    mkdirSync(resolve(context.io.cwd, args.out), { recursive: true });
  } catch (error) {
    return fail(fileUnwritable(args.out, error instanceof Error ? error.message : String(error)));
  }
  const name = `${found.finding.kind}-${args.seed}-${found.index}`;
  for (const file of reproFiles(name, found.finding, found.case, commandLine(args, ops, found.index))) {
    const written = context.write(join(args.out, file.name), file.content);
    if (!written.ok) return written;
  }
  return ok(join(args.out, `${name}.mrl`));
};

/** Program after program, until their number, the time or the findings are enough. */
const campaign = async (
  args: FuzzArgs,
  context: Context,
  chosen: { readonly backends: readonly Backend[]; readonly ops: readonly OpName[]; readonly passes: readonly string[] },
): Promise<Result<Campaign>> => {
  const started = context.io.now();
  const elapsed = (): number => context.io.now() - started;
  const { timeMs = Number.POSITIVE_INFINITY } = args;
  const programs = args.programs ?? (args.timeMs === undefined ? DEFAULT_PROGRAMS : 2 ** 32 - args.first);
  const found: Found[] = [];
  const signatures = new Set<string>();
  let alike = 0;
  const ops = new Set<OpName>();
  let nodes = 0;
  let done = 0;
  for (; done < programs && elapsed() < timeMs && found.length < MOST_FINDINGS && alike < MOST_ALIKE; done++) {
    const tail = `${formatCount(done)} programs, ${found.length} findings`;
    // by the clock where that ends it
    if (args.programs === undefined && args.timeMs !== undefined)
      context.progress.step('fuzzing, second', Math.floor(elapsed() / 1000), Math.ceil(timeMs / 1000), tail);
    else context.progress.step('fuzzing, program', done, programs, tail);
    const options = { seed: args.seed, nodes: args.nodes, ...chosen, roundTrips: args['round-trips'] };
    const step = await fuzzStep(options, args.first + done);
    nodes += step.program.nodes.length;
    for (const node of step.program.nodes) ops.add(node.op);
    if (step.found === undefined) continue;
    const signature = signatureOf(step.found);
    if (signatures.has(signature)) {
      alike++;
      continue;
    }
    signatures.add(signature);
    const file = writeFound(context, args, step.found, chosen.ops);
    if (!file.ok) return file;
    found.push({ ...step.found, file: file.value });
  }
  return ok({ programs: done, nodes, ops, ms: elapsed(), found, alike });
};

const foundDiagnostic = (f: Found, args: FuzzArgs, ops: readonly OpName[]): Diagnostic =>
  diagnostic(CODES[f.finding.kind], `${f.finding.subject}: ${f.finding.message}`, {
    where: f.file,
    notes: [`Again: ${commandLine(args, ops, f.index)}`, 'Report the model string and the machine: this must not happen.'],
  });

/** `cortexc fuzz`: random programs through all backends and passes; what differs is reduced and written. */
export const fuzzPrograms = async (args: FuzzArgs, context: Context): Promise<Result<Report>> => {
  const backends = await loadBackends(words(args.backend));
  const ops = chooseOps(words(args.ops));
  const passes = choosePasses(args);
  const problems = [backends, ops, passes].flatMap((r) => (r.ok ? [] : r.diagnostics));
  if (!backends.ok || !ops.ok || !passes.ok) return fail(...problems);
  const ran = await campaign(args, context, { backends: backends.value, ops: ops.value, passes: passes.value });
  if (!ran.ok) return ran;
  const { programs, nodes, ops: used, ms, found, alike } = ran.value;
  return ok({
    exit: found.length > 0 ? 1 : 0,
    json: {
      seed: args.seed,
      first: args.first,
      programs,
      nodes,
      ops: used.size,
      backends: backends.value.map((b) => b.name),
      passes: [...passes.value],
      ms,
      alike,
      findings: found.map((f) => ({
        code: CODES[f.finding.kind],
        kind: f.finding.kind,
        subject: f.finding.subject,
        message: f.finding.message,
        index: f.index,
        file: f.file,
      })),
    },
    text: formatFacts([
      ['programs', `${formatCount(programs)} of ${formatCount(nodes)} nodes, ${used.size} of ${ops.value.length} ops, seed ${args.seed}`],
      ['backends', backends.value.map((b) => b.name).join(', ') || 'none'],
      ['passes', passes.value.join(', ') || 'none'],
      ['time', formatDuration(ms)],
      [
        'findings',
        found.length === 0
          ? '0: every byte is equal'
          : `${found.length}, in ${args.out}${alike === 0 ? '' : `; ${alike} more are like them`}`,
      ],
    ]),
    warnings: found.map((f) => foundDiagnostic(f, args, ops.value)),
  });
};
