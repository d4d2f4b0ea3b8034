import { OP_NAMES, opOf, type OpName, refusalReason } from '../../../ir/index.ts';
import type { Backend } from '../../backend.ts';
import { compileProgram } from './compile.ts';
import { ROWS } from './lower/index.ts';
import { probeRelaxedDot } from './self-test-relaxed.ts';
import { prepareToolchain } from './toolchain.ts';

const reasons: ReadonlyMap<OpName, string> = new Map(
  OP_NAMES.flatMap((op) => {
    const reason = refusalReason(ROWS.get(op));
    return reason === undefined ? [] : [[op, reason] as const];
  }),
);

/** WebAssembly with 128-bit SIMD: one module per program, kernels specialised by its shapes. */
export const wasmBackend: Backend = {
  name: 'wasm',
  summary: 'WebAssembly SIMD on this CPU (default)',
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: (op) => reasons.get(op),
  support: (op) => {
    if (reasons.has(op)) return 'refused';
    return ROWS.has(op) ? (opOf(op).kind === 'primitive' ? 'primitive' : 'fast') : 'composite';
  },
  prepare: prepareToolchain,
  compile: compileProgram,
  probes: () => [probeRelaxedDot()],
};
