import type { Backend } from '../../backend.ts';
import { CModule } from './c-module.ts';
import { compileProgram } from './compile.ts';
import { emitProgram } from './emit.ts';
import { examineMachine } from './examine.ts';
import { measurePeak } from './peak.ts';
import { nativeRows } from './rows.ts';
import { LEVEL_NAMES } from './toolchain-levels.ts';

const ROWS = nativeRows(new CModule());

/** C11 with kernels for AVX2, AVX-VNNI, AVX-512 VNNI and NEON, built by the system's compiler and called in-process. */
export const nativeBackend: Backend = {
  name: 'native',
  summary: 'C compiled for this CPU by the system compiler',
  onRequest: true,
  capabilities: ['INT', 'HP16', 'F32S'],
  refusal: ROWS.refusal,
  support: ROWS.support,
  compile: compileProgram,
  isas: LEVEL_NAMES,
  emit: emitProgram,
  peak: measurePeak,
  examine: () => examineMachine(),
};
