import { CODES, type CodeInfo, compareCodeUnits, fail, ok } from '../../support/index.ts';
import { command, type Report } from '../command.ts';
import { codeUnknown } from '../diagnostics.ts';
import { formatTable } from '../text.ts';

interface Entry {
  readonly code: string;
  readonly title: string;
  readonly explain: string;
  readonly exit: number;
}

const listedEntries = (): readonly Entry[] =>
  Object.entries<CodeInfo>(CODES).map(([code, info]) => ({ code, title: info.title, explain: info.explain, exit: info.exit }));

/** The numbered constraints of all ops: `conv_c4` and the like. */
const constraintEntries = async (): Promise<readonly Entry[]> => {
  const { OP_NAMES, opOf } = await import('../../ir/index.ts');
  return OP_NAMES.flatMap((op) =>
    Object.entries(opOf(op).constraints).map(([label, c]) => ({
      code: `${op}_${label}`,
      title: `constraint of ${op}`,
      explain: `${c.text} ${op}: ${opOf(op).summary} See ${op} in docs/ops.md.`,
      exit: 3,
    })),
  );
};

const explainOne = (e: Entry): Report => ({
  json: { code: e.code, title: e.title, explain: e.explain, exit: e.exit },
  text: `${e.code}: ${e.title}\n\n${e.explain}\n\nExit code ${e.exit}.\n`,
});

export const explain = command({
  name: 'explain',
  summary: 'Explain a diagnostic code, or list all of them',
  doc: 'Says what a diagnostic code means and what to do about it. Op constraints such as conv_c4 have codes too. Without a code, lists all.',
  positionals: { code: { type: 'string', describe: 'The code as printed, such as IR0011 or conv_c4' } },
  options: {},
  examples: [['cortexc explain IR0011', 'what "accumulator may overflow" means']],
  run: async ({ code }) => {
    const listed = listedEntries();
    const exact = listed.find((e) => e.code === code?.toUpperCase());
    if (exact !== undefined) return ok(explainOne(exact));
    const all = [...listed, ...(await constraintEntries())].sort((a, b) => compareCodeUnits(a.code, b.code));
    if (code === undefined) {
      return ok({
        json: { codes: all.map(({ code: name, title, exit }) => ({ code: name, title, exit })) },
        text: formatTable(
          ['code', 'exit', 'title'],
          all.map((e) => [e.code, String(e.exit), e.title]),
        ),
      });
    }
    const found = all.find((e) => e.code.toLowerCase() === code.toLowerCase());
    return found === undefined
      ? fail(
          codeUnknown(
            code,
            all.map((e) => e.code),
          ),
        )
      : ok(explainOne(found));
  },
});
