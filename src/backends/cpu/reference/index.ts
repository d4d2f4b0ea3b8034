import { opOf, type Program, runProgram } from '../../../ir/index.ts';
import { ok } from '../../../support/index.ts';
import type { Backend, Executable } from '../../backend.ts';

/** The reference interpreter behind the backend contract: every op by its definition. Slow, and the oracle. */
export const referenceBackend: Backend = {
  name: 'reference',
  summary: 'reference interpreter: the definition of every op, slow',
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: () => undefined,
  support: (op) => (opOf(op).kind === 'primitive' ? 'primitive' : 'composite'),
  compile: (program: Program) => ok<Executable>({ run: (inputs) => runProgram(program, inputs) }),
};
