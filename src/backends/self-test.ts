import {
  type AnyNode,
  canonicalBytes,
  decompositionOf,
  elementCount,
  evaluateNode,
  formatType,
  inferNode,
  completeAttrs,
  isStaticType,
  opOf,
  type OpName,
  parseType,
  placeOf,
  type Program,
  ProgramBuilder,
  type Sample,
  sampleTensors,
  type StaticType,
  type Tensor,
  type TensorType,
} from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, ok, type Result, sha256Hex, unwrap } from '../support/index.ts';
import type { Backend, Executable, SelfTestResult } from './backend.ts';
import { machineText } from './machine.ts';
import type { VerdictStore } from './verdicts.ts';

/** Committed digests by op and form, such as `conv f32`: the first 16 digits of a SHA-256. */
export type SelfTestDigests = Readonly<Partial<Record<string, string>>>;

/** A backend that tests each op before its first use. */
export interface SelfTestedBackend extends Backend {
  /** Tests ops that this process has not used yet; the results of all of them. */
  selfTest(ops: readonly OpName[]): readonly SelfTestResult[];
}

/** Cases are small: the test runs before the first program does. */
const MOST_COST = 4000;
const MOST_ELEMENTS = 400;
const SEED = 20_000;

/** One use of an op with its operands. */
interface Case {
  readonly op: OpName;
  readonly operands: readonly Tensor[];
  readonly sample: Sample;
}

const operandTypes = (sample: Sample): readonly StaticType[] =>
  sample.operands.flatMap((o) => {
    const type = parseType(typeof o === 'string' ? o : o.type);
    return type !== undefined && isStaticType(type) ? [type] : [];
  });

/** How large a use is; at most 1 is small. */
const sizeOf = (op: OpName, sample: Sample): number => {
  const types = operandTypes(sample);
  const attrs = unwrap(completeAttrs(op, sample.attrs ?? {}));
  const results = unwrap(inferNode(op, types, attrs)).filter(isStaticType);
  const elements = [...types, ...results].reduce((n, t) => n + elementCount(t.shape), 0);
  return Math.max(1, elements / MOST_ELEMENTS, opOf(op).cost(types, attrs, results) / MOST_COST);
};

/** 8- and 32-bit integer, 16-bit and float forms of an op are different code, so each is tested by itself. */
const FORMS = ['int', 'i16', 'f32'] as const;
type Form = (typeof FORMS)[number];
/** An op in one form, such as `conv f32`: what is tested before its first use. */
type Unit = `${OpName} ${Form}`;

const formOf = (type: TensorType | undefined): Form => FORMS.find((form) => form === type?.dtype) ?? 'int';
const opOfUnit = (unit: Unit): OpName => unit.slice(0, unit.lastIndexOf(' ')) as OpName;

/** The first small sample of an op in a form, or its smallest one; undefined when it has no sample of that form. */
const findCase = (unit: Unit): Case | undefined => {
  const op = opOfUnit(unit);
  const [best] = opOf(op)
    .samples.map((sample, i) => ({ sample, i }))
    .filter(({ sample }) => unit.endsWith(formOf(operandTypes(sample)[0])))
    .map(({ sample, i }) => ({ sample, i, size: sizeOf(op, sample) }))
    .sort((x, y) => x.size - y.size);
  return best === undefined ? undefined : { op, sample: best.sample, operands: sampleTensors(best.sample, SEED + best.i) };
};

/** The units of an op that have a case. */
export const selfTestUnits = (op: OpName): readonly string[] =>
  FORMS.map((form): Unit => `${op} ${form}`).filter((u) => findCase(u) !== undefined);

const digestOf = (results: readonly Tensor[]): string =>
  sha256Hex(...results.flatMap((t) => [`${formatType(t)}\n`, canonicalBytes(t)])).slice(0, 16);

/** What the digest of a unit has to be, by the definition of the op. */
export const selfTestDigest = (unit: string): string => {
  const c = findCase(unit as Unit);
  if (c === undefined) return '';
  const attrs = unwrap(completeAttrs(c.op, c.sample.attrs ?? {}));
  return digestOf(evaluateNode(c.op, c.operands, attrs, unwrap(inferNode(c.op, c.operands, attrs)).filter(isStaticType)));
};

/** One program for the cases of all ops: the first operand is an input, the others are parameters, as in real programs. */
const testProgram = (
  cases: readonly Case[],
): { readonly program: Program; readonly inputs: readonly Tensor[]; readonly counts: readonly number[] } => {
  const builder = new ProgramBuilder('self_test');
  const inputs: Tensor[] = [];
  const counts: number[] = [];
  cases.forEach(({ op, operands, sample }, i) => {
    const values = operands.map((tensor, k) => {
      if (k > 0) return builder.param(`p${i}_${k}`, tensor);
      inputs.push(tensor);
      return builder.input(`x${i}`, { dtype: tensor.dtype, shape: tensor.shape });
    });
    const results = unwrap(builder.tryEmit(op, values, sample.attrs ?? {}, op));
    counts.push(results.length);
    results.forEach((r, k) => builder.output(`y${i}_${k}`, r));
  });
  return { program: builder.finish(), inputs, counts };
};

/** Digests of units on a backend, by one program; a diagnostic or an exception concerns them all. Warnings go to `told`. */
const digestsOn = (backend: Backend, units: readonly Unit[], told: Diagnostic[]): Result<readonly string[]> => {
  const { program, inputs, counts } = testProgram(units.flatMap((unit) => findCase(unit) ?? []));
  const compiled = backend.compile(program);
  if (!compiled.ok) return compiled;
  const { value: executable } = compiled;
  const results = executable.run(inputs);
  told.push(...(executable.warnings ?? []));
  executable.close?.();
  let next = 0;
  return { ok: true, value: counts.map((count) => digestOf(results.slice(next, (next += count)))) };
};

