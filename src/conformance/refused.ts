import { type AnyAttrs, completeAttrs, inferNode, type OpName, opOf, type TensorType } from '../ir/index.ts';
import { typesOfSample } from './shapes.ts';

/** A use that breaks one numbered constraint of an op: it has to be refused, by the verifier and by every backend that checks. */
export interface RefusedCase {
  readonly id: string;
  readonly op: OpName;
  /** `conv_c4` */
  readonly constraint: string;
  readonly operands: readonly TensorType[];
  readonly attrs: AnyAttrs;
}

/** The refused uses of an op: the example of each of its constraints. */
export const refusedCasesOf = (op: OpName): readonly RefusedCase[] =>
  Object.entries(opOf(op).constraints).flatMap(([label, { broken }]) => {
    const attrs = completeAttrs(op, broken.attrs ?? {});
    return attrs.ok
      ? [{ id: `${op}/refused/${label}`, op, constraint: `${op}_${label}`, operands: typesOfSample(broken), attrs: attrs.value }]
      : [];
  });

/** What the verifier says instead of the constraint; undefined when it names the constraint. */
export const verifierProblem = (c: RefusedCase): string | undefined => {
  const inferred = inferNode(c.op, c.operands, c.attrs);
  const found = inferred.ok ? 'accepted' : (inferred.diagnostics[0]?.code ?? '');
  return found === c.constraint ? undefined : `${c.constraint} was expected but the verifier says: ${found}`;
};
