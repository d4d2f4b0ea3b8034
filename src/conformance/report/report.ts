import type { Difference } from '../compare.ts';
import { reproOf } from '../repro.ts';
import type { HostileCase } from '../hostile.ts';
import type { RefusedCase } from '../refused.ts';
import type { CaseResult, FailureKind, Outcome } from '../run.ts';
import { SHAPE_KINDS, type ShapeKind, type VectorCase } from '../case.ts';

export const REPORT_FORMAT = 'cortexc-conformance-report';
export const REPORT_VERSION = 1;

/** Columns of the matrix: kinds of shape classes, and what has to be refused. */
export const COLUMNS = [...SHAPE_KINDS, 'refusal'] as const;
export type Column = ShapeKind | 'refusal';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly refused: number;
}

export interface Failure {
  readonly id: string;
  readonly op: string;
  readonly column: Column;
  /** Operand types and attributes; empty for files that are no use of an op. */
  readonly shape: string;
  readonly data: string;
  readonly seed: number;
  readonly kind: FailureKind;
  readonly reason: string;
  readonly difference?: Difference;
  /** .mrl text that repeats it. */
  readonly repro?: string;
}

export interface MatrixRow {
  readonly op: string;
  readonly cells: Readonly<Partial<Record<Column, Counts>>>;
}

/** What was tested, and what came of it. */
export interface SubjectReport {
  readonly kind: 'backend' | 'exec';
  readonly name: string;
  readonly summary: Counts & { readonly notRun: number };
  readonly matrix: readonly MatrixRow[];
  readonly failures: readonly Failure[];
  /** Failures beyond those listed. */
  readonly failuresLeftOut: number;
  readonly refusals: readonly { readonly op: string; readonly reason: string; readonly cases: number }[];
  readonly stopped?: string;
  readonly restarts?: number;
}

export interface Report {
  readonly format: typeof REPORT_FORMAT;
  readonly version: typeof REPORT_VERSION;
  readonly cortexc: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** SHA-256 of the vector set. */
  readonly vectors: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly selection: {
    readonly full: boolean;
    readonly cases: number;
    readonly available: number;
    readonly ops: readonly string[] | 'all';
  };
  readonly summary: Counts & { readonly notRun: number };
  readonly subjects: readonly SubjectReport[];
}

/** One line of what was found, whatever kind of case it was. */
interface Finding {
  readonly id: string;
  readonly op: string;
  readonly column: Column;
  readonly outcome: Outcome;
  readonly vector?: VectorCase;
}

/** Failures that are told in full; the matrix counts all. */
const MOST_FAILURES = 200;
const MOST_REPROS = 40;

const ofVector = ({ case: c, outcome }: CaseResult): Finding => ({ id: c.id, op: c.shape.op, column: c.shape.kind, outcome, vector: c });

export const findingOfRefused = (c: RefusedCase, outcome: Outcome): Finding => ({ id: c.id, op: c.op, column: 'refusal', outcome });

export const findingOfHostile = (c: HostileCase, outcome: Outcome): Finding => ({
  id: c.id,
  op: 'files and programs',
  column: 'refusal',
  outcome,
});

const NONE: Counts = { passed: 0, failed: 0, refused: 0 };
const plus = (counts: Counts, { status }: Outcome): Counts => ({ ...counts, [status]: counts[status] + 1 });

const matrixOf = (findings: readonly Finding[]): MatrixRow[] => {
  const rows = new Map<string, Partial<Record<Column, Counts>>>();
  for (const { op, column, outcome } of findings) {
    const cells = rows.get(op) ?? {};
    cells[column] = plus(cells[column] ?? NONE, outcome);
    rows.set(op, cells);
  }
  return [...rows].map(([op, cells]) => ({ op, cells }));
};

const shapeText = ({ shape }: VectorCase): string =>
  `${shape.operands.map((o) => `${o.type.dtype}[${o.type.shape.join(', ')}]`).join(', ')} ${JSON.stringify(shape.attrs)}`;

const failureOf = ({ id, op, column, outcome, vector }: Finding, index: number): Failure[] => {
  if (outcome.status !== 'failed') return [];
  const { kind, reason, difference } = outcome;
  return [
    {
      id,
      op,
      column,
      shape: vector === undefined ? '' : shapeText(vector),
      data: vector?.data ?? '',
      seed: vector?.seed ?? 0,
      kind,
      reason,
      ...(difference === undefined ? {} : { difference }),
      ...(vector === undefined || index >= MOST_REPROS ? {} : { repro: reproOf(vector) }),
    },
  ];
};

const refusalsOf = (findings: readonly Finding[]): SubjectReport['refusals'] => {
  const counts = new Map<string, { op: string; reason: string; cases: number }>();
  for (const { op, outcome } of findings) {
    if (outcome.status !== 'refused') continue;
    const key = `${op} ${outcome.reason}`;
    counts.set(key, { op, reason: outcome.reason, cases: (counts.get(key)?.cases ?? 0) + 1 });
  }
  return [...counts.values()];
};

/** The report on one backend or program. @param total - cases that were to be run */
export const subjectReport = (
  subject: { readonly kind: SubjectReport['kind']; readonly name: string; readonly stopped?: string; readonly restarts?: number },
  vectors: readonly CaseResult[],
  others: readonly Finding[],
  total: number,
): SubjectReport => {
  const findings = [...vectors.map(ofVector), ...others];
  const failures = findings.filter((f) => f.outcome.status === 'failed');
  const counts = findings.reduce((sum, f) => plus(sum, f.outcome), NONE);
  return {
    ...subject,
    summary: { ...counts, notRun: Math.max(0, total - vectors.length) },
    matrix: matrixOf(findings),
    failures: failures.slice(0, MOST_FAILURES).flatMap(failureOf),
    failuresLeftOut: Math.max(0, failures.length - MOST_FAILURES),
    refusals: refusalsOf(findings),
  };
};

export const totalOf = (subjects: readonly SubjectReport[]): Report['summary'] =>
  subjects.reduce(
    (sum, { summary }) => ({
      passed: sum.passed + summary.passed,
      failed: sum.failed + summary.failed,
      refused: sum.refused + summary.refused,
      notRun: sum.notRun + summary.notRun,
    }),
    { ...NONE, notRun: 0 },
  );

/** `5 got 3, wanted 4` */
export const differenceText = ({ result, index, got, wanted }: Difference): string =>
  `result ${result}${index === undefined ? '' : `, element ${index}`}: got ${got}, wanted ${wanted}`;