type Verdict = Omit<SelfTestResult, 'op'>;

const judge = (unit: Unit, got: string, digests: SelfTestDigests): Verdict =>
  got === digests[unit]
    ? { status: 'passed' }
    : { status: 'failed', reason: `${unit} gives digest ${got} but ${digests[unit] ?? 'none'} is right` };

/** A machine that cannot build programs at all (no compiler, no device) says nothing about an op. */
const isOfMachine = ({ code }: Diagnostic): boolean => /^(NAT|GPU)/.test(code);

type Verdicts = readonly (readonly [Unit, Verdict])[];

/** Tests units that have a digest together; where that fails as a whole, one by one. Errors: why this machine cannot build programs. */
const testUnits = (backend: Backend, units: readonly Unit[], digests: SelfTestDigests, told: Diagnostic[]): Result<Verdicts> => {
  const [only, ...more] = units;
  if (only === undefined) return ok([]);
  const oneByOne = (): Result<Verdicts> => {
    const all: (readonly [Unit, Verdict])[] = [];
    for (const unit of units) {
      const tested = testUnits(backend, [unit], digests, told);
      if (!tested.ok) return tested;
      all.push(...tested.value);
    }
    return ok(all);
  };
  try {
    const got = digestsOn(backend, units, told);
    if (got.ok) return ok(units.map((unit, i) => [unit, judge(unit, at(got.value, i), digests)]));
    if (got.diagnostics.some(isOfMachine)) return got;
    if (more.length > 0) return oneByOne();
    const refused = got.diagnostics.every((d) => d.code === 'BKD0002');
    return ok([[only, { status: refused ? 'refused' : 'failed', reason: got.diagnostics[0]?.message ?? 'no reason' }]]);
  } catch (error) {
    if (more.length > 0) return oneByOne();
    return ok([[only, { status: 'failed', reason: error instanceof Error ? error.message : String(error) }]]);
  }
};

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

/** The executable, whose warnings begin with those of the self-test: what is told once, such as a damaged cache, was told there. */
const alsoTelling = (executable: Executable, told: readonly Diagnostic[]): Executable =>
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

/**
 * The backend with a power-on self-test: before a program is compiled, each op that it uses and that neither this process nor an earlier
 * one has tried runs small cases, whose bytes must have the committed digests. An op that fails is refused with BKD0005 by its
 * name; the others go on.
 * @param store - what passed in earlier processes; `selfTest` itself tests all the same
 */
export const withSelfTest = (backend: Backend, digests: SelfTestDigests, store?: () => VerdictStore | undefined): SelfTestedBackend => {
  const known = new Map<Unit, Verdict>();
  const told: Diagnostic[] = [];
  /** Read when the first program is compiled. */
  let passedBefore: ReadonlySet<string> | undefined;
  const verdict = (unit: Unit): Verdict =>
    known.get(unit) ?? { status: passedBefore?.has(lineOf(unit, digests)) === true ? 'passed' : 'untested' };
  /** Tests units that this process has not tried, and that have not passed before. */
  const test = (units: readonly Unit[], before: ReadonlySet<string>): Result<undefined> => {
    const fresh = units.filter(
      (u) => !known.has(u) && !before.has(lineOf(u, digests)) && digests[u] !== undefined && backend.refusal(opOfUnit(u)) === undefined,
    );
    const tested = testUnits(backend, fresh, digests, told);
    if (!tested.ok) return tested;
    for (const [unit, result] of tested.value) known.set(unit, result);
    const linesOf = (status: Verdict['status']): readonly string[] =>
      tested.value.flatMap(([unit, v]) => (v.status === status ? [lineOf(unit, digests)] : []));
    if (fresh.length > 0) store?.()?.update(linesOf('passed'), linesOf('failed'));
    return ok(undefined);
  };
  return {
    ...backend,
    selfTest: (ops) => {
      const unitsByOp = ops.map((op) => FORMS.map((form): Unit => `${op} ${form}`));
      const tested = test(unitsByOp.flat(), new Set());
      const unbuilt = tested.ok ? undefined : tested.diagnostics[0]?.message;
      return ops.map((op, i) => {
        const reason = backend.refusal(op) ?? unbuilt;
        if (reason !== undefined) return { op, status: 'refused', reason };
        const verdicts = at(unitsByOp, i).map(verdict);
        const worst = RANKING.map((status) => verdicts.find((v) => v.status === status)).find((v) => v !== undefined);
        return { op, ...(worst ?? { status: 'untested' }) };
      });
    },
    compile: (program, options) => {
      // programs with symbols are refused by the backend itself, with the better message
      if (!program.types.every(isStaticType)) return backend.compile(program, options);
      const places = unitsOf(backend, program);
      passedBefore ??= store?.()?.load() ?? new Set();
      const tested = test([...places.keys()], passedBefore);
      if (!tested.ok) return tested;
      const failed = [...places].filter(([unit]) => verdict(unit).status === 'failed');
      if (failed.length === 0) {
        const compiled = backend.compile(program, options);
        return compiled.ok ? ok(alsoTelling(compiled.value, told.splice(0))) : compiled;
      }
      return fail(...failed.map(([unit, where]) => selfTestFailed(backend.name, opOfUnit(unit), verdict(unit).reason ?? '', where)));
    },
  };
};
