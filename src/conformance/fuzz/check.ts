import { type Backend, compileAny } from '../../backends/index.ts';
import { decodeProgram, encodeProgram, loadFrom } from '../../cvm-bytecode/index.ts';
import { paramSourceOf, parseMrl } from '../../frontend/mrl/index.ts';
import { identityHash, printProgram, type Program, proveProgram, runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { PASSES, runPasses } from '../../passes/index.ts';
import { type Diagnostic, type Result } from '../../support/index.ts';
import { type Difference, firstDifference } from '../compare.ts';

/** A program with one or more sets of inputs. */
export interface FuzzCase {
  readonly program: Program;
  readonly inputs: readonly (readonly Tensor[])[];
}

/** A pass list that keeps results bit for bit, in the order in which it is run. */
export type PassList = readonly string[];

/** What is compared. */
export interface CheckOptions {
  /** Ready to compile; compared with the reference interpreter. */
  readonly backends: readonly Backend[];
  readonly passes: readonly PassList[];
  readonly roundTrips: boolean;
}

/**
 * What is wrong with a program: `backend` and `pass` give other results, `round-trip` another program, `invalid` breaks a
 * promise about it (verified, free of overflow), `refused` is a diagnostic that a valid program must not get, `crash` threw.
 */
export type FindingKind = 'backend' | 'pass' | 'round-trip' | 'invalid' | 'refused' | 'crash';

export interface Finding {
  readonly kind: FindingKind;
  /** The backend, the passes or the format. */
  readonly subject: string;
  readonly message: string;
  /** Which set of inputs and where in the results. */
  readonly set?: number;
  readonly difference?: Difference;
}

const first = (diagnostics: readonly Diagnostic[]): string => diagnostics.map((d) => `${d.code} ${d.message}`)[0] ?? 'no reason';

const differ = (
  finding: Pick<Finding, 'kind' | 'subject'>,
  set: number,
  got: readonly Tensor[],
  wanted: readonly Tensor[],
): Finding | undefined => {
  const difference = firstDifference(got, wanted);
  if (difference === undefined) return undefined;
  const { result, index } = difference;
  const place = `result ${result}${index === undefined ? '' : ` element ${index}`}`;
  return { ...finding, message: `${place} is ${difference.got}, not ${difference.wanted}`, set, difference };
};

/** Refusals that a valid program may get: ops without a row, and what needs more than the machine has. */
const MAY_REFUSE: ReadonlySet<string> = new Set(['BKD0002', 'BKD0003', 'BKD0004']);

/** Every set, then the first again: what a run leaves behind must not show in the next. */
const checkBackend = async (backend: Backend, c: FuzzCase, wanted: readonly (readonly Tensor[])[]): Promise<Finding | undefined> => {
  const finding = { kind: 'backend', subject: backend.name } as const;
  const compiled = await compileAny(backend, c.program);
  if (!compiled.ok) {
    const bad = compiled.diagnostics.filter((d) => !MAY_REFUSE.has(d.code));
    return bad.length === 0 ? undefined : { kind: 'refused', subject: backend.name, message: first(bad) };
  }
  try {
    for (const set of [...c.inputs.keys(), 0]) {
      const found = differ(finding, set, await compiled.value.run(c.inputs[set] ?? []), wanted[set] ?? []);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    compiled.value.close?.();
  }
};

const checkPasses = (names: PassList, c: FuzzCase, wanted: readonly (readonly Tensor[])[]): Finding | undefined => {
  const subject = names.join(',');
  const done = runPasses(c.program, names);
  if (!done.ok) return { kind: 'refused', subject, message: first(done.diagnostics) };
  if (done.value === c.program) return undefined;
  const verified = verifyProgram(done.value);
  if (!verified.ok) return { kind: 'invalid', subject, message: first(verified.diagnostics) };
  const proof = proveProgram(done.value);
  if (!proof.ok) return { kind: 'invalid', subject, message: first(proof.diagnostics) };
  if (PASSES.some((p) => p.inexact !== undefined && names.includes(p.name))) return undefined;
  for (const [set, inputs] of c.inputs.entries()) {
    const found = differ({ kind: 'pass', subject }, set, runProgram(done.value, inputs), wanted[set] ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
};

const sameProgram = (subject: string, read: Result<Program>, program: Program): Finding | undefined => {
  if (!read.ok) return { kind: 'refused', subject, message: first(read.diagnostics) };
  if (identityHash(read.value) === identityHash(program)) return undefined;
  return { kind: 'round-trip', subject, message: 'the program that is read back has another identity' };
};

const checkText = (program: Program): Finding | undefined => {
  for (const form of ['canonical', 'readable'] as const) {
    const text = printProgram(program, { form });
    const parsed = parseMrl(text, { file: 'fuzz.mrl', params: paramSourceOf(program) });
    const found = sameProgram(`${form} text`, parsed.ok ? { ok: true, value: parsed.value.program } : parsed, program);
    if (found !== undefined) return found;
  }
  return undefined;
};

const checkBytecode = (program: Program): Finding | undefined => {
  const subject = 'bytecode';
  const encoded = encodeProgram(program);
  if (!encoded.ok) {
    // weights of -128 run everywhere but are not admitted to the chain
    const bad = encoded.diagnostics.filter((d) => d.code !== 'CVM1014');
    return bad.length === 0 ? undefined : { kind: 'refused', subject, message: first(bad) };
  }
  const decoded = decodeProgram(encoded.value, loadFrom(program));
  const found = sameProgram(subject, decoded, program);
  if (found !== undefined || !decoded.ok) return found;
  const again = encodeProgram(decoded.value);
  const same = again.ok && again.value.length === encoded.value.length && again.value.every((b, i) => b === encoded.value[i]);
  return same ? undefined : { kind: 'round-trip', subject, message: 'the decoded program encodes to other bytes' };
};

/** What a check finds, at once or later. */
type Found = Finding | undefined | Promise<Finding | undefined>;

const attempt = async (subject: string, check: () => Found): Promise<Finding | undefined> => {
  try {
    return await check();
  } catch (error) {
    return { kind: 'crash', subject, message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
};

/** The first thing that is wrong with a program, by a fixed order; undefined when all agree. */
export const checkCase = async (c: FuzzCase, { backends, passes, roundTrips }: CheckOptions): Promise<Finding | undefined> => {
  const wanted: (readonly Tensor[])[] = [];
  const crash = await attempt('reference', () => {
    wanted.push(...c.inputs.map((inputs) => runProgram(c.program, inputs)));
    return undefined;
  });
  if (crash !== undefined) return crash;
  const checks: readonly (readonly [string, () => Found])[] = [
    ...backends.map((b) => [b.name, () => checkBackend(b, c, wanted)] as const),
    ...passes.map((names) => [names.join(','), () => checkPasses(names, c, wanted)] as const),
    ...(roundTrips
      ? ([
          ['text', () => checkText(c.program)],
          ['bytecode', () => checkBytecode(c.program)],
        ] as const)
      : []),
  ];
  for (const [subject, check] of checks) {
    const found = await attempt(subject, check);
    if (found !== undefined) return found;
  }
  return undefined;
};
