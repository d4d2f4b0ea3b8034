import { type Column, COLUMNS, differenceText, type Report, type SubjectReport } from './report.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** XML 1.0 has no control characters but tab and line ends. */
const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c).replace(/\p{Cc}/gu, (c) => (c === '\n' || c === '\t' ? c : ''));

interface Test {
  readonly xml: string;
  readonly failed: boolean;
  readonly skipped: boolean;
}

const testOf = (s: SubjectReport, op: string, column: Column, cases: { passed: number; failed: number; refused: number }): Test => {
  const name = `<testcase classname="${escape(`${s.name}.${op}`)}" name="${column}"`;
  if (cases.failed > 0) {
    const told = s.failures
      .filter((f) => f.op === op && f.column === column)
      .map((f) => `${f.id}: ${f.reason}${f.difference === undefined ? '' : ` (${differenceText(f.difference)})`}`);
    const message = `${cases.failed} of ${cases.passed + cases.failed + cases.refused} cases failed`;
    return { xml: `${name}><failure message="${message}">${escape(told.join('\n'))}</failure></testcase>`, failed: true, skipped: false };
  }
  if (cases.passed === 0) {
    const reason = s.refusals.find((r) => r.op === op)?.reason ?? 'refused';
    return { xml: `${name}><skipped message="${escape(reason)}"/></testcase>`, failed: false, skipped: true };
  }
  return { xml: `${name}/>`, failed: false, skipped: false };
};

const suite = (s: SubjectReport): string => {
  const tests = s.matrix.flatMap((row) => COLUMNS.flatMap((c) => (row.cells[c] === undefined ? [] : [testOf(s, row.op, c, row.cells[c])])));
  const stopped: Test[] =
    s.stopped === undefined && s.summary.notRun === 0
      ? []
      : [
          {
            xml: `<testcase classname="${escape(s.name)}" name="whole run"><failure message="${s.summary.notRun} cases were not run">${escape(s.stopped ?? '')}</failure></testcase>`,
            failed: true,
            skipped: false,
          },
        ];
  const all = [...tests, ...stopped];
  const count = (what: 'failed' | 'skipped'): number => all.filter((t) => t[what]).length;
  return `<testsuite name="${escape(s.name)}" tests="${all.length}" failures="${count('failed')}" skipped="${count('skipped')}">\n${all.map((t) => t.xml).join('\n')}\n</testsuite>`;
};

/** JUnit XML: a suite for each backend, a test for each op and shape class. */
export const reportJunit = (report: Report): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="cortexc conformance">\n${report.subjects.map(suite).join('\n')}\n</testsuites>\n`;
