import {
  type AnyNode,
  isStaticType,
  opOf,
  placeOf,
  type Program,
  runProgram,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../../ir/index.ts';
import { at, invariant, ok } from '../../../support/index.ts';
import type { Backend, Executable, StepTime } from '../../backend.ts';
import { macsOf } from '../../plan/index.ts';

/** One run with the time of each node. */
const profile = (program: Program, inputs: readonly Tensor[]): readonly StepTime[] => {
  const type = (value: ValueId): StaticType => {
    const found = at(program.types, value);
    invariant(isStaticType(found), 'a program that runs has numbers as dimensions');
    return found;
  };
  const times: StepTime[] = [];
  let last = performance.now();
  runProgram(program, inputs, (node: AnyNode) => {
    const now = performance.now();
    times.push({ place: placeOf(node, times.length), op: node.op, milliseconds: now - last, macs: macsOf(node, type) });
    last = now;
  });
  return times;
};

/** The reference interpreter behind the backend contract: every op by its definition. Slow, and the oracle. */
export const referenceBackend: Backend = {
  name: 'reference',
  summary: 'reference interpreter: the definition of every op, slow',
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: () => undefined,
  support: (op) => (opOf(op).kind === 'primitive' ? 'primitive' : 'composite'),
  compile: (program: Program) =>
    ok<Executable>({ run: (inputs) => runProgram(program, inputs), profile: (inputs) => profile(program, inputs) }),
};
