import {
  backendByName,
  BACKENDS,
  type EngineProbe,
  loadTestedBackend,
  machineText,
  type SelfTestedBackend,
  type SelfTestResult,
} from '../../backends/index.ts';
import { OP_NAMES, type OpName } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { formatDuration, formatFacts, formatTable } from '../text.ts';

export interface SelfTestArgs {
  readonly backend?: readonly string[] | undefined;
  readonly all: boolean;
}

interface Tested {
  readonly backend: string;
  readonly ms: number;
  readonly results: readonly SelfTestResult[];
  readonly probes: readonly EngineProbe[];
}

/** Ops that are tested together: one by one, so that progress is told; all at once where compiling takes seconds. */
const groupsOf = (backend: SelfTestedBackend): readonly (readonly OpName[])[] =>
  backend.onRequest === true ? [OP_NAMES] : OP_NAMES.map((op) => [op]);

const testBackend = async (name: string, context: Context): Promise<Result<Tested>> => {
  const backend = await loadTestedBackend(name);
  if (!backend.ok) return backend;
  const started = context.io.now();
  let done = 0;
  const results: SelfTestResult[] = [];
  for (const ops of groupsOf(backend.value)) {
    context.progress.step(`testing ${name}, op`, done, OP_NAMES.length, ops[0]);
    done += ops.length;
    results.push(...(await backend.value.selfTestAsync(ops)));
  }
  const ms = context.io.now() - started;
  return ok({ backend: name, ms, results, probes: backend.value.probes?.() ?? [] });
};

const count = (t: Tested, status: SelfTestResult['status']): number => t.results.filter((r) => r.status === status).length;

/** Why a backend does nothing here, such as a missing compiler; not what it never does. */
const allRefused = (t: Tested): string => {
  if (count(t, 'refused') < t.results.length) return '';
  const backend = backendByName(t.backend);
  const reason = t.results.find((r) => r.reason !== backend?.refusal(r.op))?.reason;
  return reason === undefined ? '' : `: ${reason}`;
};

const factsOf = (t: Tested): readonly (readonly [string, string])[] => {
  const parts = (['passed', 'failed', 'refused', 'untested'] as const).flatMap((status) =>
    count(t, status) > 0 || status === 'passed' ? [`${count(t, status)} ${status}`] : [],
  );
  return [
    [t.backend, `${parts.join(', ')} of ${t.results.length} ops in ${formatDuration(t.ms)}${allRefused(t)}`],
    ...t.probes.map((p) => [p.feature, p.usable ? 'right' : `not used: ${p.reason ?? ''}`] as const),
  ];
};

/** `cortexc selftest`: every op on every backend against its committed digests. */
export const selfTestBackends = async (args: SelfTestArgs, context: Context): Promise<Result<Report>> => {
  const names = args.backend?.flatMap((list) => list.split(',')) ?? BACKENDS.map((b) => b.name);
  const tested: Tested[] = [];
  for (const name of names) {
    const one = await testBackend(name, context);
    if (!one.ok) return fail(...one.diagnostics);
    tested.push(one.value);
  }
  const rows = tested.flatMap((t) =>
    t.results.filter((r) => args.all || r.status === 'failed').map((r) => [t.backend, r.op, r.status, r.reason ?? '']),
  );
  const machine = machineText();
  return ok({
    exit: tested.some((t) => count(t, 'failed') > 0) ? 70 : 0,
    json: {
      machine,
      backends: tested.map((t) => ({
        backend: t.backend,
        ms: t.ms,
        passed: count(t, 'passed'),
        failed: count(t, 'failed'),
        refused: count(t, 'refused'),
        untested: count(t, 'untested'),
        ops: t.results.map((r) => ({ ...r })),
        features: t.probes.map((p) => ({ ...p })),
      })),
    },
    text: `${rows.length === 0 ? '' : `${formatTable(['backend', 'op', 'result', 'reason'], rows)}\n`}${formatFacts([['machine', machine], ...tested.flatMap(factsOf)])}`,
  });
};
