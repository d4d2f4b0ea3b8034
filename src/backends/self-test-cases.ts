import {
  canonicalBytes,
  completeAttrs,
  elementCount,
  evaluateNode,
  formatType,
  inferNode,
  isStaticType,
  opOf,
  type OpName,
  parseType,
  type Program,
  ProgramBuilder,
  type Sample,
  sampleTensors,
  type StaticType,
  type Tensor,
  type TensorType,
} from '../ir/index.ts';
import { sha256Hex, unwrap } from '../support/index.ts';

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
export const FORMS = ['int', 'i16', 'f32'] as const;
type Form = (typeof FORMS)[number];
/** An op in one form, such as `conv f32`: what is tested before its first use. */
export type Unit = `${OpName} ${Form}`;

export const formOf = (type: TensorType | undefined): Form => FORMS.find((form) => form === type?.dtype) ?? 'int';
export const opOfUnit = (unit: Unit): OpName => unit.slice(0, unit.lastIndexOf(' ')) as OpName;

/** The first small sample of an op in a form, or its smallest one; undefined when it has no sample of that form. */
export const findCase = (unit: Unit): Case | undefined => {
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

export const digestOf = (results: readonly Tensor[]): string =>
  sha256Hex(...results.flatMap((t) => [`${formatType(t)}\n`, canonicalBytes(t)])).slice(0, 16);

/** What the digest of a unit has to be, by the definition of the op. */
export const selfTestDigest = (unit: string): string => {
  const c = findCase(unit as Unit);
  if (c === undefined) return '';
  const attrs = unwrap(completeAttrs(c.op, c.sample.attrs ?? {}));
  return digestOf(evaluateNode(c.op, c.operands, attrs, unwrap(inferNode(c.op, c.operands, attrs)).filter(isStaticType)));
};

/** One program for the cases of all ops: the first operand is an input, the others are parameters, as in real programs. */
export const testProgram = (
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
