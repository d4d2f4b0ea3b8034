import type { Backend } from '../../backend.ts';
import { compileProgram, ROWS } from './compile.ts';
import { emitProgram } from './emit.ts';
import { examineEngine } from './examine.ts';
import { measurePeak } from './peak.ts';
import { recallProgram } from './kept.ts';
import { probeRelaxedDot } from './self-test-relaxed.ts';

/** WebAssembly with 128-bit SIMD: one module per program, kernels specialised by its shapes. */
export const wasmBackend: Backend = {
  name: 'wasm',
  summary: 'WebAssembly SIMD on this CPU (default)',
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: ROWS.refusal,
  support: ROWS.support,
  compile: (program, options) => compileProgram(program, options),
  recall: (program, options) => recallProgram(program, options),
  emit: (program, vectors) => emitProgram(program, vectors),
  peak: measurePeak,
  probes: () => [probeRelaxedDot()],
  examine: () => examineEngine(),
};
