import { type AnyNode, decompositionOf, formatType, isStaticType, type OpName, placeOf, type Program, type Tensor } from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, MrlError, ok, type Result } from '../support/index.ts';
import { compileAny } from './asynchronous.ts';
import type { Backend, SelfTestResult } from './backend.ts';
import { machineText } from './machine.ts';
import { digestOf, findCase, FORMS, formOf, opOfUnit, testProgram, type Unit } from './self-test-cases.ts';
import type { VerdictStore } from './verdicts.ts';

/** Committed digests by op and form, such as `conv f32`: the first 16 digits of a SHA-256. */
export type SelfTestDigests = Readonly<Partial<Record<string, string>>>;

/** A backend that tests each op before its first use. */
export interface SelfTestedBackend extends Backend {
  /** Tests ops that this process has not used yet; the results of all of them. */
  selfTest(ops: readonly OpName[]): readonly SelfTestResult[];
  /** The same, also for backends with `compileAsync`. */
  selfTestAsync(ops: readonly OpName[]): Promise<readonly SelfTestResult[]>;
}

/** What a test asks of a backend: the results of a program, with the warnings of its executable. */
interface Trial {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}
interface Tried {
  readonly results: readonly Tensor[];
  readonly warnings: readonly Diagnostic[];
}

/** A test as a series of trials, so that it is the same for backends of both kinds; what a trial throws is thrown into it. */
type Test<T> = Generator<Trial, T, Result<Tried>>;

/** Runs a test on a backend by `compile`. */
const driveSync = <T>(test: Test<T>, backend: Backend): T => {
  const attempt = ({ program, inputs }: Trial): Result<Tried> => {
    const compiled = backend.compile(program);
    if (!compiled.ok) return compiled;
    const results = compiled.value.run(inputs);
    const { warnings = [] } = compiled.value;
    compiled.value.close?.();
    return ok({ results, warnings });
  };
  let step = test.next();
  while (step.done !== true) {
    let tried: Result<Tried>;
    try {
      tried = attempt(step.value);
    } catch (error) {
      step = test.throw(error);
      continue;
    }
    step = test.next(tried);
  }
  return step.value;
};

/** The same also by `compileAsync`. */
const driveAsync = async <T>(test: Test<T>, backend: Backend): Promise<T> => {
  const attempt = async ({ program, inputs }: Trial): Promise<Result<Tried>> => {
    const compiled = await compileAny(backend, program);
    if (!compiled.ok) return compiled;
    const results = await compiled.value.run(inputs);
    const { warnings = [] } = compiled.value;
    compiled.value.close?.();
    return ok({ results, warnings });
  };
  let step = test.next();
  while (step.done !== true) {
    let tried: Result<Tried>;
    try {
      tried = await attempt(step.value);
    } catch (error) {
      step = test.throw(error);
      continue;
    }
    step = test.next(tried);
  }
  return step.value;
};

/** Digests of units, by one program; a diagnostic or an exception concerns them all. Warnings go to `told`. */
function* digestsOf(units: readonly Unit[], told: Diagnostic[]): Test<Result<readonly string[]>> {
  const { program, inputs, counts } = testProgram(units.flatMap((unit) => findCase(unit) ?? []));
  const tried = yield { program, inputs };
  if (!tried.ok) return tried;
  const { results, warnings } = tried.value;
  told.push(...warnings);
  let next = 0;
  return ok(counts.map((count) => digestOf(results.slice(next, (next += count)))));
}

type Verdict = Omit<SelfTestResult, 'op'>;

const judge = (unit: Unit, got: string, digests: SelfTestDigests): Verdict =>
  got === digests[unit]
    ? { status: 'passed' }
    : { status: 'failed', reason: `${unit} gives digest ${got} but ${digests[unit] ?? 'none'} is right` };

/** A machine that cannot build programs at all (no compiler, no device) says nothing about an op. */
const isOfMachine = ({ code }: Diagnostic): boolean => /^(NAT|GPU|FPG003[0-3]$)/.test(code);
/** The only code of `withSelfTest`, and of devices that fail a test of their own: nothing of them is to be used. */
const isFailure = ({ code }: Diagnostic): boolean => code === 'BKD0005';

type Verdicts = readonly (readonly [Unit, Verdict])[];

