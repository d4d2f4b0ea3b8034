import type { Backend } from '../src/backends/index.ts';
import type { ParsedModel } from '../src/frontend/mrl/index.ts';
import { parseMrl } from '../src/frontend/mrl/index.ts';
import { DTYPE_INFO, elementCount, formatFloat, isStaticType, printProgram, type Program, type Tensor, typeOf } from '../src/ir/index.ts';
import { runPasses } from '../src/passes/index.ts';
import { type Diagnostic, type Result } from '../src/support/index.ts';

/** A golden file: what to do, the input, and what comes out. conformance/golden/readme.mrl shows the format. */
export interface GoldenCase {
  readonly run: string;
  readonly input: string;
  /** Undefined when the file has no `// ----` line. */
  readonly expected: string | undefined;
}

export interface GoldenOutcome {
  /** What the case prints; empty when it parses only, or has errors. */
  readonly output: string;
  /** Everything that differs from what the file says, apart from `output`. */
  readonly problems: readonly string[];
}

const DIVIDER = '\n// ----\n';

export const readGolden = (text: string): GoldenCase => {
  const at = text.indexOf(DIVIDER);
  const input = at < 0 ? text : text.slice(0, at + 1);
  const run = /^\/\/ RUN: *(.*)$/m.exec(input)?.[1]?.trim() ?? '';
  return { run, input, expected: at < 0 ? undefined : text.slice(at + DIVIDER.length) };
};

/** The file with another output. */
export const writeGolden = ({ input }: GoldenCase, output: string): string =>
  output === '' ? input : `${input.trimEnd()}${DIVIDER}${output}`;

interface Expectation {
  readonly line: number;
  readonly code: string;
  readonly text: string;
}

/** `// error@+1: conv_c4 text`: an error on the next line, whose message holds the text. */
const expectations = (input: string): readonly Expectation[] =>
  input.split('\n').flatMap((line, i) => {
    const m = /\/\/ error@([+-]?\d+): *(\S+) ?(.*)$/.exec(line);
    return m === null ? [] : [{ line: i + 1 + Number(m[1]), code: m[2] ?? '', text: (m[3] ?? '').trim() }];
  });

const compareErrors = (wanted: readonly Expectation[], found: readonly Diagnostic[]): string[] => {
  const left = [...found];
  const problems = wanted.flatMap(({ line, code, text }) => {
    const i = left.findIndex((d) => d.span?.line === line && d.code === code && d.message.includes(text));
    if (i < 0) return [`line ${line}: no error ${code} ${text}`];
    left.splice(i, 1);
    return [];
  });
  return [...problems, ...left.map((d) => `line ${d.span?.line ?? d.where ?? '?'}: unexpected ${d.code} ${d.message}`)];
};

/** The program after the passes of the RUN line, and its text. */
const transform = (run: string, { program }: ParsedModel): Result<{ program: Program; output: string }> => {
  const printed = (p: Program, form: 'readable' | 'canonical') => ({
    ok: true as const,
    value: { program: p, output: printProgram(p, { form }) },
  });
  if (run === 'parse') return { ok: true, value: { program, output: '' } };
  if (run === 'fmt') return printed(program, 'readable');
  if (run === 'fmt --canonical') return printed(program, 'canonical');
  const passed = runPasses(
    program,
    run.split(',').map((name) => name.trim()),
  );
  return passed.ok ? printed(passed.value, 'canonical') : passed;
};

const numbersOf = (text: string): number[] =>
  text
    .replace(/[[\],]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => (word === 'inf' ? Number.POSITIVE_INFINITY : word === '-inf' ? Number.NEGATIVE_INFINITY : Number(word)));

const groupsOf = (text: string): string[] => text.match(/\[[^\]]*\]/g) ?? [];

const tensorText = (t: Tensor): string =>
  `[${Array.from(t.data, (v: number) => (t.dtype === 'f32' ? formatFloat(v).replace(/\.0$/, '') : String(v))).join(' ')}]`;

/** `// eval: f([1 2], [3]) == [0 6]`: runs every backend on inputs in order and compares every output. */
const checkEvals = (input: string, program: Program, backends: readonly Backend[]): string[] =>
  [...input.matchAll(/^\s*\/\/ eval: *\w+\((.*)\) *== *(.*)$/gm)].flatMap(([, args = '', results = '']) => {
    const given = groupsOf(args);
    if (given.length !== program.inputs.length) return [`eval gives ${given.length} inputs but the model has ${program.inputs.length}`];
    const tensors: Tensor[] = [];
    for (const [i, port] of program.inputs.entries()) {
      const type = typeOf(program, port.value);
      const numbers = numbersOf(given[i] ?? '');
      if (!isStaticType(type) || elementCount(type.shape) !== numbers.length) return [`eval: input ${i} does not fit the model`];
      const data = DTYPE_INFO[type.dtype].make(numbers.length);
      data.set(numbers);
      tensors.push({ ...type, data });
    }
    const wanted = groupsOf(results)
      .map((g) => g.replace(/, */g, ' '))
      .join(' ');
    return backends.flatMap((backend) => {
      const compiled = backend.compile(program);
      const found = compiled.ok
        ? compiled.value.run(tensors).map(tensorText).join(' ')
        : compiled.diagnostics.map((d) => d.message).join('; ');
      return found === wanted ? [] : [`eval (${args}) gives ${found} on ${backend.name}, not ${wanted}`];
    });
  });

/** Runs one case, its `eval` lines on the given backends. Parameters that nothing binds are zero. */
export const runGolden = (golden: GoldenCase, backends: readonly Backend[]): GoldenOutcome => {
  const wanted = expectations(golden.input);
  const parsed = parseMrl(golden.input, { file: 'golden.mrl', unboundParams: /bind: *none/.test(golden.input) ? 'error' : 'zeros' });
  if (!parsed.ok) return { output: '', problems: compareErrors(wanted, parsed.diagnostics) };
  if (wanted.length > 0) return { output: '', problems: wanted.map((w) => `line ${w.line}: no error ${w.code} ${w.text}`) };
  const done = transform(golden.run, parsed.value);
  if (!done.ok) return { output: '', problems: done.diagnostics.map((d) => `${d.code} ${d.message}`) };
  return { output: done.value.output, problems: checkEvals(golden.input, done.value.program, backends) };
};
