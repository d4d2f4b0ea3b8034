import { decompositionOf, evaluateNode, formatType, isOpName, OP_NAMES, opOf, type OpName, type Tensor, tensorBytes } from '../ir/index.ts';
import { sha256Hex } from '../support/index.ts';
import { operandsOf, type ShapeClass, type VectorCase } from './case.ts';
import { DATA_CLASSES, type DataClass, FLOAT_ONLY, seedsOf } from './data.ts';
import { checkUse } from './program.ts';
import { shapeClassesOf } from './shapes.ts';

export interface CaseOptions {
  readonly data?: readonly DataClass[];
}

const casesOfShape = (shape: ShapeClass, classes: readonly DataClass[]): VectorCase[] => {
  const floats = shape.operands.some((o) => o.type.dtype === 'f32');
  return classes
    .filter((data) => floats || !FLOAT_ONLY.has(data))
    .flatMap((data) => seedsOf(data).map((seed) => ({ id: `${shape.op}/${shape.name}/${data}.${seed}`, shape, data, seed })));
};

/** Every candidate of an op, in the order of the vector file. Some have no defined result: see `definedCases`. */
export const candidatesOf = (op: OpName, { data = DATA_CLASSES }: CaseOptions = {}): readonly VectorCase[] =>
  shapeClassesOf(op).flatMap((shape) => casesOfShape(shape, data));

const bytesKey = (operands: readonly Tensor[]): string => sha256Hex(...operands.map(tensorBytes));

/** Told of a use that inference accepts and the definition of the op cannot do: a bug of the op. */
export type OnDefect = (c: VectorCase, error: unknown) => void;

const isDefined = (c: VectorCase, operands: readonly Tensor[], onDefect?: OnDefect): boolean => {
  try {
    // a definition by other ops can fail where no interval needs it
    if (opOf(c.shape.op).decompose !== undefined) decompositionOf(c.shape.op, operands, c.shape.attrs);
    return checkUse(c.shape, operands).ok;
  } catch (error) {
    onDefect?.(c, error);
    return false;
  }
};

/** Of candidates of one or more shape classes those with a defined result; of those with equal operands the first. */
export const definedCases = (candidates: readonly VectorCase[], onDefect?: OnDefect): readonly VectorCase[] => {
  const seen = new Set<string>();
  return candidates.filter((c) => {
    const operands = operandsOf(c);
    const key = `${c.shape.name} ${bytesKey(operands)}`;
    if (seen.has(key) || !isDefined(c, operands, onDefect)) return false;
    seen.add(key);
    return true;
  });
};

/** The conformance cases of an op. */
export const casesOf = (op: OpName, options: CaseOptions = {}): readonly VectorCase[] => definedCases(candidatesOf(op, options));

/** Every op, or those named. */
export const selectOps = (
  names: readonly string[] | undefined,
): { readonly ops: readonly OpName[]; readonly unknown: readonly string[] } =>
  names === undefined
    ? { ops: OP_NAMES, unknown: [] }
    : { ops: OP_NAMES.filter((op) => names.includes(op)), unknown: names.filter((n) => !isOpName(n)) };

/** What the reference gives for a case. */
export const expectedOf = (c: VectorCase, operands: readonly Tensor[] = operandsOf(c)): readonly Tensor[] =>
  evaluateNode(c.shape.op, operands, c.shape.attrs, c.shape.results);

/** First 16 digits of the SHA-256 over type and little-endian bytes of every result. */
export const digestOf = (results: readonly Tensor[]): string =>
  sha256Hex(...results.flatMap((t) => [`${formatType(t)}\n`, tensorBytes(t)])).slice(0, 16);