/** Tests units that have a digest together; where that fails as a whole, its halves. Errors: why this machine cannot build programs. */
function* testUnits(units: readonly Unit[], digests: SelfTestDigests, told: Diagnostic[]): Test<Result<Verdicts>> {
  const [only, ...more] = units;
  if (only === undefined) return ok([]);
  let verdict: Verdict;
  try {
    const got = yield* digestsOf(units, told);
    if (got.ok) return ok(units.map((unit, i) => [unit, judge(unit, at(got.value, i), digests)]));
    if (got.diagnostics.some((d) => isOfMachine(d) || isFailure(d))) return got;
    const refused = got.diagnostics.every((d) => d.code === 'BKD0002');
    verdict = { status: refused ? 'refused' : 'failed', reason: got.diagnostics[0]?.message ?? 'no reason' };
  } catch (error) {
    if (error instanceof MrlError && error.diagnostics.some(isOfMachine)) return fail(...error.diagnostics);
    verdict = { status: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  if (more.length === 0) return ok([[only, verdict]]);
  const half = units.length >> 1;
  const first = yield* testUnits(units.slice(0, half), digests, told);
  if (!first.ok) return first;
  const second = yield* testUnits(units.slice(half), digests, told);
  return second.ok ? ok([...first.value, ...second.value]) : second;
}

/** What a backend computes itself for a program, each with its first place: definitions stand for composites without a row. */
const unitsOf = (backend: Backend, program: Program): ReadonlyMap<Unit, string> => {
  const places = new Map<Unit, string>();
  const seen = new Set<string>();
  const visit = (p: Program, place: string | undefined): void =>
    (p.nodes as readonly AnyNode[]).forEach((node, i) => {
      const where = place ?? placeOf(node, i);
      const types = node.operands.map((v) => at(p.types, v));
      if (backend.support(node.op) !== 'composite') {
        const unit: Unit = `${node.op} ${formOf(types[0])}`;
        if (!places.has(unit)) places.set(unit, where);
        return;
      }
      const key = `${node.op} ${types.map(formatType).join()} ${JSON.stringify(node.attrs)}`;
      if (seen.has(key)) return;
      seen.add(key);
      visit(decompositionOf(node.op, types, node.attrs), where);
    });
  visit(program, undefined);
  return places;
};

/** The first of these that a form of an op has is what is told of the op. */
const RANKING = ['failed', 'refused', 'passed'] as const;

const selfTestFailed = (backend: string, op: OpName, reason: string, where: string): Diagnostic =>
  diagnostic('BKD0005', `${op} fails the self-test of backend ${backend}: ${reason} (${machineText()})`, {
    where,
    notes: ['Try another version of Node, another machine or another --backend. `cortexc selftest` tests every op.'],
  });

/** The warnings of an executable begin with those of the self-test: what is told once, such as a damaged cache, was told there. */
const alsoTelling = <T extends { readonly warnings?: readonly Diagnostic[] }>(executable: T, told: readonly Diagnostic[]): T =>
  told.length === 0
    ? executable
    : {
        ...executable,
        get warnings() {
          return [...told, ...(executable.warnings ?? [])];
        },
      };

/** What a store knows of a unit: another digest would be another test. */
const lineOf = (unit: Unit, digests: SelfTestDigests): string => `${unit} ${digests[unit] ?? ''}`;

/** Gives what passed in earlier processes. @param circumstances - those of a backend with `compileAsync` */
type FindStore = (circumstances: string | undefined) => VerdictStore | undefined;

/** What a process knows of a backend. */
class Knowledge {
  private readonly backend: Backend;
  private readonly digests: SelfTestDigests;
  private readonly findStore: FindStore | undefined;
  private readonly known = new Map<Unit, Verdict>();
  /** Read when the first program is compiled. */
  private passedBefore: ReadonlySet<string> | undefined;
  private readonly told: Diagnostic[] = [];
  circumstances: string | undefined;

  constructor(backend: Backend, digests: SelfTestDigests, findStore: FindStore | undefined) {
    this.backend = backend;
    this.digests = digests;
    this.findStore = findStore;
  }

  private verdict(unit: Unit): Verdict {
    const passed = this.passedBefore?.has(lineOf(unit, this.digests)) === true;
    return this.known.get(unit) ?? { status: passed ? 'passed' : 'untested' };
  }

  /** Tests units that this process has not tried, and that have not passed before. */
  private *test(units: readonly Unit[], before: ReadonlySet<string>): Test<Result<undefined>> {
    const { backend, digests, known } = this;
    const floats = backend.capabilities.includes('F32S');
    const fresh = units.filter(
      (u) =>
        !known.has(u) &&
        !before.has(lineOf(u, digests)) &&
        digests[u] !== undefined &&
        (floats || !u.endsWith(' f32')) &&
        backend.refusal(opOfUnit(u)) === undefined,
    );
    const tested = yield* testUnits(fresh, digests, this.told);
    if (!tested.ok) return tested;
    for (const [unit, result] of tested.value) known.set(unit, result);
    const linesOf = (status: Verdict['status']): readonly string[] =>
      tested.value.flatMap(([unit, v]) => (v.status === status ? [lineOf(unit, digests)] : []));
    if (fresh.length > 0) this.findStore?.(this.circumstances)?.update(linesOf('passed'), linesOf('failed'));
    return ok(undefined);
  }

  /** Tests what a program uses. Errors: BKD0005, why this machine cannot build programs. */
  *admit(program: Program): Test<Result<undefined>> {
    const places = unitsOf(this.backend, program);
    this.passedBefore ??= this.findStore?.(this.circumstances)?.load() ?? new Set();
    const tested = yield* this.test([...places.keys()], this.passedBefore);
    if (!tested.ok) return tested;
    const failed = [...places].filter(([unit]) => this.verdict(unit).status === 'failed');
    const { name } = this.backend;
    return failed.length === 0
      ? tested
      : fail(...failed.map(([unit, where]) => selfTestFailed(name, opOfUnit(unit), this.verdict(unit).reason ?? '', where)));
  }

  /** Tests ops, whatever has passed before. */
  *report(ops: readonly OpName[]): Test<readonly SelfTestResult[]> {
    const unitsByOp = ops.map((op) => FORMS.map((form): Unit => `${op} ${form}`));
    const tested = yield* this.test(unitsByOp.flat(), new Set());
    const first = tested.ok ? undefined : tested.diagnostics[0];
    return ops.map((op, i) => {
      const refusal = this.backend.refusal(op);
      if (refusal !== undefined) return { op, status: 'refused', reason: refusal };
      if (first !== undefined) return { op, status: isFailure(first) ? 'failed' : 'refused', reason: first.message };
      const verdicts = at(unitsByOp, i).map((unit) => this.verdict(unit));
      const worst = RANKING.map((status) => verdicts.find((v) => v.status === status)).find((v) => v !== undefined);
      return { op, ...(worst ?? { status: 'untested' }) };
    });
  }

  /** An executable with the warnings of the tests before it. */
  give<T extends { readonly warnings?: readonly Diagnostic[] }>(compiled: Result<T>): Result<T> {
    return compiled.ok ? ok(alsoTelling(compiled.value, this.told.splice(0))) : compiled;
  }
}

/**
 * The backend with a power-on self-test: before a program is compiled, each op that it uses and that neither this process nor an earlier
 * one has tried runs small cases, whose bytes must have the committed digests. An op that fails is refused with BKD0005 by its
 * name; the others go on.
 * @param findStore - what passed in earlier processes; `selfTest` itself tests all the same
 */
export const withSelfTest = (backend: Backend, digests: SelfTestDigests, findStore?: FindStore): SelfTestedBackend => {
  const knowledge = new Knowledge(backend, digests, findStore);
  const { compileAsync } = backend;
  return {
    ...backend,
    selfTest: (ops) => driveSync(knowledge.report(ops), backend),
    selfTestAsync: async (ops) => {
      knowledge.circumstances = await backend.circumstances?.();
      return driveAsync(knowledge.report(ops), backend);
    },
    compile: (program, options) => {
      // programs with symbols are refused by the backend itself, with the better message; those of `compileAsync` refuse all
      if (!program.types.every(isStaticType) || compileAsync !== undefined) return backend.compile(program, options);
      const admitted = driveSync(knowledge.admit(program), backend);
      return admitted.ok ? knowledge.give(backend.compile(program, options)) : admitted;
    },
    ...(compileAsync === undefined
      ? {}
      : {
          compileAsync: async (program, options) => {
            if (!program.types.every(isStaticType)) return compileAsync(program, options);
            knowledge.circumstances = await backend.circumstances?.();
            const admitted = await driveAsync(knowledge.admit(program), backend);
            return admitted.ok ? knowledge.give(await compileAsync(program, options)) : admitted;
          },
        }),
  };
};
